# SPDX-License-Identifier: GPL-3.0-or-later
"""lodge-core on the bus: states, errors, what is left behind; guests without an operating system, so it is quick."""
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import time

import pytest
from gi.repository import Gio, GLib

from lodgetest import Lodge, Machine, wait_until
from lodgetest.lodge import error_code


def refused(call, *arguments, **options):
    """The code and the message of the error that a call ends with."""
    with pytest.raises(GLib.Error) as caught:
        call(*arguments, **options)
    return error_code(caught.value), caught.value.message


@pytest.fixture
def machine(lodge):
    return lodge.create('Empty', memory=64 << 20, cores=1)


def runtime_dir(machine):
    return os.path.join(machine.lodge.runtime, 'lodge', machine.id[:8])


@pytest.mark.as_user
def test_life(machine):
    assert machine.state == 'off' and machine.get('Effective') == {}
    machine.start()
    assert machine.state == 'running' and machine.get('StateReason') == ''
    assert machine.get('LastStarted') > 0
    machine.call('Pause')
    wait_until(lambda: machine.state == 'paused', 5, 'the pause')
    assert machine.get('StateReason') == 'user'
    machine.call('Reset')
    machine.call('Resume')
    wait_until(lambda: machine.state == 'running', 5, 'the resume')
    machine.call('Shutdown')
    assert machine.state == 'stopping'
    machine.force_off()
    assert machine.get('StateReason') == 'user' and machine.get('Effective') == {}
    assert not os.path.exists(runtime_dir(machine))


def test_start_paused_and_options(machine):
    machine.call('Start', values=({'paused': GLib.Variant('b', True)},))
    assert machine.state == 'paused'
    machine.force_off()
    assert refused(machine.call, 'Start', values=({'paused': GLib.Variant('s', 'x')},))[0] == 'InvalidArgument'
    assert refused(machine.call, 'Start', values=({'fast': GLib.Variant('b', True)},))[0] == 'InvalidArgument'
    assert refused(machine.call, 'Start', values=({'accelerator': GLib.Variant('s', 'xen')},))[0] == 'InvalidArgument'
    machine.call('Start', values=({'accelerator': GLib.Variant('s', 'tcg')},))
    assert machine.get('Effective')['accelerator'] == 'tcg'
    machine.force_off()


def test_wrong_state(machine):
    for method in ('Pause', 'Resume', 'Reset', 'Shutdown', 'ForceOff', 'OpenDisplay', 'Screenshot'):
        code, message = refused(machine.call, method)
        assert code == 'WrongState' and method in message and 'off' in message
    machine.start()
    for method in ('Start', 'Resume', 'Delete', 'RestorePrevious', 'MakeSeparate'):
        assert refused(machine.call, method)[0] == 'WrongState'
    machine.force_off()


def test_two_starts_at_once(machine):
    results = []

    def done(bus, result):
        try:
            bus.call_finish(result)
            results.append('ok')
        except GLib.Error as error:
            results.append(error_code(error))
    for _ in range(2):
        machine.lodge.bus.call('org.lodgevm.Core1', machine.path, 'org.lodgevm.Core1.Machine', 'Start',
                               GLib.Variant('(a{sv})', ({},)), None, 0, 60000, None, done)
    context = GLib.MainContext.default()
    while len(results) < 2:
        context.iteration(True)
    assert sorted(results) == ['WrongState', 'ok']
    machine.force_off()


def test_force_off_while_starting(machine):
    results = []

    def done(bus, result):
        try:
            bus.call_finish(result)
            results.append('ok')
        except GLib.Error as error:
            results.append(error_code(error))
    for method in ('Start', 'ForceOff'):
        machine.lodge.bus.call('org.lodgevm.Core1', machine.path, 'org.lodgevm.Core1.Machine', method,
                               GLib.Variant('(a{sv})', ({},)), None, 0, 60000, None, done)
    context = GLib.MainContext.default()
    while len(results) < 2:
        context.iteration(True)
    assert sorted(results) == ['Cancelled', 'ok']
    assert machine.state == 'off'
    assert not os.path.exists(runtime_dir(machine))


