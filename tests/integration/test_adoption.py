# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests outlive the core: kill -9 at random moments, hung guests, full and read-only runtime folders."""
import json
import os
import random
import signal
import socket
import subprocess
import time

import pytest
from gi.repository import GLib

from lodgetest import wait_until
from lodgetest.lodge import error_code


def gone(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as f:
            return f.read().rsplit(')', 1)[1].split()[0] == 'Z'
    except FileNotFoundError:
        return True


def below(pid):
    """All processes below a process."""
    found = []
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            for child in f.read().split():
                found += [int(child)] + below(int(child))
    except FileNotFoundError:
        pass
    return found


@pytest.fixture
def machine(lodge):
    machine = lodge.create('Empty', memory=64 << 20, cores=1)
    machine.start()
    yield machine
    if machine.state != 'off':
        machine.force_off()


@pytest.mark.as_user
def test_running_and_paused(machine):
    pid, effective = machine.pid, machine.get('Effective')
    machine.lodge.kill_core()
    assert machine.state == 'running' and machine.pid == pid
    assert machine.get('StateReason') == 'adopted' and machine.get('Effective') == effective
    machine.call('Pause')
    wait_until(lambda: machine.state == 'paused', 5, 'the pause')
    machine.lodge.kill_core()
    wait_until(lambda: machine.state == 'paused', 5, 'the pause to be known')
    machine.call('Resume')
    wait_until(lambda: machine.state == 'running', 5, 'the resume')
    # All that needs QEMU works again.
    assert machine.screen().width >= 640
    machine.type('hello\n')
    _, fds = machine.call('OpenDisplay')
    with socket.socket(fileno=fds[0]) as display:
        display.settimeout(120)
        display.sendall(b'\0AUTH EXTERNAL\r\n')
        assert display.recv(100)


def test_kills_at_random_moments(machine, short):
    seed = int(os.environ.get('LODGE_SEED', time.time_ns() % 100000))
    print('seed', seed)
    dice = random.Random(seed)
    pid = machine.pid
    for _ in range(5 if short else 15):
        time.sleep(dice.random() * 0.3)
        machine.lodge.kill_core()
        assert machine.pid == pid and machine.state == 'running'


def test_kill_while_it_starts(lodge, short):
    """Whatever the moment: a guest that the next core knows, or none."""
    seed = int(os.environ.get('LODGE_SEED', time.time_ns() % 100000))
    print('seed', seed)
    dice = random.Random(seed)
    machine = lodge.create('Late', memory=64 << 20, cores=1)
    for _ in range(5 if short else 15):
        caller = lodge.start('lodgectl', 'start', 'Late', stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.random() * 0.15)
        lodge.kill_core()
        caller.wait()
        wait_until(lambda: machine.state in ('off', 'running'), 10, 'a state that lasts')
        time.sleep(0.2)
        if machine.state == 'running':
            machine.force_off()
        assert machine.state == 'off'
        # A gate whose core died before it was opened ends by itself.
        wait_until(lambda: subprocess.run(['pgrep', '-f', f'process=lodge-{machine.id[:8]}'], stdout=subprocess.DEVNULL,
                                          check=False).returncode == 1, 10, 'no guest that no core knows')


def test_guest_that_ended_meanwhile(machine):
    pid = machine.pid
    machine.lodge.kill_core()
    inside = below(pid)
    for process in inside + [pid]:
        os.kill(process, signal.SIGKILL)
    wait_until(lambda: gone(pid), 5, 'the end of the guest')
    assert machine.state == 'off'
    assert os.listdir(os.path.join(machine.lodge.runtime, 'lodge')) == []


@pytest.mark.as_user
def test_bubblewrap_that_was_killed_meanwhile(machine):
    """What it stood around runs on: found again, and ended with the rest."""
    pid = machine.pid
    inside = below(pid)
    if not inside:
        pytest.skip('no bubblewrap here')
    machine.lodge.kill_core()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: gone(pid), 5, 'the end of bubblewrap')
    assert not any(gone(process) for process in inside)
    assert machine.state == 'running' and machine.pid in inside
    machine.call('Pause')
    machine.force_off()
    wait_until(lambda: all(gone(process) for process in inside), 5, 'the guest to end')


def test_full_or_read_only_runtime_folder(machine):
    pid = machine.pid
    folder = os.path.join(machine.lodge.runtime, 'lodge', machine.id[:8])
    os.chmod(folder, 0o500)
    os.chmod(os.path.dirname(folder), 0o500)
    machine.lodge.kill_core()
    assert machine.state == 'running' and machine.pid == pid
    os.chmod(os.path.dirname(folder), 0o700)
    os.chmod(folder, 0o700)


