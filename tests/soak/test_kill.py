# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random moments: of the core 50 times, of the window 20 times, while a guest counts on its serial line.

After each kill: the count goes on and never back (without a gap where the line stayed connected), the guest is adopted
as the process it was, its picture comes and keys reach it over the display that the window uses, every machine.json
is whole and one that was saved, and there is neither a guest that the core does not know nor a folder of one that is gone.
LODGE_SEED repeats a run; LODGE_KILLS=CORE,WINDOW sets the numbers.
"""
import collections
import glob
import json
import os
import random
import secrets
import signal
import subprocess
import threading
import time

import pytest
from gi.repository import Gio, GLib

from lodgetest import wait_until
from lodgetest.lodge import BUS_NAME, error_code
from lodgetest.session import process_table
from lodgetest.viewer import Viewer

pytestmark = pytest.mark.soak

MIB = 1 << 20
COLOURS = {1: (170, 0, 0), 2: (0, 170, 0), 3: (170, 85, 0), 4: (0, 0, 170), 5: (170, 0, 170), 6: (0, 170, 170)}
# What the core does when it is killed. The short run takes one of each of the first.
CORE_KINDS = ['save', 'start', 'stop', 'type', 'adopt', 'rest', 'pause', 'screenshot', 'start', 'save']
# Typed once: paints the screen (in the colours of always) and says a word, so that few keys prove both ways.
FUNCTION = 'f(){ printf "\\033]R\\033[4$1m\\033[2J\\033[H";echo said-$2 >/dev/ttyS0;}'


@pytest.fixture
def rng():
    seed = int(os.environ.get('LODGE_SEED', secrets.randbelow(1 << 32)))
    print(f'seed: LODGE_SEED={seed}')
    return random.Random(seed)


@pytest.fixture
def kills(short):
    return [int(number) for number in os.environ.get('LODGE_KILLS', '5,2' if short else '50,20').split(',')]


class Count:
    """The serial line of the counting guest, over many connections."""

    def __init__(self, machine):
        self.machine, self.serial, self.last = machine, None, 0

    def connect(self):
        def open_it():
            try:
                return self.machine.serial()
            except GLib.Error as error:  # QEMU has not seen yet that the last one left
                assert error_code(error) == 'InUse', error.message
                return None
        if self.serial is None:
            self.serial = wait_until(open_it, 10, 'the serial line')
            self.serial.wait(r'^\d+\n\d+$', 120)

    def disconnect(self):
        if self.serial is not None:
            self.check()
            self.serial.close()
            self.serial = None

    def check(self, more=0):
        """It has counted on, by at least so many; never back, and by one each while we listened."""
        self.connect()
        while self.serial.read(0) and len(self.serial.text) > 100000:
            pass
        numbers = self.serial.count_on(more, 60)
        assert numbers[0] > self.last, f'the count went from {self.last} back to {numbers[0]}'
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f'numbers are missing: {numbers}'
        self.last = max(self.last, numbers[-2] if len(numbers) > 1 else 0)
        # What has been looked at goes, but for two lines: the first of a text counts as a part of a number.
        self.serial.text = '\n'.join(self.serial.text.split('\n')[-3:])


class Saves:
    """Saves one after the other until the core is gone; knows what may stand in machine.json afterwards."""

    def __init__(self, machine):
        self.machine, self.folder = machine, machine.get('Folder')
        self.sent = self.done = 0
        self.base = self.read('machine.json')
        self.base['memory'] = None

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding='utf-8') as f:
            return json.load(f)

    def run(self):
        while True:
            self.sent += 1
            values = (('memory', GLib.Variant('t', (256 + self.sent) * MIB)),)
            self.machine.call('SetSettings', '(a{sv}a{sv})', (dict(values), {}))
            self.done = self.sent

    def check(self):
        """Each generation is whole, one that was sent, and older than the one before; what was answered is there."""
        numbers = []
        for name in ['machine.json'] + [f'machine.json.{number}' for number in (1, 2, 3)]:
            if name != 'machine.json' and not os.path.exists(os.path.join(self.folder, name)):
                continue
            found = self.read(name)
            number, rest = divmod(found['memory'] - 256 * MIB, MIB)
            found['memory'] = None
            assert rest == 0 and 0 <= number <= self.sent, (name, number)
            if number > 0:  # earlier ones are from before the addresses of devices were written
                assert found == self.base, name
            numbers.append(number)
        assert numbers[0] >= self.done, f'save {self.done} was answered, {numbers[0]} is in the file'
        assert numbers == sorted(numbers, reverse=True), numbers


def in_background(function):
    """(thread, list of the error that ended it)."""
    errors = []

    def run():
        try:
            function()
        except (GLib.Error, AssertionError) as error:
            errors.append(error)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, errors


def environment_has(pid, mark):
    try:
        with open(f'/proc/{pid}/environ', 'rb') as f:
            return mark in f.read().split(b'\0')
    except OSError:
        return False


def kill_core(lodge):
    """The lodge-core of this session, also one that has no name on the bus yet. How many there were."""
    mark = f'XDG_RUNTIME_DIR={lodge.runtime}'.encode()
    table = process_table()
    # What it starts has its name, too, for a moment.
    cores = [pid for pid, (parent, name) in table.items() if name == 'lodge-core' and environment_has(pid, mark)
             and table.get(parent, (0, ''))[1] != 'lodge-core']
    for pid in cores:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: lodge.core_pid() not in cores, 5, 'the bus to see that the core died', 0.01)
    return len(cores)


def activate(lodge):
    """Asks the bus for a core and does not wait for it."""
    lodge.bus.call('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'StartServiceByName',
                   GLib.Variant('(su)', (BUS_NAME, 0)), None, Gio.DBusCallFlags.NONE, -1, None)
    lodge.bus.flush_sync(None)


def qemus(machine_id):
    return [pid for pid, (_, name) in process_table().items() if name == f'lodge-{machine_id[:8]}']


def check_nothing_stray(lodge, machines):
    """A guest for each machine that is not off, and a run-time folder; no other."""
    def settled():
        alive = {machine.id[:8] for machine in machines if machine.state != 'off'}
        folder = os.path.join(lodge.runtime, 'lodge')
        return (all(len(qemus(machine.id)) == (machine.id[:8] in alive) for machine in machines)
                and set(os.listdir(folder) if os.path.isdir(folder) else ()) == alive)
    wait_until(settled, 15, 'guests and run-time folders to be those that the core knows')


def start_core(lodge):
    """A core answers. The bus may still be waiting for one that was killed before it had its name, and tells everybody how that
    one ended."""
    def answers():
        try:
            lodge.core_properties()
        except GLib.Error as error:
            if Gio.dbus_error_get_remote_error(error) == 'org.freedesktop.DBus.Error.Spawn.ChildSignaled':
                return False
            raise
        return True
    wait_until(answers, 30, 'a core that answers')


def check_adopted(machine, pid):
    start_core(machine.lodge)

    def runs():
        if machine.state == 'paused':  # by a call that the kill fell into
            machine.call('Resume')
        return machine.state == 'running' and machine.get('StateReason') != 'not-responding'
    wait_until(runs, 60, 'the guest to be adopted and to run')
    assert machine.pid == pid, 'not the same guest any more'
    assert machine.get('StateReason') in ('', 'adopted', 'user')


def word():
    return ''.join(random.choice('abcdefx0123456789') for _ in range(5))


def say(rng, count, clear, write, screen, seconds=15):
    """Types the guest's function until it says the word on its serial line and its screen has the colour."""
    for attempt in range(4):
        nonce, colour = word(), rng.choice(list(COLOURS))
        clear()
        write(f'f {colour} {nonce}\n')
        try:
            count.serial.wait(rf'^said-{nonce}$', seconds)
            break
        except TimeoutError as error:  # a busy host's guest loses a key now and then
            if attempt == 3:
                raise AssertionError('what is typed does not reach the guest') from error
    wait_until(lambda: screen().has_colour(COLOURS[colour], 0.25), 30, f'the guest to be painted in {COLOURS[colour]}', 0.3)
    return attempt


