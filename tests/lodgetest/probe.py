# SPDX-License-Identifier: GPL-3.0-or-later
"""The window with tests/gui/window-probe.so in it, which answers what only the toolkit knows."""
import json
import os
import socket
import subprocess

from .session import PATIENCE


class Probe:
    def __init__(self, environment, folder, *arguments):
        """The path of its socket is in FOLDER; the environment is that of a session."""
        path = os.path.join(folder, 'probe')
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen(1)
            listening.settimeout(60 * PATIENCE)
            preload = os.path.join(environment['LODGE_BUILD_DIR'], 'tests/gui/window-probe.so')
            self.process = subprocess.Popen(['lodge', *arguments], stdin=subprocess.DEVNULL,
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
        """All texts that can be seen: dictionaries of text, in (the type of what it is in), cut, window."""
        return json.loads(self.ask('labels'))

    def close(self):
        self.stream.close()
        self.connection.close()
        self.process.terminate()
        self.process.wait()
