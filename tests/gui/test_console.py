# SPDX-License-Identifier: GPL-3.0-or-later
"""The console with a real guest: keys and their grab, fullscreen and its bar, scaling, screenshots, discs, and an
overlay for each cause of no picture."""
import glob
import os
import signal
import struct
import subprocess
import sys

import pytest

from dropping import HELPER, drop
from lodgetest import wait_until
from lodgetest.accessible import FOCUSED, Desktop
from lodgetest.session import PATIENCE

WINDOW_LIGHT = (255, 215, 95)  # the lit windows in the demo guest's picture


class Console:
    """A guest that is ready, in its console."""

    def __init__(self, lodge, display, medium=None):
        self.lodge, self.display = lodge, display
        self.desktop = Desktop(lodge)
        self.pictures = os.path.join(lodge.state, 'pictures')
        with open(os.path.join(lodge.environment['XDG_CONFIG_HOME'], 'user-dirs.dirs'), 'w', encoding='utf-8') as f:
            f.write(f'XDG_PICTURES_DIR="{self.pictures}"\n')
        media = [('iso', str(medium))] if medium else []
        self.machine = lodge.create('Attic', media=media, demo=True, video='virtio')
        self.machine.call('Start')
        self.open()
        self.serial = self.machine.serial()
        self.serial.wait_ready(180)
        self.wait_picture()

    def open(self):
        self.program = self.lodge.start('lodge', 'Attic')
        self.id = self.display.find_window('^Attic$', 60)
        self.window = self.desktop.find_window('Attic')
        self.display.focus(self.id)

    def wait_picture(self):
        wait_until(lambda: self.display.screen(self.id).has_colour(WINDOW_LIGHT, 0.0005), 90, "the guest's picture", 1)

    def find(self, name, role=None, seconds=20):
        return self.window.find(name, role, seconds)

    def wait_gone(self, name, role=None):
        wait_until(lambda: self.window.look(name, role) is None, 20, f'"{name}" to go')

    def click(self, x, y):
        self.display.click(self.id, x, y)

    def click_picture(self):
        width, height = self.display.size(self.id)
        self.click(width // 2, height * 2 // 3)

    def xdotool(self, *words):
        subprocess.run(['xdotool', *map(str, words)], env=self.display.environment, check=True, timeout=30 * PATIENCE)

    def point(self, x, y):
        self.xdotool('mousemove', '--window', self.id, x, y)

    def resize(self, width, height):
        self.xdotool('windowsize', self.id, width, height)
        wait_until(lambda: abs(self.display.size(self.id)[0] - width) < 40, 20, f'the window to be {width} wide')

    def press(self, name):
        """A button in the header bar or on an overlay, as a person presses it by its place."""
        wait_until(lambda: self.window.look(name, 'button'), 20, f'the button "{name}"')
        for found in self.window.walk():
            if found.role == 'button' and found.name.replace('_', '') in (name, f'{name} {name}'):
                try:
                    found.press()
                    return
                except Exception:  # a menu button has an inner one that can be pressed
                    continue
        pytest.fail(f'"{name}" cannot be pressed')

    def settings(self, key, schema='org.lodgevm.Lodge.Console'):
        where = f'{schema}:/org/lodgevm/Lodge/consoles/{self.machine.id}/' if schema.endswith('Console') else schema
        return self.lodge.run('gsettings', 'get', where, key).stdout.strip().strip("'")

    def typed(self, text='lodge-typed'):
        """Whether typed text reaches the guest; a busy host may lose a key, so several tries."""
        for delay in (60, 120, 200):
            self.display.key('ctrl+u')
            self.display.type(f'echo {text} > /dev/ttyS0\n', delay)
            try:
                self.serial.wait(rf'{text}\r?$', 4)
                return True
            except TimeoutError:
                continue
        return False

    def close(self):
        self.serial.close()
        self.desktop.close()


@pytest.fixture
def medium(tmp_path):
    """Two small discs."""
    (tmp_path / 'content').mkdir()
    (tmp_path / 'content/readme').write_text('nothing boots from this disc\n')
    for name in ('first', 'second'):
        subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-V', name.upper(), '-o', str(tmp_path / f'{name}.iso'),
                        str(tmp_path / 'content')], check=True, capture_output=True)
    return tmp_path / 'first.iso'


@pytest.fixture
def console(lodge, display, medium):
    console = Console(lodge, display, medium)
    yield console
    console.close()


def png_size(path):
    with open(path, 'rb') as f:
        return struct.unpack('>II', f.read(24)[16:])