def check_display(machine, display, count, rng):
    """A new client of the display sees what QEMU has, and its keys arrive. Returns how often keys were lost."""
    with Viewer(machine, display.environment) as viewer:
        lost = say(rng, count, lambda: viewer.tell('keys ctrl u'), viewer.type, viewer.screen)
        # But for the cursor, which blinks.
        wait_until(lambda: viewer.screen().difference(machine.screen()) < 0.0001, 30, 'the same picture by both ways', 0.2)
    return lost


def counting_machine(lodge):
    machine = lodge.create_demo('Counter', words='lodge.count', memory=256 * MIB, cores=1)
    machine.start()
    count = Count(machine)
    count.check(3)
    for _ in range(5):
        machine.keys('ctrl', 'u')
        machine.type(FUNCTION + '\nf 1 here\n')
        try:
            count.serial.wait('^said-here$', 15)
            return machine, count
        except TimeoutError:
            pass
    raise AssertionError('the guest cannot be typed to even before the first kill')


class Second:
    """Another machine, which starts and stops while the core is killed."""

    def __init__(self, lodge):
        self.machine = lodge.create('Second', memory=64 * MIB, cores=1)
        self.seconds = {'Start': 0.4, 'ForceOff': 0.2}
        for method in ('Start', 'ForceOff'):  # addresses of devices are written once for all
            self.act(method)
        with open(os.path.join(self.machine.get('Folder'), 'machine.json'), encoding='utf-8') as f:
            self.profile = f.read()

    def act(self, method):
        started = time.monotonic()
        self.machine.call(method)
        self.seconds[method] = time.monotonic() - started

    def prepare(self, wanted):
        if self.machine.state != wanted:
            self.act('Start' if wanted == 'running' else 'ForceOff')
        self.machine.wait_state(wanted)

    def check(self):
        wait_until(lambda: self.machine.state in ('off', 'running') and self.machine.get('StateReason') != 'not-responding',
                   40, 'the second machine to be off or to run')
        if self.machine.state == 'running':
            assert self.machine.screen().width >= 640
        with open(os.path.join(self.machine.get('Folder'), 'machine.json'), encoding='utf-8') as f:
            assert f.read() == self.profile