@pytest.mark.parametrize('settings, code', [
    ({'memory': 900 << 30}, 'OutOfRange'), ({'cores': 0}, 'OutOfRange'), ({'cores': 280}, 'OutOfRange'),
    ({'disk_size': '4X'}, 'InvalidArgument'), ({'colour': 'red'}, 'InvalidArgument'),
    ({'arch': 'vax'}, 'InvalidArgument'),
])
def test_create_refuses_settings(lodge, settings, code):
    assert refused(lodge.create, 'Bad', **settings)[0] == code
    assert lodge.machines() == {}
    assert os.listdir(os.path.join(lodge.data, 'machines')) == []


@pytest.mark.parametrize('name', ['', 'a/b', 'x' * 129, 'tab\there', '\x7f'])
def test_create_refuses_names(lodge, name):
    assert refused(lodge.create, name)[0] == 'NameInvalid'
    assert lodge.machines() == {}


def test_create_refuses_media(lodge, tmp_path):
    text = tmp_path / 'letter.iso'
    text.write_text('Dear reader,\n' * 1000)
    assert refused(lodge.create, 'Bad', [('iso', text)])[0] == 'WrongFormat'
    kernel = tmp_path / 'kernel'
    kernel.write_bytes(b'x' * 1000)
    assert refused(lodge.create, 'Bad', [('initrd', kernel)])[0] == 'InvalidArgument'
    assert refused(lodge.create, 'Bad', [('floppy', kernel)])[0] == 'InvalidArgument'
    assert lodge.machines() == {}


def test_machine_with_a_new_disk(lodge):
    machine = lodge.create('Disk', memory=64 << 20, disk_size=64 << 20)
    disk = machine.get('Settings')['disk']
    path = os.path.join(machine.get('Folder'), disk)
    assert os.path.getsize(path) < 1 << 20
    machine.start()
    machine.force_off()
    os.unlink(path)
    code, message = refused(machine.call, 'Start')
    assert code == 'NotFound' and 'disk0.qcow2' in message
    assert machine.state == 'off' and machine.get('StateReason') == 'start-failed'
    assert not os.path.exists(runtime_dir(machine))


def test_one_disk_two_machines(lodge, tmp_path):
    image = tmp_path / 'shared.qcow2'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', image, '64M'], check=True)
    link = tmp_path / 'link.qcow2'
    os.link(image, link)
    one = lodge.create('One', [('disk', image)], memory=64 << 20)
    two = lodge.create('Two', [('disk', link)], memory=64 << 20)
    one.start()
    assert refused(two.call, 'Start')[0] == 'InUse'
    assert two.state == 'off' and not os.path.exists(runtime_dir(two))
    one.force_off()
    two.start()
    two.force_off()