def check_grab(console):
    """A click grabs and says how to release; a symbol stays; the keys end it; other keys can be chosen."""
    symbol = 'All keys go to the machine; press Ctrl+Alt to release'
    console.click_picture()
    console.find('Press Ctrl+Alt to release')
    console.find(symbol, 'button')
    console.wait_gone('Press Ctrl+Alt to release')
    assert console.typed()
    assert console.window.look(symbol, 'button'), 'the symbol stays while the keys are grabbed'
    console.display.key('ctrl+alt+a')
    assert console.window.look(symbol, 'button'), 'a chord with another key is for the guest'
    console.display.key('ctrl+alt')
    console.wait_gone(symbol, 'button')
    assert console.typed('lodge-still-typed'), 'without the grab the guest still has plain keys'

    console.lodge.run('gsettings', 'set', 'org.lodgevm.Lodge', 'release-keys', 'right-ctrl', check=True)
    console.click_picture()
    console.find('Press Right Ctrl to release')
    console.display.key('ctrl+alt')
    symbol = 'All keys go to the machine; press Right Ctrl to release'
    console.find(symbol, 'button').press()
    console.wait_gone(symbol, 'button')
    console.click_picture()
    console.find(symbol, 'button')
    console.display.key('105')  # by its code: xdotool would press the left one with it
    console.wait_gone(symbol, 'button')
    console.lodge.run('gsettings', 'reset', 'org.lodgevm.Lodge', 'release-keys', check=True)


def check_keyboard_way_out(console):
    """Ctrl+Alt+Tab goes to the header bar, also out of a grab; Escape goes back."""
    console.click_picture()
    console.display.key('ctrl+alt+Tab')
    console.wait_gone('All keys go to the machine; press Ctrl+Alt to release')
    console.display.key('space')
    console.machine.wait_state('paused')
    console.find('Paused', 'label')
    console.display.key('Escape')
    console.display.key('ctrl+alt+Tab')
    console.display.key('space')
    console.machine.wait_state('running')
    console.wait_gone('Paused', 'label')
    console.display.key('Escape')
    assert console.typed('lodge-back')


def check_fullscreen(console):
    width, height = console.display.size(console.id)
    console.display.key('F11')
    wait_until(lambda: console.display.size(console.id) == (1280, 900), 20, 'fullscreen')
    assert not console.window.look('Leave Fullscreen', 'button')
    console.point(600, 400)
    console.point(600, 0)
    console.find('Leave Fullscreen', 'button')
    console.point(600, 400)
    console.wait_gone('Leave Fullscreen', 'button')
    # By key, and it stays while the focus is in it.
    console.display.key('ctrl+alt+Tab')
    wait_until(lambda: any(found.role == 'button' and found.has_state(FOCUSED) for found in console.window.walk()), 20,
               'the focus to be in the bar')
    console.find('Leave Fullscreen', 'button')
    console.display.key('Escape')
    console.wait_gone('Leave Fullscreen', 'button')
    # Pinned, it is above the picture and stays.
    console.point(601, 0)
    console.find('Keep the Bar').press()
    wait_until(lambda: console.settings('bar-pinned') == 'true', 20, 'the pin to be kept')
    console.point(600, 400)
    console.find('Leave Fullscreen', 'button')
    console.find('Keep the Bar').press()
    console.wait_gone('Leave Fullscreen', 'button')
    console.display.key('F11')
    wait_until(lambda: console.display.size(console.id) == (width, height), 20, 'the window')


def check_narrow(console):
    """Below 500 px the buttons are in the menu."""
    size = console.display.size(console.id)
    assert console.window.look('Take Screenshot', 'button')
    console.resize(420, 500)
    console.wait_gone('Take Screenshot', 'button')
    console.wait_gone('CD Drive', 'button')
    console.press('Console Menu')
    console.find('Take Screenshot', 'menu item')
    console.find('Eject Disc', 'menu item')
    console.display.key('Escape')
    console.resize(360, 300)
    console.resize(*size)
    console.find('Take Screenshot', 'button')
    console.press('Console Menu')
    console.find('Copy Screenshot', 'menu item')
    assert not console.window.look('Take Screenshot', 'menu item')
    console.display.key('Escape')


def check_screenshots(console):
    """One in a file, one in the clipboard."""
    console.press('Take Screenshot')
    console.find('Screenshot saved', 'label')
    found, = glob.glob(os.path.join(console.pictures, 'Attic *.png'))
    assert min(png_size(found)) > 300
    console.press('Console Menu')
    console.find('Copy Screenshot', 'menu item').press()
    console.find('Screenshot copied', 'label')
    shown = console.lodge.run(sys.executable, HELPER, 'clipboard').stdout.strip()
    assert shown == '{}x{}'.format(*png_size(found))


def check_discs(console, folder):
    """What is in the drive, ejected and undone, and an image dropped on the picture."""
    console.press('CD Drive')
    console.find('first.iso', 'label')
    console.find('Eject', 'button').press()
    wait_until(lambda: console.machine.get('Settings')['cd'] == '', 20, 'the drive to be empty')
    console.find('Undo', 'button').press()
    wait_until(lambda: console.machine.get('Settings')['cd'].endswith('first.iso'), 20, 'the disc to come back')

    def put(path):
        hint = 'Drop to Insert the Disc'
        drop(console.display, path, console.id, (500, 400), lambda seconds: console.find(hint, 'label', seconds),
             lambda: console.wait_gone(hint, 'label'))

    put(folder / 'second.iso')
    wait_until(lambda: console.machine.get('Settings')['cd'].endswith('second.iso'), 20, 'the dropped disc to be inserted')
    console.find('“second.iso” inserted', 'label')
    (folder / 'notes.iso').write_text('these are notes\n' * 100)
    put(folder / 'notes.iso')
    console.find(lambda name: 'text file' in name, 'label')
    assert console.machine.get('Settings')['cd'].endswith('second.iso')
    console.display.focus(console.id)


