# SPDX-License-Identifier: GPL-3.0-or-later
"""Instant clones: a guest that runs goes on in several machines, none of which can touch what they share."""
import hashlib
import json
import os
import signal
import socket

import pytest
from gi.repository import GLib

from lodgetest import Machine, wait_until
from lodgetest.rescue import Rescue, make_stream
from lodgetest.lodge import error_code
from lodgetest.session import process_table

MIB = 1 << 20
TYPES = {'kind': 's', 'count': 'u', 'start': 'b', 'snapshot': 's', 'memory': 'b', 'name': 's'}


def variant(options):
    return {key: GLib.Variant(TYPES[key], value) for key, value in options.items()}


def clone(machine, name, **options):
    values, _ = machine.call('Clone', '(sa{sv})', (name, variant(options)), timeout=180)
    return [Machine(machine.lodge, path) for path in values[0]], values[1], values[2]


def refused(call, *arguments, **options):
    with pytest.raises(GLib.Error) as caught:
        call(*arguments, **options)
    return error_code(caught.value), caught.value.message


def digest(*paths):
    total = hashlib.sha256()
    for path in paths:
        with open(path, 'rb') as f:
            while block := f.read(MIB):
                total.update(block)
    return total.hexdigest()


def document(machine, *parts):
    with open(os.path.join(machine.get('Folder'), *parts, 'machine.json'), encoding='utf-8') as f:
        return json.load(f)


def disk(machine):
    return os.path.join(machine.get('Folder'), document(machine)['disks'][0]['file'])


def number(machine):
    """The first number that a counting guest says to a new listener."""
    with machine.serial() as serial:
        return serial.count_on(3)[0]


def generation(machine):
    with Rescue(machine) as qemu:
        return qemu.ask('query-vm-generation-id')['guid']


def hidden(lodge):
    return [name for name in os.listdir(os.path.join(lodge.data, 'machines')) if name.startswith('.')]


def spare(lodge):
    """The process id of the QEMU that waits to be a clone; its memory is there."""
    def look():
        for pid in process_table():
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as f:
                    argv = f.read().split(b'\0')
            except OSError:
                continue
            name = hidden(lodge)[0].removeprefix('.new-').encode() if hidden(lodge) else None
            if name and b'qemu-system' in argv[0] and any(b'/' + name + b'/disks/' in word for word in argv):
                return pid
        return None
    pid = wait_until(look, 60, 'a clone that is made ahead')
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(60)
    line.connect(os.path.join(lodge.environment['XDG_RUNTIME_DIR'], 'lodge', hidden(lodge)[0][-8:], 'rescue.sock'))
    stream = line.makefile('rw', encoding='utf-8')
    stream.readline()

    def status():
        stream.write('{"execute": "query-status"}\n')
        stream.flush()
        while 'event' in (answer := json.loads(stream.readline())):
            pass
        return answer['return']['status']
    stream.write('{"execute": "qmp_capabilities"}\n')
    stream.flush()
    stream.readline()
    wait_until(lambda: status() == 'paused', 60, 'its memory')
    line.close()
    return pid


def execute(machine, *words):
    return machine.lodge.ctl('execute', machine.id, '--', *words, timeout=120)


def fill(machine, path, megabytes):
    execute(machine, 'dd', 'if=/dev/urandom', f'of={path}', 'bs=1M', f'count={megabytes}', 'conv=fsync')


def crash(machine):
    os.kill(machine.pid, signal.SIGKILL)
    machine.wait_state('off', 30)


