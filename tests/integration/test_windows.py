# SPDX-License-Identifier: GPL-3.0-or-later
"""What Windows 11 asks for: UEFI with Secure Boot, and a TPM, which is a helper of its own."""
import json
import os
import shutil
import signal
import socket

import pytest

from lodgetest import wait_until

pytestmark = pytest.mark.skipif(not shutil.which('swtpm'), reason='swtpm is not there')


def create(lodge):
    return lodge.create('Windows', os='win11', memory=512 << 20, cores=1)


def runtime_folder(lodge, machine):
    return os.path.join(lodge.runtime, 'lodge', machine.id[:8])


def helpers(lodge, machine):
    with open(os.path.join(runtime_folder(lodge, machine), 'record.json'), encoding='utf-8') as f:
        return {helper['name']: helper['pid'] for helper in json.load(f)['helpers']}


def ask(path, command):
    """One QMP command on a socket that nobody else is using."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(path)
        stream = s.makefile('rw')
        stream.readline()
        for name in ('qmp_capabilities', command):
            stream.write(json.dumps({'execute': name}) + '\n')
            stream.flush()
            while 'return' not in (answer := json.loads(stream.readline())):
                assert 'error' not in answer, answer
        return answer['return']


@pytest.mark.slow
def test_windows_11(lodge_qemu):
    machine = create(lodge_qemu)
    settings = machine.get('Settings')
    assert (settings['firmware'], settings['secure-boot'], settings['tpm']) == ('uefi', True, True)
    folder = machine.get('Folder')
    assert os.path.isfile(os.path.join(folder, 'firmware/vars.qcow2'))
    machine.start()
    tpm, = ask(os.path.join(runtime_folder(lodge_qemu, machine), 'rescue.sock'), 'query-tpm')
    assert tpm['model'] in ('tpm-crb', 'tpm-tis') and tpm['options']['type'] == 'emulator'
    # The firmware draws, and has talked to the TPM: its state is on the disk then.
    machine.wait_screen(lambda screen: not screen.is_blank(), 120, "the firmware's picture")
    wait_until(lambda: os.path.isfile(os.path.join(folder, 'tpm/tpm2-00.permall')), 60, "the TPM's state")
    pids = helpers(lodge_qemu, machine)
    assert 'swtpm' in pids and machine.get('StateReason') == ''
    machine.force_off()
    wait_until(lambda: not any(os.path.exists(f'/proc/{pid}') for pid in pids.values()), 10, 'the helpers to end')
    assert not os.path.exists(runtime_folder(lodge_qemu, machine))
    assert not os.path.exists(os.path.join(folder, 'in-use'))


def test_tpm_dies(lodge):
    """The guest runs on, and it is said what it lost."""
    machine = create(lodge)
    machine.start()
    os.kill(helpers(lodge, machine)['swtpm'], signal.SIGKILL)
    wait_until(lambda: machine.get('StateReason') == 'helper-failed', 20, 'the core to see it')
    assert machine.get('StateDetails')['helper'] == 'swtpm' and machine.get('StateDetails')['message']
    assert 'A helper program of “Windows” ended' in lodge.ctl('show', 'Windows').stdout
    machine.force_off()
    machine.start()
    machine.force_off()