def check_scaling(console):
    """The choice is kept for this machine; 1:1 shows each pixel of the guest as one."""
    def set_resize(on):
        console.lodge.run('gsettings', 'set',
                          f'org.lodgevm.Lodge.Console:/org/lodgevm/Lodge/consoles/{console.machine.id}/', 'resize-guest',
                          on, check=True)

    def lights(screen):
        return bytes(screen.pixels).count(bytes(WINDOW_LIGHT))
    set_resize('false')
    wanted = lights(console.machine.screen())
    assert wanted > 0
    console.resize(1240, 850)
    wait_until(lambda: lights(console.display.screen(console.id)) != wanted, 20, 'a picture that fits the window', 0.5)
    console.press('Console Menu')
    console.find('Scaling', 'menu item').press()
    console.find(lambda name: name.replace('_', '') == 'Original Size').press()
    console.display.key('Escape')
    wait_until(lambda: console.settings('scaling') == 'one', 20, 'the scaling to be kept')
    wait_until(lambda: lights(console.display.screen(console.id)) == wanted, 20, 'pixels at 1:1', 0.5)
    set_resize('true')


def check_guest_follows(console):
    """The guest takes the size that the window gives it."""
    width, height = console.display.size(console.id)
    console.resize(900, 700)
    wait_until(lambda: 860 <= console.machine.screen().width <= 900, 30, 'the guest to be as wide as the window', 0.5)
    console.resize(width, height)
    wait_until(lambda: width - 40 <= console.machine.screen().width <= width, 30, 'the guest to be wide again', 0.5)


@pytest.mark.slow
def test_console(console, medium):
    check_grab(console)
    check_keyboard_way_out(console)
    check_fullscreen(console)
    check_narrow(console)
    check_guest_follows(console)
    check_screenshots(console)
    check_scaling(console)
    check_discs(console, medium.parent)


@pytest.mark.slow
def test_causes(console):
    """Each cause of no picture, produced for real, with its way out."""
    # Another viewer takes the display.
    _, sockets = console.machine.call('OpenDisplay')
    viewer = subprocess.Popen([os.path.join(os.environ['LODGE_BUILD_DIR'], 'tests/integration/display-viewer'),
                               *map(str, sockets)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              pass_fds=sockets, env=console.display.environment)
    for fd in sockets:
        os.close(fd)
    viewer.stdin.write('frame\n')
    viewer.stdin.flush()
    assert viewer.stdout.readline().startswith('ok')
    console.find('Shown in Another Window', 'label')
    console.find('Show Here Again', 'button').press()
    console.wait_gone('Shown in Another Window', 'label')
    viewer.stdin.write('closed\n')
    viewer.stdin.close()
    assert viewer.stdout.readline().startswith('ok'), 'the other one has lost it now'
    viewer.kill()
    viewer.wait()
    console.wait_picture()
    console.display.focus(console.id)
    assert console.typed('lodge-here-again')
    console.wait_picture()

    # QEMU dies.
    os.kill(console.machine.pid, signal.SIGKILL)
    console.machine.wait_state('off')
    console.find('Stopped Unexpectedly', 'label')
    console.find('Show Log', 'button')
    console.serial.close()
    console.find('Start', 'button').press()
    console.machine.wait_state('running', 60)
    console.wait_picture()
    console.serial = console.machine.serial()

    # Switched off, and without a screen.
    console.machine.force_off()
    console.find('Switched Off', 'label')
    console.serial.close()
    console.lodge.ctl('set', 'Attic', 'video=none')
    console.machine.call('Start')
    console.find('No Screen', 'label', 60)
    console.machine.force_off()

    # The machine is deleted: its console goes with it.
    console.machine.call('Delete')
    wait_until(lambda: not console.display.output('xdotool', 'search', '--onlyvisible', '--name', '^Attic$'), 20,
               'the console to close')


def test_closed_console(lodge, display):
    """The guest runs on; the main window says so and offers to shut it down."""
    desktop = Desktop(lodge)
    machine = lodge.create_demo('Attic')
    machine.call('Start')
    lodge.start('lodge')
    main_id = display.find_window('^Lodge$', 60)
    main = desktop.find_window('Lodge')
    lodge.run('lodge', 'Attic', check=True)
    display.find_window('^Attic$', 60)
    console = desktop.find_window('Attic')
    with machine.serial() as serial:
        serial.wait_ready(180)
        console.find('Close', 'button').press()
        display.focus(main_id)
        main.find(lambda name: name.startswith('“Attic” keeps running'), 'label')
        assert machine.state == 'running'
        main.find('Shut Down', 'button').press()
        machine.wait_state('off', 60)
    desktop.close()