@pytest.mark.as_user
def test_core(lodge, display, rng, kills):
    machine, count = counting_machine(lodge)
    second, saves = Second(lodge), Saves(machine)
    machines = [machine, second.machine]
    pid = machine.pid
    tally = collections.Counter()
    kinds = []
    while len(kinds) < kills[0]:
        some = CORE_KINDS[:max(5, min(10, kills[0] - len(kinds)))]
        kinds += rng.sample(some, len(some))
    for number, kind in enumerate(kinds[:kills[0]]):
        if kind in ('start', 'stop'):
            second.prepare('off' if kind == 'start' else 'running')
        method = {'start': 'Start', 'stop': 'ForceOff'}.get(kind)
        actions = {'save': (saves.run, 0.3), 'pause': (lambda: machine.call('Pause'), 0.1),
                   'screenshot': (lambda: machine.call('Screenshot'), 0.1),
                   'type': (lambda: machine.type('x0123456789abcdef' * 20), 1.0),
                   'start': (lambda: second.act(method), 1.1 * second.seconds['Start']),
                   'stop': (lambda: second.act(method), 1.1 * second.seconds['ForceOff'])}
        action, most = actions.get(kind, (None, 0.5))
        thread, errors = in_background(action) if action else (None, [])
        time.sleep(rng.uniform(0, most))
        inside = thread is not None and thread.is_alive()
        assert kill_core(lodge) == 1
        if kind == 'adopt':
            activate(lodge)
            time.sleep(rng.uniform(0, 0.15))
            inside = lodge.core_pid() is None
            tally['killed again'] += kill_core(lodge)
        if thread:
            thread.join(60)
            assert not thread.is_alive(), f'{kind}: the call was never answered'
            assert inside or not errors, f'{kind}: {errors}'
        tally[f'{kind}, inside' if inside else f'{kind}, beside'] += 1
        saves.check()
        check_adopted(machine, pid)
        count.check(3)
        second.check()
        check_nothing_stray(lodge, machines)
        tally['keys lost'] += check_display(machine, display, count, rng)
        count.check(1)
        if rng.random() < 0.5:
            count.disconnect()
        print(f'{number + 1}: {kind}{", inside" if inside else ""}; counted to {count.last}', flush=True)
    tally['saves'] = saves.done
    print(f'{kills[0]} kills of the core: guest {pid} counted to {count.last};',
          ', '.join(f'{what} {number}' for what, number in sorted(tally.items())))

    # After all that, an ordinary day.
    machine.call('SetSettings', '(a{sv}a{sv})', ({'memory': GLib.Variant('t', 256 * MIB)}, {}))
    count.disconnect()
    for each in machines:
        if each.state != 'off':
            each.force_off()
        # Nothing half written, no temporary file.
        names = {name for name in os.listdir(each.get('Folder')) if not name.startswith('machine.json.')}
        assert names <= {'machine.json', 'boot', 'disks', 'firmware', 'in-use', 'log', 'snapshots', 'tpm'}, names
        assert not os.path.exists(os.path.join(each.get('Folder'), 'machine.json.new'))
    check_nothing_stray(lodge, machines)
    assert sorted(m['state'] for m in lodge.ctl_json('list')) == ['off', 'off']
    assert len(os.listdir(os.path.join(lodge.data, 'machines'))) == 2


