# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks are added, taken out, grown, compacted and converted; whatever interrupts it, a disk is the old one or the new one."""
import hashlib
import json
import os
import subprocess

import pytest
from gi.repository import GLib

from lodgetest import wait_until
from lodgetest.lodge import error_code

MIB = 1 << 20


def refused(call, *arguments, **options):
    with pytest.raises(GLib.Error) as caught:
        call(*arguments, **options)
    return error_code(caught.value), caught.value.message


def disks(machine):
    return machine.call('ListDisks')[0][0]


def disk(machine, name):
    return next(entry for entry in disks(machine) if entry['id'] == name)


def add(machine, fd=None, **options):
    types = {'size': 't', 'copy': 'b', 'cdrom': 'b'}
    values = {key: GLib.Variant(types.get(key, 's'), value) for key, value in options.items()}
    if fd is not None:
        values['image'] = GLib.Variant('h', 0)
    return machine.call('AddDisk', '(a{sv})', (values,), [fd] if fd is not None else None)[0][0]


def grow(machine, name, size):
    machine.call('GrowDisk', '(sta{sv})', (name, size, {}))


def convert(machine, name, kind):
    machine.call('ConvertDisk', '(ssa{sv})', (name, kind, {}))


def compact(machine, name):
    return machine.call('CompactDisk', '(sa{sv})', (name, {}))[0][0]


def detach(machine, name):
    machine.call('DetachDisk', '(sa{sv})', (name, {}))


