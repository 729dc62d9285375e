# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev exec, on which every other test here relies."""
import os
import signal
import subprocess
import time

import pytest

from conftest import SOURCE

SESSION = ['/usr/bin/python3', os.path.join(SOURCE, 'tests/lodgetest/session.py')]
pytestmark = pytest.mark.as_user


def run(*command, options=()):
    return subprocess.run([*SESSION, *options, '--', *command], capture_output=True, text=True, timeout=300,
                          env={**os.environ, 'LODGE_TEST_PATIENCE': '1'})


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
