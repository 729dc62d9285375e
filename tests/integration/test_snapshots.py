# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots: a tree whose every node comes back as it was, disks, memory, firmware and TPM."""
import hashlib
import json
import os
import random
import signal
import socket
import subprocess

import pytest
from gi.repository import GLib

from lodgetest import wait_until
from lodgetest.lodge import error_code

BUS = 'org.lodgevm.Core1'


def variant(**options):
    return {key.replace('_', '-'): GLib.Variant('b' if isinstance(value, bool) else 's', value) for key, value in options.items()}


def take(machine, **options):
    return machine.call('TakeSnapshot', '(a{sv})', (variant(**options),), timeout=120)[0][0]


def restore(machine, snapshot, **options):
    machine.call('RestoreSnapshot', '(sa{sv})', (snapshot, variant(**options)), timeout=180)


def delete(machine, snapshot):
    machine.call('DeleteSnapshot', '(sa{sv})', (snapshot, {}), timeout=60)


def snapshots(machine):
    return {snapshot['id']: snapshot for snapshot in machine.call('ListSnapshots')[0][0]}


def settled(machine):
    """When nothing is being merged any more."""
    def is_quiet():
        try:
            machine.call('SetTemplate', '(ba{sv})', (False, {}))
            return True
        except GLib.Error as error:
            assert error_code(error) == 'InUse', error.message
            return False
    wait_until(is_quiet, 60, 'the merging to end')


