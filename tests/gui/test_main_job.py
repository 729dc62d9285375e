# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of a person with a machine: the real core, real guests, the window by its accessible names and keys."""
import contextlib
import json
import os
import secrets
import subprocess
import time

import pytest

from lodgetest import wait_until
from lodgetest.accessible import Desktop
from painting import RED, painting_disc

MIB = 1 << 20
WINDOW_LIGHT = (255, 215, 95)  # the lit windows in the demo guest's picture


class World:
    def __init__(self, lodge, display):
        self.lodge, self.display = lodge, display
        self.desktop = Desktop(lodge)
        self.program = lodge.start('lodge')
        self.main_id = display.find_window('^Lodge$', 60)
        self.main = self.desktop.find_window('Lodge')

    def profile(self, machine):
        with open(os.path.join(machine.get('Folder'), 'machine.json'), encoding='utf-8') as f:
            return json.load(f)

    def wait_profile(self, machine, key, value):
        wait_until(lambda: self.profile(machine).get(key, False) == value, 20,
                   f'{key} = {value} in machine.json ({self.profile(machine).get(key)})')

    def to_main(self):
        self.display.focus(self.main_id)
        return self.main

    def try_lodge(self):
        """Empty window → "Try Lodge" → the console of a guest that is ready, with its picture."""
        self.main.find('Welcome to Lodge', 'label')
        self.main.find('Try Lodge', 'button').press()
        self.console_id = self.display.find_window('^Lodge Demo$', 60)
        self.console = self.desktop.find_window('Lodge Demo')
        machine = self.lodge.machine('Lodge Demo')
        self.serial = machine.serial()
        self.serial.wait_ready(180)
        wait_until(lambda: self.display.screen(self.console_id).has_colour(WINDOW_LIGHT, 0.001), 90,
                   "the guest's picture in the window", 1)
        return machine

    def type_into_console(self):
        """Typed text arrives on the guest's serial line; a busy host may repeat a key, so several tries."""
        width, height = self.display.size(self.console_id)
        for delay in (60, 60, 120, 200, 300):
            nonce = secrets.token_hex(4)
            self.display.focus(self.console_id)
            self.display.click(self.console_id, width // 2, height * 2 // 3)
            time.sleep(0.5)
            self.display.key('ctrl+u')
            self.display.type(f'echo lodge-{nonce} > /dev/ttyS0\n', delay)
            try:
                self.serial.wait(rf'lodge-{nonce}$', 20)
                return
            except TimeoutError:
                continue
        pytest.fail('typed text does not reach the guest')

    def close(self):
        self.desktop.close()


@pytest.fixture
def world(lodge, display):
    world = World(lodge, display)
    yield world
    world.close()


def brightness(world, window):
    """Of the middle of a window, which holds the screen of a guest."""
    done = subprocess.run(['sh', '-c', f'import -window {window} png:- | convert png:- -gravity center -crop 40%x40%+0+0 '
                           "+repage -colorspace gray -format '%[fx:mean]' info:"], env=world.lodge.environment,
                          capture_output=True, text=True, check=True)
    return float(done.stdout)


@contextlib.contextmanager
def no_core(lodge):
    """The bus does not know how to start a core meanwhile."""
    service = os.path.join(lodge.runtime, 'services/org.lodgevm.Core1.service')

    def move(source, target):
        os.rename(source, target)
        lodge.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'ReloadConfig', name='org.freedesktop.DBus')

    move(service, service + '.off')
    try:
        yield
    finally:
        move(service + '.off', service)


@pytest.mark.as_user
def test_demo_in_the_window(world):
    machine = world.try_lodge()
    world.type_into_console()

    # Pause and Resume, from the header bar and from the overlay.
    bright = brightness(world, world.console_id)
    world.console.find('Pause', 'button').press()
    machine.wait_state('paused')
    world.console.find('Paused', 'label')
    assert brightness(world, world.console_id) < bright * 0.8, 'a paused screen is dimmed'
    next(found for found in world.console.walk()
         if found.role == 'button' and found.name.endswith('Resume') and found.name != 'Resume').press()
    machine.wait_state('running')
    wait_until(lambda: world.console.look('Paused', 'label') is None, 20, 'the overlay to go')
    world.type_into_console()

    # The list shows it running, with its picture.
    main = world.to_main()
    main.find('Running', 'label')
    wait_until(lambda: world.display.screen(world.main_id).has_colour(WINDOW_LIGHT, 0.0005), 30, 'the picture in the list', 1)

    # The core dies and cannot be started for a while: the window says so, the guest does not notice, both recover.
    pid = machine.pid
    with no_core(world.lodge):
        world.lodge.kill_core()
        main.find('Reconnecting; your machines keep running', 'label')
        main.find('Lodge Demo', 'label')
        os.kill(pid, 0)
    wait_until(world.lodge.core_pid, 60, 'a new core')
    wait_until(lambda: machine.state == 'running', 30, 'the guest to be adopted')
    assert machine.pid == pid
    world.serial.close()
    world.serial = machine.serial()
    world.type_into_console()
    world.serial.close()


