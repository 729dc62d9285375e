# SPDX-License-Identifier: GPL-3.0-or-later
"""The window's display library, in a window of its own, on what OpenDisplay gives: what it shows is what a person sees."""
import os
import subprocess
import time

from .screen import Screen

QCODES = {' ': 'spc', '-': 'minus', '\n': 'ret'}


class Viewer:
    def __init__(self, machine, environment):
        build = machine.lodge.environment['LODGE_BUILD_DIR']
        _, fds = machine.call('OpenDisplay')
        self.path = os.path.join(machine.lodge.state, 'viewer.png')
        try:
            self.process = subprocess.Popen([os.path.join(build, 'tests/integration/display-viewer'), *map(str, fds)],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=fds,
                                            env=environment)
        finally:
            for fd in fds:
                os.close(fd)

    def tell(self, line):
        self.process.stdin.write(line + '\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        assert answer.startswith('ok'), (line, answer)

    def type(self, text):
        for letter in text:
            self.tell(f'keys {QCODES.get(letter, letter)}')
            time.sleep(0.03)  # a keyboard holds few keys

    def screen(self, what='screenshot'):
        """The newest frame, or the pixels of the "window"."""
        self.tell(f'{what} {self.path}')
        return Screen(subprocess.run(['convert', self.path, '-depth', '8', 'ppm:-'], check=True, capture_output=True).stdout)

    def __enter__(self):
        self.tell('frame')
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