def image(path, kind='raw', size=8 * MIB, options=()):
    """A disk with a pattern in its first and last mebibyte, and its hash as a guest would read it."""
    raw = f'{path}.pattern'
    with open(raw, 'wb') as file:
        file.truncate(size)
        for place in (0, size - MIB):
            file.seek(place)
            file.write(hashlib.sha256(bytes([place & 0xff])).digest() * (MIB // 32))
    subprocess.run(['qemu-img', 'convert', '-f', 'raw', '-O', kind, *options, raw, path], check=True)
    os.unlink(raw)
    return contents(path, kind)


def contents(path, kind):
    raw = f'{path}.raw'
    subprocess.run(['qemu-img', 'convert', '-f', kind, '-O', 'raw', path, raw], check=True)
    with open(raw, 'rb') as file:
        digest = hashlib.sha256(file.read(8 * MIB)).hexdigest()
    os.unlink(raw)
    return digest


def files(machine):
    return sorted(os.listdir(os.path.join(machine.get('Folder'), 'disks')))


@pytest.fixture
def machine(lodge):
    return lodge.create('Store', memory=64 << 20, cores=1, firmware='bios', disk_size=16 * MIB)


def test_every_format(machine, tmp_path):
    """An image from outside, converted through all formats, holds the same at the end, and nothing else is left."""
    outside = tmp_path / 'given.vhd'
    # A fixed VHD is a raw disk with a footer: taken for raw it would be half a kibibyte too long.
    wanted = image(outside, 'vpc', options=('-o', 'subformat=fixed,force_size=on'))
    with open(outside, 'rb') as file:
        name = add(machine, file.fileno(), name='given.vhd')
    entry = disk(machine, name)
    assert entry['format'] == 'vpc' and entry['size'] == 8 * MIB and not entry['own']
    assert {'no-memory', 'no-growing', 'outside'} <= set(entry['reasons']) and 'grow' not in entry['can']
    # And what would help.
    assert machine.lodge.ctl('disk', 'Store', 'list').stderr.count('Converting it to qcow2 helps.') == 2
    assert refused(grow, machine, name, 16 * MIB)[0] == 'NotSupported'
    assert refused(compact, machine, name)[0] == 'NotSupported'
    for kind in ('vdi', 'vmdk', 'vhdx', 'raw', 'vpc', 'qcow2'):
        convert(machine, name, kind)
        entry = disk(machine, name)
        assert entry['format'] == kind and entry['own'] and entry['size'] >= 8 * MIB
        assert contents(entry['path'], kind) == wanted
        assert len(files(machine)) == 2, 'the one before is gone'
    assert disk(machine, name)['reasons'] == [] and outside.exists()
    convert(machine, name, 'qcow2')
    assert refused(convert, machine, name, 'exe')[0] == 'InvalidArgument'
    assert refused(convert, machine, 'disk9', 'raw')[0] == 'NotFound'
    machine.start()
    assert refused(convert, machine, name, 'raw')[0] == 'WrongState'
    machine.force_off()


def test_add_detach_grow_compact(machine, tmp_path):
    assert [entry['id'] for entry in disks(machine)] == ['disk0']
    assert add(machine, size=8 * MIB) == 'disk1' and add(machine, size=8 * MIB, format='raw', bus='sata') == 'disk2'
    assert add(machine, cdrom=True) == 'cd0'
    assert disk(machine, 'disk2')['format'] == 'raw' and disk(machine, 'disk2')['bus'] == 'sata'
    assert disk(machine, 'disk2')['used'] < MIB and disk(machine, 'disk2')['size'] == 8 * MIB

    # What is full of nothing gives back what it occupies.
    path = disk(machine, 'disk1')['path']
    subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 7 0 6M', '-c', 'write -z 1M 4M', path], check=True, capture_output=True)
    before = disk(machine, 'disk1')['used']
    freed = compact(machine, 'disk1')
    assert freed > 3 * MIB and disk(machine, 'disk1')['used'] == before - freed
    check = subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'read -P 7 5M 1M', '-c', 'read -P 0 1M 4M', path], capture_output=True, text=True)
    assert 'failed' not in check.stdout
    assert compact(machine, 'disk1') == 0

    grow(machine, 'disk1', 20 * MIB)
    assert disk(machine, 'disk1')['size'] == 20 * MIB
    code, message = refused(grow, machine, 'disk1', 4 * MIB)
    assert code == 'OutOfRange' and 'larger' in message and disk(machine, 'disk1')['size'] == 20 * MIB

    detach(machine, 'disk1')
    detach(machine, 'cd0')
    unused = next(entry for entry in disks(machine) if not entry['attached'])
    assert unused['file'] == 'disks/disk1.qcow2' and unused['can'] == ['attach'] and unused['size'] == 20 * MIB
    assert add(machine, file=unused['file']) == 'disk1'
    assert refused(detach, machine, 'disk7')[0] == 'NotFound'
    for options, code in (({'size': 1}, 'OutOfRange'), ({}, 'InvalidArgument'), ({'size': MIB, 'bus': 'isa'}, 'InvalidArgument'),
                          ({'file': 'disks/../machine.json'}, 'InvalidArgument'), ({'file': 'disks/nothing'}, 'NotFound'),
                          ({'size': MIB, 'format': 'exe'}, 'InvalidArgument'), ({'cdrom': True, 'size': MIB}, 'InvalidArgument'),
                          ({'size': MIB, 'bus': 'ide'}, 'NotSupported')):
        assert refused(add, machine, **options)[0] == code, options
    assert files(machine) == ['disk0.qcow2', 'disk1.qcow2', 'disk2.img'], 'what was refused left nothing'

    given = tmp_path / 'given.qcow2'
    wanted = image(given, 'qcow2')
    with open(given, 'rb') as file:
        name = add(machine, file.fileno(), name='given', copy=True)
    assert disk(machine, name)['own'] and contents(disk(machine, name)['path'], 'qcow2') == wanted
    machine.start()
    machine.force_off()