def test_settings_in_the_window(world):
    machine = world.lodge.create('Barn', memory=512 * MIB, cores=2)
    main = world.to_main()
    main.find('Barn', 'label')
    world.display.key('ctrl+comma')
    settings = world.desktop.find_window('Settings')

    settings.find('Cores', 'spin button').value = 1
    world.wait_profile(machine, 'cores', 1)
    settings.find('Undo', 'button').press()
    world.wait_profile(machine, 'cores', 2)

    settings.find('Memory', 'spin button').value = 768
    world.wait_profile(machine, 'memory', 768 * MIB)
    settings.find('Undo', 'button').press()
    world.wait_profile(machine, 'memory', 512 * MIB)
    assert machine.get('Settings')['memory'] == 512 * MIB

    settings.find('Display', 'tab').press()
    settings.find('3D Acceleration', 'switch').press()
    # What it costs is said first.
    settings.find('Change', 'button').press()
    world.wait_profile(machine, '3d', True)
    settings.find('3D Acceleration: On', 'label')
    settings.find('Undo', 'button').press()
    world.wait_profile(machine, '3d', False)


def test_by_keys_alone(lodge, display, tmp_path):
    """From the empty window to what a disc shows, in and out of its console, and to the machine's end; no pointer anywhere."""
    medium = painting_disc(tmp_path / 'painter.iso', tmp_path / 'disc')
    with open(os.path.join(lodge.environment['XDG_CONFIG_HOME'], 'user-dirs.dirs'), 'w', encoding='utf-8') as f:
        f.write(f'XDG_DOWNLOAD_DIR="{tmp_path}"\n')
    world = World(lodge, display)
    world.main.find('Welcome to Lodge', 'label')
    world.to_main()

    def active(title):
        wait_until(lambda: display.output('xdotool', 'getactivewindow', 'getwindowname').strip() == title, 30, f'"{title}" to be active')

    # Three keys and a name: the newest image that was downloaded has the focus, then the name, and all of it is selected.
    display.key('ctrl+n')
    active('New Machine')
    world.desktop.find_window('New Machine').find(lambda name: 'painter.iso' in name, 'label')
    display.key('Return')
    active('Review')
    display.type('Cellar')
    display.key('Return')
    wait_until(lambda: len(lodge.machines()) == 1, 30, 'the machine to be made')
    assert [found['Name'] for found in lodge.machines().values()] == ['Cellar']
    machine = lodge.machine('Cellar')
    assert machine.get('Settings')['cd'] == str(medium)
    machine.wait_state('running', 60)
    active('Cellar')
    console = display.find_window('^Cellar$')
    wait_until(lambda: display.screen(console).has_colour(RED, 0.05), 90, 'what the disc paints', 0.5)

    # The keys are the guest's; out to the bar, back, and out again.
    symbol = 'All keys go to the machine; press Ctrl+Alt to release'
    window = world.desktop.find_window('Cellar')
    window.find(symbol, 'button')
    display.key('ctrl+alt+Tab')
    wait_until(lambda: window.look(symbol, 'button') is None, 20, 'the grab to end')
    display.key('space')
    machine.wait_state('paused')
    display.key('Escape')
    window.find(symbol, 'button')
    display.key('ctrl+alt+Tab')
    wait_until(lambda: window.look(symbol, 'button') is None, 20, 'the grab to end')
    display.key('Tab', 'space')
    window.find('Force Off', 'menu item')
    display.key('Up', 'Return')
    machine.wait_state('off')
    display.key('alt+F4')

    # In the library: another name, to the trash and back; the disc was never Lodge's.
    active('Lodge')
    world.main.find('Cellar, Off', 'list item')
    display.key('F2', 'ctrl+a')
    display.type('Attic')
    display.key('Return')
    wait_until(lambda: machine.get('Name') == 'Attic', 20, 'the new name')
    world.main.find('Attic, Off', 'list item')
    display.key('Delete')
    wait_until(lambda: not lodge.machines(), 20, 'the machine to be deleted')
    assert medium.exists()

    def back():
        display.key('alt+u')
        return len(lodge.machines()) == 1
    wait_until(back, 20, 'the machine to come back', 0.3)
    world.main.find('Attic, Off', 'list item')
    world.close()