def test_hung_guest(machine):
    pid = machine.pid
    stopped = [process for process in below(pid)]
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    machine.lodge.kill_core()
    wait_until(lambda: machine.get('StateReason') == 'not-responding', 15, 'the core to see that it hangs')
    # What needs no QEMU is answered without one.
    machine.call('ListDisks')
    assert machine.call('Forecast', '(sa{sv})', ('snapshot', {}))[0][0]['bytes'] > 0
    machine.call('ForceOff', timeout=20)
    assert machine.state == 'off'
    assert all(gone(process) for process in stopped)


def test_another_program_on_the_control_socket(machine):
    """The rescue socket is there for that."""
    machine.lodge.core('Quit')
    wait_until(lambda: machine.lodge.core_pid() is None, 5, 'the core to leave')
    path = os.path.join(machine.lodge.runtime, 'lodge')
    path = os.path.join(path, os.listdir(path)[0], 'qmp.sock')
    with socket.socket(socket.AF_UNIX) as intruder:
        intruder.connect(path)
        assert b'QMP' in intruder.recv(1000)
        wait_until(lambda: machine.get('StateReason') == 'adopted', 15, 'the adoption')
        machine.call('Pause')
        wait_until(lambda: machine.state == 'paused', 5, 'the pause')
        machine.force_off()


def test_helpers_live_on_when_the_core_leaves(lodge):
    """Not only a killed core: one that ends in order leaves the guest its network and its TPM, too."""
    machine = lodge.create('Windows', os='win11', memory=64 << 20, cores=1)
    machine.start()
    folder = os.path.join(lodge.runtime, 'lodge', machine.id[:8])
    with open(os.path.join(folder, 'record.json'), encoding='utf-8') as f:
        helpers = {helper['name']: helper['pid'] for helper in json.load(f)['helpers']}
    assert 'swtpm' in helpers
    lodge.core('Quit')
    wait_until(lambda: lodge.core_pid() is None, 5, 'the core to leave')
    time.sleep(0.5)
    assert not any(gone(pid) for pid in helpers.values())
    assert machine.state == 'running' and machine.get('StateReason') == 'adopted'
    machine.force_off()
    wait_until(lambda: all(gone(pid) for pid in helpers.values()), 5, 'the helpers to end')


def test_started_paused(lodge):
    """A guest that was to stand still before its first instruction is not let go by an adoption."""
    machine = lodge.create('Still', memory=64 << 20, cores=1)
    machine.call('Start', values=({'paused': GLib.Variant('b', True)},))
    assert machine.state == 'paused'
    lodge.kill_core()
    wait_until(lambda: machine.get('StateReason') == 'user', 5, 'the pause to be known')
    assert machine.state == 'paused'
    machine.call('Resume')
    assert machine.state == 'running'
    machine.force_off()


def test_sockets_are_gone(machine):
    """As when somebody tidies the runtime folder up: nothing can be asked of QEMU, but it can be ended."""
    folder = os.path.join(machine.lodge.runtime, 'lodge', machine.id[:8])
    for name in 'qmp.sock', 'rescue.sock':
        os.unlink(os.path.join(folder, name))
    machine.lodge.kill_core()
    assert machine.state == 'running' and machine.get('StateReason') == 'not-responding'
    core = machine.lodge.core_pid()
    for method in 'Pause', 'Reset', 'Shutdown', 'OpenDisplay', 'Screenshot', 'EjectMedium':
        with pytest.raises(GLib.Error) as refusal:
            machine.call(method)
        assert error_code(refusal.value) == 'NotResponding'
    assert machine.lodge.core_pid() == core
    machine.force_off()
    assert machine.state == 'off'


def test_pipe_in_place_of_the_log(machine):
    """QEMU can write to its folder; a core that opened this would wait for ever."""
    log = os.path.join(machine.get('Folder'), 'log', 'qemu.log')
    machine.force_off()
    for path in log, os.path.join(os.path.dirname(log), 'passt.log'):
        if os.path.exists(path):
            os.unlink(path)
        os.mkfifo(path)
    assert machine.call('GetLog', timeout=5) is not None
    machine.start()
    assert os.path.isfile(log)


def test_record_of_another_process_is_not_believed(lodge):
    """A pid that was given to another program: never touched."""
    machine = lodge.create('Old', memory=64 << 20, cores=1)
    machine.start()
    folder = os.path.join(lodge.runtime, 'lodge', machine.id[:8])
    with open(os.path.join(folder, 'record.json'), encoding='utf-8') as f:
        record = f.read()
    pid = machine.pid
    machine.force_off()
    other = subprocess.Popen(['sleep', '60'])
    lodge.core('Quit')
    wait_until(lambda: lodge.core_pid() is None, 5, 'the core to leave')
    os.makedirs(folder)
    with open(os.path.join(folder, 'record.json'), 'w', encoding='utf-8') as f:
        f.write(record.replace(f'"pid" : {pid}', f'"pid" : {other.pid}'))
    assert machine.state == 'off'
    assert other.poll() is None and not os.path.exists(folder)
    other.kill()
    other.wait()
