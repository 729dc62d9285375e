# SPDX-License-Identifier: GPL-3.0-or-later
"""Instant clones, many of them: twenty that write, give memory back and crash, ten commands at once, and a core that is killed while they are made.

LODGE_SEED repeats a run of the last one; LODGE_FORK_KILLS sets the number of its rounds.
"""
import glob
import hashlib
import json
import os
import random
import secrets
import signal
import subprocess
import time

import pytest
from gi.repository import GLib

from lodgetest import Machine, wait_until
from lodgetest.lodge import error_code

pytestmark = pytest.mark.soak

MIB = 1 << 20


def clone(machine, name, count=1, **options):
    given = {'count': GLib.Variant('u', count), **{key: GLib.Variant('s', value) for key, value in options.items()}}
    values, _ = machine.call('Clone', '(sa{sv})', (name, given), timeout=600)
    return [Machine(machine.lodge, path) for path in values[0]]


def digest(*paths):
    total = hashlib.sha256()
    for path in paths:
        with open(path, 'rb') as f:
            while block := f.read(MIB):
                total.update(block)
    return total.hexdigest()


def disk(machine):
    folder = machine.get('Folder')
    with open(os.path.join(folder, 'machine.json'), encoding='utf-8') as f:
        return os.path.join(folder, json.load(f)['disks'][0]['file'])


def number(machine):
    with machine.serial() as serial:
        return serial.count_on(2, 120)[-1]


def hidden(lodge):
    return [name for name in os.listdir(os.path.join(lodge.data, 'machines')) if name.startswith('.')]


def ready(lodge, name, memory):
    """A counting guest whose agent answers."""
    machine = lodge.create_demo(name, 'lodge.count', memory=memory, cores=1, disk_size=64 * MIB)
    machine.start()
    wait_until(lambda: lodge.ctl('execute', name, '--', 'true', check=False).returncode == 0, 180, 'the agent')
    return machine


@pytest.mark.long
def test_twenty_that_write_balloon_and_crash(lodge_qemu):
    """Nothing of that reaches their template, with either QEMU."""
    lodge = lodge_qemu
    base = ready(lodge, 'Base', 160 * MIB)
    before = number(base)
    base.call('Save', timeout=120)
    base.call('SetTemplate', '(ba{sv})', (True, {}))
    machines = clone(base, 'Child', 20)
    saved = os.path.join(base.get('Folder'), 'saved')
    shared = [os.path.join(saved, name) for name in ('ram', 'devices', 'launch.json', 'machine.json')] + [disk(base)]
    known = digest(*shared)
    assert all(machine.state == 'running' for machine in machines)
    words = ['sh', '-c', 'while :; do cat /bin/busybox /bin/busybox > x; cat x x x > /dev/$(cd /sys/block; echo vd*); done']
    pipes = [fd for machine in machines
             for fd in machine.call('Execute', '(asa{sv})', (words, {'wait': GLib.Variant('u', 300)}), timeout=400)[1]]
    wait_until(lambda: all(os.path.getsize(disk(machine)) > MIB for machine in machines), 300, 'all to write to their disks')
    counted = [number(machine) for machine in machines]
    assert min(counted) > before
    for machine in machines:
        machine.balloon(140 * MIB)
    assert digest(*shared) == known
    for machine in machines:
        os.kill(machine.pid, signal.SIGKILL)
        machine.wait_state('off', 60)
    for fd in pipes:
        os.close(fd)
    assert digest(*shared) == known
    # The next clone is made ahead, and goes when nobody wants it.
    wait_until(lambda: not hidden(lodge), 120, 'hidden folders to go')
    for machine in machines:
        assert subprocess.run(['qemu-img', 'check', '-q', '-r', 'leaks', disk(machine)]).returncode == 0
        machine.call('Delete')
    assert number(clone(base, 'Last')[0]) > before


