# SPDX-License-Identifier: GPL-3.0-or-later
"""Each setting is changed in the window, found in machine.json, and undone there; over the real core."""
import json
import os
import shutil
import subprocess

import pytest

from lodgetest import wait_until
from lodgetest.accessible import Desktop, take_back, undoable
from lodgetest.lodge import Lodge

MIB = 1 << 20
HEIGHT = 880
FOCUSED = 12  # of the states that a thing can have


class Settings:
    """The settings window of one machine."""

    def __init__(self, lodge, display, **settings):
        self.lodge, self.display = lodge, display
        self.desktop = Desktop(lodge)
        self.machine = lodge.create('Barn', memory=256 * MIB, cores=1, disk_size=64 * MIB, **settings)
        self.folder = self.machine.get('Folder')
        lodge.start('lodge')
        self.main = display.find_window('^Lodge$', 60)
        display.focus(self.main)
        self.desktop.find_window('Lodge').find('Barn, Off', 'list item')
        display.key('ctrl+comma')
        self.id = display.find_window('^Settings$')
        subprocess.run(['xdotool', 'windowsize', self.id, '820', str(HEIGHT)], env=display.environment, check=True)
        self.window = self.desktop.find_window('Settings')

    def saved(self):
        with open(os.path.join(self.folder, 'machine.json'), encoding='utf-8') as f:
            return json.load(f)

    def wait_saved(self, test, what):
        wait_until(lambda: test(self.saved()), 20, what)

    def page(self, name):
        self.window.find(name, 'tab').press()

    def find(self, name, role=None):
        return self.window.find(name, role)

    def press(self, name):
        self.window.press_button(name)

    def click(self, name, role):
        """In the middle of it, with the pointer; what is below the window's edge, or a message there, is scrolled to."""
        found, seen = self.find(name, role), []
        while True:
            seen.append(found.place)
            if seen[-1][1] < HEIGHT - 140 or seen[-2:-1] == seen[-1:]:
                break
            # Beside the rows, of which some take the wheel for themselves.
            self.display.output('xdotool', 'mousemove', '--window', self.id, '20', str(HEIGHT // 2), 'click', '5')
        self.display.click(self.id, *seen[-1])

    def open_popover(self, action):
        """A popover is a window of its own, which has the keys once it is there."""
        def count():
            return len(self.display.output('xdotool', 'search', '--onlyvisible', '--class', 'lodge').split())
        before = count()
        action()
        wait_until(lambda: count() > before, 20, 'the popover')

    def latest(self):
        return undoable(self.lodge)

    def undo(self, test, what, says='', key=False):
        """Once what was done is the latest that can be taken back; by its key, or as the main menu does it."""
        before = wait_until(lambda: says in self.latest() and self.latest(), 20, f'"{says}" to be offered for Undo')
        if key:
            self.display.focus(self.id)
            self.display.key('ctrl+z')
        else:
            take_back(self.lodge)
        wait_until(lambda: self.latest() != before, 20, f'"{before}" to be taken back')
        self.wait_saved(test, what)

    def close(self):
        self.desktop.close()


@pytest.fixture
def tools(tmp_path):
    """qemu-img of the session: it waits while there is a file "hold" beside it."""
    folder = tmp_path / 'tools'
    folder.mkdir()
    script = folder / 'qemu-img'
    script.write_text(f'#!/bin/sh\nwhile [ -e {folder}/hold ]; do sleep 0.1; done\nexec {shutil.which("qemu-img")} "$@"\n')
    script.chmod(0o755)
    return folder


@pytest.fixture
def lodge(tools):
    lodge = Lodge(qemu_dir=tools)
    yield lodge
    lodge.close()


@pytest.fixture
def settings(lodge, display, tmp_path):
    (tmp_path / 'content').mkdir()
    (tmp_path / 'content/readme').write_text('nothing\n')
    subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-o', str(tmp_path / 'tools.iso'), str(tmp_path / 'content')],
                   check=True, capture_output=True)
    (tmp_path / 'kernel').write_bytes(b'MZ'.ljust(0x202, b'\0') + b'HdrS' + bytes(4096))
    settings = Settings(lodge, display, firmware='uefi', video='virtio', media=[
        ('iso', str(tmp_path / 'tools.iso')), ('kernel', str(tmp_path / 'kernel')), ('initrd', str(tmp_path / 'kernel'))])
    yield settings
    settings.close()


def nic(key):
    return lambda profile: profile['nics'][0][key]


# page, kind, row, what is chosen, where that stands in machine.json, what stands there then; asked about before or not
EACH = [
    ('General', 'text', 'Name', 'Shed', 'name', 'Shed', False),
    ('System', 'amount', 'Memory', 512, 'memory', 512 * MIB, False),
    ('System', 'amount', 'Cores', 2, 'cores', 2, False),
    ('System', 'choice', 'Processor', 1, 'cpu', 'portable', False),
    ('System', 'choice', 'Firmware', 1, 'firmware', 'bios', False),
    ('System', 'switch', 'TPM', None, 'tpm', True, False),
    ('System', 'switch', 'Secure Boot', None, 'secure-boot', True, True),
    ('System', 'text', 'Kernel Options', 'console=ttyS0 quiet', 'append', 'console=ttyS0 quiet', False),
    ('System', 'choice', 'Clock', 1, 'clock', 'localtime', False),
    ('System', 'switch', 'Give Back Unused Memory', None, 'balloon', True, False),
    ('System', 'switch', 'Help for Windows', None, 'hyperv', True, False),
    ('Display', 'choice', 'Pointer', 1, 'pointer', 'ps2', False),
    ('Display', 'switch', '3D Acceleration', None, '3d', True, True),
    ('Display', 'choice', 'Display Device', 1, 'video', 'vga', False),
    ('Network', 'choice', 'Network Card', 3, nic('model'), 'rtl8139', False),
    ('Network', 'choice', 'Connection', 1, nic('network'), 'none', False),
    ('Network', 'text', 'Hardware Address (MAC)', '52:54:00:00:00:99', nic('mac'), '52:54:00:00:00:99', False),
    ('Sound', 'choice', 'Sound Card', 2, 'sound', 'ac97', False),
]


def change(settings, kind, row, how):
    if kind == 'switch':
        settings.find(row, 'switch').press()
    elif kind == 'amount':
        settings.find(row, 'spin button').value = how
    elif kind == 'choice':
        settings.open_popover(lambda: settings.click(row, 'combo box'))
        settings.display.key('Home', *['Down'] * how, 'Return')
    else:
        settings.click(row, 'text box')
        settings.display.key('ctrl+a')
        settings.display.type(how, 15)
        settings.display.key('Return')


def cd(profile):
    return next(entry for entry in profile['disks'] if entry['cdrom'])


@pytest.mark.slow
def test_each_setting_and_its_undo(settings):
    page = None
    for where, kind, row, how, key, wanted, warned in EACH:
        look = key if callable(key) else lambda profile, key=key: profile.get(key, '')
        before = settings.saved()
        if where != page:
            settings.page(where)
            page = where
        change(settings, kind, row, how)
        if warned:
            settings.press('Change')
        settings.wait_saved(lambda profile: look(profile) == wanted, f'{row} in machine.json')
        settings.undo(lambda profile: look(profile) == look(before), f'{row} to be as before', key=kind == 'text')
        after = settings.saved()
        for profile in (before, after):  # a card has another place while it is another one
            profile['nics'][0].pop('address', None)
        assert after == before, row
    check_storage(settings)


def check_storage(settings):
    """The disc in the drive, what it starts from, and a disk: these have rows of their own."""
    def disks(profile):
        # Of what is in the drive only the place is what a person chose.
        return [{**entry, **({'size': 0, 'mtime': 0} if entry['cdrom'] else {})} for entry in profile['disks']]
    before = disks(settings.saved())

    def undo(says):
        settings.undo(lambda profile: disks(profile) == before, f'“{says}” to be taken back', says)

    settings.page('Storage')
    settings.press('Eject')
    settings.wait_saved(lambda profile: 'file' not in cd(profile), 'the drive to be empty')
    undo('CD ejected')
    settings.press('Try CD Drive Earlier')
    settings.wait_saved(lambda profile: cd(profile)['boot-order'] == 1, 'the CD drive to be the first')
    undo('Starts From')
    fold_out(settings, 'disk0.qcow2')
    settings.press('Detach')
    settings.wait_saved(lambda profile: len(profile['disks']) == 1, 'the disk to be detached')
    undo('detached')


def disk(settings, name):
    found = [entry for entry in settings.machine.call('ListDisks')[0][0] if name in (entry['id'], os.path.basename(entry['file']))]
    return found[0] if found else None


def menu(settings, button, item):
    settings.open_popover(lambda: settings.click(button, 'button'))
    settings.find(item, 'menu item').press()


def fold_out(settings, name):
    """The row of a disk. One that is folded out already stays so, and one that was made anew meanwhile is folded again."""
    def out():
        if settings.window.look('Detach', 'button') is not None:
            return True
        settings.click(name, 'list item')
        try:
            return settings.window.find('Detach', 'button', 3)
        except TimeoutError:
            return False
    wait_until(out, 60, f'"{name}" to be folded out')


@pytest.mark.long
def test_disk_work(settings, tools):
    """Each work with a disk by its button, seen in the machine and taken back; a job that takes long is cancelled."""
    settings.page('Storage')
    folder = os.path.join(settings.folder, 'disks')

    def wait(test, what):
        wait_until(test, 30, what, 0.3)

    # A new one, and its Undo, which takes the file along.
    menu(settings, 'Add Disk', 'New Disk…')
    dialog = settings.desktop.find_window('New Disk')
    dialog.find('Size', 'spin button').value = 2
    dialog.find('Add', 'button').press()
    wait(lambda: disk(settings, 'disk1'), 'the new disk')
    assert disk(settings, 'disk1')['size'] == 2 << 30
    settings.undo(lambda profile: len(profile['disks']) == 2, 'the new disk to go', 'Disk of 2 GB added')
    wait(lambda: os.listdir(folder) == ['disk0.qcow2'], 'its file to go')

    # One that came from elsewhere is shown at once. It is detached, attached, deleted, and each time brought back.
    settings.lodge.ctl('disk', 'Barn', 'add', '--size', '8M')
    before = settings.saved()['disks']
    fold_out(settings, 'disk1.qcow2')
    settings.press('Detach')
    settings.wait_saved(lambda profile: len(profile['disks']) == 2, 'the disk to be detached')
    assert os.path.exists(os.path.join(folder, 'disk1.qcow2'))
    settings.press('Attach')
    settings.wait_saved(lambda profile: len(profile['disks']) == 3, 'the disk to be attached')
    settings.undo(lambda profile: len(profile['disks']) == 2, 'the disk to be detached again', 'attached')
    settings.undo(lambda profile: profile['disks'] == before, 'the disk to be as before', 'detached')
    fold_out(settings, 'disk1.qcow2')
    settings.find(lambda name: name.startswith('Delete File, '), 'button').press()
    wait(lambda: os.listdir(folder) == ['disk0.qcow2'], 'the file to go to the trash')
    settings.undo(lambda profile: profile['disks'] == before, 'the disk to be back from the trash', 'deleted')

    # Converted and back; one that takes long is cancelled, and nothing is left of it.
    fold_out(settings, 'disk1.qcow2')
    menu(settings, 'Convert', 'VMDK')
    settings.wait_saved(lambda profile: profile['disks'][2]['format'] == 'vmdk', 'the disk in the other format')
    settings.undo(lambda profile: profile['disks'][2]['format'] == 'qcow2', 'the disk in the first format', 'converted')
    (tools / 'hold').touch()
    fold_out(settings, 'disk1.qcow2')
    menu(settings, 'Convert', 'VDI')
    settings.find('Converting', 'label')
    settings.press('Cancel')
    wait(lambda: settings.window.look('Converting', 'label') is None, 'the work to be given up')
    wait(lambda: sorted(os.listdir(folder)) == ['disk0.qcow2', 'disk1.qcow2'], 'nothing to be left of the work')
    (tools / 'hold').unlink()
    assert sorted(window.name for window in settings.desktop.windows()) == ['Lodge', 'Settings'], 'who cancels is not told'
    assert settings.saved()['disks'][2]['format'] == 'qcow2'

    # Compacted, grown.
    fold_out(settings, 'disk1.qcow2')
    settings.press('Compact')
    settings.find(lambda name: name.endswith(' freed'), 'label')
    settings.press('Grow…')
    dialog = settings.desktop.find_window('Make the Disk Larger')
    dialog.find('Size', 'spin button').value = 3
    dialog.find('Grow', 'button').press()
    wait(lambda: disk(settings, 'disk1')['size'] == 3 << 30, 'the larger disk')


def test_taken_back_in_quick_succession(settings):
    """Messages that come faster than the ones before them fade; the window stands it."""
    settings.page('System')
    for cores in (2, 1, 2, 1, 2):
        settings.find('Cores', 'spin button').value = cores
        settings.wait_saved(lambda profile: profile['cores'] == cores, f'{cores} cores')
    settings.display.focus(settings.id)
    settings.display.key(*['ctrl+z'] * 5)
    wait_until(lambda: not settings.latest(), 20, 'all to be taken back')
    settings.wait_saved(lambda profile: profile['cores'] == 1, 'one core')
    settings.find('Cores', 'spin button')


def to_row(settings, row):
    for _ in range(40):
        if row.has_state(FOCUSED):
            break
        settings.display.key('Tab')


def test_keys_alone_and_refusals(settings):
    """A setting changed and taken back without the pointer; what is not possible says why, in place."""
    assert 5 < len({name for name, found in settings.window.names() if found.role == 'tab'}) <= 7
    settings.page('System')
    to_row(settings, settings.find('TPM', 'list item'))
    settings.display.key('space')
    settings.wait_saved(lambda profile: profile['tpm'], 'the switch to be on')
    settings.undo(lambda profile: not profile['tpm'], 'the switch to be off', key=True)

    settings.page('Network')
    change(settings, 'text', 'Hardware Address (MAC)', '52:54:zz')
    settings.find('“Hardware Address” takes six pairs of hexadecimal digits, such as 52:54:00:12:34:56.', 'label')
    assert settings.saved()['nics'][0]['mac'].startswith('52:54:') and 'zz' not in settings.saved()['nics'][0]['mac']


@pytest.mark.long
def test_changed_by_others(settings):
    """What somebody else changes is there at once, and the focus stays where it is; it is not taken back with one's own."""
    settings.page('System')
    row = settings.find('TPM', 'list item')
    settings.find('Cores', 'spin button').value = 2
    settings.wait_saved(lambda profile: profile['cores'] == 2, 'two cores')
    to_row(settings, row)
    settings.lodge.ctl('set', 'Barn', 'cores=1')
    wait_until(lambda: settings.find('Cores', 'spin button').value == 1, 20, 'what lodgectl set')
    assert row.has_state(FOCUSED)
    settings.undo(lambda profile: profile['cores'] == 1, 'one core still', 'Cores: 2')
    settings.desktop.find_window('Lodge').find('“Cores” was changed again since, and stays as it is', 'label')
