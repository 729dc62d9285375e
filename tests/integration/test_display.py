# SPDX-License-Identifier: GPL-3.0-or-later
"""display/ against real QEMUs: the picture in the widget is the guest's, keys arrive as scancodes."""
import array
import json
import os
import re
import socket
import subprocess
import time

import pytest

from lodgetest import Display, wait_until
from lodgetest.screen import Screen
from lodgetest.session import PATIENCE

BUILD = os.environ['LODGE_BUILD_DIR']
QEMUS = [pytest.param('qemu-system-x86_64', id='system'),
         pytest.param(os.path.join(os.environ.get('LODGE_QEMU10_DIR', ''), 'qemu-system-x86_64'), id='qemu10',
                      marks=pytest.mark.skipif('LODGE_QEMU10_DIR' not in os.environ,
                                               reason='QEMU 10 of backports is not there'))]


class Guest:
    """A QEMU with the painter, or with its firmware alone, and a window that shows it."""

    def __init__(self, qemu, folder, *arguments, display='dbus,p2p=yes'):
        self.folder = str(folder)
        control = os.path.join(self.folder, 'qmp')
        self.console = os.path.join(self.folder, 'debug')
        self.qemu = subprocess.Popen(
            [qemu, '-accel', 'tcg', '-m', '128', '-nodefaults', '-display', display,
             '-qmp', f'unix:{control},server=on,wait=off', '-debugcon', f'file:{self.console}', *arguments],
            stdin=subprocess.DEVNULL)
        self.viewer = None
        self.screen = Display(dict(os.environ), 1280, 900)
        self.socket = socket.socket(socket.AF_UNIX)
        wait_until(lambda: self.socket.connect_ex(control) == 0, 20, "QEMU's control socket", 0.05)
        self.lines = self.socket.makefile('r')
        self.lines.readline()
        self.qmp('qmp_capabilities')

    def qmp(self, command, fd=None, **arguments):
        message = json.dumps({'execute': command, 'arguments': arguments}).encode() + b'\n'
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))] if fd is not None else []
        self.socket.sendmsg([message], rights)
        while True:
            reply = json.loads(self.lines.readline())
            if 'event' not in reply:
                assert 'return' in reply, reply
                return reply['return']

    def show(self):
        ours, qemus = socket.socketpair()
        self.qmp('getfd', fd=qemus.fileno(), fdname='display')
        self.qmp('add_client', protocol='@dbus-display', fdname='display', skipauth=True)
        self.viewer = subprocess.Popen([os.path.join(BUILD, 'tests/integration/display-viewer'), str(ours.fileno())],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       pass_fds=(ours.fileno(),), env=self.screen.environment)
        ours.close()
        qemus.close()

    def tell(self, line):
        self.viewer.stdin.write(line + '\n')
        self.viewer.stdin.flush()
        reply = self.viewer.stdout.readline().strip()
        assert reply.startswith('ok'), (line, reply)
        return reply[3:]

    def view(self, what='screenshot'):
        path = os.path.join(self.folder, 'view.png')
        self.tell(f'{what} {path}')
        return Screen(subprocess.run(['convert', path, '-depth', '8', 'ppm:-'], check=True, capture_output=True).stdout)

    def dump(self):
        path = os.path.join(self.folder, 'dump.ppm')
        self.qmp('screendump', filename=path)
        with open(path, 'rb') as f:
            return Screen(f.read())

    def wait_console(self, expression, seconds=20):
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            try:
                with open(self.console) as f:
                    match = re.search(expression, f.read(), re.S)
                if match:
                    return match
            except OSError:
                pass
            time.sleep(0.05)
        raise TimeoutError(expression)

    def wait_same(self, what='screenshot', seconds=10):
        """Until the view shows what QEMU shows; a difference that stays is a failure."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            view, dump = self.view(what), self.dump()
            if view.difference(dump) == 0 or time.monotonic() > end:
                assert (view.width, view.height) == (dump.width, dump.height)
                assert view.pixels == dump.pixels
                return view
            time.sleep(0.2)

    def close(self):
        try:
            if self.viewer:
                self.viewer.stdin.close()
                assert self.viewer.wait(120) == 0
        finally:
            self.qemu.kill()
            self.qemu.wait()
            self.socket.close()
            self.screen.close()


@pytest.fixture(params=QEMUS)
def painter(request, tmp_path):
    guest = Guest(request.param, tmp_path, '-vga', 'std', '-kernel', os.path.join(BUILD, 'tests/guests/paint.elf'))
    guest.wait_console('painted')
    yield guest
    guest.close()


def test_picture(painter):
    painter.show()
    painter.tell('size 800 600')
    screen = painter.wait_same()
    assert screen.pixel(700, 300) == (700 & 0xff, 300 & 0xff, (700 >> 8) << 4 | 300 >> 8)
    # The window's own pixels, at 1:1.
    painter.tell('resize 800 600')
    painter.wait_same('window')


def test_keys(painter):
    painter.show()
    painter.tell('frame')
    painter.tell('keys ctrl alt delete')
    painter.wait_console('key 1d\nkey 38\nkey e0\nkey 53\nkey e0\nkey d3\nkey b8\nkey 9d')
    before = painter.wait_same().pixel(5, 5)
    # By the keyboard of the window system: the hardware keycode decides.
    window = painter.screen.find_window('display-viewer')
    painter.screen.focus(window)
    painter.screen.key('a', 'Right')
    painter.wait_console('key 1e\nkey 9e\nkey e0\nkey 4d\nkey e0\nkey cd')
    assert painter.wait_same().pixel(5, 5) != before


def test_pointer(tmp_path):
    """A plain mouse: the first click asks for the pointer, then motion and buttons go to the guest, until
    Ctrl+Alt. QEMU's own trace tells what has arrived."""
    trace = os.path.join(tmp_path, 'trace')
    guest = Guest('qemu-system-x86_64', tmp_path, '-vga', 'std',
                  '-kernel', os.path.join(BUILD, 'tests/guests/paint.elf'),
                  '-trace', 'input_event_rel', '-trace', 'input_event_btn', '-D', trace)
    try:
        guest.wait_console('painted')
        guest.console = trace
        guest.show()
        guest.tell('size 800 600')
        window = guest.screen.find_window('display-viewer')
        guest.screen.focus(window)
        guest.screen.click(window, 200, 150)
        # Held now, so only the way counts, not where it ends.
        guest.screen.output('xdotool', 'mousemove_relative', '--', '30', '-10')
        guest.screen.output('xdotool', 'click', '3')
        guest.wait_console('axis x, value [1-9].*button right, down 1.*button right, down 0')
        with open(trace) as f:
            assert 'button left' not in f.read()
        guest.screen.key('Control_L+Alt_L')
        guest.screen.click(window, 240, 140)
        guest.screen.click(window, 240, 140, button=4)
        guest.wait_console('button wheel-up, down 1')
        with open(trace) as f:
            assert 'button left' not in f.read()
    finally:
        guest.close()


def test_second_viewer_takes_over(painter):
    painter.show()
    painter.tell('frame')
    first = painter.viewer
    painter.show()
    painter.tell('frame')
    painter.wait_same()
    first.stdin.write('closed\n')
    first.stdin.flush()
    assert first.stdout.readline().startswith('ok 1 ')
    first.stdin.close()
    assert first.wait(120) == 0


def test_guest_ends(painter):
    painter.show()
    painter.tell('frame')
    last = painter.wait_same()
    painter.qemu.kill()
    assert painter.tell('closed').startswith('1 ')
    # The last frame stays.
    assert painter.view().pixels == last.pixels


@pytest.mark.parametrize('qemu', QEMUS)
@pytest.mark.parametrize('vga', ['std', 'virtio'])
def test_text_mode(qemu, vga, tmp_path):
    """From the first moment on, through the changes of mode that the firmware makes."""
    guest = Guest(qemu, tmp_path, '-vga', vga)
    try:
        guest.show()
        guest.tell('size 720 400')
        guest.wait_same()
        # QEMU shares the pictures that it makes itself, where it knows how to.
        assert guest.tell('mapped') == ('yes' if 'LODGE_QEMU10_DIR' in os.environ and os.sep in qemu else 'no')
    finally:
        guest.close()