def test_window(lodge, display, rng, kills):
    machine, count = counting_machine(lodge)
    pid = machine.pid
    tally = collections.Counter()
    killed = 0

    def open_window():
        return lodge.start('lodge', 'Counter', stderr=subprocess.DEVNULL)

    def kill_window(what):
        program.send_signal(signal.SIGKILL)
        program.wait()
        tally[what] += 1

    def write(window, text):
        display.focus(window)
        display.type(text, 60)

    def check_window():
        window = display.find_window('^Counter$', 40)
        count.connect()
        width, height = display.size(window)
        display.focus(window)
        display.click(window, width // 2, height // 2)
        tally['keys lost'] += say(rng, count, lambda: display.key('ctrl+u'), lambda text: write(window, text),
                                  lambda: display.screen(window))
        return window

    program = open_window()
    window = check_window()
    while killed < kills[1]:
        # One that is in use; a key is down in half of the cases, and must not stay so.
        held = rng.random() < 0.5
        if held:
            display.focus(window)
            subprocess.run(['xdotool', 'keydown', 'x'], env=display.environment, check=True)
        time.sleep(rng.uniform(0, 0.5))
        kill_window('with a key down' if held else 'in use')
        if held:
            subprocess.run(['xdotool', 'keyup', 'x'], env=display.environment, check=True)
        killed += 1
        program = open_window()
        if killed < kills[1] and rng.random() < 0.5:
            time.sleep(rng.uniform(0, 1.5))
            kill_window('while it opened')
            killed += 1
            program = open_window()
        check_adopted(machine, pid)
        assert not machine.screen().is_blank()
        count.check(3)
        window = check_window()
        count.check(1)

    # The window that is open when the core dies goes on, too.
    for _ in range(max(1, kills[1] // 7)):
        time.sleep(rng.uniform(0, 0.5))
        kill_core(lodge)
        tally['cores under the window'] += 1
        assert display.find_window('^Counter$', 5) == window and program.poll() is None
        say(rng, count, lambda: display.key('ctrl+u'), lambda text: write(window, text), lambda: display.screen(window))
        check_adopted(machine, pid)
        count.check(1)
    print(f'{killed} kills of the window: guest {pid} counted to {count.last};',
          ', '.join(f'{what} {number}' for what, number in sorted(tally.items())))
    for path in glob.glob(os.path.join(lodge.data, 'machines/*/machine.json*')):
        with open(path, encoding='utf-8') as f:
            json.load(f)
    count.disconnect()
    machine.force_off()
