# SPDX-License-Identifier: GPL-3.0-or-later
"""The window with tests/gui/window-probe.so in it, which answers what only the toolkit knows."""
import json
import os
import socket
import subprocess
import time

from .session import PATIENCE


class Probe:
    def __init__(self, environment, folder, *arguments):
        """The path of its socket is in FOLDER; the environment is that of a session."""
        path = os.path.join(folder, 'probe')
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen(1)
            listening.settimeout(60 * PATIENCE)
            program = os.path.join(environment['LODGE_BUILD_DIR'], 'app/lodge')
            preload = os.path.join(environment['LODGE_BUILD_DIR'], 'tests/gui/window-probe.so')
            self.process = subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL,
                                            env={**environment, 'LODGE_PROBE': path, 'LD_PRELOAD': preload})
            self.connection = listening.accept()[0]
        os.unlink(path)
        self.connection.settimeout(60 * PATIENCE)
        self.stream = self.connection.makefile('rw', encoding='utf-8')

    def ask(self, line):
        self.stream.write(line + '\n')
        self.stream.flush()
        return self.stream.readline()

    def numbers(self, line):
        return [float(word) for word in self.ask(line).split()]

    def labels(self):
        """All texts that can be seen: dictionaries of text, in (the type of what it is in), cut, suggested (it is that of such an
        action), window (its type), x and width, and room, the width of the window."""
        return json.loads(self.ask('labels'))

    def windows(self):
        """The types of all windows that can be seen, the active one first."""
        return json.loads(self.ask('windows'))

    def settle(self, still=0.25, limit=4):
        """Waits until no frame was painted for so long; something that spins may go on, so there is a limit."""
        end, seen, since = time.monotonic() + limit * PATIENCE, None, 0
        while time.monotonic() < end:
            frames, now = self.ask('frames'), time.monotonic()
            if frames != seen:
                seen, since = frames, now
            elif now - since > still:
                return
            time.sleep(0.03)

    def hang_up(self):
        self.stream.close()
        self.connection.close()

    def close(self):
        self.hang_up()
        self.process.terminate()
        self.process.wait()