def test_disk_of_another_program(lodge, tmp_path):
    image = tmp_path / 'used.qcow2'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', image, '64M'], check=True)
    machine = lodge.create('One', [('disk', image)], memory=64 << 20)
    other = subprocess.Popen(['qemu-system-x86_64', '-S', '-display', 'none', '-nodefaults', '-accel', 'tcg',
                              '-drive', f'file={image},format=qcow2,if=virtio', '-qmp', 'stdio'],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        other.stdout.readline()
        code, _ = refused(machine.call, 'Start')
        assert code == 'InUse'
    finally:
        other.kill()
        other.wait()
    assert not os.path.exists(runtime_dir(machine))
    machine.start()
    machine.force_off()


def test_settings_and_what_waits(machine):
    def change(**values):
        answer, _ = machine.call('SetSettings', '(a{sv}a{sv})', ({key: GLib.Variant('s', value) for key, value in values.items()}, {}))
        return answer[0]
    assert change(name='Fuller', memory='96M') == []
    assert machine.get('Name') == 'Fuller' and machine.get('Settings')['memory'] == 96 << 20
    machine.start()
    assert change(cores='2') == ['cores'] and machine.get('PendingSettings') == ['cores']
    assert change(name='Other') == ['cores'] and machine.get('Name') == 'Other'
    with pytest.raises(GLib.Error) as caught:
        change(cores='1', memory='900G')
    assert error_code(caught.value) == 'OutOfRange' and machine.get('Settings')['cores'] == 2
    machine.lodge.kill_core()
    assert machine.get('PendingSettings') == ['cores'], 'what waits is known after adoption'
    machine.force_off()
    assert machine.get('PendingSettings') == []


def test_cd_of_a_running_guest(lodge, tmp_path):
    subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-o', tmp_path / 'a.iso', os.path.dirname(__file__)], check=True)
    shutil.copy(tmp_path / 'a.iso', tmp_path / 'b.iso')
    machine = lodge.create('Cd', [('iso', tmp_path / 'a.iso')], memory=64 << 20, disk_size=64 << 20)
    machine.start()

    def insert(path):
        with open(path, 'rb') as f:
            machine.call('InsertMedium', '(sha{sv})', (os.path.basename(path), 0, {}), [f.fileno()])
    insert(tmp_path / 'b.iso')
    assert machine.get('Settings')['cd'] == str(tmp_path / 'b.iso') and machine.get('PendingSettings') == []
    machine.call('EjectMedium')
    assert machine.get('Settings')['cd'] == ''
    machine.call('EjectMedium')
    insert(tmp_path / 'a.iso')
    letter = tmp_path / 'letter.iso'
    letter.write_text('no disc')
    assert refused(insert, letter)[0] == 'WrongFormat'
    # The setting names a file that nobody has opened yet: a pipe must not hold the core.
    os.mkfifo(tmp_path / 'pipe')
    pipe = {'cd': GLib.Variant('s', str(tmp_path / 'pipe'))}
    assert refused(machine.call, 'SetSettings', '(a{sv}a{sv})', (pipe, {}), timeout=10)[0] == 'WrongFormat'
    insert(tmp_path / 'a.iso')
    machine.force_off()
    assert machine.get('Settings')['cd'] == str(tmp_path / 'a.iso')


def test_screen_keys_and_channels(machine):
    machine.start()
    screen = machine.wait_screen(lambda picture: picture.width >= 640)
    assert screen.height >= 350
    machine.keys('ctrl', 'alt', 'delete')
    code, message = refused(machine.keys, 'ctrl', 'nokey')
    assert code == 'InvalidArgument' and 'nokey' in message
    assert refused(machine.keys)[0] == 'InvalidArgument'
    machine.type('Hello, World! ~\n')
    code, message = refused(machine.type, 'gr\u00fc\u00df')
    assert code == 'NotSupported' and 'U+00FC' in message
    assert refused(machine.type, 'x' * 4097)[0] == 'InvalidArgument'
    with machine.serial():
        wait_until(lambda: refused_serial(machine) == 'InUse', 5, 'the channel to be in use')
    wait_until(lambda: refused_serial(machine) is None, 5, 'the channel to be free')
    assert refused(machine.call, 'OpenChannel', '(sa{sv})', ('secret', {}))[0] == 'NotFound'
    machine.call('Pause')
    wait_until(lambda: machine.state == 'paused', 5, 'the pause')
    assert refused(machine.type, 'x')[0] == 'WrongState'
    assert machine.screen().width == screen.width
    machine.force_off()


def refused_serial(machine):
    try:
        machine.serial().close()
        return None
    except GLib.Error as error:
        return error_code(error)


@pytest.mark.as_user
def test_display_again_and_again(machine):
    machine.start()
    for _ in range(3):
        _, fds = machine.call('OpenDisplay')
        with socket.socket(fileno=fds[0]) as display:
            display.settimeout(120)
            display.sendall(b'\0AUTH EXTERNAL\r\n')
            assert display.recv(100), 'QEMU is the authentication server of this socket'
    machine.force_off()


def descriptors(pid):
    """What each is open on, without numbers: they are new each time."""
    found = []
    for number in os.listdir(f'/proc/{pid}/fd'):
        try:
            found.append(re.sub(r'\d+', 'N', os.readlink(f'/proc/{pid}/fd/{number}')))
        except FileNotFoundError:
            pass
    return sorted(found)


def status_of(pid, key):
    with open(f'/proc/{pid}/status') as f:
        return int(re.search(rf'^{key}:\s+(\d+)', f.read(), re.M)[1])


@pytest.mark.as_user
def test_rounds_leave_nothing_in_the_core(machine):
    """Five lives of a guest, each with its display, serial line and picture, and one that is killed."""
    def round_trip(number):
        machine.start()
        machine.serial().close()
        for method in ('OpenDisplay', 'Screenshot'):
            for fd in machine.call(method)[1]:
                os.close(fd)
        if number == 3:
            os.kill(machine.pid, signal.SIGKILL)
            machine.wait_state('off')
        else:
            machine.force_off()

    # The first ones open what stays: the log, threads of the pool, memory that is used again.
    round_trip(0)
    round_trip(3)
    pid = machine.lodge.core_pid()
    wait_until(lambda: 'anon_inode:[pidfd]' not in descriptors(pid), 10, 'the core to let go of the last helper')
    before, threads, memory = descriptors(pid), status_of(pid, 'Threads'), status_of(pid, 'VmRSS')
    for number in range(5):
        round_trip(number)
    try:
        wait_until(lambda: descriptors(pid) == before, 10, 'the descriptors')
    except TimeoutError:
        assert descriptors(pid) == before
    assert status_of(pid, 'Threads') <= threads
    # A sanitizer keeps freed memory; it is known by the addresses that it takes.
    assert status_of(pid, 'VmRSS') < memory + 1024 or status_of(pid, 'VmSize') > 1 << 30


@pytest.mark.as_user
def test_guest_that_is_killed(machine):
    machine.start()
    os.kill(machine.pid, signal.SIGKILL)
    machine.wait_state('off')
    assert machine.get('StateReason') == 'killed'
    assert machine.get('StateDetails')['signal'] == signal.SIGKILL
    assert not os.path.exists(runtime_dir(machine))
    machine.start()
    machine.force_off()


def test_name_ambiguity_and_trash(lodge):
    one = lodge.create('Twin', memory=64 << 20)
    two = lodge.create('Twin', memory=64 << 20)
    code, message = refused(lodge.machine, 'Twin')
    assert code == 'Ambiguous' and one.id in message and two.id in message
    assert lodge.machine(two.id[:13]).path == two.path
    identity = two.id
    two.call('Delete')
    wait_until(lambda: two.path not in lodge.machines(), 5, 'the object to go')
    trash, _ = lodge.core('ListTrash')
    assert [entry['id'] for entry in trash[0]] == [identity]
    back, _ = lodge.core('Undelete', '(sa{sv})', (identity, {}))
    assert Machine(lodge, back[0]).id == identity
    one.call('Delete')
    lodge.core('EmptyTrash', '(asa{sv})', ([], {}))
    assert lodge.core('ListTrash')[0] == ([],)


def test_folder_renamed_while_running(machine):
    """By hand, in a file manager: nothing is gone."""
    machine.start()
    before, pid = machine.get('Folder'), machine.pid
    reasons = []
    machine.lodge.bus.signal_subscribe(None, 'org.freedesktop.DBus.Properties', 'PropertiesChanged', machine.path, None,
                                       Gio.DBusSignalFlags.NONE,
                                       lambda *arguments: reasons.append(arguments[5].unpack()[1].get('StateReason')))
    machine.call('Pause')
    os.rename(before, before + '-renamed')
    wait_until(lambda: machine.get('Folder') == before + '-renamed', 5, 'the core to notice')
    while GLib.MainContext.default().iteration(False):
        pass
    assert 'folder-gone' not in reasons and machine.get('StateReason') == 'user', reasons
    assert machine.state == 'paused' and machine.pid == pid
    machine.lodge.kill_core()
    wait_until(lambda: machine.state == 'paused', 5, 'the adoption')
    assert machine.get('Folder') == before + '-renamed' and machine.pid == pid
    machine.force_off()
    machine.start()
    machine.force_off()


def test_folder_gone_while_running(machine):
    machine.start()
    pid, path = machine.pid, machine.path
    shutil.rmtree(machine.get('Folder'))
    wait_until(lambda: machine.get('StateReason') == 'folder-gone', 10, 'the core to notice')
    assert machine.state == 'running' and machine.pid == pid
    machine.lodge.kill_core()
    assert machine.lodge.machines()[path]['StateReason'] == 'folder-gone', 'also after adoption'
    machine.call('ForceOff')
    wait_until(lambda: path not in machine.lodge.machines(), 5, 'the object to go')
    assert os.listdir(os.path.join(machine.lodge.data, 'machines')) == [], 'nothing was made anew'


@pytest.mark.as_user
def test_read_only_runtime_folder(machine):
    if os.getuid() == 0:
        pytest.skip('root may write anywhere')
    folder = os.path.join(machine.lodge.runtime, 'lodge')
    os.makedirs(folder, 0o700, exist_ok=True)
    os.chmod(folder, 0o500)
    try:
        code, message = refused(machine.call, 'Start')
        assert code == 'RuntimeDir' and folder in message
        assert machine.state == 'off' and os.listdir(folder) == []
    finally:
        os.chmod(folder, 0o700)
    machine.start()
    machine.force_off()


def test_runtime_folder_is_a_file(machine):
    folder = os.path.join(machine.lodge.runtime, 'lodge')
    if os.path.isdir(folder):
        os.rmdir(folder)
    with open(folder, 'w', encoding='utf-8'):
        pass
    code, message = refused(machine.call, 'Start')
    assert code == 'RuntimeDir' and folder in message
    os.unlink(folder)
    machine.start()
    machine.force_off()


def test_qemu_that_crashes_at_start(tmp_path):
    fake = tmp_path / 'qemu-system-x86_64'
    fake.write_text('#!/bin/sh\nfor word; do case "$word" in *guest=*) echo "the parrot is dead" >&2; exit 3;; esac; done\n'
                    'exec /usr/bin/qemu-system-x86_64 "$@"\n')
    fake.chmod(0o755)
    lodge = Lodge(qemu_dir=tmp_path)
    machine = lodge.create('Dead', memory=64 << 20)
    code, message = refused(machine.call, 'Start')
    assert code == 'QemuFailed' and 'the parrot is dead' in message and '3' in message
    assert machine.state == 'off' and machine.get('StateReason') == 'start-failed'
    details = machine.get('StateDetails')
    assert 'the parrot is dead' in details['message'] and os.path.exists(details['log'])
    assert not os.path.exists(runtime_dir(machine))
    log, _ = machine.call('GetLog')
    assert 'the parrot is dead' in log[0]
    lodge.close()


def test_no_qemu(tmp_path):
    lodge = Lodge()
    lodge.environment['PATH'] = os.path.dirname(shutil.which('lodge-core', path=lodge.environment['PATH']))
    lodge.start('lodge-core')
    wait_until(lambda: lodge.core_pid() is not None, 10, 'the core')
    code, _ = refused(lodge.create('None', memory=64 << 20, firmware='bios').call, 'Start')
    assert code == 'NoQemu'
    lodge.close()


def test_full_disk_at_create(tmp_path):
    lodge = Lodge()
    folder = os.path.join(lodge.data, 'machines')
    os.makedirs(folder, exist_ok=True)
    if os.getuid() != 0 or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder], check=False).returncode:
        lodge.close()
        pytest.skip('a small file system cannot be mounted')
    try:
        code, _ = refused(lodge.create_demo, 'Big')
        assert code == 'NoSpace'
        assert lodge.machines() == {} and os.listdir(folder) == []
    finally:
        lodge.core('Quit')
        wait_until(lambda: lodge.core_pid() is None, 5, 'the core to leave')
        subprocess.run(['umount', '-l', folder], check=True)
        lodge.close()