@pytest.mark.long
def test_ten_commands_at_once(lodge):
    base = ready(lodge, 'Base', 160 * MIB)
    base.call('Save', timeout=120)
    base.call('SetTemplate', '(ba{sv})', (True, {}))
    started = [lodge.start('lodgectl', 'run', 'Base', '--', 'sh', '-c', f'hostname; exit {n}', stdout=subprocess.PIPE, text=True)
               for n in range(10)]
    said = [process.communicate(timeout=300)[0].strip() for process in started]
    assert [process.returncode for process in started] == list(range(10))
    assert len(set(said)) == 10 and all(name.startswith('base-') for name in said)
    wait_until(lambda: list(lodge.machines()) == [base.path] and not hidden(lodge), 120, 'the clones to go')


def makers():
    """QEMUs that make a memory a file; their folders are hidden ones."""
    found = []
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            with open(path, 'rb') as f:
                if b'machines/.' in f.read():
                    found.append(path)
        except OSError:
            pass
    return found


def send(machine, method, signature, values):
    """A call whose answer nobody waits for."""
    machine.lodge.bus.call('org.lodgevm.Core1', machine.path, 'org.lodgevm.Core1.Machine', method,
                           GLib.Variant(signature, values), None, 0, 60000, None, None)
    machine.lodge.bus.flush_sync(None)


def test_killed_while_they_are_made(lodge, short):
    """What is there afterwards is whole: the parent as it was, clones that go on, and nothing half-made."""
    seed = int(os.environ.get('LODGE_SEED', secrets.randbelow(1 << 32)))
    print(f'seed: LODGE_SEED={seed}')
    dice = random.Random(seed)
    base = ready(lodge, 'Base', 128 * MIB)
    folder = base.get('Folder')
    snapshots = os.path.join(folder, 'snapshots')
    last = number(base)
    for n in range(int(os.environ.get('LODGE_FORK_KILLS', 3 if short else 300))):
        if base.state == 'saved' and dice.random() < 0.5:
            base.call('Start', timeout=120)
        elif base.state == 'running' and (n == 0 or dice.random() < 0.3):
            last = number(base)
            base.call('Save', timeout=120)
        state = base.state
        options = {'count': GLib.Variant('u', dice.choice((1, 2)))}
        if dice.random() < 0.2:
            options['kind'] = GLib.Variant('s', 'linked')
        send(base, 'Clone', '(sa{sv})', (f'C{n}', options))
        time.sleep(dice.uniform(0, 2.5))
        lodge.kill_core()
        assert base.state == state, (seed, n)
        wait_until(lambda: not makers(), 30, 'the QEMU that makes the memory to end')
        wait_until(lambda: not hidden(lodge), 30, 'hidden folders to go')
        assert not os.path.exists(os.path.join(folder, '.mapping')), (seed, n)
        wait_until(lambda: not [name for name in os.listdir(snapshots) if not name.startswith('.')], 30, 'the snapshot for clones to go')
        assert base.call('ListSnapshots')[0][0] == [] and base.get('CurrentSnapshot') == ''
        if state == 'saved':
            forms = {'memory', 'ram', 'devices'} & set(os.listdir(os.path.join(folder, 'saved')))
            assert forms in ({'memory'}, {'ram', 'devices'}), (seed, n, forms)
        else:
            now = number(base)
            assert now > last, (seed, n)
            last = now
        for machine in [Machine(lodge, path) for path in lodge.machines() if path != base.path]:
            if machine.state == 'saved':
                machine.start()
                assert number(machine) >= last - 20 if state == 'saved' else number(machine) > 0, (seed, n)
            if machine.state == 'running':
                machine.force_off()
            try:
                machine.call('Delete')
            except GLib.Error as error:
                assert error_code(error) == 'InUse', error.message
    if base.state == 'saved':
        base.call('Start', timeout=120)
    assert number(base) > 0
    base.force_off()
    assert subprocess.run(['qemu-img', 'check', '-q', disk(base)]).returncode == 0