def test_trash(machine):
    """A disk that is deleted comes back as it was, as long as the trash is not emptied."""
    lodge = machine.lodge
    add(machine, size=8 * MIB)
    path = disk(machine, 'disk1')['path']
    subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 5 0 1M', path], check=True, capture_output=True)
    before, wanted = disk(machine, 'disk1'), contents(path, 'qcow2')
    machine.call('DetachDisk', '(sa{sv})', ('disk1', {'delete-file': GLib.Variant('b', True)}))
    assert files(machine) == ['disk0.qcow2'] and [entry['id'] for entry in disks(machine)] == ['disk0']
    item = lodge.ctl_json('trash', 'list')[0]
    assert item['kind'] == 'disk' and item['name'] == 'Store (disk1)' and item['size'] > MIB
    told = []
    watch = lodge.bus.signal_subscribe('org.lodgevm.Core1', 'org.lodgevm.Core1.Machine', 'DisksChanged', machine.path, None, 0, lambda *_: told.append(1))
    assert lodge.ctl('undelete', item['id']).stdout.strip() == machine.id
    wait_until(lambda: GLib.MainContext.default().iteration(False) and False or told, 20, 'DisksChanged')
    lodge.bus.signal_unsubscribe(watch)
    assert disk(machine, 'disk1') == before and contents(path, 'qcow2') == wanted
    assert lodge.ctl_json('trash', 'list') == []

    # Where its name is taken meanwhile it comes back by another one, and without its machine not at all.
    lodge.ctl('disk', 'Store', 'detach', 'disk1', '--delete')
    add(machine, size=MIB)
    lodge.ctl('delete', 'Store')
    assert lodge.ctl('undelete', 'Store (disk1)', check=False).returncode == 3
    lodge.ctl('undelete', 'Store')
    lodge.ctl('undelete', 'Store (disk1)')
    listed = [entry for entry in disks(machine) if entry['attached']]
    assert len(listed) == 3 and len({entry['file'] for entry in listed}) == 3
    assert contents(listed[2]['path'], 'qcow2') == wanted
    machine.start()
    machine.force_off()
    lodge.ctl('disk', 'Store', 'detach', listed[2]['id'], '--delete')
    lodge.ctl('trash', 'empty')
    assert lodge.ctl_json('trash', 'list') == [] and files(machine) == ['disk0.qcow2', 'disk1.qcow2']


def test_hostile_images(machine, tmp_path):
    """An image that names other files of the host is refused before anything opens it."""
    secret = tmp_path / 'secret'
    secret.write_bytes(b'private' * 1000)
    backed = tmp_path / 'backed.qcow2'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', secret, '-F', 'raw', backed], check=True)
    data = tmp_path / 'data.qcow2'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-o', f'data_file={tmp_path}/secret2,data_file_raw=on', data, '1M'], check=True)
    vmdk = tmp_path / 'extent.vmdk'
    vmdk.write_text(f'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 8 FLAT "{secret}" 0\n')
    for path in (backed, data, vmdk):
        for copy in (False, True):
            with open(path, 'rb') as file:
                assert refused(add, machine, file.fileno(), name=path.name, copy=copy)[0] == 'WrongFormat'
    assert [entry['id'] for entry in disks(machine)] == ['disk0'] and files(machine) == ['disk0.qcow2']


def kill_during(machine, call):
    """Kills the core when its work has begun to write; what the call says does not matter."""
    folder = os.path.join(machine.get('Folder'), 'disks')
    result = []
    machine.lodge.bus.call('org.lodgevm.Core1', machine.path, 'org.lodgevm.Core1.Machine', *call, None, 0, 60000, None,
                           lambda bus, answer: result.append(answer))
    context = GLib.MainContext.default()

    def begun():
        context.iteration(False)
        return any(name.startswith('.work-') or name == '.disk-work' for name in os.listdir(folder)) or result
    wait_until(begun, 30, 'the work to begin', interval=0.001)
    machine.lodge.kill_core()