def test_two_cores_at_once(lodge):
    first = [lodge.start('lodge-core') for _ in range(2)]
    wait_until(lambda: lodge.core_pid() is not None, 10, 'a core')
    wait_until(lambda: sum(process.poll() is None for process in first) == 1, 10, 'the other one to leave')
    assert all(process.poll() in (None, 1) for process in first)
    assert lodge.machines() == {}


def test_second_bus_same_machines(lodge):
    lodge.core_properties()
    second = Lodge(state=lodge.state)
    process = second.start('lodge-core')
    assert process.wait(120) == 1, 'a core on another bus must not serve the same machines'
    second.close()


def test_leaves_when_idle(lodge):
    core = lodge.start('lodge-core', '--idle-timeout=4')
    wait_until(lambda: lodge.core_pid() is not None, 10, 'the core')
    machine = lodge.create('Busy', memory=64 << 20)
    time.sleep(6)
    assert core.poll() is None, 'a client is there'
    machine.start()
    lodge.bus.close_sync(None)
    time.sleep(6)
    assert core.poll() is None, 'a guest is there'
    machine.force_off()
    lodge.bus.close_sync(None)
    assert core.wait(120) == 0


def test_quit_leaves_guests(machine):
    machine.start()
    pid = machine.pid
    machine.lodge.core('Quit')
    wait_until(lambda: machine.lodge.core_pid() is None, 5, 'the core to leave')
    os.kill(pid, 0)
    assert machine.state == 'running' and machine.pid == pid
    machine.force_off()