@pytest.mark.slow
@pytest.mark.once
def test_forks(lodge_qemu):
    """One guest from running to saved to template, cloned on its way; the template is what it was when all is over."""
    lodge = lodge_qemu
    assert {'clone-running', 'clone-snapshot', 'disposable-snapshot'} <= set(lodge.core_properties()['Features'])
    base = lodge.create_demo('Base', 'lodge.count', memory=192 * MIB, cores=1, disk_size=64 * MIB)
    code, message = refused(clone, base, 'No', kind='instant')
    assert code == 'NotSupported' and 'memory' in message
    base.start()
    with base.serial() as serial:
        serial.wait('LODGE-READY', 120)
    wait_until(lambda: lodge.ctl('execute', 'Base', '--', 'sh', '-c', 'echo 0123 > /etc/machine-id', check=False).returncode == 0, 120, 'the agent')
    before = number(base)

    # Of one that runs: both count on, each for itself, and what it cost the first is said.
    assert 'pause-seconds' not in base.get('Effective')
    (one,), kind, reason = clone(base, 'One')
    assert (kind, reason) == ('instant', 'has-memory') and (one.state, base.state) == ('running', 'running')
    assert base.get('Effective')['pause-seconds'] > 0 and 'pause-seconds' not in one.get('Effective')
    assert one.get('Origin') == {'machine': base.id, 'machine-name': 'Base', 'snapshot': '', 'kind': 'instant'}
    assert before < number(one) and before < number(base)
    assert execute(one, 'hostname').stdout == 'one\n' and execute(base, 'hostname').stdout == 'lodge\n'
    assert document(one)['nics'][0]['mac'] != document(base)['nics'][0]['mac'] and one.id != base.id
    assert 'identity' not in one.get('Effective') and 'renew' not in document(one)
    # Another generation of the same, for which the guest renews its random numbers.
    assert generation(one) != generation(base)
    assert 'virtual machine fork' in execute(one, 'dmesg').stdout and 'virtual machine fork' not in execute(base, 'dmesg').stdout
    assert base.call('ListSnapshots')[0][0] == [] and base.get('CurrentSnapshot') == ''
    assert not [name for name in os.listdir(os.path.join(base.get('Folder'), 'snapshots')) if not name.startswith('.')]
    assert refused(base.call, 'Delete')[0] in ('WrongState', 'HasDependants')
    # What a clone has saved is its own, and it goes on from that.
    one.call('Save', timeout=120)
    last = number(base)
    one.call('Start', timeout=120)
    assert one.state == 'running' and number(one) > before
    crash(one)
    one.start()
    one.force_off()
    one.call('Delete')

    # Of a snapshot: a clone, and one that goes.
    snapshot = base.call('TakeSnapshot', '(a{sv})', (variant({'name': 'then'}),), timeout=120)[0][0]
    with base.serial() as serial:
        later = serial.count_on(30)[-1]
    (two,), kind, _ = clone(base, 'Two', snapshot=snapshot)
    assert kind == 'instant' and two.get('Origin')['snapshot'] == snapshot and last < number(two) < later
    disposable = Machine(lodge, base.call('OpenDisposable', '(a{sv})', (variant({'snapshot': snapshot}),), timeout=120)[0][0])
    assert disposable.get('Disposable') is True and number(disposable) < later
    folder = disposable.get('Folder')
    disposable.call('ForceOff')
    wait_until(lambda: not os.path.exists(folder), 30, 'the disposable machine to go')
    two.force_off()

    # Of one that is saved: the first freezes its disks, the second finds them so.
    base.call('Save', timeout=120)
    (three,), _, _ = clone(base, 'Three', start=False)
    layers = sorted(os.listdir(os.path.dirname(disk(base))))
    (four,), _, _ = clone(base, 'Four', kind='best')
    assert (three.state, four.state, base.state) == ('saved', 'running', 'saved')
    assert sorted(os.listdir(os.path.dirname(disk(base)))) == layers
    first = number(four)
    three.start()
    assert abs(number(three) - first) < 20
    for machine in (three, four):
        machine.force_off()
        machine.call('Delete')

    # Of a template: nothing that its clones do reaches it.
    base.call('SetTemplate', '(ba{sv})', (True, {}))
    saved = os.path.join(base.get('Folder'), 'saved')
    image = disk(base)
    shared = [os.path.join(saved, name) for name in ('ram', 'devices', 'launch.json', 'machine.json')] + [image]
    known = digest(*shared)
    several, _, _ = clone(base, 'Child', count=3)
    assert [machine.state for machine in several] == ['running'] * 3
    for machine in several:
        # Its disk, most of its memory, and memory that it gives back.
        fill(machine, '/dev/vda', 8)
        fill(machine, 'x', 24)
    several[0].balloon(160 * MIB)
    names = [execute(machine, 'hostname').stdout.strip() for machine in several]
    assert names == ['child-1', 'child-2', 'child-3']
    assert [execute(machine, 'sh', '-c', 'cat /sys/class/net/eth0/address').stdout.strip() for machine in several] \
        == [document(machine)['nics'][0]['mac'] for machine in several]
    identities = {execute(machine, 'cat', '/etc/machine-id').stdout.strip() for machine in several}
    assert len(identities) == 3
    for machine in several:
        crash(machine)
    assert digest(*shared) == known

    # Nor what a command with a folder of the host does; the clone goes with it.
    folder = os.path.join(lodge.state, 'shared')
    os.mkdir(folder)
    done = lodge.ctl('run', 'Base', '--share', folder, '--writable', '--', 'sh', '-c', 'hostname > name; head -c 1000000 /dev/urandom > /x', timeout=300)
    with open(os.path.join(folder, 'name'), encoding='ascii') as f:
        assert f.read().startswith('base-'), done.stderr
    assert digest(*shared) == known

    # The next is made ahead: the QEMU that waited for it is its own, and it has all that any clone has.
    clone(base, 'Before', start=False)
    ahead = spare(lodge)
    (quick,), _, _ = clone(base, 'Quick')
    assert quick.qemu_pid == ahead and quick.state == 'running' and quick.get('Folder') in lodge.ctl('show', 'Quick').stdout
    assert execute(quick, 'hostname').stdout == 'quick\n' and before < number(quick)
    assert execute(quick, 'cat', '/sys/class/net/eth0/address').stdout.strip() == document(quick)['nics'][0]['mac']
    quick.call('Save', timeout=120)
    quick.call('Start', timeout=120)
    assert number(quick) > before
    crash(quick)
    # It goes when its template is asked for anything but a clone, and with a core that is killed.
    clone(base, 'After', start=False)
    ahead, machines = spare(lodge), set(lodge.machines())
    lodge.kill_core()
    assert base.state == 'saved' and set(lodge.machines()) == machines
    wait_until(lambda: not os.path.exists(f'/proc/{ahead}'), 30, 'what waited to end')
    assert hidden(lodge) == []
    clone(base, 'Last', start=False)
    ahead = spare(lodge)
    assert refused(base.call, 'Start')[0] == 'HasDependants'
    wait_until(lambda: not os.path.exists(f'/proc/{ahead}'), 30, 'what waited to end')
    assert hidden(lodge) == [] and digest(*shared) == known

    # A machine again, it goes on where it was, in files of its own.
    base.call('SetTemplate', '(ba{sv})', (False, {}), timeout=120)
    assert disk(base) != image
    frozen = digest(image)
    base.start()
    assert abs(number(base) - first) < 20
    fill(base, '/dev/vda', 8)
    base.force_off()
    assert digest(image) == frozen


