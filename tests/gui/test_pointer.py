# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest with a plain mouse: its motion goes on where the host's screen ends, on Wayland and on X11."""
import contextlib
import os
import subprocess

from lodgetest import Display, wait_until
from lodgetest.accessible import Desktop
from lodgetest.session import PATIENCE
from lodgetest.wayland import WaylandDisplay

GUEST = os.path.join(os.environ['LODGE_BUILD_DIR'], 'tests/guests/mouse.elf')
SYMBOL = 'All keys go to the machine; press Ctrl+Alt to release'
FAR, STEP = 5000, 125  # pixels, on a screen of 1280
AT_ONCE = 4  # steps: a PS/2 mouse tells so many, and keeps what is more for the next event


class Mouse:
    """The guest's, as it tells of it: it adds up all motion since it started."""

    def __init__(self, serial):
        self.serial = serial
        self.x = self.y = 0

    def look(self):
        """(x, y, buttons) as told last."""
        self.serial.read(0.2)
        lines = [line for line in self.serial.text.split('\n')[:-1] if line.startswith('at ')]
        return tuple(int(word) for word in lines[-1].split()[1:]) if lines else (0, 0, 0)

    def wait(self, dx, dy, buttons):
        """Until it is just so much further than when this was asked last."""
        self.x, self.y = self.x + dx, self.y + dy
        try:
            wait_until(lambda: self.look() == (self.x, self.y, buttons), 20, 'the mouse', 0)
        except TimeoutError:
            raise AssertionError(f'the guest is not at {self.x}, {self.y} with {buttons}, but told: '
                                 f'{self.serial.text[-200:]!r}') from None

    def go_far(self, move):
        """move(dx, dy, times)"""
        for _ in range(FAR // STEP // AT_ONCE):
            move(STEP, 0, AT_ONCE)
            self.wait(STEP * AT_ONCE, 0, 0)


def check_wayland(lodge, mouse):
    with contextlib.closing(WaylandDisplay(lodge.environment)) as wayland:
        program = lodge.start('lodge', 'Mouse')
        console = wayland.find_window('Mouse', 60)
        desktop = Desktop(lodge)
        window = desktop.find_window('Mouse')
        wayland.focus('Mouse')
        devices = wayland.devices
        wait_until(lambda: window.look('Starting…', 'label') is None, 30, 'the picture')
        middle = console['rect']['x'] + console['rect']['width'] // 2, console['rect']['y'] + console['rect']['height'] * 2 // 3
        devices.click(*middle)
        window.find(SYMBOL, 'button')

        # The compositor takes its time after the click; until it holds the pointer, motion is that on the screen.
        def is_held():
            before = mouse.x
            devices.move(STEP, 0)
            wait_until(lambda: mouse.look()[0] != before, 20, 'the mouse', 0)
            mouse.x, mouse.y, _ = mouse.look()
            return mouse.x - before == STEP
        wait_until(is_held, 20, 'the pointer to be held')
        mouse.go_far(lambda dx, dy, times: [devices.move(dx, dy) for _ in range(times)])
        devices.press(True)
        mouse.wait(0, 0, 1)
        devices.press(False)
        mouse.wait(0, 0, 0)
        devices.move(-30, 17)
        mouse.wait(-30, 17, 0)

        # Given back, it is the desktop's.
        devices.key('ctrl', 'alt')
        wait_until(lambda: window.look(SYMBOL, 'button') is None, 20, 'the grab to end')
        devices.move(100, 0)
        devices.click(*middle)
        window.find(SYMBOL, 'button')
        devices.move(0, -40)
        mouse.wait(0, -40, 0)
        desktop.close()
        program.terminate()
        program.wait(60)


def check_x11(lodge, mouse):
    with contextlib.closing(Display(lodge.environment)) as display:
        def xdotool(*words):
            return subprocess.run(['xdotool', *map(str, words)], env=display.environment, check=True, timeout=30 * PATIENCE,
                                  capture_output=True, text=True).stdout

        def place():
            return tuple(int(word.split(':')[1]) for word in xdotool('getmouselocation').split()[:2])

        def is_free():
            """Whether it stays where it is moved to, also once the window has had time to put it back."""
            before = place()
            xdotool('mousemove_relative', '--', -20, 0)
            for _ in range(5 if program.poll() is None else 0):
                assert window.role
            return place() == (before[0] - 20, before[1])

        program = lodge.start('lodge', 'Mouse')
        console = display.find_window('^Mouse$', 60)
        desktop = Desktop(lodge)
        window = desktop.find_window('Mouse')
        display.focus(console)
        wait_until(lambda: window.look('Starting…', 'label') is None, 30, 'the picture')
        width, height = display.size(console)

        def grab():
            display.click(console, width // 2, height * 2 // 3)
            window.find(SYMBOL, 'button')

        grab()
        held = wait_until(lambda: place(), 10, 'the pointer')
        mouse.go_far(lambda dx, dy, times: xdotool(*['mousemove_relative', dx, dy] * times))
        xdotool('mousedown', 1)
        mouse.wait(0, 0, 1)
        xdotool('mouseup', 1)
        mouse.wait(0, 0, 0)
        xdotool('mousemove_relative', '--', -30, 17)
        mouse.wait(-30, 17, 0)
        wait_until(lambda: place() == held, 20, 'the pointer to be put back')

        display.key('ctrl+alt')
        wait_until(lambda: window.look(SYMBOL, 'button') is None, 20, 'the grab to end')
        assert is_free()
        # With the focus goes the pointer.
        grab()
        xdotool('windowminimize', console)
        wait_until(is_free, 20, 'the pointer to be free')
        xdotool('windowactivate', '--sync', console)
        grab()
        # What was tried before it was free has been told long ago.
        mouse.x, mouse.y, _ = mouse.look()
        xdotool('mousemove_relative', 0, 40)
        mouse.wait(0, 40, 0)
        # A closed window holds nothing.
        program.terminate()
        program.wait(60)
        assert is_free()
        desktop.close()


def test_beyond_the_edge(lodge):
    machine = lodge.create('Mouse', [('kernel', GUEST)], family='dos', memory=64 << 20)
    machine.start()
    with machine.serial() as serial:
        serial.wait('^ready$', 60)
        mouse = Mouse(serial)
        check_wayland(lodge, mouse)
        check_x11(lodge, mouse)
    machine.force_off()
