# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev exec, on which every other test here relies."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import SOURCE
from lodgetest.session import process_table

SESSION = ['/usr/bin/python3', os.path.join(SOURCE, 'tests/lodgetest/session.py')]
PATIENT = {**os.environ, 'LODGE_TEST_PATIENCE': '1'}
SLEEP = f'{os.getpid()}2345'  # seconds; of this process's own tests alone
pytestmark = pytest.mark.as_user


def run(*command, options=(), cwd=None):
    return subprocess.run([*SESSION, *options, '--', *command], capture_output=True, text=True, timeout=300,
                          env=PATIENT, cwd=cwd)


def test_status_and_environment(tmp_path):
    script = 'echo $XDG_RUNTIME_DIR; echo $XDG_DATA_HOME; stat -c %a $XDG_RUNTIME_DIR; ' \
             'test -S ${DBUS_SESSION_BUS_ADDRESS#unix:path=} && exit 7'
    done = run('sh', '-c', script, options=['--state', str(tmp_path)])
    assert done.returncode == 7, done.stderr
    runtime, data, mode = done.stdout.split()
    assert data == str(tmp_path / 'data')
    assert mode == '700' and len(runtime) < 30
    assert not os.path.exists(runtime)


def test_unknown_command():
    done = run('no-such-command')
    assert done.returncode == 127 and 'no-such-command' in done.stderr


def test_what_is_left_running_is_ended_and_named():
    done = run('sh', '-c', 'setsid -f sleep 1234.5; setsid -f env -i sh -c "exec sleep 1234.75"')
    assert done.returncode == 0
    assert 'sleep 1234.5' in done.stderr and 'sleep 1234.75' in done.stderr
    assert subprocess.run(['pgrep', '-f', 'sleep 1234[.]']).returncode == 1


GUEST = 'lodgectl create Left --disk-size 1G --memory 64M > create.log && lodgectl start Left > start.log && lodgectl show Left --json'
CORE = 'gdbus call --session -d org.freedesktop.DBus -o / -m org.freedesktop.DBus.GetConnectionUnixProcessID org.lodgevm.Core1' \
       " | sed 's/.*uint32 //; s/,.*//'"


def test_a_guest_that_is_left_is_ended(tmp_path):
    """By the core that started it, in order: nothing is to be named. And one whose core was killed, which is."""
    left = run('sh', '-c', GUEST, cwd=tmp_path)
    assert left.returncode == 0, left.stderr
    assert json.loads(left.stdout)['effective']['pid'] not in process_table()
    assert 'dev exec' not in left.stderr, left.stderr

    orphan = run('sh', '-c', f'{GUEST} && kill -9 $({CORE})', cwd=tmp_path)
    assert orphan.returncode == 0, orphan.stderr
    assert json.loads(orphan.stdout)['effective']['pid'] not in process_table()
    assert re.search('ended what was left running: .*Left', orphan.stderr), orphan.stderr


def test_what_is_left_in_the_runtime_folder_is_named():
    done = run('sh', '-c', 'mkdir -p $XDG_RUNTIME_DIR/lodge/x; : > $XDG_RUNTIME_DIR/lodge/x/record')
    assert 'lodge/x/record' in done.stderr


def test_a_signal_ends_the_command_and_cleans_up(tmp_path):
    mark = tmp_path / 'started'
    process = subprocess.Popen([*SESSION, '--', 'sh', '-c', f'echo $XDG_RUNTIME_DIR > {mark}; exec sleep 100'])
    while not mark.exists() or not mark.read_text().strip():
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 128 + signal.SIGTERM
    assert not os.path.exists(mark.read_text().strip())


def started(mark):
    while not mark.exists() or not mark.read_text().endswith('\n'):
        time.sleep(0.05)
    return mark.read_text().split()


def wait_gone(runtime):
    while os.path.exists(runtime) or subprocess.run(['pgrep', '-f', f'sleep {SLEEP}']).returncode == 0:
        time.sleep(0.05)


def test_kill_leaves_nothing(tmp_path):
    """Of the session alone, of all that the terminal has started, and of what called it."""
    shell = 'trap "" INT; "$@"; true'  # stands for ./dev
    running = {}
    for who in ('session', 'group', 'dev'):
        script = f'setsid -f sleep {SLEEP}.5; echo $XDG_RUNTIME_DIR $PPID > {tmp_path / who}; exec sleep {SLEEP}.75'
        running[who] = subprocess.Popen(['bash', '-c', shell, 'dev', *SESSION, '--', 'sh', '-c', script],
                                        start_new_session=True, env=PATIENT)
    told = {who: started(tmp_path / who) for who in running}
    os.kill(int(told['session'][1]), signal.SIGKILL)
    os.killpg(running['group'].pid, signal.SIGKILL)
    running['dev'].kill()
    for who, process in running.items():
        wait_gone(told[who][0])
        process.wait()


def test_kill_of_the_guard_too(tmp_path):
    """Nobody is left to clean up: the next session of that state does."""
    mark = tmp_path / 'started'
    script = f'setsid -f sleep {SLEEP}.5; echo $XDG_RUNTIME_DIR $PPID > {mark}; exec sleep {SLEEP}.75'
    process = subprocess.Popen([*SESSION, '--state', str(tmp_path / 'state'), '--', 'sh', '-c', script], env=PATIENT)
    runtime, session = started(mark)
    guards = subprocess.run(['pgrep', '-P', session, '-f', 'session.py'], capture_output=True, text=True).stdout.split()
    assert len(guards) == 1
    process.send_signal(signal.SIGSTOP)
    for pid in (int(guards[0]), process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    assert os.path.exists(runtime)
    done = run('sh', '-c', 'echo $XDG_RUNTIME_DIR', options=['--state', str(tmp_path / 'state')])
    assert done.returncode == 0 and done.stdout.strip() not in ('', runtime), done.stderr
    wait_gone(runtime)
