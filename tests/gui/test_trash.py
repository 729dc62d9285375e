# SPDX-License-Identifier: GPL-3.0-or-later
"""Recently Deleted: what is in Lodge's trash, brought back, and deleted for good; over the real core, without a guest."""
import os
import re

from gi.repository import GLib

from lodgetest import wait_until
from lodgetest.accessible import Desktop

MIB = 1 << 20


class Trash:
    """The window of what was deleted, opened from the main menu."""

    def __init__(self, lodge, display):
        self.lodge = lodge
        self.desktop = Desktop(lodge)
        self.folder = os.path.join(lodge.environment['XDG_DATA_HOME'], 'lodge/trash')
        lodge.start('lodge')
        display.find_window('^Lodge$', 60)
        main = self.desktop.find_window('Lodge')
        main.press_button('Main Menu')
        main.find('Recently Deleted…', 'menu item').press()
        self.window = self.desktop.find_window('Recently Deleted')

    def names(self):
        """Of what can be restored, as the rows say it."""
        try:
            return sorted(match[1] for match in (re.match('Restore “(.*)”', text) for text, found in self.window.names()
                                                 if found.role == 'button') if match)
        except GLib.Error:  # the list is being made anew
            return None

    def wait_names(self, *wanted):
        wait_until(lambda: self.names() == list(wanted), 30, f'{wanted} to be what can be restored', 0.3)

    def press(self, start):
        self.window.find(lambda text: text.startswith(start), 'button').press()

    def answer(self, heading, consequence, answer):
        """To the question of that heading, which says what is lost."""
        def look():
            return next((window for window in self.desktop.windows() if window.look(heading)), None)
        dialog = wait_until(look, 20, f'the question "{heading}"', 0.3)
        dialog.find(lambda text: consequence in text, 'label')
        dialog.find(answer, 'button').press()
        wait_until(lambda: look() is None, 20, 'the question to go', 0.3)

    def machines(self):
        return sorted(found['Name'] for found in self.lodge.machines().values())


def test_recently_deleted(lodge, display):
    for name in ('Barn', 'Loft'):
        lodge.create(name, memory=64 * MIB, cores=1, disk_size=16 * MIB).call('Delete')
    attic = lodge.create('Attic', memory=64 * MIB, cores=1, disk_size=16 * MIB)
    lodge.ctl('disk', 'Attic', 'add', '--size', '8M')
    lodge.ctl('disk', 'Attic', 'detach', 'disk1', '--delete')
    trash = Trash(lodge, display)
    trash.wait_names('Attic (disk1)', 'Barn', 'Loft')
    trash.window.find(lambda text: re.match(r'[\d.]+\W.?B · Today, \d', text), 'label')

    # Back where it was, a machine and a disk of one.
    trash.press('Restore “Barn”')
    wait_until(lambda: trash.machines() == ['Attic', 'Barn'], 20, 'the machine to be back')
    trash.press('Restore “Attic (disk1)”')
    trash.wait_names('Loft')
    assert len(attic.call('ListDisks')[0][0]) == 2

    # For good: it is said what that means, and nothing happens before the yes.
    size = trash.window.find(lambda text: text.startswith('Delete “Loft” Permanently, '), 'button').name.split(', ')[1]
    trash.press('Delete “Loft” Permanently')
    trash.answer('Delete “Loft” Permanently?', f'{size} come free on this computer. It cannot be brought back afterwards.', 'Cancel')
    trash.wait_names('Loft')
    assert len(os.listdir(trash.folder)) == 1
    trash.press('Delete “Loft” Permanently')
    trash.answer('Delete “Loft” Permanently?', 'It cannot be brought back afterwards.', 'Delete Permanently')
    trash.window.find('Nothing Deleted', 'label')
    assert os.listdir(trash.folder) == []

    # A clone in the trash still reads its parent's disks, so they go together or the clone first.
    lodge.ctl('template', 'Barn')
    lodge.ctl('clone', 'Barn', 'Stable', '--linked')
    for name in ('Stable', 'Barn'):
        lodge.machine(name).call('Delete')
    trash.wait_names('Barn', 'Stable')
    trash.press('Delete “Barn” Permanently')
    trash.answer('Delete “Barn” Permanently?', 'It cannot be brought back afterwards.', 'Delete Permanently')
    trash.answer('It Could Not Be Deleted', 'Something is built on the disks of “Barn”', 'Close')
    trash.wait_names('Barn', 'Stable')
    trash.window.press_button('Delete All…')
    trash.answer('Delete All Permanently?', 'Nothing of it can be brought back afterwards.', 'Delete Permanently')
    trash.window.find('Nothing Deleted', 'label')
    assert os.listdir(trash.folder) == [] and trash.machines() == ['Attic']
    trash.desktop.close()