def test_folder_rights(machine):
    machine.start()
    folder = runtime_dir(machine)
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    machine.force_off()


def test_creation_is_a_job(lodge):
    lodge.create_demo()
    values, _ = lodge.call('/org/lodgevm/Core1', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')
    jobs = [found['org.lodgevm.Core1.Job'] for found in values[0].values() if 'org.lodgevm.Core1.Job' in found]
    assert [(job['Kind'], job['State'], job['Progress']) for job in jobs] == [('create', 'done', 1.0)]
    assert list(lodge.core('ListJobs')[0][0].values()) == jobs


def test_list_machines(machine):
    lodge, other = machine.lodge, machine.lodge.create('Other', cores=2)

    def listed(**options):
        return lodge.core('ListMachines', '(a{sv})', ({key: GLib.Variant('as', names) for key, names in options.items()},))[0][0]

    everything = lodge.machines()
    assert listed() == {path: {key: value for key, value in of.items() if value} for path, of in everything.items()}
    brief = listed(properties=['Name', 'Fault', 'Settings'], settings=['memory', 'no-such-key', 'cores'], whole=[other.id])
    assert brief[machine.path] == {'Name': 'Empty', 'Settings': {'cores': 1, 'memory': 64 << 20}}
    assert brief[other.path] == everything[other.path]
    assert listed(properties=[], settings=['cores']) == {machine.path: {}, other.path: {}}
    assert refused(listed, properties=['Nothing'])[0] == 'InvalidArgument'
    assert refused(listed, settings=['cores'] * 129)[0] == 'InvalidArgument'
    assert refused(listed, states=['off'])[0] == 'InvalidArgument'
