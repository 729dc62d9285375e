# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups: what was read is what comes back, each costs what has changed, and nothing is left half-made."""
import hashlib
import json
import os
import socket
import subprocess

import pytest
from gi.repository import GLib

from lodgetest import Machine, wait_until
from lodgetest.lodge import error_code

MIB = 1 << 20


def folder_call(lodge, method, signature, folder, *values, timeout=120):
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return lodge.core(method, signature, (0, *values), [fd], timeout=timeout)[0]
    finally:
        os.close(fd)


def options(**values):
    return {key.replace('_', '-'): GLib.Variant('b' if isinstance(value, bool) else 's', value) for key, value in values.items()}


def back_up(machine, folder, **values):
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return machine.call('Backup', '(ha{sv})', (0, options(**values)), [fd], timeout=180)[0]
    finally:
        os.close(fd)


def listed(lodge, folder, **values):
    return folder_call(lodge, 'ListBackups', '(ha{sv})', folder, options(**values))[0]


def verify(lodge, folder, backup):
    return folder_call(lodge, 'VerifyBackup', '(hsa{sv})', folder, backup, {})[0]


def delete(lodge, folder, backup):
    folder_call(lodge, 'DeleteBackup', '(hsa{sv})', folder, backup, {})


def restore(lodge, folder, backup, **values):
    return Machine(lodge, folder_call(lodge, 'RestoreBackup', '(hsa{sv})', folder, backup, options(**values), timeout=180)[0])


