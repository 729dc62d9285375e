# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev prove: what only the right hardware can show. Each test says what is missing where it cannot run.
docs/UNPROVEN.md lists what waits for these."""
import glob
import os
import re
import shutil
import stat
import subprocess

import pytest
from gi.repository import GLib

from conftest import SOURCE
from lodgetest import wait_until
from lodgetest.accessible import Desktop
from lodgetest.viewer import Viewer

DEMO_LIGHT = (255, 215, 95)  # the lit windows in the demo guest's picture
BUILD = os.environ['LODGE_BUILD_DIR']


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
def test_picture_on_a_host_with_a_render_node(lodge, display):
    """Whatever becomes of the switch, the window has the guest's picture; QEMU's own screendump would say nothing about that."""
    if not glob.glob('/dev/dri/renderD*'):
        pytest.skip('no /dev/dri/renderD*: a GPU with a kernel driver is missing')
    machine = lodge.create_demo(**{'3d': True})
    machine.start()
    effective = machine.get('Effective')
    print(f'3D: {effective["3d"]} ({effective["3d-reason"]})')
    assert effective['3d'] in ('virgl', 'venus') or effective['3d-reason'] == 'no-viewer'
    with machine.serial() as serial:
        serial.wait_ready(60)
        if effective['3d'] != 'none':
            assert '+virgl' in serial.run('dmesg | grep -e virtio_gpu -e features:')
    with Viewer(machine, display.environment) as viewer:
        wait_until(lambda: viewer.screen().has_colour(DEMO_LIGHT, 0.0005), 30, "the demo guest's picture in the window", 0.5)
        assert viewer.screen('window').has_colour(DEMO_LIGHT, 0.0002)
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


class Unit:
    """The core's own unit in the person's systemd, with the built core and the folders of this test's session."""

    def __init__(self, lodge):
        self.runtime = os.environ.get('XDG_RUNTIME_DIR', '')
        self.name = f'lodge-prove-{os.getpid()}.service'
        self.path = os.path.join(self.runtime, 'systemd/user', self.name)
        self.bus = os.environ.get('DBUS_SESSION_BUS_ADDRESS', f'unix:path={self.runtime}/bus')
        with open(os.path.join(BUILD, 'data/lodge-core.service'), encoding='utf-8') as f:
            text = f.read()
        variables = {key: value for key, value in lodge.environment.items() if key.startswith(('XDG_', 'LODGE_')) or key == 'PATH'}
        lines = ''.join('Environment="{}={}"\n'.format(key, value.replace('%', '%%')) for key, value in variables.items())
        text, found = re.subn(r'^ExecStart=.*\n', f'ExecStart={BUILD}/core/service/lodge-core\n{lines}', text, flags=re.M)
        assert found == 1
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        with open(self.path, 'w', encoding='utf-8') as f:
            f.write(text)
        self.systemctl('daemon-reload')

    def systemctl(self, *words):
        done = subprocess.run(['systemctl', '--user', *words], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f'systemctl {" ".join(words)}: {done.stderr}'
        return done.stdout.strip()

    def main_pid(self):
        return int(self.systemctl('show', '--property=MainPID', '--value', self.name))

    def remove(self):
        self.systemctl('stop', self.name)
        os.unlink(self.path)
        self.systemctl('daemon-reload')


def cgroup_of(pid):
    with open(f'/proc/{pid}/cgroup', encoding='utf-8') as f:
        return f.read()


@pytest.fixture
def unit(lodge):
    if not shutil.which('systemctl') or subprocess.run(['systemctl', '--user', 'is-system-running'],
                                                       capture_output=True, text=True).stdout.strip() not in ('running', 'degraded'):
        pytest.skip('no systemd user session: log in on a host that systemd started')
    unit = Unit(lodge)
    before = lodge.environment['DBUS_SESSION_BUS_ADDRESS']
    # systemd waits for the core's name on the bus where it is itself, and there the core asks it for scopes.
    lodge.environment['DBUS_SESSION_BUS_ADDRESS'] = unit.bus
    if lodge.core_pid() is not None:
        unit.remove()
        pytest.skip('a lodge-core serves this session: lodgectl list; then ask it to quit')
    yield unit
    lodge.bus.close_sync(None)
    lodge.environment['DBUS_SESSION_BUS_ADDRESS'] = before
    unit.remove()


@pytest.mark.prove_systemd
def test_guests_survive_a_restart_of_the_unit(lodge, unit):
    unit.systemctl('start', unit.name)
    assert lodge.core_pid() == unit.main_pid()
    machine = lodge.create_demo(words='lodge.count', memory=256 << 20)
    machine.start()
    guest, first = machine.pid, unit.main_pid()
    wait_until(lambda: f'lodge-{machine.id[:8]}-' in cgroup_of(guest), 10, 'the guest in a scope of its own')
    assert unit.name in cgroup_of(first) and unit.name not in cgroup_of(guest)
    with machine.serial() as serial:
        serial.wait('LODGE-READY', 120)
        counted = serial.count_on(3)[-1]

    unit.systemctl('restart', unit.name)
    assert unit.main_pid() not in (0, first) and lodge.core_pid() == unit.main_pid()
    assert (machine.state, machine.pid) == ('running', guest), 'the guest was not taken over'
    assert machine.get('StateReason') == 'adopted'
    with machine.serial() as serial:
        assert serial.count_on(3)[0] >= counted

    # And it outlives a unit that is gone for a while.
    unit.systemctl('stop', unit.name)
    assert lodge.core_pid() is None and os.path.exists(f'/proc/{guest}')
    unit.systemctl('start', unit.name)
    assert (machine.state, machine.pid) == ('running', guest)
    machine.force_off()
    wait_until(lambda: not os.path.exists(f'/proc/{guest}'), 10, 'the guest to end')


def sound_sockets():
    """Of the person's PulseAudio and PipeWire."""
    runtime = os.environ.get('XDG_RUNTIME_DIR', '/nonexistent')
    places = [os.path.join(os.environ.get('PULSE_RUNTIME_PATH', os.path.join(runtime, 'pulse')), 'native'),
              os.path.join(os.environ.get('PIPEWIRE_RUNTIME_DIR', runtime), 'pipewire-0')]
    return [place for place in places if os.path.exists(place) and stat.S_ISSOCK(os.stat(place).st_mode)]


def count_connections(pid, sockets):
    """The kernel names a server's end of each connection by the path where it listens, in the network of who called."""
    with open(f'/proc/{pid}/net/unix', encoding='utf-8') as f:
        words = [line.split() for line in f]
    return sum(1 for word in words if len(word) == 8 and word[5] == '03' and word[7] in sockets)


@pytest.mark.prove_sound
def test_window_reaches_the_sound_server(lodge, display):
    """What a guest plays comes to the window and goes on to the server; QEMU itself does not see that."""
    sockets = sound_sockets()
    if not sockets:
        pytest.skip('no PulseAudio and no PipeWire in $XDG_RUNTIME_DIR: log in to a desktop with sound')
    tone = os.path.join(BUILD, 'tests/guests/tone.elf')
    machine = lodge.create('Tone', [('kernel', tone)], sound='ac97', memory=128 << 20)
    machine.start()
    assert machine.qemu_argv()[machine.qemu_argv().index('-audiodev') + 1].startswith('dbus,')
    # The tests' folders are not those where the person's server is.
    environment = dict(display.environment, PULSE_SERVER=f'unix:{sockets[0]}') if sockets[0].endswith('native') else \
        dict(display.environment, PIPEWIRE_RUNTIME_DIR=os.path.dirname(sockets[0]))
    with Viewer(machine, environment) as viewer:
        before = count_connections('self', sockets)
        viewer.tell('listen')
        viewer.tell('playing')
        wait_until(lambda: count_connections(viewer.process.pid, sockets) > before, 20, 'a connection to the sound server')
        print('a tone of 500 Hz is played: listen')
    assert count_connections(machine.qemu_pid, sockets) <= before
    machine.force_off()


@pytest.mark.prove_wayland
def test_window_on_the_compositor_of_the_desktop(lodge):
    """The library, a console and its picture, drawn as this desktop draws; keys reach the guest."""
    path = lodge.environment.get('WAYLAND_DISPLAY', '')
    if not path or not os.path.exists(path):
        pytest.skip('no $WAYLAND_DISPLAY: log in to a desktop on Wayland')
    lodge.environment.pop('DISPLAY', None)
    lodge.environment.update(GDK_BACKEND='wayland', LC_ALL='C.UTF-8', NO_AT_BRIDGE='0')
    desktop = Desktop(lodge)
    machine = lodge.create_demo('Attic', memory=256 << 20)
    lodge.start('lodge')
    main = desktop.find_window('Lodge')
    main.find('Attic, Off', 'list item')
    main.find('Start', 'button').press()
    machine.wait_state('running', 60)
    console = desktop.find_window('Attic', 60)
    with machine.serial() as serial:
        serial.wait_ready(120)
        with Viewer(machine, lodge.environment) as viewer:
            # The console had the display, and says who has it now.
            console.find('Shown in Another Window', 'label')
            wait_until(lambda: viewer.screen('window').has_colour(DEMO_LIGHT, 0.0002), 60, "the demo guest's picture", 0.5)
            viewer.type('clear\n')
            viewer.type('echo on-wayland')
            viewer.tell('keys shift dot')
            viewer.tell('keys slash')
            viewer.type('dev')
            viewer.tell('keys slash')
            viewer.type('tty')
            viewer.tell('keys shift s')
            viewer.type('0\n')
            serial.wait('on-wayland$', 30)
        console.find('Show Here Again', 'button').press()
        wait_until(lambda: console.look('Shown in Another Window', 'label') is None, 20, 'the console to show the guest again')
    desktop.close()
    machine.force_off()


@pytest.mark.prove_wayland
def test_mouse_beyond_the_edge_of_the_desktop(lodge):
    """A person moves the mouse, and a guest without a tablet learns of it also where the screen has ended."""
    path = lodge.environment.get('WAYLAND_DISPLAY', '')
    if not path or not os.path.exists(path):
        pytest.skip('no $WAYLAND_DISPLAY: log in to a desktop on Wayland')
    lodge.environment.update(GDK_BACKEND='wayland', LC_ALL='C.UTF-8')
    machine = lodge.create('Mouse', [('kernel', os.path.join(BUILD, 'tests/guests/mouse.elf'))], family='dos', memory=64 << 20)
    machine.start()
    with machine.serial() as serial:
        serial.wait('^ready$', 60)
        lodge.start('lodge', 'Mouse')
        print('click into the picture of “Mouse” within a minute, and move the mouse to the right, again and again')
        serial.wait(r'^at \d{5,} ', 60)
    machine.force_off()


# What is asked of the processor for Windows, from the command line that the unit tests compare with.
def hyperv_flags():
    with open(os.path.join(SOURCE, 'tests/unit/data/command-line/windows11-qemu10.0.args'), encoding='utf-8') as f:
        return set(re.findall(r'\bhv-[\w-]+=\w+', f.read()))


@pytest.mark.prove_windows
def test_windows_setup_reaches_its_first_screen(lodge):
    image = os.environ.get('LODGE_WINDOWS_ISO', '')
    if not os.path.exists(image):
        pytest.skip('name a Windows 10 or 11 disc image in $LODGE_WINDOWS_ISO')
    host = lodge.core_properties()['Host']
    if host['acceleration'] != 'kvm':
        pytest.skip(f'no KVM that works here: {host["acceleration-reason"]}')
    machine = lodge.create('Windows', [('iso', image)], firmware='uefi', tpm=True, secure_boot=True,
                           memory=4 << 30, disk_size=64 << 30)
    assert machine.get('Settings')['os'] in ('win10', 'win11'), 'a disc of Microsoft\'s own was not recognised'
    machine.start()
    assert machine.get('Effective')['accelerator'] == 'kvm'
    argv = machine.qemu_argv()
    assert argv[argv.index('-accel') + 1].split(',')[0] == 'kvm'
    model, *flags = argv[argv.index('-cpu') + 1].split(',')
    assert model == 'host' and hyperv_flags() <= set(flags)
    for _ in range(20):  # "Press any key to boot from CD"
        machine.keys('spc')
    screen = machine.wait_still(600, 10)
    assert screen.colours() > 20
    machine.force_off()
