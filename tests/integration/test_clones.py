# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates, clones, disposable machines: what is shared, what stays untouched, what is left behind."""
import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import time

import pytest
from gi.repository import GLib

from lodgetest import Machine, wait_until
from lodgetest.lodge import error_code

MIB = 1 << 20


def refused(call, *arguments, **options):
    with pytest.raises(GLib.Error) as caught:
        call(*arguments, **options)
    return error_code(caught.value), caught.value.message


def qemu_io(path, *commands):
    words = [word for command in commands for word in ('-c', command)]
    done = subprocess.run(['qemu-io', '-f', 'qcow2', *words, path], capture_output=True, text=True)
    assert done.returncode == 0 and 'failed' not in done.stdout + done.stderr, done.stdout + done.stderr


def holds(path, pattern, offset=0):
    """Whether a megabyte of the image reads as that byte."""
    done = subprocess.run(['qemu-io', '-f', 'qcow2', '-c', f'read -P {pattern} {offset} 1M', path], capture_output=True, text=True)
    return done.returncode == 0 and 'verification failed' not in done.stdout


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.file_digest(f, 'sha256').hexdigest() if hasattr(hashlib, 'file_digest') else hashlib.sha256(f.read()).hexdigest()


def document(machine):
    with open(os.path.join(machine.get('Folder'), 'machine.json'), encoding='utf-8') as f:
        return json.load(f)


def disk(machine):
    return os.path.join(machine.get('Folder'), document(machine)['disks'][0]['file'])


def chain(path):
    found = json.loads(subprocess.run(['qemu-img', 'info', '-U', '--backing-chain', '--output=json', path],
                                      capture_output=True, check=True, text=True).stdout)
    return [os.path.realpath(image['filename']) for image in found]


def clone(machine, name, **options):
    types = {'kind': 's', 'count': 'u', 'start': 'b'}
    values, _ = machine.call('Clone', '(sa{sv})', (name, {key: GLib.Variant(types[key], value) for key, value in options.items()}))
    return [Machine(machine.lodge, path) for path in values[0]], values[1], values[2]


def gone(pid):
    """Ended, be it that nobody has taken notice yet."""
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as f:
            return f.read().rpartition(')')[2].split()[0] == 'Z'
    except FileNotFoundError:
        return True


