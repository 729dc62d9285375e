# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to disks after an end that was none: they are checked, and repaired only where nothing can be lost."""
import hashlib
import os
import shutil
import struct
import subprocess

import gi
import pytest
from gi.repository import GLib

from lodgetest import Lodge, wait_until

gi.require_version('Gio', '2.0')
CLUSTER = 65536


def children(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
        return [int(child) for child in f.read().split()]


def kill_guest(lodge, machine):
    """QEMU and what stands around it, at once, as the kernel does when memory ends."""
    pid = machine.pid
    for victim in [*children(pid), pid]:
        os.kill(victim, 9)
    machine.wait_state('off', 15)


def refcount_at(disk, cluster):
    """Where the reference count of a cluster is written in a small qcow2 image."""
    disk.seek(48)
    table, = struct.unpack('>Q', disk.read(8))
    disk.seek(table)
    block, = struct.unpack('>Q', disk.read(8))
    return block + 2 * cluster


def set_refcount(path, cluster, count):
    with open(path, 'r+b') as disk:
        disk.seek(0, os.SEEK_END)
        if disk.tell() < (cluster + 1) * CLUSTER:
            disk.truncate((cluster + 1) * CLUSTER)
        disk.seek(refcount_at(disk, cluster))
        disk.write(struct.pack('>H', count))


def check(path):
    return subprocess.run(['qemu-img', 'check', '-q', str(path)], capture_output=True).returncode


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def jobs(lodge):
    values, _ = lodge.call('/org/lodgevm/Core1', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')
    return [found['org.lodgevm.Core1.Job'] for found in values[0].values() if 'org.lodgevm.Core1.Job' in found]


@pytest.fixture
def machine(lodge):
    """A machine that was killed; its disk has a pattern in its first MiB, which lies in clusters 5 to 20."""
    lodge.ctl('create', 'web', '--demo', '--disk-size', '64M')
    machine = lodge.machine('web')
    machine.folder = machine.get('Folder')
    machine.disk = os.path.join(machine.folder, 'disks/disk0.qcow2')
    machine.mark = os.path.join(machine.folder, 'in-use')
    subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 0x5a 0 1M', machine.disk], check=True, capture_output=True)
    assert not os.path.exists(machine.mark)
    machine.start()
    assert os.path.exists(machine.mark)
    kill_guest(lodge, machine)
    assert os.path.exists(machine.mark)
    return machine


def pattern_is_there(path):
    done = subprocess.run(['qemu-io', '-r', '-f', 'qcow2', '-c', 'read -P 0x5a 0 1M', path], capture_output=True, text=True)
    return done.returncode == 0 and 'verification failed' not in done.stdout


def test_orderly_end(lodge):
    """Nothing is checked after it: neither after ForceOff, which lets QEMU close its disks, nor after a new core."""
    lodge.ctl('create', 'web', '--demo', '--disk-size', '64M')
    machine = lodge.machine('web')
    mark = os.path.join(machine.get('Folder'), 'in-use')
    for kill_core in (False, True):
        machine.start()
        assert os.path.exists(mark)
        if kill_core:
            lodge.kill_core()
            machine.wait_state('running')
        machine.force_off()
        assert not os.path.exists(mark)
    assert [job['Kind'] for job in jobs(lodge)] in ([], ['create'])


def test_good_disk_after_a_crash(lodge, machine):
    machine.start()
    assert [job['State'] for job in jobs(lodge) if job['Kind'] == 'check'] == ['done']
    machine.force_off()
    assert not os.path.exists(machine.mark)


def test_lost_space(lodge, machine):
    """It is given back without a question, since no data of the guest is touched."""
    set_refcount(machine.disk, 40, 1)
    assert check(machine.disk) == 3
    lodge.ctl('start', 'web')
    machine.force_off()
    assert check(machine.disk) == 0 and pattern_is_there(machine.disk)


def test_damaged_disk(lodge, machine):
    """Not started, not touched; repaired on a copy when that is wished for."""
    set_refcount(machine.disk, 7, 0)
    assert check(machine.disk) == 2
    before = digest(machine.disk)
    for _ in range(2):
        done = lodge.ctl('start', 'web', check=False)
        assert done.returncode == 12, done.stderr
        assert 'A disk image of “web” was not closed cleanly and fails its check.' in done.stderr
        assert 'disk0.qcow2' in done.stderr.split('Details: ')[1]
        assert machine.state == 'off' and digest(machine.disk) == before
    assert {job['State'] for job in jobs(lodge) if job['Kind'] == 'check'} == {'failed'}
    assert os.listdir(os.path.dirname(machine.disk)) == ['disk0.qcow2']

    lodge.ctl('start', '--repair', 'web')
    # The lock went along to the new file: nobody else may have it now.
    assert lodge.ctl('create', 'other', '--disk', machine.disk, check=False).returncode == 8
    machine.force_off()
    assert digest(machine.disk + '.before-repair') == before
    assert check(machine.disk) == 0 and pattern_is_there(machine.disk)
    assert sorted(os.listdir(os.path.dirname(machine.disk))) == ['disk0.qcow2', 'disk0.qcow2.before-repair']


def test_disk_beyond_repair(lodge, machine):
    """Nothing takes the place of the original, and no copy is left."""
    with open(machine.disk, 'r+b') as disk:  # the table of level 1 lies outside of the file
        disk.seek(40)
        disk.write(struct.pack('>Q', 1 << 50))
    before = digest(machine.disk)
    for option in ([], ['--repair']):
        done = lodge.ctl('start', *option, 'web', check=False)
        assert done.returncode == 12, done.stderr
        assert digest(machine.disk) == before
        assert os.listdir(os.path.dirname(machine.disk)) == ['disk0.qcow2']


def test_disk_of_another_format(lodge):
    lodge.ctl('create', 'web', '--demo', '--disk-size', '64M')
    disk = os.path.join(lodge.machine('web').get('Folder'), 'disks/disk0.qcow2')
    with open(disk, 'wb') as f:
        f.write(b'Milk, bread, butter\n' * 5000)
    done = lodge.ctl('start', 'web', check=False)
    assert done.returncode == 6 and 'is not what it was given as' in done.stderr
    assert 'qcow2' in done.stderr


def test_forced_off_while_checking(tmp_path):
    """A check may take minutes; it can be left, and takes its qemu-img along."""
    tools = tmp_path / 'qemu'
    tools.mkdir()
    for name in ('qemu-system-x86_64', 'qemu-img'):
        slow = 'case "$1" in check) exec sleep 1234.5 ;; esac\n' if name == 'qemu-img' else ''
        (tools / name).write_text(f'#!/bin/sh\n{slow}exec {shutil.which(name)} "$@"\n')
        (tools / name).chmod(0o755)
    lodge = Lodge(qemu_dir=tools)
    try:
        lodge.ctl('create', 'web', '--demo', '--disk-size', '64M')
        machine = lodge.machine('web')
        with open(os.path.join(machine.get('Folder'), 'in-use'), 'wb'):
            pass
        start = lodge.start('lodgectl', 'start', 'web', stderr=subprocess.PIPE, text=True)
        wait_until(lambda: [job for job in jobs(lodge) if job['Kind'] == 'check'], 20, 'the job of the check')
        assert machine.state == 'starting'
        machine.force_off()
        assert start.wait(120) == 1
        wait_until(lambda: 'sleep 1234.5' not in lodge.run('ps', '-eo', 'args').stdout, 10, 'the end of qemu-img')
        with pytest.raises(GLib.Error):
            machine.call('ForceOff')
    finally:
        lodge.close()
