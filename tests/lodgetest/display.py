# SPDX-License-Identifier: GPL-3.0-or-later
"""A screen for tests of windows: Xvfb with a window manager; keys by XTEST, so they come as a person's do."""
import ctypes
import mmap
import os
import struct
import subprocess
import time

from .screen import Screen
from .session import PATIENCE


class Pixels:
    """The screen of an Xvfb as it lies in its file: looking costs nobody a request. FOLDER is what the Display was given."""

    def __init__(self, folder):
        with open(os.path.join(folder, 'Xvfb_screen0'), 'rb') as f:
            self.map = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        # The head of an XWD file: its own size, ..., height, ..., bytes a line, ..., colours of 12 bytes each.
        head = struct.unpack('>25I', self.map[:100])
        self.start, self.height, self.stride = head[0] + head[19] * 12, head[5], head[12]

    def look(self):
        """Every third line."""
        return b''.join(self.map[self.start + y * self.stride:self.start + (y + 1) * self.stride]
                        for y in range(0, self.height, 3))

    def wait_still(self, seconds, limit=60):
        """When (perf_counter) the picture appeared that then stayed so long, or that was there after the limit."""
        picture, since = self.look(), time.perf_counter()
        end = since + limit * PATIENCE
        while since + seconds > time.perf_counter() < end:
            time.sleep(0.003)
            now = self.look()
            if now != picture:
                picture, since = now, time.perf_counter()
        return since


class Display:
    def __init__(self, environment, width=1280, height=900, framebuffer=None):
        """framebuffer: a folder for the file Xvfb_screen0, in which the screen's pixels can be read."""
        self.environment = environment
        self.processes = []
        read, write = os.pipe()
        # No auto-repeat (-r): on a busy host a key's release comes late, and would be typed many times.
        self.start(['Xvfb', '-displayfd', str(write), '-screen', '0', f'{width}x{height}x24', '-nolisten', 'tcp', '-noreset', '-r',
                    *(('-fbdir', framebuffer) if framebuffer else ())], pass_fds=(write,))
        os.close(write)
        with os.fdopen(read) as f:
            number = f.readline().strip()
        if not number:
            raise RuntimeError('Xvfb did not start')
        self.name = ':' + number
        environment.update(DISPLAY=self.name, GDK_BACKEND='x11', XDG_SESSION_TYPE='x11', GSK_RENDERER='cairo',
                           LIBGL_ALWAYS_SOFTWARE='1', LC_ALL='C.UTF-8', NO_AT_BRIDGE='0')
        environment.pop('WAYLAND_DISPLAY', None)
        self.start(['openbox'])
        self.wait(lambda: '_NET_SUPPORTING_WM_CHECK' in self.output('xprop', '-root', '_NET_SUPPORTING_WM_CHECK') and
                  'window id' in self.output('xprop', '-root', '_NET_SUPPORTING_WM_CHECK'), 10, 'the window manager')

    def start(self, command, **options):
        process = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    def output(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True).stdout

    @staticmethod
    def wait(test, seconds, what):
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            result = test()
            if result:
                return result
            time.sleep(0.1)
        raise TimeoutError(f'waited {seconds * PATIENCE:.0f} s for {what}')

    def find_window(self, title, seconds=20):
        """The id of the visible window whose title matches the regular expression."""
        return self.wait(lambda: self.output('xdotool', 'search', '--onlyvisible', '--name', title).split(), seconds,
                         f'a window "{title}"')[-1]

    def focus(self, window):
        subprocess.run(['xdotool', 'windowactivate', '--sync', window], env=self.environment, timeout=10 * PATIENCE, check=True,
                       capture_output=True)

    def click(self, window, x, y, button=1):
        subprocess.run(['xdotool', 'mousemove', '--window', window, str(x), str(y), 'click', str(button)],
                       env=self.environment, timeout=10 * PATIENCE, check=True)

    def size(self, window):
        text = dict(line.split('=') for line in self.output('xdotool', 'getwindowgeometry', '--shell', window).split()
                    if '=' in line)
        return int(text['WIDTH']), int(text['HEIGHT'])

    def type(self, text, delay=40):
        # xdotool would look for a Linefeed key; people have a Return key.
        for number, line in enumerate(text.split('\n')):
            if number:
                self.key('Return')
            if line:
                subprocess.run(['xdotool', 'type', '--delay', str(delay), '--', line], env=self.environment, timeout=60 * PATIENCE,
                               check=True)

    def key(self, *keys):
        subprocess.run(['xdotool', 'key', '--delay', '60', *keys], env=self.environment, timeout=30 * PATIENCE, check=True)

    def take_selection(self):
        """Something is selected in another program: the primary selection is somebody else's from then on."""
        x11 = ctypes.CDLL('libX11.so.6')
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XDefaultRootWindow.restype = window = ctypes.c_ulong
        screen = ctypes.c_void_p(x11.XOpenDisplay(self.name.encode()))
        own = x11.XCreateSimpleWindow
        own.restype, own.argtypes = window, [ctypes.c_void_p, window] + [ctypes.c_int] * 2 + [ctypes.c_uint] * 3 + [window] * 2
        x11.XSetSelectionOwner.argtypes = [ctypes.c_void_p, window, window, window]
        primary, now = 1, 0
        x11.XSetSelectionOwner(screen, primary, own(screen, x11.XDefaultRootWindow(screen), 0, 0, 1, 1, 0, 0, 0), now)
        # The connection stays, and with it who has the selection.
        x11.XSync(screen, 0)

    def picture(self, path, window='root'):
        subprocess.run(['import', '-window', window, path], env=self.environment, timeout=30 * PATIENCE, check=True)

    def screen(self, window='root'):
        """The window's pixels."""
        done = subprocess.run(['import', '-window', window, '-depth', '8', 'ppm:-'], env=self.environment, timeout=30 * PATIENCE,
                              capture_output=True, check=True)
        return Screen(done.stdout)

    def colours(self, window='root'):
        return self.screen(window).colours(1)

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5 * PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
