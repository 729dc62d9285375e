# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands in a guest through its agent, and in throw-away clones: output as it comes, exit codes, ends."""
import json
import os
import signal
import subprocess

import pytest
from gi.repository import GLib

from lodgetest import Machine, wait_until
from lodgetest.lodge import error_code


@pytest.mark.slow
def test_execute(lodge):
    machine = lodge.create_demo('Guest')
    machine.start()

    def run(*words, options=(), check=False, **more):
        return lodge.ctl('execute', 'Guest', *options, '--', *words, check=check, **more)

    # The agent needs its time to start.
    wait_until(lambda: run('true').returncode == 0, 120, 'the agent')
    done = run('sh', '-c', 'echo out; echo err >&2; exit 7')
    assert (done.returncode, done.stdout, done.stderr) == (7, 'out\n', 'err\n')
    assert run('sh', '-c', 'kill -TERM $$').returncode == 128 + 15
    assert run('no-such-program').returncode == 127
    done = run('sh', '-c', 'echo $A-$(pwd)', options=['--env', 'A=b', '--folder', '/proc'])
    assert done.stdout == 'b-/proc\n'
    done = lodge.run('lodgectl', 'execute', 'Guest', '--stdin', '--', 'cat', stdin=None, input='into the guest\n')
    assert done.stdout == 'into the guest\n'
    # More than any buffer on the way holds, and no byte is lost.
    done = run('sh', '-c', 'i=0; while [ $i -lt 2000 ]; do echo "$i 0123456789012345678901234567890123456789"; i=$((i+1)); done')
    assert [line.split()[0] for line in done.stdout.splitlines()] == [str(n) for n in range(2000)]
    assert json.loads(run('echo', 'x', options=['--json']).stdout) == {'status': 0, 'output': 'x\n', 'errors': ''}
    # Nothing stays in the guest.
    assert run('sh', '-c', 'ls -A /tmp').stdout == ''

    done = run('sleep', '600', options=['--timeout', '1'])
    assert done.returncode == 124 and 'time was over' in done.stderr
    # It comes while the command runs; and a caller who goes takes it along.
    process = lodge.start('lodgectl', 'execute', 'Guest', '--', 'sh', '-c', 'echo begun; exec sleep 4321', stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'begun\n'
    assert '4321' in run('sh', '-c', 'ps').stdout
    process.send_signal(signal.SIGINT)
    process.wait()
    wait_until(lambda: 'sleep 4321' not in run('ps').stdout, 30, 'the command to end')

    with pytest.raises(GLib.Error) as caught:
        machine.call('Execute', '(asa{sv})', ([], {}))
    assert error_code(caught.value) == 'InvalidArgument'
    process = lodge.start('lodgectl', 'execute', 'Guest', '--', 'sleep', '600', stderr=subprocess.PIPE, text=True)
    wait_until(lambda: 'sleep 600' in run('ps').stdout, 30, 'the command')
    machine.force_off()
    assert process.wait(60) == 125
    assert run('true').returncode == 125


@pytest.mark.slow
def test_run(lodge):
    """In clones of a template: first of one that is off, then instant ones."""
    machine = lodge.create_demo('Template', memory=192 << 20)
    machine.call('SetTemplate', '(ba{sv})', (True, {}))
    folders = os.path.join(lodge.data, 'machines')
    done = lodge.ctl('run', 'Template', '--', 'sh', '-c', 'echo here; exit 3', check=False, timeout=300)
    assert (done.returncode, done.stdout) == (3, 'here\n'), done.stderr
    wait_until(lambda: len(os.listdir(folders)) == 1, 30, 'the clone to go')

    machine.start()
    wait_until(lambda: lodge.ctl('execute', 'Template', '--', 'mkdir', '-p', '/kept/before', check=False).returncode == 0, 120, 'the agent')
    machine.call('Save', timeout=120)
    # What it was before counts, and what one clone does is not there in the next.
    for _ in range(2):
        done = lodge.ctl('run', 'Template', '--', 'sh', '-c', 'ls /kept; mkdir /kept/after; cat /proc/uptime', timeout=300)
        assert done.stdout.splitlines()[0] == 'before' and 'after' not in done.stdout
    assert machine.state == 'saved'

    # With a folder of the host, which it can only read; or write to, when asked.
    share = os.path.join(lodge.state, 'a share, with a comma')
    os.makedirs(os.path.join(share, 'sub'))
    with open(os.path.join(share, 'sub', 'file'), 'w', encoding='ascii') as f:
        f.write('from the host\n')
    os.symlink('/etc/hostname', os.path.join(share, 'out'))
    script = 'pwd; cat sub/file; touch new 2>/dev/null || echo read-only; cmp -s out /etc/hostname && echo the guest; ls -A ..'
    done = lodge.ctl('run', 'Template', '--share', share, '--', 'sh', '-c', script, timeout=300)
    assert done.stdout.splitlines()[:3] == ['/mnt/lodge', 'from the host', 'read-only'] and os.listdir(share).count('new') == 0
    done = lodge.ctl('run', 'Template', '--share', share, '--writable', '--', 'sh', '-c', 'echo made > new; hostname', timeout=300)
    assert done.stdout.startswith('template-')
    with open(os.path.join(share, 'new'), encoding='ascii') as f:
        assert f.read() == 'made\n' and os.fstat(f.fileno()).st_uid == os.getuid()
    for refused, words in ((lodge.data, 'keeps its own files'), ('/', 'keeps its own files'), (os.path.join(share, 'none'), 'none')):
        done = lodge.ctl('run', 'Template', '--share', refused, '--', 'true', check=False)
        assert done.returncode == 125 and words in done.stderr, done.stderr
    assert lodge.ctl('run', 'Template', '--writable', '--', 'true', check=False).returncode == 2
    # What has a folder of the host cannot be saved, and says so; the guest goes on.
    opened = os.open(share, os.O_RDONLY | os.O_DIRECTORY)
    values, _ = machine.call('OpenDisposable', '(a{sv})', ({'share': GLib.Variant('h', 0)},), fds=[opened], timeout=300)
    os.close(opened)
    shared = Machine(lodge, values[0])
    with pytest.raises(GLib.Error) as caught:
        shared.call('Save')
    assert error_code(caught.value) == 'NotSupported' and 'folder of the host' in caught.value.message
    assert shared.state == 'running'
    wait_until(lambda: lodge.ctl('execute', shared.id, '--', 'cat', '/mnt/lodge/sub/file', check=False).stdout == 'from the host\n', 60, 'the agent')
    shared.call('ForceOff')

    # Three at once; one is interrupted, one takes too long and is kept for that.
    stopped = lodge.start('lodgectl', 'run', 'Template', '--', 'sh', '-c', 'echo begun; exec sleep 600', stdout=subprocess.PIPE, text=True)
    kept = lodge.start('lodgectl', 'run', 'Template', '--timeout', '2', '--keep-on-failure', '--', 'sleep', '600', stderr=subprocess.PIPE, text=True)
    named = lodge.start('lodgectl', 'run', 'Template', '--', 'hostname', stdout=subprocess.PIPE, text=True)
    assert named.communicate(timeout=300)[0].startswith('template-') and named.returncode == 0
    assert stopped.stdout.readline() == 'begun\n'
    stopped.send_signal(signal.SIGINT)
    stopped.wait()
    _, said = kept.communicate(timeout=300)
    assert kept.returncode == 124 and 'time was over' in said and 'was kept' in said
    wait_until(lambda: len(lodge.machines()) == 2, 60, 'the other clones to go')
    left = lodge.machine(said.split()[-1])
    assert left.state == 'running' and left.get('Disposable') is False and left.get('Origin')['kind'] == 'instant'
    left.force_off()
    assert lodge.ctl('run', 'Nothing', '--', 'true', check=False).returncode == 125