def jobs(lodge):
    """The newest job of each kind."""
    values, _ = lodge.call('/org/lodgevm/Core1', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')
    found = {int(path.rpartition('/')[2]): (path, one['org.lodgevm.Core1.Job']) for path, one in values[0].items() if 'org.lodgevm.Core1.Job' in one}
    return {found[number][1]['Kind']: {**found[number][1], 'path': found[number][0]} for number in sorted(found)}


def cancel(lodge, kind):
    lodge.call(jobs(lodge)[kind]['path'], 'org.lodgevm.Core1.Job', 'Cancel', GLib.Variant('(a{sv})', ({},)))


def overwrite(machine, command):
    """Writes to the disk of a running guest, as the guest would, through the second monitor."""
    path = os.path.join(machine.lodge.runtime, 'lodge', machine.get('Id')[:8], 'rescue.sock')
    with socket.socket(socket.AF_UNIX) as monitor, monitor.makefile('rw') as stream:
        monitor.connect(path)
        stream.readline()
        for name, arguments in ('qmp_capabilities', {}), ('human-monitor-command', {
                'command-line': f'qemu-io -d /machine/peripheral/disk0/virtio-backend "{command}"'}):
            stream.write(json.dumps({'execute': name, 'arguments': arguments}) + '\n')
            stream.flush()
            answer = json.loads(stream.readline())
            while 'event' in answer:
                answer = json.loads(stream.readline())
            assert answer.get('return') in ({}, ''), answer


def refused(call, *arguments, **values):
    with pytest.raises(GLib.Error) as caught:
        call(*arguments, **values)
    return error_code(caught.value)


def disk(machine):
    with open(os.path.join(machine.get('Folder'), 'machine.json'), encoding='utf-8') as f:
        return os.path.join(machine.get('Folder'), json.load(f)['disks'][0]['file'])


def qemu_io(path, *commands):
    words = [word for command in commands for word in ('-c', command)]
    done = subprocess.run(['qemu-io', '-f', 'qcow2', *words, path], capture_output=True, text=True)
    assert done.returncode == 0 and 'failed' not in done.stdout + done.stderr, done.stdout + done.stderr


def contents(machine):
    """A hash of the disk as a guest sees it, and of what else the machine consists of."""
    raw = os.path.join(machine.lodge.state, 'raw')
    subprocess.run(['qemu-img', 'check', '-q', disk(machine)], check=True)
    subprocess.run(['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', disk(machine), raw], check=True)
    found = []
    for path in raw, os.path.join(machine.get('Folder'), 'firmware/vars.qcow2'), os.path.join(machine.get('Folder'), 'tpm/tpm2-00.permall'):
        if os.path.exists(path):
            with open(path, 'rb') as f:
                found.append(hashlib.sha256(f.read()).hexdigest())
    os.unlink(raw)
    return found


def files(folder):
    return {os.path.relpath(os.path.join(path, name), folder): os.path.getsize(os.path.join(path, name))
            for path, _, names in os.walk(folder) for name in names if name != '.lock'}


@pytest.fixture
def safe(lodge):
    """The folder for the backups."""
    folder = os.path.join(lodge.state, 'safe')
    os.mkdir(folder)
    return folder


def test_a_machine_comes_back(lodge, safe):
    machine = lodge.create('Box', firmware='uefi', tpm=True, disk_size=96 * MIB + 4096)
    with open(os.path.join(machine.get('Folder'), 'tpm/tpm2-00.permall'), 'w', encoding='ascii') as f:
        f.write('sealed')
    qemu_io(disk(machine), 'write -P 7 0 3M', 'write -P 8 50M 64k', 'write -P 9 96M 4096')
    first_state = contents(machine)
    before = {name: size for name, size in files(machine.get('Folder')).items() if not name.startswith('log')}
    first, facts = back_up(machine, safe, verify=True)
    assert not facts['incremental'] and facts['consistent'] == 'off' and facts['size'] == 96 * MIB + 4096
    assert 3 * MIB < facts['stored'] < 8 * MIB
    assert {name: size for name, size in files(machine.get('Folder')).items() if not name.startswith('log')} == before

    qemu_io(disk(machine), 'write -P 11 1M 100k', 'write -z 50M 64k')
    second_state = contents(machine)
    second, facts = back_up(machine, safe)
    assert facts['incremental'] and facts['stored'] < 2 * MIB
    found = listed(lodge, safe)
    assert [backup['id'] for backup in found] == [first, second]
    assert {backup['name'] for backup in found} == {'Box'} and not any(backup['fault'] for backup in found)
    assert listed(lodge, safe, machine='somebody else') == []
    assert found[0]['verified'] >= found[0]['created'] - 1 and not found[0]['damaged'] and 'verified' not in found[1]

    # Each is whole by itself, also when the one that it builds on was deleted.
    copy = restore(lodge, safe, first, name='Copy')
    assert contents(copy) == first_state and copy.get('Id') != machine.get('Id') and copy.get('Name') == 'Copy'
    delete(lodge, safe, first)
    assert [backup['id'] for backup in listed(lodge, safe)] == [second]
    assert verify(lodge, safe, second)['disks'] == 1
    assert contents(restore(lodge, safe, second)) == second_state
    assert refused(restore, lodge, safe, first) == 'NotFound'

    # In place, the present is kept.
    qemu_io(disk(machine), 'write -P 12 0 10M')
    present = contents(machine)
    restore(lodge, safe, second, machine=machine.get('Id'))
    assert contents(machine) == second_state and machine.get('Name') == 'Box'
    kept = machine.call('ListSnapshots')[0][0]
    assert len(kept) == 1 and kept[0]['automatic']
    machine.call('RestoreSnapshot', '(sa{sv})', (kept[0]['id'], {'keep-present': GLib.Variant('b', False)}))
    assert contents(machine) == present
    assert refused(restore, lodge, safe, second, machine=copy.get('Id')) == 'InvalidArgument'

    # A machine that is lost comes back as itself.
    name = machine.get('Id')
    machine.call('Delete')
    lodge.core('EmptyTrash', '(asa{sv})', ([], {}))
    again = restore(lodge, safe, second)
    assert again.get('Id') == name and contents(again) == second_state
    delete(lodge, safe, second)
    assert os.listdir(safe) == []


def test_damage_is_found(lodge, safe):
    machine = lodge.create('Box', disk_size=64 * MIB)
    qemu_io(disk(machine), 'write -P 7 0 3M')
    state = contents(machine)
    first, _ = back_up(machine, safe)
    data = os.path.join(safe, first, 'data-0000')
    with open(data, 'r+b') as f:
        f.seek(300000)
        f.write(b'x')
    assert refused(verify, lodge, safe, first) == 'Damaged'
    assert listed(lodge, safe)[0]['damaged']
    assert refused(restore, lodge, safe, first) == 'Damaged'
    assert len(lodge.machines()) == 1 and os.listdir(os.path.join(lodge.data, 'machines')) == [os.path.basename(machine.get('Folder'))]
    # One that compares writes again what was damaged since.
    second, facts = back_up(machine, safe, verify=True)
    assert facts['incremental'] and facts['stored'] < 2 * MIB
    assert contents(restore(lodge, safe, second)) == state
    os.truncate(data, MIB)
    assert refused(verify, lodge, safe, second) == 'Damaged'
    os.unlink(data)
    assert refused(verify, lodge, safe, second) == 'NotFound'


@pytest.mark.slow
@pytest.mark.once
def test_a_running_guest(lodge_qemu):
    """It counts on while it is backed up, and what it overwrites meanwhile is in the backup as it was."""
    lodge = lodge_qemu
    safe = os.path.join(lodge.state, 'safe')
    os.mkdir(safe)
    machine = lodge.create_demo('Guest', 'lodge.count', disk_size=256 * MIB)
    qemu_io(disk(machine), 'write -P 7 0 240M')
    before = contents(machine)
    machine.start()
    with machine.serial() as serial:
        process = lodge.start('lodgectl', 'backup', 'Guest', safe)
        wait_until(lambda: jobs(lodge).get('backup', {}).get('Progress', 0) > 0, 60, 'the backup to read')
        assert refused(machine.call, 'TakeSnapshot') == 'InUse'
        overwrite(machine, 'write -P 9 130M 110M')
        # Whoever asked for it may leave.
        process.kill()
        wait_until(lambda: len(listed(lodge, safe)) == 1, 120, 'the backup')
        assert machine.state == 'running'
        serial.count_on(2, 240)
        wait_until(lambda: not os.path.exists(os.path.join(machine.get('Folder'), 'view')), 30, 'nothing to be left')

        first = listed(lodge, safe)[0]
        assert first['consistent'] in ('frozen', 'running') and not first['incremental']
        good = files(os.path.join(safe, first['id']))

        # A core that is killed in the middle: the guest counts on, the next core cleans up.
        lodge.start('lodgectl', 'backup', 'Guest', safe)
        wait_until(lambda: jobs(lodge).get('backup', {}).get('State') == 'running' and jobs(lodge)['backup']['Progress'] > 0, 60, 'another backup')
        lodge.kill_core()
        assert machine.state == 'running'
        serial.count_on(2, 240)
        wait_until(lambda: not os.path.exists(os.path.join(machine.get('Folder'), 'view')), 30, 'the next core to clean up')
        assert [backup['id'] for backup in listed(lodge, safe)] == [first['id']]
        assert files(os.path.join(safe, first['id'])) == good
        second, facts = back_up(machine, safe)
        assert facts['incremental'] and facts['stored'] > 100 * MIB
        assert len(os.listdir(os.path.join(safe, first['id'].split('/')[0]))) == 3, 'two backups and the lock'

        # Where the agent answers the guest writes all that it holds before.
        os.mkdir(safe + '-held')
        wait_until(lambda: back_up(machine, safe + '-held')[1]['consistent'] == 'frozen', 240, 'the agent to hold the guest still')

        # A guest that ends, and a job that is cancelled.
        for stop in (lambda: cancel(lodge, 'backup')), (lambda: machine.call('ForceOff')):
            process = lodge.start('lodgectl', 'backup', 'Guest', safe, stderr=subprocess.PIPE, text=True)
            wait_until(lambda: jobs(lodge).get('backup', {}).get('State') == 'running' and jobs(lodge)['backup']['Progress'] > 0, 60, 'a backup')
            stop()
            print(process.communicate(timeout=120)[1])
            assert process.returncode != 0
            assert [backup['id'] for backup in listed(lodge, safe)] == [first['id'], second]
    machine.wait_state('off')
    now = contents(machine)
    verify(lodge, safe, second)
    assert contents(restore(lodge, safe, first['id'])) == before
    assert contents(restore(lodge, safe, second)) == now != before


def test_a_snapshot_before_each_start(lodge):
    """Only where something has changed since the last one, and a start that fails for it is none."""
    machine = lodge.create_demo('Box', disk_size=64 * MIB)

    def automatic():
        return [snapshot for snapshot in machine.call('ListSnapshots')[0][0] if snapshot['automatic']]

    def start_and_stop():
        machine.call('Start', '(a{sv})', ({'paused': GLib.Variant('b', True)},), timeout=120)
        machine.force_off()

    start_and_stop()
    assert automatic() == []
    lodge.ctl('set', 'Box', 'snapshot-before-start=on', 'snapshot-every=60', f'backup-folder={lodge.state}', 'backup-every=24')
    assert lodge.ctl('set', 'Box', 'backup-folder=', check=False).returncode != 0
    wait_until(lambda: 'last-backup' in machine.get('Automatic'), 60, 'a backup that nobody asked for')
    assert len(listed(lodge, lodge.state)) == 1
    machine.call('Start', '(a{sv})', ({'paused': GLib.Variant('b', True)},), timeout=120)
    assert len(automatic()) == 1 and not automatic()[0]['memory']
    machine.call('Resume')
    # Hours from now, as far as the clock goes.
    wait_until(lambda: machine.get('Automatic').get('next-snapshot', 0) > 1.6e9, 30, 'the next snapshot')
    machine.force_off()
    start_and_stop()
    assert len(automatic()) == 1, 'nothing has changed since'
    qemu_io(disk(machine), 'write -P 5 0 64k')
    start_and_stop()
    assert len(automatic()) == 2

    # Where it cannot be taken the machine starts all the same, and that is said until the next start.
    qemu_io(disk(machine), 'write -P 6 0 64k')
    folder = os.path.join(machine.get('Folder'), 'snapshots')
    os.rename(folder, folder + '.away')
    with open(folder, 'wb'):
        pass
    assert 'without the snapshot before it' in lodge.ctl('start', 'Box', '--paused').stderr
    assert 'before-start-error' in machine.get('Automatic')
    machine.force_off()
    os.unlink(folder)
    os.rename(folder + '.away', folder)
    start_and_stop()
    assert len(automatic()) == 3 and 'before-start-error' not in machine.get('Automatic')

    # A look into the backup: a machine that runs from it, and leaves nothing.
    backup, = (entry['id'] for entry in listed(lodge, lodge.state))
    look = lodge.machine(lodge.ctl('restore', lodge.state, backup, '--disposable', timeout=120).stdout.strip())
    folder = look.get('Folder')
    assert look.state == 'running' and look.get('Disposable') is True and look.id != machine.id
    look.call('ForceOff')
    wait_until(lambda: not os.path.exists(folder) and list(lodge.machines()) == [machine.path], 30, 'the look into the backup to go')
    assert [entry['id'] for entry in listed(lodge, lodge.state)] == [backup]


def test_a_scheduled_backup_gives_way(lodge):
    """Whoever starts a machine does not wait for a backup that nobody asked for; it is made later."""
    machine = lodge.create('Box', disk_size=256 * MIB, memory=64 * MIB)
    qemu_io(disk(machine), 'write -P 7 0 240M')
    lodge.ctl('set', 'Box', f'backup-folder={lodge.state}', 'backup-every=24')
    wait_until(lambda: 'backup' in jobs(lodge), 60, 'a backup that nobody asked for', 0.02)
    machine.start()
    automatic = machine.get('Automatic')
    assert 'backup-error' not in automatic and automatic['next-backup'] > 1.6e9
    # On a computer that is quick enough it is there before the start.
    given_way = jobs(lodge)['backup']['State'] == 'cancelled'
    assert given_way != ('last-backup' in automatic) and len(listed(lodge, lodge.state)) == (not given_way)
    machine.force_off()


def test_a_restore_that_is_killed(lodge, safe):
    """A core that dies while it restores: no machine that is not whole, and the one in whose place it was is what it was or what it was to be."""
    machine = lodge.create('Box', disk_size=128 * MIB)
    qemu_io(disk(machine), 'write -P 7 0 96M')
    then = contents(machine)
    backup, _ = back_up(machine, safe)
    qemu_io(disk(machine), 'write -P 8 0 1M')
    now = contents(machine)
    folder, library = machine.get('Folder'), os.path.join(lodge.data, 'machines')

    def others():
        return [name for name in os.listdir(library) if name != os.path.basename(folder)]

    def grown(place):
        """Whether a disk is being written there."""
        return any(size > 4 * MIB for name, size in (files(place) if os.path.isdir(place) else {}).items() if name.startswith('disks/'))

    lodge.start('lodgectl', 'restore', safe, backup)
    wait_until(lambda: any(grown(os.path.join(library, name)) for name in others()), 60, 'a disk to be restored', 0.01)
    lodge.kill_core()
    assert list(lodge.machines()) == [machine.path]
    wait_until(lambda: not others(), 30, 'the half-made machine to go')
    assert contents(machine) == now

    lodge.start('lodgectl', 'restore', safe, backup, '--in-place', 'Box')
    wait_until(lambda: grown(os.path.join(folder, 'restore.new')), 60, 'a disk to be restored in place', 0.01)
    lodge.kill_core()
    lodge.machines()
    wait_until(lambda: not os.path.exists(os.path.join(folder, 'restore.new')) and not os.path.exists(os.path.join(folder, 'restore')),
               30, 'the half-made state to go')
    assert contents(machine) in (now, then)
    restore(lodge, safe, backup, machine=machine.get('Id'))
    assert contents(machine) == then