def below(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            children = [int(child) for child in f.read().split()]
    except FileNotFoundError:
        return []
    return children + [process for child in children for process in below(child)]


def set_template(machine, on):
    machine.call('SetTemplate', '(ba{sv})', (on, {}))


def hidden(lodge):
    return [name for name in os.listdir(os.path.join(lodge.data, 'machines')) if name.startswith('.')]


@pytest.fixture
def base(lodge):
    """A machine whose first megabyte is 0x11."""
    machine = lodge.create('Base', memory=64 * MIB, cores=1, disk_size=64 * MIB)
    qemu_io(disk(machine), 'write -P 0x11 0 1M')
    return machine


def test_linked_clone_of_a_machine(base):
    before = disk(base)
    first = digest(before)
    (one,), kind, reason = clone(base, 'One')
    assert (kind, reason) == ('linked', 'no-copy-needed')
    assert one.get('Name') == 'One' and one.id != base.id
    assert one.get('Origin') == {'machine': base.id, 'machine-name': 'Base', 'snapshot': '', 'kind': 'linked'}
    assert document(one)['nics'][0]['mac'] != document(base)['nics'][0]['mac']
    assert os.path.getsize(disk(one)) < MIB
    # The name in the image is relative, so the library can be moved.
    with open(disk(one), 'rb') as f:
        assert f'../../{os.path.basename(base.get("Folder"))}/disks/disk0.qcow2'.encode() in f.read(4096)
    # The machine went on in a new layer, and what both read on in is as it was.
    assert disk(base) != before and chain(disk(base))[1] == chain(disk(one))[1] == before
    assert digest(before) == first
    assert holds(disk(one), 0x11)

    # Nothing was written since, so no further layer is needed.
    layers = sorted(os.listdir(os.path.dirname(before)))
    clone(base, 'Two')
    assert sorted(os.listdir(os.path.dirname(before))) == layers

    # Each writes for itself.
    qemu_io(disk(one), 'write -P 0x22 0 1M')
    qemu_io(disk(base), 'write -P 0x33 0 1M')
    (three,), _, _ = clone(base, 'Three')
    assert holds(disk(three), 0x33) and holds(disk(one), 0x22) and digest(before) == first
    for machine in (one, three, base):
        machine.start()
    for machine in (one, three, base):
        machine.force_off()
    for machine in (one, three, base):
        assert subprocess.run(['qemu-img', 'check', '-q', disk(machine)]).returncode == 0
    assert digest(before) == first and not hidden(base.lodge)


def test_dependants_are_named_and_kept(base):
    clones, _, _ = clone(base, 'Child', count=3)
    assert sorted(machine.get('Name') for machine in clones) == ['Child 1', 'Child 2', 'Child 3']
    assert len({document(machine)['nics'][0]['mac'] for machine in clones}) == 3
    code, message = refused(base.call, 'Delete')
    assert code == 'HasDependants' and '“Child 2”' in message
    found, _ = base.call('Dependants')
    assert {entry['name'] for entry in found[0]} == {'Child 1', 'Child 2', 'Child 3'}
    assert all(entry['kind'] == 'linked' and entry['bytes'] < MIB <= entry['flatten-bytes'] for entry in found[0])

    # A profile that was put back names the frozen file: no guest may write to that.
    folder = base.get('Folder')
    current = document(base)
    frozen = dict(current, disks=[dict(current['disks'][0], file='disks/disk0.qcow2')])
    with open(os.path.join(folder, 'machine.json.tmp'), 'w', encoding='utf-8') as f:
        json.dump(frozen, f)
    os.rename(os.path.join(folder, 'machine.json.tmp'), os.path.join(folder, 'machine.json'))
    wait_until(lambda: base.get('Settings')['disk'] == 'disks/disk0.qcow2', 10, 'the core to see the change')
    assert refused(base.call, 'Start')[0] == 'HasDependants'

    # Flattened or deleted, they hold nothing back any more.
    clones[0].call('Flatten')
    assert chain(disk(clones[0])) == [disk(clones[0])] and holds(disk(clones[0]), 0x11)
    assert clones[0].get('Origin')['kind'] == 'full'
    for machine in clones[1:]:
        machine.call('Delete')
    # In the trash they may come back.
    assert refused(base.call, 'Start')[0] == 'HasDependants'
    base.lodge.core('EmptyTrash', '(asa{sv})', ([], {}))
    base.start()
    base.force_off()
    base.call('Delete')


def test_template(base):
    image = disk(base)
    set_template(base, True)
    assert base.get('Template') is True
    first = digest(image)
    clones, kind, _ = clone(base, 'Copy', count=2, start=True)
    assert kind == 'linked' and [machine.state for machine in clones] == ['running', 'running']
    assert all(chain(disk(machine))[1] == image for machine in clones)
    code, message = refused(base.call, 'Start')
    assert code == 'HasDependants' and 'Copy 1' in message
    # While they run, and beside them, it becomes a machine again, which touches nothing of theirs.
    set_template(base, False)
    assert base.get('Template') is False and disk(base) != image
    base.start()
    for machine in [base, *clones]:
        machine.force_off()
    assert digest(image) == first


def test_full_clone(base):
    (one,), kind, reason = clone(base, 'Linked')
    (copy,), kind, reason = clone(one, 'Copy', kind='full')
    assert (kind, reason) == ('full', 'asked')
    assert chain(disk(copy)) == [disk(copy)] and holds(disk(copy), 0x11)
    assert os.stat(disk(copy)).st_blocks * 512 < 8 * MIB  # sparse
    one.call('Delete')
    base.call('Delete')
    copy.start()
    copy.force_off()
    assert copy.get('Origin')['machine-name'] == ''


def test_a_tpm_is_not_cloned(lodge):
    """What it holds passes for the machine; and one with a TPM cannot go on twice."""
    base = lodge.create('Base', memory=64 * MIB, cores=1, disk_size=64 * MIB, firmware='uefi', tpm=True)
    with open(os.path.join(base.get('Folder'), 'tpm/tpm2-00.permall'), 'wb') as f:
        f.write(b'a secret')
    for kind in 'linked', 'full':
        (copy,), _, _ = clone(base, kind, kind=kind)
        assert document(copy)['tpm'] is True and os.listdir(os.path.join(copy.get('Folder'), 'tpm')) == []
    assert refused(clone, base, 'x', kind='instant')[0] == 'NotSupported'


def test_disk_elsewhere_is_copied(lodge):
    image = os.path.join(lodge.state, 'mine.qcow2')
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', image, '64M'], check=True)
    qemu_io(image, 'write -P 0x44 0 1M')
    machine = lodge.create('Outside', [('disk', image)], memory=64 * MIB, cores=1)
    assert refused(clone, machine, 'No', kind='linked')[0] == 'NotSupported'
    (copy,), kind, reason = clone(machine, 'Copy')
    assert (kind, reason) == ('full', 'disk-outside') and holds(disk(copy), 0x44)
    assert document(copy)['disks'][0]['file'].startswith('disks/')


def test_refusals(base):
    assert refused(clone, base, 'a/b')[0] == 'NameInvalid'
    assert refused(clone, base, 'x', count=0)[0] == 'OutOfRange'
    assert refused(clone, base, 'x', count=101)[0] == 'OutOfRange'
    assert refused(clone, base, 'x', kind='magic')[0] == 'InvalidArgument'
    base.start()
    for method, signature, values in (('SetTemplate', '(ba{sv})', (True, {})), ('Flatten', '(a{sv})', ({},))):
        assert refused(base.call, method, signature, values)[0] == 'WrongState'
    assert refused(base.call, 'Keep', '(sa{sv})', ('y', {}))[0] == 'WrongState'
    base.force_off()
    assert len(base.lodge.machines()) == 1 and not hidden(base.lodge)


def test_hostile_backing_is_not_read(base, tmp_path):
    """A guest that took QEMU over can write any name into the header of its image."""
    secret = tmp_path / 'secret'
    secret.write_bytes(b'\x55' * MIB)
    for name in (str(secret), f'../../../../../../../..{secret}', f'json:{{"driver":"file","filename":"{secret}"}}'):
        subprocess.run(['qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', name, '-F', 'raw', disk(base), '64M'], check=True)
        code, message = refused(base.call, 'Start')
        assert code == 'WrongFormat' and 'secret' not in message
        assert refused(clone, base, 'x')[0] == 'WrongFormat'
        assert refused(clone, base, 'x', kind='full')[0] == 'WrongFormat'
    assert len(base.lodge.machines()) == 1


def test_disposable_goes_with_its_guest(base):
    lodge = base.lodge
    set_template(base, True)
    values, _ = base.call('OpenDisposable')
    machine = Machine(lodge, values[0])
    assert machine.state == 'running' and machine.get('Disposable') is True
    folder = machine.get('Folder')
    machine.call('ForceOff')
    wait_until(lambda: machine.path not in lodge.machines() and not os.path.exists(folder), 10, 'the disposable machine to go')

    values, _ = base.call('OpenDisposable')
    kept = Machine(lodge, values[0])
    kept.call('Keep', '(sa{sv})', ('Kept', {}))
    assert kept.get('Name') == 'Kept' and kept.get('Disposable') is False
    kept.force_off()
    assert kept.state == 'off' and os.path.exists(kept.get('Folder'))


def test_disposable_after_a_crash(base):
    """It stays as long as its guest does, whatever becomes of the core; without a guest it goes."""
    lodge = base.lodge
    set_template(base, True)
    alive, dead = (Machine(lodge, base.call('OpenDisposable')[0][0]) for _ in range(2))
    folder, pid = dead.get('Folder'), dead.pid
    lodge.kill_core()
    for process in below(pid) + [pid]:
        # One of them may end with another.
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    wait_until(lambda: gone(pid), 10, 'the end of the guest')
    assert os.path.exists(folder)
    assert alive.state == 'running' and dead.path not in lodge.machines()
    wait_until(lambda: not os.path.exists(folder), 10, 'the folder to go')
    alive.call('ForceOff')
    wait_until(lambda: list(lodge.machines()) == [base.path] and not hidden(lodge), 10, 'the other one to go')


def test_half_a_freeze_is_taken_back(base):
    """What a core leaves that is killed between making the new layer and naming it."""
    folder = base.get('Folder')
    layer = os.path.join(folder, 'disks/disk0-1.qcow2')
    subprocess.run(['qemu-img', 'create', '-q', '-u', '-f', 'qcow2', '-b', 'disk0.qcow2', '-F', 'qcow2', layer, '64M'], check=True)
    with open(layer + '.new', 'wb') as f:
        f.write(b'half')
    with open(os.path.join(folder, 'disks/.freezing'), 'w', encoding='utf-8') as f:
        f.write('disks/disk0-1.qcow2\n../machine.json\n')
    base.lodge.kill_core()
    assert base.state == 'off'
    assert sorted(os.listdir(os.path.join(folder, 'disks'))) == ['disk0.qcow2']
    assert os.path.exists(os.path.join(folder, 'machine.json'))


def send(machine, method, signature, values):
    """A call whose answer nobody waits for."""
    machine.lodge.bus.call('org.lodgevm.Core1', machine.path, 'org.lodgevm.Core1.Machine', method,
                           GLib.Variant(signature, values), None, 0, 60000, None, None)
    machine.lodge.bus.flush_sync(None)


def test_killed_at_random(base, short):
    """A core that is killed while it clones, freezes, copies or flattens leaves the parent as it was and nothing half-made."""
    seed = int(os.environ.get('LODGE_SEED', random.randrange(1 << 31)))
    print('LODGE_SEED', seed)
    dice, lodge = random.Random(seed), base.lodge
    (child,), _, _ = clone(base, 'Child')
    images = {disk(child): 0x11}
    frozen = chain(disk(base))[1]
    first = digest(frozen)
    for n in range(20):
        if dice.random() < 0.5:
            qemu_io(disk(base), f'write -P {0x80 + n} 2M 1M')
        what = dice.choice((('Clone', '(sa{sv})', (f'C{n}', {'count': GLib.Variant('u', 3)})),
                            ('Clone', '(sa{sv})', (f'F{n}', {'kind': GLib.Variant('s', 'full')})),
                            ('Flatten', '(a{sv})', ({},)), ('SetTemplate', '(ba{sv})', (dice.random() < 0.5, {}))))
        send(child if what[0] == 'Flatten' else base, *what)
        time.sleep(dice.uniform(0, 0.06))
        lodge.kill_core()
        machines = [Machine(lodge, path) for path in lodge.machines()]
        assert not hidden(lodge), n
        assert digest(frozen) == first, n
        for machine in machines:
            folder = machine.get('Folder')
            assert machine.state == 'off' and holds(disk(machine), 0x11), (n, folder)
            assert not [name for name in os.listdir(os.path.join(folder, 'disks')) if not name.endswith('.qcow2')], (n, folder)
            if machine.get('Name') not in ('Base', 'Child'):
                machine.call('Delete')
        named = {os.path.basename(path) for path in chain(disk(base))}
        left = {name for name in os.listdir(os.path.dirname(frozen)) if name not in named}
        # A layer that a clone needed stays when the clone goes; one of nobody must hold something.
        assert all(os.path.getsize(os.path.join(os.path.dirname(frozen), name)) > MIB for name in left), (n, left)
    assert all(holds(path, pattern) for path, pattern in images.items())
    child.start()
    child.force_off()


def test_lodgectl(base):
    lodge = base.lodge
    lodge.ctl('template', 'Base')
    found = lodge.ctl_json('clone', 'Base', 'Web', '--count', '2')
    assert found['kind'] == 'linked' and len(found['ids']) == 2
    assert [entry['name'] for entry in sorted(lodge.ctl_json('dependants', 'Base'), key=lambda e: e['name'])] == ['Web 1', 'Web 2']
    assert 'Web 1' in lodge.ctl('dependants', 'Base').stdout
    refusal = lodge.ctl('delete', 'Base', check=False)
    assert refusal.returncode == 8 and 'flatten' in refusal.stderr and 'Web 1' in refusal.stderr
    copy = lodge.ctl('clone', 'Base', 'Whole', '--full').stdout.strip()
    assert lodge.machine(copy).get('Origin')['kind'] == 'full'
    lodge.ctl('flatten', 'Web 1')
    lodge.ctl('delete', 'Web 2')
    throwaway = lodge.ctl('disposable', 'Base').stdout.strip()
    lodge.ctl('keep', throwaway, 'Stays')
    lodge.ctl('stop', 'Stays', '--force')
    assert lodge.ctl('template', 'Base', '--off').returncode == 0 and base.get('Template') is False
    assert lodge.ctl('clone', 'Base', 'x', '--full', '--linked', check=False).returncode == 2
