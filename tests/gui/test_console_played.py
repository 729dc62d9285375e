# SPDX-License-Identifier: GPL-3.0-or-later
"""The console with a display that is played, for what no guest does at a test's wish: its screen goes off, and it takes positions
from one moment to the next."""
import json
import subprocess

import pytest

from fake_world import FakeWorld
from lodgetest import wait_until
from lodgetest.accessible import FOCUSED
from lodgetest.session import PATIENCE

SYMBOL = 'All keys go to the machine; press Ctrl+Alt to release'


class Console:
    def __init__(self, world):
        self.world, self.display = world, world.display
        self.program = world.spawn(['lodge', 'Attic'])
        self.id = self.display.find_window('^Attic$', 60)
        self.window = world.desktop.find_window('Attic')
        self.display.focus(self.id)
        self.window.find('Screen of the machine')
        world.wait_call('Attic', 'RegisterListener')

    def xdotool(self, *words):
        return subprocess.run(['xdotool', *map(str, words)], env=self.display.environment, check=True, timeout=30 * PATIENCE,
                              capture_output=True, text=True).stdout

    def place(self):
        return tuple(int(word.split(':')[1]) for word in self.xdotool('getmouselocation').split()[:2])

    def wait_gone(self, name, role):
        wait_until(lambda: self.window.look(name, role) is None, 20, f'"{name}" to go')

    def calls(self, method):
        return [json.loads('[' + arguments.strip('()').rstrip(',') + ']') for name, called, arguments in self.world.calls()
                if (name, called) == ('Attic', method)]


@pytest.fixture
def console():
    world = FakeWorld([{'name': 'Attic', 'State': 'running', 'Screen': 'picture'}], window=False)
    yield Console(world)
    world.close()


def check_display_off(console):
    """The overlay says so, wakes the guest with a key, and goes with the first picture."""
    console.world.change('Attic', Screen='off')
    console.window.find('Display Off', 'label')
    assert not console.calls('Press')
    console.window.find('Wake Up', 'button').press()
    wait_until(lambda: console.calls('Release'), 20, 'a key for the guest')
    console.world.change('Attic', Screen='picture')
    console.wait_gone('Display Off', 'label')
    # The button is gone, and the keys are where they belong.
    wait_until(lambda: any(found.name == 'Screen of the machine' and found.has_state(FOCUSED) for found in console.window.walk()),
               20, 'the keys to be the screen’s')


def check_pointer_kinds(console):
    """Held while the guest takes motion alone, and only then."""
    def is_free():
        """Whether it stays where it is moved to, also once the window has had time to put it back."""
        before = console.place()
        console.xdotool('mousemove_relative', 20, 0)
        for _ in range(5):
            assert console.window.role
        return console.place() == (before[0] + 20, before[1])

    def grab():
        width, height = console.display.size(console.id)
        console.display.click(console.id, width // 2, height * 2 // 3)
        console.window.find(SYMBOL, 'button')

    grab()
    wait_until(lambda: console.calls('SetAbsPosition'), 20, 'a position')
    assert is_free(), 'a guest with a tablet has the pointer pass through'
    assert not console.calls('RelMotion')

    # Its driver goes, and comes back.
    console.world.change('Attic', Pointer='relative')
    wait_until(lambda: not is_free(), 20, 'the pointer to be held')
    clicks = len(console.calls('Press'))
    # Whatever lies under the pointer before it is put back: a click on the header bar is the guest's.
    console.xdotool('mousemove_relative', '--', 0, -3000, 'click', 1)
    wait_until(lambda: len(console.calls('Press')) == clicks + 1, 20, 'the click')
    sent = sum(x for x, _ in console.calls('RelMotion'))
    for _ in range(10):
        console.xdotool('mousemove_relative', 500, 0)
    wait_until(lambda: sum(x for x, _ in console.calls('RelMotion')) == sent + 5000, 20, 'all motion')

    # Who grabs by keys keeps the pointer, until a click.
    console.display.key('ctrl+alt+Tab')
    console.wait_gone(SYMBOL, 'button')
    console.display.key('Escape')
    console.window.find(SYMBOL, 'button')
    assert is_free()
    grab()
    wait_until(lambda: not is_free(), 20, 'the pointer to be held again')

    # What is offered over the picture can be pressed.
    console.world.change('Attic', State='paused', StateReason='user')
    console.wait_gone(SYMBOL, 'button')
    wait_until(is_free, 20, 'the pointer to be free')
    console.world.change('Attic', State='running', StateReason='')
    console.wait_gone('Paused', 'label')
    grab()
    wait_until(lambda: not is_free(), 20, 'the pointer to be held again')

    console.world.change('Attic', Pointer='absolute')
    wait_until(is_free, 20, 'the pointer to be free')
    assert console.window.look(SYMBOL, 'button'), 'the keys are still the guest’s'
    console.display.key('ctrl+alt')
    console.wait_gone(SYMBOL, 'button')
    assert is_free()


def test_played(console):
    check_display_off(console)
    check_pointer_kinds(console)