def merging(lodge):
    """The jobs that merge layers now."""
    values, _ = lodge.call('/org/lodgevm/Core1', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')
    jobs = {path: found[f'{BUS}.Job'] for path, found in values[0].items() if f'{BUS}.Job' in found}
    return [path for path, job in jobs.items() if job['Kind'] == 'merge' and job['State'] == 'running']


def profile_of(machine, folder=None):
    with open(os.path.join(folder or machine.get('Folder'), 'machine.json'), encoding='utf-8') as f:
        return json.load(f)


def active_disk(machine):
    return os.path.join(machine.get('Folder'), profile_of(machine)['disks'][0]['file'])


def write_disk(machine, value):
    """A pattern for the first MiB, and one for a place of its own."""
    for command in (f'write -P {value} 0 1M', f'write -P {value} {value}M 64k'):
        subprocess.run(['qemu-io', '-f', 'qcow2', '-c', command, active_disk(machine)], check=True, capture_output=True)


def state_of(machine):
    """A hash of all that a machine that is off consists of."""
    folder = machine.get('Folder')
    raw = os.path.join(machine.lodge.state, 'raw')
    parts = []
    subprocess.run(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', active_disk(machine), raw], check=True)
    subprocess.run(['qemu-img', 'check', '-q', active_disk(machine)], check=True)
    for path in [raw, os.path.join(folder, 'firmware/vars.qcow2'), *sorted(
            os.path.join(folder, 'tpm', name) for name in os.listdir(os.path.join(folder, 'tpm')))]:
        if os.path.exists(path):
            with open(path, 'rb') as f:
                parts.append(hashlib.sha256(f.read()).hexdigest())
    os.unlink(raw)
    return parts


def test_a_tree_comes_back_in_any_order(lodge):
    """Twelve snapshots with branches of disks, UEFI variables and TPM; restored and deleted in any order."""
    seed = int(os.environ.get('LODGE_SEED') or random.randrange(1 << 32))
    print('LODGE_SEED', seed)
    chance = random.Random(seed)
    machine = lodge.create('tree', firmware='uefi', tpm=True, disk_size=64 << 20)
    folder = machine.get('Folder')
    known = {}
    for number in range(12):
        if known and number % 3 == 0:
            restore(machine, chance.choice(list(known)))
        write_disk(machine, number + 1)
        with open(os.path.join(folder, 'tpm/tpm2-00.permall'), 'w', encoding='ascii') as f:
            f.write(f'tpm {number}')
        with open(os.path.join(folder, 'firmware/vars.qcow2'), 'r+b') as f:
            f.seek(0, os.SEEK_END)
            f.write(b'%d' % number)
        state = state_of(machine)
        known[take(machine, name=f'number {number}', note='a note')] = state
    listed = snapshots(machine)
    assert set(known) <= set(listed) and not any(listed[one]['memory'] for one in known)
    assert len({listed[one]['parent'] for one in known}) > 2, 'it is a tree with branches'

    order = list(known)
    chance.shuffle(order)
    for one in order[:6]:
        restore(machine, one)
        assert state_of(machine) == known[one], f'{listed[one]["name"]} differs (seed {seed})'
        assert machine.get('CurrentSnapshot') == one
    # Half of them go, anywhere in the chains; what is left is what it was.
    for one in order[6:]:
        delete(machine, one)
        settled(machine)
    for one in order[:6]:
        restore(machine, one, keep_present=False)
        settled(machine)
        assert state_of(machine) == known[one], f'{listed[one]["name"]} differs after others were deleted (seed {seed})'
    for one in list(snapshots(machine)):
        delete(machine, one)
        settled(machine)
    assert snapshots(machine) == {}
    assert state_of(machine) == known[order[5]]
    assert [os.path.join(folder, 'disks', name) for name in os.listdir(os.path.join(folder, 'disks'))] == [active_disk(machine)]
    assert os.listdir(os.path.join(folder, 'snapshots')) == []


def test_nobody_waits_for_a_merge(lodge):
    """A start, a snapshot and a restore interrupt the merging of layers, which goes on afterwards, in the direction that costs less."""
    machine = lodge.create('web', disk_size=256 << 20)
    disks = os.path.join(machine.get('Folder'), 'disks')

    def fill(megabytes, value, at):
        subprocess.run(['qemu-io', '-f', 'qcow2', '-c', f'write -P {value} {at}M {megabytes}M', active_disk(machine)], check=True, capture_output=True)

    for first, second in ((96, 8), (8, 96)):
        fill(first, 1, 0)
        one = take(machine)
        fill(second, 2, 4)
        state = state_of(machine)
        delete(machine, one)
        machine.start()
        machine.force_off()
        two = take(machine)
        restore(machine, two)
        settled(machine)
        assert state_of(machine) == state
        delete(machine, two)
        settled(machine)
        assert state_of(machine) == state
        assert os.listdir(disks) == [os.path.basename(active_disk(machine))], 'all layers are one'
        subprocess.run(['qemu-img', 'check', '-q', active_disk(machine)], check=True)


def test_a_guest_goes_on_from_a_snapshot(lodge_qemu):
    lodge = lodge_qemu
    machine = lodge.create_demo('web', 'lodge.count', disk_size=64 << 20)
    machine.start()
    with machine.serial() as serial:
        serial.wait('LODGE-READY', 120)
        serial.count_on(2)
        forecast = machine.call('Forecast', '(sa{sv})', ('snapshot', {}))[0][0]
        first = lodge.ctl('snapshot', 'web', 'create', 'while it ran').stdout.strip()
        assert machine.state == 'running'
        taken_at = serial.count_on(1)[-1]
        serial.count_on(10)
        far = serial.numbers()[-1]
    listed = snapshots(machine)[first]
    print('forecast', forecast, 'truth', listed['size'], listed['seconds'], listed['pause-seconds'])
    assert forecast['reasons'] == [] and listed['size'] <= forecast['bytes'] * 1.05 and forecast['bytes'] <= listed['size'] * 4
    assert listed['memory'] and listed['picture'] and listed['current'] and listed['name'] == 'while it ran'
    lodge.ctl('snapshot', 'web', 'rename', first, 'renamed', '--note', 'why')
    assert snapshots(machine)[first]['name'] == 'renamed' and snapshots(machine)[first]['note'] == 'why'

    machine.call('Pause')
    second = take(machine)
    assert machine.state == 'paused', 'a paused machine stays so'
    machine.call('Resume')
    # Back in time, and the present is kept first.
    restore(machine, first)
    assert machine.state == 'saved'
    assert sum(snapshot['automatic'] for snapshot in snapshots(machine).values()) == 1
    # A disk that was written to, or copied, since does not fit that memory any more.
    stamp = os.stat(active_disk(machine))
    os.utime(active_disk(machine))
    with pytest.raises(GLib.Error) as failure:
        machine.call('Start', timeout=120)
    assert error_code(failure.value) == 'NotSupported' and machine.state == 'saved'
    os.utime(active_disk(machine), ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    machine.call('Start', timeout=120)
    with machine.serial() as serial:
        again = serial.count_on(2)[0]
    assert again <= taken_at + 40 and again < far + 40
    # A snapshot of a saved machine has its memory, too.
    machine.call('Save')
    third = take(machine, name='saved')
    assert machine.state == 'saved' and snapshots(machine)[third]['memory']
    restore(machine, second, keep_present=False, start=True)
    assert machine.state == 'paused', 'as it was then'
    machine.call('Resume')
    with machine.serial() as serial:
        assert serial.count_on(2)[0] >= far
    restore(machine, third, keep_present=False, disks_only=True)
    assert machine.state == 'off'
    for one in list(snapshots(machine)):
        delete(machine, one)
        settled(machine)
    machine.start()
    machine.force_off()


def qmp(folder, *commands, name='rescue.sock'):
    """Says so to QEMU, with its sockets in this folder: words, or pairs of a word and its arguments. The last answer."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(20)
        line.connect(os.path.join(folder, name))
        with line.makefile('rw') as stream:
            stream.readline()
            for command in ('qmp_capabilities', *commands):
                command, arguments = command if isinstance(command, tuple) else (command, {})
                stream.write(json.dumps({'execute': command, 'arguments': arguments}))
                stream.flush()
                answer = {}
                while 'return' not in answer:
                    answer = json.loads(stream.readline())
                    assert 'error' not in answer, answer
            return answer['return']


def test_what_was_made_for_a_clone_goes(lodge):
    """Also when the core was killed while it took it away: nothing leads to it any more, and no list shows it."""
    machine = lodge.create('web', disk_size=8 << 20, firmware='bios')
    snapshot, folder = take(machine), machine.get('Folder')
    place = os.path.join(folder, 'snapshots', snapshot, 'snapshot.json')
    lodge.kill_core()
    with open(place, encoding='utf-8') as f:
        made = json.load(f)
    profile = profile_of(machine, folder)
    del profile['snapshot']
    with open(os.path.join(folder, 'snapshots', '.nameless'), 'w', encoding='utf-8') as f:
        f.write(made['disks']['disk0'] + '\n')
    for path, document in ((place, {**made, 'transient': True}), (os.path.join(folder, 'machine.json'), profile)):
        with open(path, 'w', encoding='utf-8') as f:
            json.dump(document, f)
    assert snapshots(machine) == {}
    wait_until(lambda: os.listdir(os.path.join(folder, 'snapshots')) == [] and len(os.listdir(os.path.join(folder, 'disks'))) == 1, 60, 'it to go')


def test_layers_are_merged_below_a_guest(lodge):
    """A machine that is not shut down gets rid of the layers of deleted snapshots, too, and stands by what it is asked meanwhile."""
    machine = lodge.create('web', disk_size=64 << 20, memory=64 << 20)
    disks = os.path.join(machine.get('Folder'), 'disks')
    runtime = os.path.join(lodge.runtime, 'lodge', machine.id[:8])
    qemu_io = '-d /machine/peripheral/disk0/virtio-backend'
    machine.start()
    known = []
    for number in range(5):
        assert qmp(runtime, ('human-monitor-command', {'command-line': f'qemu-io {qemu_io} "write -P {number + 1} {number}M 1M"'})) == ''
        known.append(take(machine, memory=False))

    # What an earlier core has begun is ended by the next one.
    top = next(block['inserted']['node-name'] for block in qmp(runtime, 'query-block') if 'disk0' in block.get('qdev', ''))
    lodge.kill_core()
    with open(os.path.join(disks, '../snapshots/.nameless'), 'w', encoding='ascii') as f:
        f.write('disks/gone.qcow2\n')
    qmp(runtime, ('block-stream', {'job-id': 'lodge-merge', 'device': top, 'base-node': 'disk0', 'backing-file': 'disk0.qcow2', 'speed': 1,
                                   'auto-finalize': False, 'auto-dismiss': False}))
    machine = lodge.machine('web')
    wait_until(lambda: machine.state == 'running' and qmp(runtime, 'query-jobs') == [], 30, 'the next core to end the job')

    delete(machine, known[1])
    delete(machine, known[4])
    wait_until(lambda: sorted(os.listdir(disks)) == ['disk0-2.qcow2', 'disk0-3.qcow2', 'disk0-5.qcow2', 'disk0.qcow2'], 60,
               f'the layers to be merged: {os.listdir(disks)}')
    assert machine.state == 'running' and qmp(runtime, 'query-jobs') == []
    for number in range(5):
        assert qmp(runtime, ('human-monitor-command', {'command-line': f'qemu-io {qemu_io} "read -P {number + 1} {number}M 1M"'})) == ''
    # Given up by its job it has changed nothing, however slow QEMU is, and nobody waits for it.
    pid = machine.qemu_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        delete(machine, known[2])
        job, = wait_until(lambda: merging(lodge), 30, 'the job')
        lodge.call(job, f'{BUS}.Job', 'Cancel', GLib.Variant('(a{sv})', ({},)))
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not merging(lodge), 60, 'it to be given up')
    assert 'disk0-2.qcow2' in os.listdir(disks) and qmp(runtime, 'query-jobs') == [] and machine.state == 'running'
    last = take(machine)
    assert qmp(runtime, ('human-monitor-command', {'command-line': f'qemu-io {qemu_io} "write -P 7 0 1M"'})) == ''
    wait_until(lambda: 'disk0-2.qcow2' not in os.listdir(disks), 60, 'the layer to be merged')
    machine.call('Save', timeout=60)
    machine.start()
    machine.force_off()
    settled(machine)

    def reads(*pairs):
        words = [word for at, value in pairs for word in ('-c', f'read -P {value} {at}M 1M')]
        done = subprocess.run(['qemu-io', '-r', '-f', 'qcow2', *words, active_disk(machine)], check=True, capture_output=True, text=True)
        assert 'failed' not in done.stdout, done.stdout

    reads((0, 7), (1, 2), (2, 3), (3, 4), (4, 5))
    for name in os.listdir(disks):
        subprocess.run(['qemu-img', 'check', '-q', os.path.join(disks, name)], check=True)
        head = json.loads(subprocess.run(['qemu-img', 'info', '--output=json', os.path.join(disks, name)], check=True, capture_output=True).stdout)
        assert '/' not in head.get('backing-filename', ''), head
    restore(machine, known[3], keep_present=False)
    reads((0, 1), (1, 2), (2, 3), (3, 4), (4, 0))
    restore(machine, last, keep_present=False, disks_only=True)
    reads((0, 1), (4, 5))


def test_killed_between_machine_json_and_qemu(lodge):
    """What a core left that named the new layers and did not come to tell QEMU: the next one puts it right under the guest."""
    machine = lodge.create('web', disk_size=64 << 20, memory=64 << 20)
    folder = machine.get('Folder')
    machine.start()
    first = take(machine)
    assert profile_of(machine)['disks'][0]['file'] == 'disks/disk0-1.qcow2'
    runtime = os.path.join(lodge.runtime, 'lodge', machine.id[:8])
    lodge.kill_core()
    profile = profile_of(machine, folder)
    profile['disks'][0]['file'] = 'disks/disk0-2.qcow2'
    profile['snapshot'] = 'abcdef01'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-u', '-b', 'disk0-1.qcow2', '-F', 'qcow2',
                    os.path.join(folder, 'disks/disk0-2.qcow2'), '64M'], check=True)
    half = os.path.join(folder, 'snapshots/.new-abcdef01')
    os.mkdir(half)
    for path, text in ((os.path.join(folder, 'machine.json'), json.dumps(profile)), (os.path.join(half, 'running'), ''),
                       (os.path.join(folder, 'snapshots/.layers'), 'disks/disk0-2.qcow2\n'),
                       (os.path.join(half, 'snapshot.json'), json.dumps({'schema': 1, 'id': 'abcdef01', 'name': 'half', 'parent': first,
                                                                         'disks': {'disk0': 'disks/disk0-1.qcow2'}}))):
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
    qmp(runtime, 'stop', name='qmp.sock')

    machine = lodge.machine('web')
    wait_until(lambda: machine.state == 'running' and not os.path.exists(half), 30, 'the guest to go on')
    assert profile_of(machine)['disks'][0]['file'] == 'disks/disk0-1.qcow2' and machine.get('CurrentSnapshot') == first
    assert sorted(os.listdir(os.path.join(folder, 'disks'))) == ['disk0-1.qcow2', 'disk0.qcow2']
    second = take(machine, name='and again')
    assert machine.state == 'running'
    # The next core knows what the guest writes to, so what it saves does not go on in a frozen file.
    lodge.kill_core()
    machine = lodge.machine('web')
    third = take(machine)
    machine.call('Save', timeout=60)
    files = ['disks/disk0-1.qcow2', 'disks/disk0-2.qcow2', 'disks/disk0-3.qcow2']
    for place, file in ((f'snapshots/{second}', files[0]), (f'snapshots/{third}', files[1]), ('saved', files[2])):
        assert profile_of(machine, os.path.join(folder, place))['disks'][0]['file'] == file, place
    machine.start()
    machine.force_off()


def test_memory_is_put_back_in_place(lodge):
    """A guest that is put back leaves its memory to the next QEMU: all of it is what the snapshot has, which itself stays as it is."""
    machine = lodge.create('web', disk_size=16 << 20, memory=64 << 20)
    folder = machine.get('Folder')
    machine.start()
    machine.call('Pause')

    def scribble(*places):
        """Returns: what the memory is"""
        path = f'/proc/{machine.qemu_pid}/fd/17'
        if not os.path.exists(path) or 'memfd:lodge-memory' not in os.readlink(path): # under KVM it is in no file
            return None
        with open(path, 'r+b') as memory:
            for at, size in places:
                memory.seek(at)
                memory.write(random.randbytes(size))
            return os.fstat(memory.fileno()).st_ino

    scribble((24 << 20, 4 << 20), ((64 << 20) - 70000, 70000))
    one = take(machine)
    ram = os.path.join(folder, 'snapshots', one, 'ram')
    known = None
    if os.path.exists(ram):
        with open(ram, 'rb') as f:
            known = f.read()
    machine.call('Resume')
    # Within what was there, over its ends, and where nothing was.
    identity = scribble((0, 70000), (25 << 20, 300), ((24 << 20) - 2048, 8192), ((28 << 20) - 2048, 70000), (40 << 20, 9 << 20), ((64 << 20) - 300, 300))
    restore(machine, one, keep_present=False, start=True)
    assert machine.state == 'paused'
    if known is not None:
        with open(f'/proc/{machine.qemu_pid}/fd/17', 'rb') as memory:
            assert os.fstat(memory.fileno()).st_ino == identity, 'it is the same memory'
            assert memory.read() == known
        with open(ram, 'rb') as f:
            assert f.read() == known

    # What a core left that was killed before the guest had ended: it goes, and the guest runs on.
    machine.call('Resume')
    profile = profile_of(machine)
    before = sorted(os.listdir(os.path.join(folder, 'disks')))
    lodge.kill_core()
    os.mkdir(os.path.join(folder, 'restore.new'))
    for path, text in (('restore.new/machine.json', json.dumps(profile)), ('snapshots/.layers', 'disks/disk0-7.qcow2\n')):
        with open(os.path.join(folder, path), 'w', encoding='utf-8') as f:
            f.write(text)
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-u', '-b', 'disk0.qcow2', '-F', 'qcow2',
                    os.path.join(folder, 'disks/disk0-7.qcow2'), '16M'], check=True)
    machine = lodge.machine('web')
    assert machine.state == 'running'
    wait_until(lambda: sorted(os.listdir(os.path.join(folder, 'disks'))) == before
               and not any(name.startswith(('restore', '.gone-')) for name in os.listdir(folder)), 30, 'the rest of it to be gone')
    assert not os.path.exists(os.path.join(folder, 'snapshots/.layers')) and machine.state == 'running' and profile_of(machine) == profile
    machine.force_off()


def test_refusals(lodge, tmp_path):
    outside = str(tmp_path / 'outside.qcow2')
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', outside, '16M'], check=True)
    machine = lodge.create('referenced', media=[('disk', outside)])
    with pytest.raises(GLib.Error) as failure:
        take(machine)
    assert error_code(failure.value) == 'NotSupported' and 'outside' in failure.value.message
    assert machine.call('Forecast', '(sa{sv})', ('snapshot', {}))[0][0]['reasons'] == ['disk-outside']

    # An image that somebody made read a file of the host is not gone on from.
    hostile = lodge.create('hostile', disk_size=16 << 20)
    disk = active_disk(hostile)
    subprocess.run(['qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', disk], check=True)
    with pytest.raises(GLib.Error) as failure:
        take(hostile)
    assert error_code(failure.value) == 'WrongFormat', failure.value.message
    for unknown in ('00000000', '../../etc', ''):
        with pytest.raises(GLib.Error) as failure:
            restore(hostile, unknown)
        assert error_code(failure.value) == 'NotFound'
    assert snapshots(hostile) == {}