@pytest.mark.long
def test_identity_comes_late(lodge):
    """A clone whose agent is silent at first gets its own name when that speaks, whichever core is there then; no command comes before that.
    One that starts from its disks gets one, too."""
    base = lodge.create_demo('Base', memory=192 * MIB, cores=1, disk_size=64 * MIB)
    base.start()
    wait_until(lambda: lodge.ctl('execute', 'Base', '--', 'sh', '-c', 'echo 0123 > /etc/machine-id', check=False).returncode == 0, 120, 'the agent')
    # Until memory is taken from the guest, which happens to the clone alone.
    execute(base, 'sh', '-c', 'free () { { read -r _; read -r _ free _; } < /proc/meminfo; }; (sleep 1; free; all=$free; agent=$(pidof qemu-ga); '
            'kill -STOP $agent; while free; [ $free -gt $((all - 16384)) ]; do sleep 0.2; done; kill -CONT $agent) >/dev/null 2>&1 &')
    wait_until(lambda: lodge.ctl('execute', 'Base', '--', 'true', check=False).returncode != 0, 60, 'the agent to be silent')
    (one,), _, _ = clone(base, 'One')
    assert one.get('Effective')['identity'] == 'pending' and document(one)['renew'] is True
    lodge.kill_core()
    wait_until(lambda: one.get('Effective').get('identity') == 'pending', 30, 'the next core to know')
    one.balloon(144 * MIB)

    def first():
        done = lodge.ctl('execute', one.id, '--', 'cat', '/proc/sys/kernel/hostname', '/etc/machine-id', check=False, timeout=300)
        return done if done.returncode == 0 else None
    done = wait_until(first, 120, 'a first command')
    name, machine_id = done.stdout.split()
    assert name == 'one' and machine_id != '0123' and len(machine_id) == 32 and 'lodgectl' not in done.stderr
    assert 'identity' not in one.get('Effective') and 'renew' not in document(one)
    assert execute(one, 'cat', '/sys/class/net/eth0/address').stdout.strip() == document(one)['nics'][0]['mac']
    one.force_off()
    base.force_off()

    (two,), kind, _ = clone(base, 'Two')
    assert kind == 'linked' and document(two)['renew'] is True and 'identity' not in two.get('Effective')
    two.start()
    wait_until(lambda: 'identity' not in two.get('Effective'), 180, 'its identity')
    assert execute(two, 'hostname').stdout == 'two\n' and 'renew' not in document(two)
    two.force_off()


