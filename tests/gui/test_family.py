# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots, templates, clones and disposable machines in the window: the real core, real guests."""
import pytest

from lodgetest import wait_until
from lodgetest.accessible import Desktop


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

    # Renamed by the toast.
    main.find('Rename', 'button').press()
    dialog = world.dialog('Rename Snapshot')
    dialog.find('Name', 'text box')
    display.type('fresh')
    display.key('Return')
    wait_until(lambda: world.snapshots(machine)[0]['name'] == 'fresh', 20, 'the new name')
    page.find(lambda name: name.startswith('fresh, Today'), 'list item')

    machine.start()
    machine.serial().wait_ready(180)
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
    kept = world.wait_snapshots(machine, 3, 120)[2]
    assert kept['automatic'] and kept['memory']
    machine.wait_state('running', 120)
    assert machine.get('CurrentSnapshot') == first['id']
    main.find('Undo', 'button').press()
    wait_until(lambda: machine.get('CurrentSnapshot') == kept['id'], 120, 'the present to be back')
    machine.wait_state('running', 120)
    machine.force_off()

    # Deleting says what comes free, and asks.
    page.find('Delete', 'button')
    display.key('Delete')
    dialog = world.dialog(lambda name: name.startswith('Delete “'))
    dialog.find(lambda name: 'come free' in name, 'label')
    dialog.find('Delete', 'button').press()
    world.wait_snapshots(machine, 2)