def test_a_killed_core(machine):
    path = disk(machine, 'disk0')['path']
    subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 9 0 8M', path], check=True, capture_output=True)
    wanted = contents(path, 'qcow2')
    add(machine, size=MIB)
    calls = (('DetachDisk', GLib.Variant('(sa{sv})', ('disk1', {'delete-file': GLib.Variant('b', True)}))),
             ('ConvertDisk', GLib.Variant('(ssa{sv})', ('disk0', 'vdi', {}))), ('CompactDisk', GLib.Variant('(sa{sv})', ('disk0', {}))),
             ('AddDisk', GLib.Variant('(a{sv})', ({'size': GLib.Variant('t', MIB)},))))
    for call in calls:
        kill_during(machine, call)
        wait_until(lambda: machine.state == 'off', 30, 'the next core')
        # A tool that was just being started may have outlived the one; what it wrote then goes with the next.
        machine.lodge.kill_core()
        entry = disk(machine, 'disk0')
        assert contents(entry['path'], entry['format']) == wanted, call[0]
        with open(os.path.join(machine.get('Folder'), 'machine.json'), encoding='utf-8') as file:
            named = sorted(os.path.basename(item['file']) for item in json.load(file)['disks'])
        wait_until(lambda: files(machine) == named, 10, f'nothing but the disks to be left of {call[0]}: {named} {files(machine)}')
        if entry['format'] != 'qcow2':
            convert(machine, 'disk0', 'qcow2')


def test_lodgectl_disk(machine, tmp_path):
    lodge = machine.lodge
    assert lodge.ctl('disk', 'Store', 'add', '--size', '8M').stdout == 'disk1\n'
    lodge.ctl('disk', 'Store', 'grow', 'disk1', '+8M')
    lodge.ctl('disk', 'Store', 'convert', 'disk1', 'VHD')
    table = lodge.ctl('disk', 'Store', 'list')
    assert 'VHD' in table.stdout and '16.0\xa0MiB' in table.stdout and 'cannot grow' in table.stderr
    assert lodge.ctl_json('disk', 'Store', 'compact', 'disk0')['id'] == 'disk0'
    lodge.ctl('disk', 'Store', 'detach', 'disk1')
    listed = lodge.ctl_json('disk', 'Store', 'list')
    assert [entry['file'] for entry in listed if not entry['attached']] == ['disks/disk1.vhd']
    assert lodge.ctl('disk', 'Store', 'add', 'disks/disk1.vhd').stdout == 'disk1\n'
    assert lodge.ctl('disk', 'Store', 'grow', 'disk1', '64M', check=False).returncode == 7
    assert lodge.ctl('disk', 'Store', 'grow', 'disk0', '8X', check=False).returncode == 2
    assert lodge.ctl('disk', 'Store', 'burn', 'disk0', check=False).returncode == 2
    letter = tmp_path / 'letter'
    letter.write_text('no disk')
    done = lodge.ctl('disk', 'Store', 'add', letter, check=False)
    assert done.returncode == 6 and 'is not a disk image' in done.stderr


@pytest.mark.slow
def test_a_running_guest(lodge):
    """A Linux guest gets a disk, writes to it, sees it grow, and lets go of it."""
    machine = lodge.create_demo(memory='256M')
    machine.start()
    with machine.serial() as serial:
        serial.wait_ready()
        name = add(machine, size=8 * MIB)
        assert not disk(machine, name)['waits'] and machine.get('PendingSettings') in ([], ['boot-order'])
        wait_until(lambda: 'vd' in serial.run('cat /proc/partitions'), 30, 'the disk in the guest')
        assert '8192' in serial.run('cat /proc/partitions')
        assert 'ok' in serial.run('echo hello > /dev/vda && sync && echo o""k')
        grow(machine, name, 16 * MIB)
        wait_until(lambda: '16384' in serial.run('cat /proc/partitions'), 30, 'the guest to see it grow')
        # The next core knows the guest as it is.
        lodge.kill_core()
        assert not disk(machine, name)['waits'] and disk(machine, name)['size'] == 16 * MIB
        detach(machine, name)
        wait_until(lambda: 'vd' not in serial.run('cat /proc/partitions'), 30, 'the disk to go')
    # What cannot be plugged waits for the next start.
    other = add(machine, size=MIB, bus='sata')
    assert disk(machine, other)['waits']
    with open(next(entry for entry in disks(machine) if not entry['attached'])['path'], 'rb') as file:
        file.seek(0)
        assert file.read(4) == b'QFI\xfb'
    machine.force_off()
    assert not disk(machine, other)['waits']
