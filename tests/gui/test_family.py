# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots, templates, clones and disposable machines in the window: the real core, real guests."""
import re

import pytest

from lodgetest import wait_until
from lodgetest.accessible import Desktop, undoable
from lodgetest.lodge import Machine

pytestmark = pytest.mark.long


class World:
    def __init__(self, lodge, display):
        self.lodge, self.display = lodge, display
        self.desktop = Desktop(lodge)

    def open(self):
        self.program = self.lodge.start('lodge')
        self.main_id = self.display.find_window('^Lodge$', 60)
        self.main = self.desktop.find_window('Lodge')
        # All cards of the machine page in sight.
        self.display.output('xdotool', 'windowmove', '--sync', self.main_id, '0', '0',
                            'windowsize', '--sync', self.main_id, '1000', '880')
        self.display.focus(self.main_id)

    def to_main(self):
        self.display.focus(self.main_id)

    def snapshots(self, machine):
        return machine.call('ListSnapshots')[0][0]

    def wait_snapshots(self, machine, number, seconds=60):
        return wait_until(lambda: len(self.snapshots(machine)) == number and self.snapshots(machine), seconds,
                          f'{number} snapshots', 0.3)

    def click(self, name, role, within=None):
        x, y, width, height = (within or self.main).find(name, role).extents
        self.display.click(self.main_id, x + width // 3, y + height // 2)

    def dialog(self, heading):
        """AdwMessageDialog is a window without a title; its heading tells which one it is."""
        return wait_until(lambda: next((window for window in self.desktop.windows() if window.look(heading)), None), 20,
                          f'a dialog "{heading}"', 0.3)

    def rows(self):
        return [name for name, found in self.main.names() if found.role == 'list item']

    def close(self):
        self.desktop.close()


    def machine(self, **wanted):
        """The machine with these properties, or None."""
        return next((Machine(self.lodge, path) for path, found in self.lodge.machines().items()
                     if all(found.get(key) == value for key, value in wanted.items())), None)

    def menu(self, name):
        """Chooses from the menu of the selected machine."""
        self.to_main()
        self.display.key('shift+F10')
        self.main.find(name, 'menu item').press()


def undo_latest(world, says):
    """By its key; the toast that offers the same is gone after some seconds."""
    latest = wait_until(lambda: says in undoable(world.lodge) and undoable(world.lodge), 120, f'"{says}" to be offered for Undo')

    world.to_main()
    world.display.key('ctrl+z')
    wait_until(lambda: undoable(world.lodge) != latest, 20, f'"{latest}" to be taken back')


@pytest.fixture
def world(lodge, display):
    world = World(lodge, display)
    yield world
    world.close()


@pytest.mark.as_user
def test_snapshots(world):
    machine = world.lodge.create_demo('Barn')
    world.open()
    main, display = world.main, world.display
    main.find('Barn, Off', 'list item')

    # The empty page, by the card; the first snapshot by its button, the second by the key.
    world.click(lambda name: name.startswith('Snapshots'), 'list item')
    page = main.find('Snapshots of the machine')
    page.find(lambda name: name.startswith('A snapshot now takes about'), 'label')
    page.find(lambda name: name.startswith('_Take Snapshot'), 'button').press()
    first = world.wait_snapshots(machine, 1)[0]

    # Renamed by key.
    world.click(lambda name: name.startswith('Today, '), 'list item', page)
    display.key('F2')
    dialog = world.dialog('Rename Snapshot')
    dialog.find('Name', 'text box')
    display.key('ctrl+a')
    display.type('fresh')
    display.key('Return')
    wait_until(lambda: world.snapshots(machine)[0]['name'] == 'fresh', 20, 'the new name')
    page.find(lambda name: name.startswith('fresh, Today'), 'list item')

    machine.start()
    world.to_main()
    page.find(lambda name: name.startswith('You Are Here, Running'), 'list item')
    display.key('ctrl+shift+s')
    second = world.wait_snapshots(machine, 2)[1]
    assert second['memory'] and second['parent'] == first['id']
    page.find(lambda name: 'ith memory' in name and 'after fresh' in name, 'list item')

    # The loss is named; the present is kept; Undo goes back to it.
    world.click(lambda name: name.startswith('You Are Here'), 'list item', page)
    display.key('Down', 'Down')
    page.find(lambda name: name.startswith('Restore takes away') and 'of changes' in name, 'label')
    page.find('Restore', 'button').press()
    wait_until(lambda: machine.get('CurrentSnapshot') == first['id'], 120, 'the snapshot to be restored')
    undo_latest(world, 'Back at ')
    kept = world.snapshots(machine)[2]
    assert kept['automatic'] and kept['memory']
    wait_until(lambda: machine.get('CurrentSnapshot') == kept['id'], 120, 'the present to be back')
    machine.wait_state('running', 120)
    machine.force_off()

    # A look back at a moment that was kept by itself: a copy that runs, and nothing else changes.
    world.click(lambda name: name.startswith('Open a disposable copy of'), 'list item', page)
    copy = wait_until(lambda: world.machine(Disposable=True), 120, 'a disposable copy')
    copy.wait_state('running', 120)
    assert copy.get('Origin')['snapshot'] == kept['id'] and machine.state == 'off'
    copy.call('ForceOff')
    wait_until(lambda: not world.machine(Disposable=True), 60, 'the copy to go')
    world.to_main()

    # Deleting says what comes free, and asks.
    world.click(lambda name: name.startswith('fresh'), 'list item', page)
    display.key('Delete')
    dialog = world.dialog(lambda name: name.startswith('Delete “'))
    dialog.find(lambda name: 'come free' in name, 'label')
    dialog.find('Delete', 'button').press()
    world.wait_snapshots(machine, 2)


@pytest.mark.as_user
def test_family(world):
    """A template, a clone of it with two clicks, what depends on what, and a disposable one; by keys where there are some."""
    machine = world.lodge.create_demo('Barn')
    world.open()
    main, display = world.main, world.display
    main.find('Barn, Off', 'list item')
    world.menu('Make Template')
    wait_until(lambda: machine.get('Template'), 20, 'a template')
    main.find('“Barn” is a template', 'label')

    # Two keys: the popover, and the template in it that has the focus.
    world.to_main()
    display.key('ctrl+shift+n')
    main.find('How many', 'label')
    display.key('Return')
    clone = wait_until(lambda: world.machine(Name='Barn 1'), 60, 'a clone')
    clone.wait_state('running', 120)
    assert clone.get('Origin')['kind'] == 'linked'
    display.find_window('^Barn 1$', 60)
    # What a clone of it would cost its guest.
    world.to_main()
    world.click('Barn 1, Running', 'list item')
    world.menu('Clone…')
    dialog = world.dialog('Clone “Barn 1”')
    dialog.find(lambda name: name.startswith('The machine goes on; it stands still for about '), 'label')
    dialog.find('Cancel', 'button').press()
    clone.force_off()

    # The template does not go while something is built on it; the page says what.
    world.to_main()
    main.find('Barn 1, Off', 'list item')
    world.click('Barn, Off', 'list item')
    display.key('Delete')
    page = main.find('Family of the machine')
    page.find('Built on This Machine', 'label')
    assert machine.get('Name') == 'Barn'
    page.find('Make “Barn 1” independent', 'button').press()
    page.find(lambda name: name.startswith('No machine goes on from its disks'), 'label', 60)

    # A disposable copy: its console asks before it goes.
    display.key('Escape')
    world.menu('Open Disposable Copy')
    copy = wait_until(lambda: world.machine(Disposable=True), 60, 'a copy')
    copy.wait_state('running', 120)
    name = copy.get('Name')
    window = display.find_window(f'^{re.escape(name)}$', 60)
    console = world.desktop.find_window(name)
    console.find('Disposable: gone when it is closed', 'label')
    display.focus(window)
    console.find('Keep…', 'button').press()
    dialog = world.dialog(f'Keep “{name}”?')
    dialog.find('Discard', 'button').press()
    wait_until(lambda: len(world.lodge.machines()) == 2, 60, 'the copy to go')
