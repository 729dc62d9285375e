# SPDX-License-Identifier: GPL-3.0-or-later
"""Each setting is changed in the window, found in machine.json, and undone there; over the real core."""
import json
import os
import subprocess

import pytest
from gi.repository import GLib

from lodgetest import wait_until
from lodgetest.accessible import Desktop

MIB = 1 << 20
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
        subprocess.run(['xdotool', 'windowsize', self.id, '820', '880'], env=display.environment, check=True)
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
        """A button; a menu button has an inner one of its name, which is the one that can be pressed."""
        self.find(name, 'button')
        for text, found in self.window.names():
            if text.replace('_', '') in (name, f'{name} {name}') and found.role == 'button' and found.extents[2] > 0:
                try:
                    found.press()
                    return
                except GLib.Error:
                    continue
        pytest.fail(f'"{name}" cannot be pressed')

    def click(self, name, role):
        """In the middle of it, with the pointer."""
        x, y, width, height = self.find(name, role).extents
        self.display.click(self.id, x + width // 2, y + height // 2)

    def open_popover(self, action):
        """A popover is a window of its own, which has the keys once it is there."""
        def count():
            return len(self.display.output('xdotool', 'search', '--onlyvisible', '--class', 'lodge').split())
        before = count()
        action()
        wait_until(lambda: count() > before, 20, 'the popover')

    def undo(self, test, what):
        """By its key, which needs no look around: a toast stays for seconds only."""
        def undone():
            self.display.key('alt+u')
            return test(self.saved())
        wait_until(undone, 20, what, 0.3)

    def close(self):
        self.desktop.close()


@pytest.fixture
def settings(lodge, display, tmp_path):
    (tmp_path / 'content').mkdir()
    (tmp_path / 'content/readme').write_text('nothing\n')
    subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-o', str(tmp_path / 'tools.iso'), str(tmp_path / 'content')],
                   check=True, capture_output=True)
    settings = Settings(lodge, display, firmware='uefi', media=[('iso', str(tmp_path / 'tools.iso'))])
    yield settings
    settings.close()


def nic(key):
    return lambda profile: profile['nics'][0][key]


# page, kind, row, what is chosen, where that stands in machine.json, what stands there then; asked about before or not
EACH = [
    ('System', 'amount', 'Memory', 512, 'memory', 512 * MIB, False),
    ('System', 'amount', 'Cores', 2, 'cores', 2, False),
    ('System', 'choice', 'Processor', 1, 'cpu', 'portable', False),
    ('System', 'switch', 'TPM', None, 'tpm', True, False),
    ('System', 'switch', 'Secure Boot', None, 'secure-boot', True, True),
    ('System', 'choice', 'Clock', 1, 'clock', 'localtime', False),
    ('System', 'switch', 'Give Back Unused Memory', None, 'balloon', True, False),
    ('System', 'switch', 'Help for Windows', None, 'hyperv', True, False),
    ('Display', 'choice', 'Pointer', 1, 'pointer', 'ps2', False),
    ('Display', 'choice', 'Display Device', 0, 'video', 'virtio', False),
    ('Network', 'choice', 'Network Card', 0, nic('model'), 'virtio', False),
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


def test_each_setting_and_its_undo(settings):
    page = None
    for where, kind, row, how, key, wanted, warned in EACH:
        look = key if callable(key) else lambda profile, key=key: profile[key]
        before = settings.saved()
        if where != page:
            settings.page(where)
            page = where
        change(settings, kind, row, how)
        if warned:
            settings.press('Change')
        settings.wait_saved(lambda profile: look(profile) == wanted, f'{row} in machine.json')
        settings.undo(lambda profile: look(profile) == look(before), f'{row} to be as before')
        after = settings.saved()
        for profile in (before, after):  # a card has another place while it is another one
            profile['nics'][0].pop('address', None)
        assert after == before, row


def test_keys_alone_and_refusals(settings):
    """A setting changed and taken back without the pointer; what is not possible says why, in place."""
    settings.page('System')
    row = settings.find('TPM', 'list item')
    for _ in range(40):
        if row.has_state(FOCUSED):
            break
        settings.display.key('Tab')
    settings.display.key('space')
    settings.wait_saved(lambda profile: profile['tpm'], 'the switch to be on')
    settings.undo(lambda profile: not profile['tpm'], 'the switch to be off')

    settings.page('Network')
    change(settings, 'text', 'Hardware Address (MAC)', '52:54:zz')
    settings.find(lambda name: 'not possible' in name or 'cannot be understood' in name, 'label')
    assert settings.saved()['nics'][0]['mac'].startswith('52:54:') and 'zz' not in settings.saved()['nics'][0]['mac']
    settings.press('Close')
