# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev prove: what only the right hardware can show. Each test says what is missing where it cannot run.
docs/UNPROVEN.md lists what waits for these."""
import glob
import os
import shutil
import subprocess

import pytest
from gi.repository import GLib


@pytest.mark.prove_kvm
def test_kvm_boots_the_demo_guest(lodge):
    host = lodge.core_properties()['Host']
    if host['acceleration'] != 'kvm':
        pytest.skip(f'no KVM that works here: {host["acceleration-reason"]}')
    machine = lodge.create_demo()
    machine.start()
    assert machine.get('Effective')['accelerator'] == 'kvm'
    with machine.serial() as serial:
        serial.wait_ready(20)
        assert 'QEMU' not in serial.run('grep -m1 "model name" /proc/cpuinfo'), 'not the CPU of the host'
    machine.shut_down()


@pytest.mark.prove_kvm
def test_kvm_guest_is_kept_while_it_runs(lodge):
    """A live snapshot stands still for an instant only, and the guest goes on from it and from a save with the right number."""
    host = lodge.core_properties()['Host']
    if host['acceleration'] != 'kvm':
        pytest.skip(f'no KVM that works here: {host["acceleration-reason"]}')
    machine = lodge.create_demo(words='lodge.count', disk_size=64 << 20)
    machine.start()
    with machine.serial() as serial:
        serial.wait('LODGE-READY', 20)
        serial.count_on(3)
        snapshot = machine.call('TakeSnapshot', '(a{sv})', ({'memory': GLib.Variant('b', True)},), timeout=60)[0][0]
        taken = serial.count_on(1)[-1]
        serial.count_on(20)
    kept = {one['id']: one for one in machine.call('ListSnapshots', '(a{sv})', ({},))[0][0]}[snapshot]
    print(f'paused for {kept["pause-seconds"]} s')
    assert kept['memory'] and kept['pause-seconds'] < 0.5
    machine.call('Save', timeout=60)
    machine.wait_state('saved', 20)
    machine.call('RestoreSnapshot', '(sa{sv})', (snapshot, {'start': GLib.Variant('b', True)}), timeout=60)
    with machine.serial() as serial:
        assert serial.count_on(2)[0] <= taken + 10, 'not back where it was'
    machine.force_off()


@pytest.mark.prove_gpu
def test_3d_by_a_render_node(lodge):
    if not glob.glob('/dev/dri/renderD*'):
        pytest.skip('no /dev/dri/renderD*: a GPU with a kernel driver is missing')
    machine = lodge.create_demo(**{'3d': True})
    machine.start()
    effective = machine.get('Effective')
    assert effective['3d'] in ('virgl', 'venus'), effective.get('3d-reason')
    with machine.serial() as serial:
        serial.wait_ready(60)
        assert '+virgl' in serial.run('dmesg | grep virtio_gpu') or '+virgl' in serial.run('dmesg | grep "features:"')
    machine.wait_screen(lambda screen: not screen.is_blank())
    machine.force_off()


@pytest.mark.prove_usb
def test_usb_devices_are_seen():
    devices = [d for d in glob.glob('/sys/bus/usb/devices/*/idVendor') if not os.path.dirname(d).split('/')[-1].startswith('usb')]
    if not devices:
        pytest.skip('no USB device besides root hubs is plugged in')
    for device in devices:
        folder = os.path.dirname(device)
        with open(folder + '/busnum') as bus, open(folder + '/devnum') as number:
            assert os.path.exists(f'/dev/bus/usb/{int(bus.read()):03}/{int(number.read()):03}')


@pytest.mark.prove_systemd
def test_guests_survive_a_restart_of_the_unit(lodge):
    if not shutil.which('systemd-run') or subprocess.run(['systemctl', '--user', 'is-system-running'],
                                                         capture_output=True, text=True).stdout.strip() not in ('running', 'degraded'):
        pytest.skip('no systemd user session: log in on a host that systemd started')
    machine = lodge.create_demo(words='lodge.count')
    machine.start()
    with open(f'/proc/{machine.pid}/cgroup') as f:
        guest = f.read()
    with open(f'/proc/{lodge.core_pid()}/cgroup') as f:
        assert guest != f.read(), 'the guest is in the cgroup of the core'
    machine.force_off()


@pytest.mark.prove_windows
def test_windows_setup_reaches_its_first_screen(lodge):
    image = os.environ.get('LODGE_WINDOWS_ISO', '')
    if not os.path.exists(image):
        pytest.skip('name a Windows 10 or 11 disc image in $LODGE_WINDOWS_ISO')
    machine = lodge.create('Windows', [('iso', image)], firmware='uefi', tpm=True, secure_boot=True,
                           memory=4 << 30, disk_size=64 << 30)
    assert machine.get('Settings')['os'] in ('win10', 'win11'), 'a disc of Microsoft\'s own was not recognised'
    machine.start()
    for _ in range(20):  # "Press any key to boot from CD"
        machine.keys('spc')
    screen = machine.wait_still(600, 10)
    assert screen.colours() > 20
    machine.force_off()
