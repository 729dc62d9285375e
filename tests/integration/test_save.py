# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that is saved goes on where it was, whatever happens to the core meanwhile."""
import json
import os
import random
import shutil
import signal
import time

import pytest
from gi.repository import GLib

from lodgetest import Lodge, wait_until
from lodgetest.rescue import make_stream
from lodgetest.lodge import error_code


def variant(**options):
    return ({key.replace('_', '-'): GLib.Variant('b' if isinstance(value, bool) else 's', value) for key, value in options.items()},)


def last_number(serial):
    """The last number of a guest that stands still."""
    while serial.read(0.2):
        pass
    return serial.numbers()[-1]


def jobs(lodge):
    values, _ = lodge.call('/org/lodgevm/Core1', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')
    return [found['org.lodgevm.Core1.Job'] for found in values[0].values() if 'org.lodgevm.Core1.Job' in found]


@pytest.fixture
def counting(lodge_qemu):
    machine = lodge_qemu.create_demo('web', 'lodge.count', disk_size=64 << 20)
    machine.folder = machine.get('Folder')
    machine.saved = os.path.join(machine.folder, 'saved')
    machine.start()
    with machine.serial() as serial:
        serial.wait('LODGE-READY', 120)
    return machine


def drain(serial):
    """All that comes until the guest's end closes the line."""
    while serial.read(1):
        pass
    return serial.numbers()[-1]


def resumed_number(machine):
    """The first number that a machine says after a start that stands still at first."""
    machine.call('Start', '(a{sv})', variant(paused=True), timeout=120)
    with machine.serial() as serial:
        # QEMU takes the client on before it lets the guest go.
        wait_until(lambda: machine.state == 'paused', 10, 'the machine to stand still')
        machine.call('Resume')
        return serial.count_on(3)[0]


@pytest.mark.once
def test_a_saved_guest_goes_on(lodge_qemu, counting):
    lodge, machine = lodge_qemu, counting
    assert 'save' in lodge.core_properties()['Features']
    with machine.serial() as serial:
        serial.count_on(3)
        lodge.ctl('save', 'web')
        last = drain(serial)
    assert machine.state == 'saved' and machine.get('StateReason') == 'user'
    assert [job['State'] for job in jobs(lodge) if job['Kind'] == 'save'] == ['done']
    assert sorted(os.listdir(machine.saved)) == ['devices', 'launch.json', 'machine.json', 'picture.ppm', 'ram']
    assert max(machine.screen().width, machine.screen().height) <= 480, 'the picture is kept, small'
    with pytest.raises(GLib.Error) as failure:
        machine.call('Pause')
    assert error_code(failure.value) == 'WrongState'

    # What would change the hardware waits.
    lodge.ctl('set', 'web', 'cores=2')
    assert machine.get('PendingSettings') == ['cores']
    # As long as it stands still, nothing is lost with its QEMU; and what is done to it ends that.
    machine.call('Start', '(a{sv})', variant(paused=True), timeout=120)
    assert machine.state == 'paused' and os.path.exists(machine.saved)
    os.kill(inner_qemu(machine.pid), signal.SIGKILL)
    machine.wait_state('saved', 30)
    machine.call('Start', '(a{sv})', variant(paused=True), timeout=120)
    lodge.kill_core()
    machine = lodge.machine('web')
    machine.folder, machine.saved = counting.folder, counting.saved
    machine.wait_state('saved', 30)
    assert last < resumed_number(machine) <= last + 4
    assert not os.path.exists(machine.saved) and machine.get('PendingSettings') == ['cores']
    wait_until(lambda: not os.path.exists(machine.saved + '.used'), 10, 'the memory to be deleted')

    # A new core knows it, too; and one that is paused stays so.
    machine.call('Pause')
    machine.call('Save')
    lodge.kill_core()
    assert lodge.machine('web').state == 'saved'
    machine.call('Start', timeout=120)
    assert machine.state == 'paused'
    machine.call('Resume')
    with machine.serial() as serial:
        last = serial.count_on(2)[-1]

    # Saved as a stream, as earlier versions did, it comes back as well, and is saved as one again.
    machine.call('Save')
    make_stream(machine)
    assert sorted(os.listdir(machine.saved)) == ['launch.json', 'machine.json', 'memory', 'picture.ppm']
    machine.call('Start', timeout=120)
    with machine.serial() as serial:
        assert serial.count_on(2)[0] >= last
    machine.call('Save')
    assert sorted(os.listdir(machine.saved)) == ['launch.json', 'machine.json', 'memory', 'picture.ppm']
    machine.call('Start', timeout=120)

    # Dropped, it starts from its disks, with the new settings.
    machine.call('Save')
    lodge.ctl('start', '--discard-saved', 'web')
    assert machine.get('PendingSettings') == []
    with machine.serial() as serial:
        serial.wait('LODGE-READY', 120)
    machine.call('Save')
    lodge.ctl('save', '--discard', 'web')
    assert machine.state == 'off' and not os.path.exists(machine.saved)


def change_launch(machine, **keys):
    path = os.path.join(machine.saved, 'launch.json')
    with open(path, encoding='utf-8') as f:
        launch = json.load(f)
    launch.update({key.replace('_', '-'): value for key, value in keys.items()})
    with open(path, 'w', encoding='utf-8') as f:
        json.dump(launch, f)
    return launch


def refused(machine, code, word):
    with pytest.raises(GLib.Error) as failure:
        machine.call('Start', timeout=120)
    assert error_code(failure.value) == code and word in failure.value.message, failure.value.message
    assert machine.state == 'saved', 'a refusal costs nothing'


def test_what_cannot_be_resumed_is_refused(lodge):
    machine = lodge.create('web', disk_size=64 << 20, memory=64 << 20, video='virtio')
    machine.saved = os.path.join(machine.get('Folder'), 'saved')
    machine.start()
    machine.call('Save')
    launch = change_launch(machine, qemu_version='99.0.0')
    refused(machine, 'NotSupported', 'older')
    change_launch(machine, qemu_version='7.0.0', host_cpu='another')
    refused(machine, 'NotSupported', 'processor')
    argv = [word.replace('virtio-vga', 'VGA') for word in launch['argv']]
    assert argv != launch['argv']
    os.unlink(os.path.join(machine.saved, 'launch.json'))
    with open(os.path.join(machine.saved, 'launch.json'), 'w', encoding='utf-8') as f:
        json.dump({**launch, 'qemu-version': '7.0.0', 'argv': argv}, f)
    refused(machine, 'NotSupported', 'VGA')
    with open(os.path.join(machine.saved, 'launch.json'), 'w', encoding='utf-8') as f:
        json.dump({**launch, 'qemu-version': '7.0.0'}, f)

    # Two folders with one saved memory: the copy that was made a machine of its own cannot have it, and can be started from its disks.
    folder = machine.get('Folder')
    shutil.copytree(folder, os.path.join(os.path.dirname(folder), 'copy'))
    wait_until(lambda: any(found['State'] == 'broken' for found in lodge.machines().values()), 20, 'the core to see the copy')
    broken = next(found['Id'] for found in lodge.machines().values() if found['State'] == 'broken')
    copy = lodge.machine(lodge.ctl('repair', '--separate', broken).stdout.strip())
    refused(copy, 'NotSupported', machine.id)
    copy.call('Start', '(a{sv})', variant(discard_saved=True), timeout=120)
    copy.force_off()
    copy.call('Delete')

    disk = os.path.join(machine.get('Folder'), 'disks/disk0.qcow2')
    stamp = os.stat(disk)
    os.utime(disk)
    refused(machine, 'NotSupported', 'disk0')
    os.utime(disk, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    # A memory that is cut, or devices, or a stream: it is refused, and the machine is as saved as before.
    for name in ('ram', 'devices', 'memory'):
        if name == 'memory':
            make_stream(machine)
        path = os.path.join(machine.saved, name)
        os.rename(path, path + '.whole')
        shutil.copy(path + '.whole', path)
        os.truncate(path, os.path.getsize(path) // 2)
        with pytest.raises(GLib.Error):
            machine.call('Start', timeout=120)
        assert machine.state == 'saved' and machine.get('StateReason') == 'start-failed'
        os.rename(path + '.whole', path)
    machine.start()
    assert machine.state == 'running' and not os.path.exists(machine.saved)

    # What cannot be saved is said, and the guest runs on.
    machine.force_off()
    folder = machine.get('Folder')
    with open(os.path.join(folder, 'machine.json'), encoding='utf-8') as f:
        profile = json.load(f)
    profile['disks'][0].update(bus='nvme', address=None)
    with open(os.path.join(folder, 'machine.json.tmp'), 'w', encoding='utf-8') as f:
        json.dump(profile, f)
    os.rename(os.path.join(folder, 'machine.json.tmp'), os.path.join(folder, 'machine.json'))
    lodge.kill_core()
    machine.start()
    with pytest.raises(GLib.Error) as failure:
        machine.call('Save')
    assert error_code(failure.value) == 'NotSupported' and 'nvme' in failure.value.message, failure.value.message
    assert machine.state == 'running' and not os.path.exists(os.path.join(folder, 'saved.new'))
    machine.force_off()


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize('way', ['save', pytest.param('snapshot', marks=pytest.mark.long)])
def test_firmware_and_tpm_come_back(lodge_qemu, way):
    """The UEFI shell goes on where it was: its screen comes back as it was, not the firmware's first one, and it hears keys."""
    machine = lodge_qemu.create('shell', firmware='uefi', tpm=True, disk_size=64 << 20)
    machine.start()
    with machine.serial() as serial:
        serial.wait('ESC', 120)
        serial.send('\x1b')
        serial.wait(r'Shell>', 60)
    machine.type('type')
    before = machine.wait_still()
    if way == 'save':
        machine.call('Save')
        machine.start()
    else:
        snapshot = machine.call('TakeSnapshot', timeout=120)[0][0]
        machine.type('s')
        machine.wait_screen(lambda screen: 0 < screen.difference(before), 30, 'a letter on the screen')
        machine.call('RestoreSnapshot', '(sa{sv})', (snapshot, variant(start=True)[0]), timeout=180)
    assert machine.screen().difference(before) < 0.002
    machine.type('d')
    machine.wait_screen(lambda screen: 0 < screen.difference(before), 30, 'a letter on the screen')
    machine.force_off()


def inner_qemu(pid):
    """QEMU itself, below the bubblewrap around it."""
    while True:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            children = f.read().split()
        if not children:
            return pid
        pid = int(children[0])


def test_killed_between_the_commit_and_the_end(lodge):
    """A QEMU that is still there when all of it is saved is ended, and its machine is never said to run, whether it answers or not."""
    machine = lodge.create('web', disk_size=16 << 20, memory=64 << 20)
    folder = machine.get('Folder')
    machine.start()
    machine.call('Save')
    kept, saved = os.path.join(folder, 'kept'), os.path.join(folder, 'saved')
    shutil.copytree(saved, kept)
    for hangs in (False, True):
        machine.call('Start', timeout=120)
        machine.call('Pause')
        pid = inner_qemu(machine.pid)
        lodge.kill_core()
        shutil.copytree(kept, saved)
        if hangs:
            os.kill(pid, signal.SIGSTOP)
        machine = lodge.machine('web')
        assert machine.state in ('saving', 'saved')
        with pytest.raises(GLib.Error) as failure:
            machine.call('OpenChannel', '(sa{sv})', ('serial', {}))
        assert error_code(failure.value) == 'WrongState', failure.value.message
        machine.wait_state('saved', 20)
        assert machine.get('StateReason') == 'user' and not os.path.exists(f'/proc/{pid}')
        machine.call('DiscardSaved')
        machine.start()
        if not hangs:
            machine.call('Save')
    # One that runs beside a saved memory has gone on from it: that memory must not come back over the disks.
    lodge.kill_core()
    shutil.copytree(kept, saved)
    machine = lodge.machine('web')
    assert machine.state == 'running' and not os.path.exists(saved)
    machine.force_off()


def test_killed_while_it_saves(lodge):
    """A core that is killed at any moment of Save or resume: the guest runs, or is saved, or is off; and it can be started."""
    seed = int(os.environ.get('LODGE_SEED') or random.randrange(1 << 32))
    print('LODGE_SEED', seed)
    chance = random.Random(seed)
    lodge.create_demo('web', 'lodge.count', disk_size=64 << 20).start()
    machine = lodge.machine('web')
    with machine.serial() as serial:
        serial.wait('LODGE-READY', 120)
        seen = serial.count_on(2)[-1]
    for _ in range(6):
        method = 'Start' if machine.state == 'saved' else 'Save'
        lodge.bus.call(  # nobody waits for the answer of a core that is killed
            'org.lodgevm.Core1', machine.path, 'org.lodgevm.Core1.Machine', method, GLib.Variant('(a{sv})', ({},)), None, 0, -1, None, None)
        lodge.bus.flush_sync(None)
        time.sleep(chance.uniform(0, 0.6))
        lodge.kill_core()
        machine = lodge.machine('web')
        wait_until(lambda: machine.state in ('running', 'saved'), 30, f'an end of it, not {machine.state}')
        if machine.state == 'saved' and method == 'Save':
            continue
        if machine.state == 'saved':
            machine.call('Start', timeout=120)
        with machine.serial() as serial:
            now = serial.count_on(2)
        assert now[0] >= seen, f'it went back from {seen} to {now[0]} (seed {seed})'
        seen = now[-1]
    folder = machine.get('Folder')
    wait_until(lambda: not [name for name in os.listdir(folder) if name.startswith(('saved.', '.gone'))], 10, 'nothing half-made to be left')
    if machine.state == 'saved':
        machine.call('DiscardSaved')
    else:
        machine.force_off()
