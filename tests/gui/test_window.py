# SPDX-License-Identifier: GPL-3.0-or-later
"""The window against a core that only remembers: what a person does arrives as the right calls."""
import json
import os
import subprocess
import sys

import pytest

from lodgetest.display import Display
from lodgetest.session import Session

FAKE_CORE = os.path.join(os.path.dirname(__file__), 'fake_core.py')


class World:
    def __init__(self, machines):
        self.session = Session()
        self.display = None
        self.processes = []
        try:
            self.display = Display(self.session.environment)
            self.calls_path = os.path.join(self.session.state, 'calls')
            with open(self.calls_path, 'wb') as calls:
                self.spawn([sys.executable, FAKE_CORE, '--machines', json.dumps(machines)], stdout=calls)
            Display.wait(self.core_is_there, 30, 'the core')
            self.spawn([os.path.join(self.session.build, 'app/lodge')])
            self.window = self.display.find_window('^Lodge$', 60)
            self.display.focus(self.window)
        except BaseException:
            self.close()
            raise

    def spawn(self, command, **options):
        self.processes.append(subprocess.Popen(command, env=self.session.environment, **options))

    def core_is_there(self):
        names = self.display.output('dbus-send', '--session', '--print-reply', '--dest=org.freedesktop.DBus', '/',
                                    'org.freedesktop.DBus.NameHasOwner', 'string:org.lodgevm.Core1')
        return 'boolean true' in names

    def calls(self):
        with open(self.calls_path, encoding='utf-8') as f:
            return [json.loads(line) for line in f]

    def wait_call(self, machine, method, text=''):
        return Display.wait(lambda: [c for c in self.calls() if c[:2] == [machine, method] and text in c[2]], 30,
                            f'{method} of {machine}')[-1]

    def close(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(120)
        if self.display is not None:
            self.display.close()
        self.session.end()


@pytest.fixture
def make_world():
    worlds = []

    def make(machines=()):
        worlds.append(World(list(machines)))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


def test_empty_then_created(make_world):
    world = make_world()
    world.display.key('ctrl+n')
    assistant = world.display.find_window('^New Machine$')
    world.display.focus(assistant)
    world.display.key('alt+w')
    review = world.display.find_window('^Review$')
    world.display.focus(review)
    world.display.key('ctrl+a')
    world.display.type('Attic')
    world.display.key('Return')
    call = world.wait_call(None, 'CreateMachine')
    assert "'Attic'" in call[2]
    assert "'firmware': <'uefi'>" in call[2]
    assert "'memory': <uint64 2147483648>" in call[2]


def test_rename_and_delete(make_world):
    world = make_world([{'name': 'Barn', 'State': 'off'}])
    world.display.key('F2')
    world.display.key('ctrl+a')
    world.display.type('Stable')
    world.display.key('Return')
    world.wait_call('Barn', 'SetSettings', "'name': <'Stable'>")

    world.display.click(world.window, 90, 70)
    world.display.key('Delete')
    world.wait_call('Stable', 'Delete')


def test_running_machine_is_not_deleted(make_world):
    world = make_world([{'name': 'Barn', 'State': 'running'}])
    world.display.click(world.window, 90, 70)
    world.display.key('Delete')
    world.display.key('ctrl+comma')
    world.display.find_window('^Settings$')
    assert not [c for c in world.calls() if c[1] == 'Delete']
