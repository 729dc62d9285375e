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


def test_new_delete_undo(world, tmp_path):
    medium = tmp_path / 'tiny.iso'
    (tmp_path / 'content').mkdir()
    (tmp_path / 'content/readme').write_text('nothing boots from this disc\n')
    subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-V', 'TINY', '-o', str(medium), str(tmp_path / 'content')],
                   check=True, capture_output=True)
    world.main.find('Welcome to Lodge', 'label')
    world.lodge.run('lodge', '--new', medium, check=True)
    world.display.find_window('^Review$')
    world.desktop.find_window('Review').find('Create and Start', 'button').press()
    main = world.main
    wait_until(lambda: len(world.lodge.machines()) == 1, 30, 'the machine to be made')
    machine = world.lodge.machine(next(iter(world.lodge.machines().values()))['Name'])
    name = machine.get('Name')
    assert machine.get('Settings')['cd'] == str(medium)
    main.find(name, 'label')

    # One click created it, started it and opened its console.
    machine.wait_state('running', 60)
    world.display.find_window(f'^{name}$')
    main.find('Running', 'label')
    machine.force_off()
    main.find('Off', 'label')

    # To the trash, and back by the toast.
    world.to_main()
    world.display.click(world.main_id, 150, 90)
    world.display.key('Delete')
    wait_until(lambda: not world.lodge.machines(), 20, 'the machine to be deleted')
    assert medium.exists()
    main.find('Undo', 'button').press()
    wait_until(lambda: len(world.lodge.machines()) == 1, 20, 'the machine to come back')
    main.find(name, 'label')
