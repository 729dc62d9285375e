# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's sound in its console: heard, muted, softer, and kept so for the machine."""
import os

from lodgetest import wait_until
from lodgetest.accessible import Desktop
from lodgetest.sound import Disk

BUILD = os.environ['LODGE_BUILD_DIR']


class Console:
    def __init__(self, lodge, display, desktop, machine):
        self.lodge, self.display, self.machine = lodge, display, machine
        lodge.run('lodge', 'Tone', check=True)
        self.id = display.find_window('^Tone$', 60)
        self.window = desktop.find_window('Tone')
        display.focus(self.id)

    def find(self, name, role=None):
        return self.window.find(name, role)

    def open_menu(self, name):
        """A menu button, which has the button that can be pressed within."""
        next(found for found in self.find(name).walk() if found.role in ('button', 'toggle button')).press()

    def setting(self, key):
        where = f'org.lodgevm.Lodge.Console:/org/lodgevm/Lodge/consoles/{self.machine.id}/'
        return self.lodge.run('gsettings', 'get', where, key).stdout.strip()


def test_sound_in_the_console(lodge, display, tmp_path):
    disk = Disk(tmp_path / 'played', lodge.environment)
    machine = lodge.create('Tone', [('kernel', os.path.join(BUILD, 'tests/guests/tone.elf'))], sound='ac97', memory=128 << 20)
    lodge.start('lodge')
    machine.start()
    desktop = Desktop(lodge)
    console = Console(lodge, display, desktop, machine)
    console.find('Sound: Playing')
    disk.wait_tone()

    console.open_menu('Sound: Playing')
    console.find('Playing', 'label')
    console.find('Mute', 'switch').press()
    console.find('Sound: Muted')
    disk.wait_silence()
    assert console.setting('sound-muted') == 'true'
    console.find('Volume', 'slider').value = 60
    wait_until(lambda: console.setting('sound-volume') == '60', 20, 'the volume to be kept')
    display.key('Escape')

    # Closed, nobody listens and the guest goes on; opened again, it is as it was.
    console.find('Close', 'button').press()
    wait_until(lambda: not display.output('xdotool', 'search', '--onlyvisible', '--name', '^Tone$'), 20, 'the console to close')
    console = Console(lodge, display, desktop, machine)
    console.find('Sound: Muted')

    # Narrow, it is in the menu.
    display.output('xdotool', 'windowsize', console.id, '420', '500')
    wait_until(lambda: display.size(console.id)[0] < 460, 20, 'the console to be that narrow')
    wait_until(lambda: not console.window.look('Sound: Muted'), 20, 'the button to go')
    console.open_menu('Console Menu')
    console.find('Mute Sound').press()
    wait_until(lambda: console.setting('sound-muted') == 'false', 20, 'the sound to come back')
    disk.wait_tone()
    machine.force_off()
    desktop.close()
