# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine's backups in the window: the real core, a machine that is off, a folder of its own."""
import json
import os
import shutil

from gi.repository import GLib

from lodgetest import wait_until
from lodgetest.accessible import SENSITIVE, Desktop
from lodgetest.lodge import Machine
from lodgetest.session import PATIENCE

MIB = 1 << 20


def listed(lodge, folder):
    return json.loads(lodge.ctl('--json', 'backups', folder).stdout)


class Backups:
    """The backups page of one machine."""

    def __init__(self, lodge, display):
        self.lodge, self.display = lodge, display
        self.safe = os.path.join(lodge.state, 'safe')
        os.mkdir(self.safe)
        self.machine = lodge.create('Barn', memory=64 * MIB, cores=1, disk_size=64 * MIB)
        lodge.ctl('set', 'Barn', 'backup-folder=' + self.safe)
        self.desktop = Desktop(lodge)
        self.program = lodge.start('lodge')
        self.id = display.find_window('^Lodge$', 60)
        self.main = self.desktop.find_window('Lodge')
        display.output('xdotool', 'windowmove', '--sync', self.id, '0', '0', 'windowsize', '--sync', self.id, '1000', '880')
        display.focus(self.id)
        self.click('Backups', 'list item')
        self.page = self.main.find('Backups of the machine')

    def click(self, name, role):
        x, y, width, height = self.main.find(lambda text: text.startswith(name), role).extents
        self.display.click(self.id, x + width // 3, y + height // 2)

    def wait_listed(self, test, what):
        found = []

        def look():
            found[:] = listed(self.lodge, self.safe)
            return test(found)
        wait_until(look, 60, what, 0.3)
        return found

    def back_up(self):
        # A row gives its name to what it activates.
        button = self.page.find(lambda name: name.replace('_', '').startswith('Back Up Now'), 'button')
        wait_until(lambda: button.has_state(SENSITIVE), 60, 'other work on the machine to end', 0.3)
        button.press()

    def choose(self, name, number=0):
        """From the menu of a backup, the newest first."""
        def look():
            try:
                return self.rows()[number].extents
            except (IndexError, GLib.Error):
                return None
        x, y, width, height = wait_until(look, 60, 'a backup', 0.3)
        self.display.click(self.id, x + width // 3, y + height // 2)
        self.main.find(name, 'menu item').press()

    def rows(self):
        try:
            return [found for text, found in self.page.names() if text.startswith('Today, ') and found.role == 'list item']
        except GLib.Error:  # the list is being made anew
            return []

    def look_again(self):
        """Presses Try Again, unless the page has looked by itself already."""
        try:
            again = self.page.look('Try Again', 'button')
            if again is not None:
                again.press()
        except GLib.Error:
            pass
        return self.rows()

    def dialog(self, heading):
        return wait_until(lambda: next((window for window in self.desktop.windows() if window.look(heading)), None), 20,
                          f'a dialog "{heading}"', 0.3)


def test_backups(lodge, display):
    world = Backups(lodge, display)
    page, machine = world.page, world.machine
    page.find('There is no backup of this machine in the folder yet.', 'label')
    world.back_up()
    made = world.wait_listed(lambda backups: len(backups) == 1, 'a backup')[0]
    assert made['machine'] == machine.get('Id')
    page.find(lambda name: 'not verified' in name and 'the machine was off' in name, 'label')

    world.choose('Verify')
    world.wait_listed(lambda backups: 'verified' in backups[0], 'a verified backup')
    page.find(lambda name: 'verified: Today' in name, 'label', 60)

    # In place: what is lost is named, and the present is kept.
    world.choose('Restore…')
    dialog = world.dialog(lambda name: name.startswith('Restore the Backup “Today'))
    dialog.find(lambda name: 'becomes what it was then' in name and 'nothing is lost' in name, 'label')
    dialog.find('Restore in Place', 'button').press()
    kept = wait_until(lambda: machine.call('ListSnapshots')[0][0], 60, 'the kept present', 0.3)
    assert len(kept) == 1 and kept[0]['automatic'] and len(lodge.machines()) == 1

    world.back_up()
    world.wait_listed(lambda backups: len(backups) == 2, 'a second backup')

    # The folder is gone, with what to do; it comes back. A deleted backup is in it until there is no Undo any more.
    shutil.move(world.safe, world.safe + '-away')
    world.back_up()
    dialog = world.dialog('The Backup Could Not Be Made')
    dialog.find(lambda name: 'Check that its disk is connected' in name, 'label')
    dialog.find('Close', 'button').press()
    page.find(lambda name: 'Check that its disk is connected' in name, 'label', 60)
    shutil.move(world.safe + '-away', world.safe)
    wait_until(world.look_again, 60, 'the folder to be there again', 0.3)
    world.choose('Delete')
    wait_until(lambda: len(world.rows()) == 1, 60, 'one backup', 0.3)

    # As another machine, which is shown then.
    world.choose('Restore…')
    world.dialog(lambda name: name.startswith('Restore the Backup')).find('Make a New Machine', 'button').press()
    wait_until(lambda: len(lodge.machines()) == 2, 60, 'the new machine', 0.3)
    assert {Machine(lodge, path).get('Name') for path in lodge.machines()} == {'Barn', 'Barn Restored'}
    world.main.find(lambda name: name.startswith('Barn Restored, Off'), 'list item', 60)
    world.main.find('Close', 'button').press()
    assert world.wait_listed(lambda backups: len(backups) == 1, 'a backup to be deleted')[0]['id'] == made['id']
    check_machine_lost(world)
    world.desktop.close()


def check_machine_lost(world):
    """No machine is left; the folder is chosen, and the machine of a backup there is in the list again."""
    lodge, display = world.lodge, world.display
    for name in ('Barn Restored', 'Barn'):
        lodge.machine(name).call('Delete')
    world.program.wait(60 * PATIENCE)
    lodge.start('lodge')
    display.find_window('^Lodge$', 60)
    main = world.desktop.find_window('Lodge')
    main.find('Welcome to Lodge', 'label')
    main.press_button('Main Menu')
    main.find('Restore from Backup…', 'menu item').press()
    display.focus(display.find_window('^Folder with Backups$'))
    chooser = world.desktop.find_window('Folder with Backups')
    # A slash opens a line for the path.
    line = wait_until(lambda: chooser.look('GtkFileChooserEntry', 'text box') or display.key('slash'), 30, 'a line for the path', 1)
    line.call('org.a11y.atspi.EditableText', 'SetTextContents', GLib.Variant('(s)', (world.safe,)))
    chooser.find('Choose', 'button').press()
    display.wait(lambda: not display.output('xdotool', 'search', '--onlyvisible', '--name', '^Folder with Backups$'), 30,
                 'the folder to be chosen')
    restore = world.desktop.find_window('Restore from Backup')
    restore.find(world.safe, 'label')
    restore.press_button(lambda name: name.startswith('Actions for the backup: '))
    restore.find('Restore…', 'menu item').press()
    main.find('Barn, Off', 'list item', 60)
    assert lodge.machine('Barn').get('Id') == world.machine.get('Id')
    display.wait(lambda: [window.name for window in world.desktop.windows()] == ['Lodge'], 20, 'its window to close')