def test_killed_between_the_steps(lodge):
    """A core that is killed while it makes the memory a file leaves either form of it whole, and the snapshot for clones goes."""
    base = lodge.create_demo('Base', 'lodge.count', memory=128 * MIB, cores=1, disk_size=64 * MIB)
    base.start()
    with base.serial() as serial:
        serial.wait('LODGE-READY', 120)
        before = serial.count_on(3)[-1]
    folder = base.get('Folder')
    base.call('Save', timeout=120)
    make_stream(base)
    base.call('SetTemplate', '(ba{sv})', (True, {}))
    saved = os.path.join(folder, 'saved')
    stream = digest(os.path.join(saved, 'memory'))

    # Before the state of the devices has its name, the stream counts; after it, the file does.
    with open(os.path.join(saved, 'ram'), 'wb') as f:
        f.truncate(128 * MIB)
    with open(os.path.join(folder, '.mapping'), 'w', encoding='ascii') as f:
        f.write('saved')
    lodge.kill_core()
    assert base.state == 'saved'
    assert sorted(os.listdir(saved)) == ['launch.json', 'machine.json', 'memory', 'picture.ppm']
    assert not os.path.exists(os.path.join(folder, '.mapping')) and digest(os.path.join(saved, 'memory')) == stream
    (one,), _, _ = clone(base, 'One')
    assert number(one) > before
    one.force_off()
    assert sorted(os.listdir(saved)) == ['devices', 'launch.json', 'machine.json', 'picture.ppm', 'ram']
    with open(os.path.join(saved, 'memory'), 'wb') as f:
        f.write(b'of before')
    with open(os.path.join(folder, '.mapping'), 'w', encoding='ascii') as f:
        f.write('saved')
    lodge.kill_core()
    assert base.state == 'saved'
    assert sorted(os.listdir(saved)) == ['devices', 'launch.json', 'machine.json', 'picture.ppm', 'ram']
    (two,), _, _ = clone(base, 'Two')
    assert number(two) > before
    two.force_off()

    # A note that names something else does nothing to it.
    with open(os.path.join(folder, '.mapping'), 'w', encoding='ascii') as f:
        f.write('snapshots/../../x')
    lodge.kill_core()
    assert base.state == 'saved' and not os.path.exists(os.path.join(folder, '.mapping'))
