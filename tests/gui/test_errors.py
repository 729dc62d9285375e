# SPDX-License-Identifier: GPL-3.0-or-later
"""What the window says when something is wrong with the core or a machine, each made to happen, and how it recovers."""
import contextlib
import json
import os
import sys

from gi.repository import GLib

from lodgetest import wait_until
from lodgetest.accessible import Desktop
from lodgetest.session import PATIENCE

MIB = 1 << 20
FAKE_CORE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fake_core.py')
UPDATED = 'Lodge was updated. Restart it; your machines keep running.'


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


class World:
    def __init__(self, lodge, display):
        self.lodge, self.display = lodge, display
        self.desktop = Desktop(lodge)

    @property
    def main(self):
        """Asked for anew each time: the program may have been started anew."""
        return self.desktop.find_window('Lodge')

    def find(self, name, role='label'):
        return wait_until(lambda: self.main.look(name, role), 30, f'{role} "{name}"', 0.3)

    def press(self, name):
        self.find(name, 'button').press()

    def try_again(self):
        """Unless the window has tried by itself meanwhile."""
        button = self.main.look('Try Again', 'button')
        with contextlib.suppress(GLib.Error, AssertionError):
            if button is not None:
                button.press()

    def wait_gone(self, name):
        wait_until(lambda: self.main.look(name) is None, 30, f'"{name}" to go', 0.3)

    def other_core(self, version):
        return self.lodge.start(sys.executable, FAKE_CORE, '--api-version', str(version))


def check_missing(world):
    """No core can be started: it says so, and one press is enough once that is mended."""
    with no_core(world.lodge):
        world.program = world.lodge.start('lodge')
        world.find('Lodge’s Core Does Not Answer')
        world.press('Try Again')
        world.find('Lodge’s Core Does Not Answer')
    world.try_again()
    world.find('Welcome to Lodge')


def check_dead(world, machine):
    """The core dies and cannot come back for now: the machines stay in the window, and go on."""
    pid = machine.pid
    with no_core(world.lodge):
        world.lodge.kill_core()
        world.find('Reconnecting; your machines keep running')
        world.find('Barn, Running', 'list item')
        os.kill(pid, 0)
    world.try_again()
    world.wait_gone('Reconnecting; your machines keep running')
    world.find('Barn, Running', 'list item')
    assert world.lodge.machine('Barn').pid == pid


def check_newer(world):
    """A core that this window is too old for."""
    with no_core(world.lodge):
        world.lodge.kill_core()
        world.find('Reconnecting; your machines keep running')
        fake = world.other_core(99)
        world.find(UPDATED)
        world.press('Restart Lodge')
        # The window that is there then still has a newer core, and no machines to show.
        world.find('Lodge Was Updated')
        assert world.program.poll() is None, 'it is the same process, so whoever waits for it waits on'
        fake.terminate()
        fake.wait(30 * PATIENCE)
    world.try_again()
    world.find('Barn, Running', 'list item')


def check_older(world):
    """A core that was left from before an update is asked to go, and the installed one takes its place."""
    with no_core(world.lodge):
        world.lodge.kill_core()
        world.find('Reconnecting; your machines keep running')
        fake = world.other_core(1)
        fake.wait(30 * PATIENCE)
    world.try_again()
    world.wait_gone('Reconnecting; your machines keep running')
    world.find('Barn, Running', 'list item')


def check_broken(world, machine):
    """A machine.json that nobody can read: a row of its own, the reason, and the way back."""
    machine.force_off()
    world.find('Barn, Off', 'list item')
    world.lodge.ctl('set', 'Barn', 'cores=2')
    path = os.path.join(machine.get('Folder'), 'machine.json')
    with open(path, 'w', encoding='utf-8') as f:
        f.write('{ "schema": 1, "name": ')
    world.find('Barn, Needs Attention', 'list item')
    world.find('Show File', 'button')
    world.press('Restore Previous')
    world.find('Barn, Off', 'list item')


def check_cannot_start(world, machine):
    """A disk that is not there any more."""
    disk = os.path.join(machine.get('Folder'), 'disks/disk0.qcow2')
    os.rename(disk, disk + '.away')
    world.press('Start')
    dialog = world.desktop.find_window('“Barn” Could Not Be Started')
    dialog.find('Technical Details')
    dialog.find('Close', 'button').press()
    os.rename(disk + '.away', disk)
    world.press('Start')
    world.find('Barn, Running', 'list item')


def connect_by_nvme(machine):
    path = os.path.join(machine.get('Folder'), 'machine.json')
    with open(path, encoding='utf-8') as f:
        profile = json.load(f)
    profile['disks'][0].update(bus='nvme', address=None)
    with open(path + '.tmp', 'w', encoding='utf-8') as f:
        json.dump(profile, f)
    os.rename(path + '.tmp', path)
    wait_until(lambda: machine.call('ListDisks')[0][0][0]['bus'] == 'nvme', 30, 'the core to know')


def check_no_memory(world, machine):
    """Memory that QEMU cannot save: the reason, and the disks alone."""
    world.display.focus(world.display.find_window('^Lodge$'))
    world.display.key('ctrl+shift+s')
    heading = 'The Memory Cannot Be Kept'
    dialog = wait_until(lambda: next((window for window in world.desktop.windows() if window.look(heading)), None), 30, heading, 0.3)
    dialog.find(lambda name: 'NVMe' in name, 'label')
    dialog.find('Keep the Disks Only', 'button').press()
    wait_until(lambda: [s['memory'] for s in machine.call('ListSnapshots')[0][0]] == [False], 30, 'a snapshot of the disks')
    assert machine.state == 'running'


def test_errors(lodge, display):
    world = World(lodge, display)
    check_missing(world)
    machine = lodge.create('Barn', memory=64 * MIB, cores=1, disk_size=16 * MIB, firmware='bios')
    machine.start()
    check_dead(world, machine)
    check_newer(world)
    check_older(world)
    check_broken(world, machine)
    connect_by_nvme(machine)
    check_cannot_start(world, machine)
    check_no_memory(world, machine)
    machine.force_off()
    world.desktop.close()
