# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that is saved, that ends by itself, and that has no space left: what its window shows, and what the desktop is told."""
import contextlib
import glob
import os
import signal
import subprocess

import pytest
from gi.repository import GLib

from lodgetest import Display, Lodge, wait_until
from lodgetest.accessible import Desktop

BUILD = os.environ['LODGE_BUILD_DIR']
NOTIFICATIONS = '/org/freedesktop/Notifications'
NOTIFIER = 'org.freedesktop.Notifications'
MOCK = 'org.freedesktop.DBus.Mock'


class Notifications:
    """A desktop's notification service, in its place on the session's bus."""

    def __init__(self, lodge):
        self.lodge = lodge
        lodge.start('/usr/bin/python3', '-m', 'dbusmock', '--session', '--template', 'notification_daemon',
                    stdout=subprocess.DEVNULL)
        wait_until(self.is_there, 30, 'the notification service')

    def is_there(self):
        return self.lodge.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'NameHasOwner',
                               GLib.Variant('(s)', (NOTIFIER,)), name='org.freedesktop.DBus')[0][0]

    def shown(self):
        """[(id, title, text)]: the service numbers them from 1."""
        calls = self.lodge.call(NOTIFICATIONS, MOCK, 'GetMethodCalls', GLib.Variant('(s)', ('Notify',)), name=NOTIFIER)[0][0]
        return [(number, arguments[3], arguments[4]) for number, (_, arguments) in enumerate(calls, 1)]

    def wait(self, title):
        return wait_until(lambda: next((one for one in self.shown() if one[1] == title), None), 30, f'the notification "{title}"')

    def press(self, number):
        for interface, name, signature, values in (
                (NOTIFIER, 'ActionInvoked', 'us', [GLib.Variant('u', number), GLib.Variant('s', 'default')]),
                (NOTIFIER, 'NotificationClosed', 'uu', [GLib.Variant('u', number), GLib.Variant('u', 2)])):
            self.lodge.call(NOTIFICATIONS, MOCK, 'EmitSignal',
                            GLib.Variant('(sssav)', (interface, name, signature, values)), name=NOTIFIER)


class Console:
    def __init__(self, lodge, display, desktop, name):
        self.display = display
        # The console alone: the main window would take its place when it is hidden.
        lodge.start('lodge', name)
        self.name = name
        self.id = display.find_window(f'^{name}$', 60)
        self.window = desktop.find_window(name)
        display.focus(self.id)

    def find(self, name, role=None):
        return self.window.find(name, role)

    def wait_gone(self, name, role=None):
        wait_until(lambda: self.window.look(name, role) is None, 20, f'"{name}" to go')

    def choose(self, menu, item):
        next(found for found in self.find(menu).walk() if found.role in ('button', 'toggle button')).press()
        self.find(item, 'menu item').press()

    def press(self, name):
        """A button whose label says its name twice, as one with a mnemonic does."""
        self.find(name, 'button').press()

    def picture(self):
        """The middle of the window's pixels, as the mean of each colour."""
        screen = self.display.screen(self.id)
        points = [screen.pixel(x, y) for x in range(screen.width // 4, screen.width * 3 // 4, 16)
                  for y in range(screen.height // 3, screen.height * 3 // 4, 16)]
        return sum(map(sum, points)) / len(points) / 3

    def hide(self):
        self.display.output('xdotool', 'windowminimize', self.id)
        wait_until(lambda: not self.is_shown(), 20, 'the console to be hidden')

    def is_shown(self):
        return bool(self.display.output('xdotool', 'search', '--onlyvisible', '--name', f'^{self.name}$'))


def test_saved_and_ended(lodge, display):
    notifications = Notifications(lodge)
    machine = lodge.create('Painter', [('kernel', os.path.join(BUILD, 'tests/guests/paint.elf'))], video='vga',
                           memory=128 << 20)
    machine.start()
    desktop = Desktop(lodge)
    console = Console(lodge, display, desktop, 'Painter')
    wait_until(lambda: console.picture() > 60, 60, "the guest's picture", 0.3)
    bright = console.picture()

    # Saved, the last frame stays, dimmed.
    console.choose('Power', 'Save')
    machine.wait_state('saved', 60)
    console.find('Saved', 'label')
    dimmed = wait_until(lambda: (lambda now: now if 0.1 * bright < now < 0.8 * bright else 0)(console.picture()), 20,
                        'the dimmed picture', 0.3)

    # Resumed, it is there until the guest's own is, and never black.
    console.press('Resume')
    seen = []
    wait_until(lambda: seen.append(console.picture()) or seen[-1] > 0.9 * bright, 60, 'the picture to come back', 0.05)
    assert min(seen) > 0.5 * dimmed, f'black in between: {seen}'
    machine.wait_state('running', 60)
    console.wait_gone('Saved', 'label')

    # What is looked at needs no notification; what is not does. Its click leads there.
    assert notifications.shown() == []
    console.hide()
    os.kill(machine.qemu_pid, signal.SIGKILL)
    machine.wait_state('off')
    number, _, text = notifications.wait('“Painter” Stopped')
    assert text
    notifications.press(number)
    display.find_window('^(Lodge|Painter)$', 60)
    desktop.close()


@pytest.mark.skipif(os.getuid() != 0, reason='mounting a small file system needs root')
def test_no_space_left(tmp_path):
    """The guest stands still, its window says why and frees the space, the desktop is told; then it goes on by itself."""
    folder = tmp_path / 'small'
    folder.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=192m,mode=700', 'lodge-test', str(folder)], check=True)
    try:
        with contextlib.closing(Lodge(state=folder)) as lodge, contextlib.closing(Display(lodge.environment)) as display:
            check_no_space_left(lodge, display)
    finally:
        subprocess.run(['umount', '-l', str(folder)], check=True)


def check_no_space_left(lodge, display):
    notifications = Notifications(lodge)
    # What lies in the trash takes what is left.
    old = lodge.create('Old')
    old.call('Delete')
    trash, = glob.glob(os.path.join(lodge.data, 'trash', '*'))

    machine = lodge.create('Full', [('kernel', os.path.join(BUILD, 'tests/guests/writer.elf'))], family='dos',
                           memory=64 << 20, disk_size=100 << 20)
    machine.start()
    with machine.serial() as serial:
        serial.wait('ready', 60)
        desktop = Desktop(lodge)
        console = Console(lodge, display, desktop, 'Full')
        with contextlib.suppress(OSError), open(os.path.join(trash, 'filler'), 'wb', buffering=0) as f:
            while True:
                f.write(bytes(65536))
        console.hide()
        serial.send('\n')
        machine.wait_state('paused', 120)
        number, _, text = notifications.wait('“Full” Was Paused')
        assert 'disk' in text
        notifications.press(number)

        console.find('Disk Full', 'label')
        console.press('Free Space…')
        dialog = desktop.find_window('Free Space')
        dialog.find(lambda name: name.startswith('“Full” waits for') and 'trash' in name, 'label')
        dialog.find('Empty Trash', 'button').press()
        machine.wait_state('running', 60)
        console.wait_gone('Disk Full', 'label')
        serial.wait('written', 60)
        assert not os.path.exists(trash)
        desktop.close()
    machine.force_off()
