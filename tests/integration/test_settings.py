# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is, changed: each setting is found in machine.json and in QEMU's command line, and can be taken back."""
import hashlib
import json
import os

import pytest
from gi.repository import GLib

from lodgetest.lodge import error_code


def change(machine, method='SetSettings', **values):
    settings = {key.replace('_', '-'): GLib.Variant('s', value) for key, value in values.items()}
    return machine.call(method, '(a{sv}a{sv})', (settings, {}))[0][0]


def document(machine):
    with open(os.path.join(machine.get('Folder'), 'machine.json'), encoding='utf-8') as file:
        return json.load(file)


def command_line(machine):
    """That of the QEMU which the machine runs in: what bubblewrap stands around has it in full, too."""
    with open(f'/proc/{machine.pid}/cmdline', 'rb') as file:
        return file.read().decode().split('\0')


def variables(machine, name):
    with open(os.path.join(machine.get('Folder'), 'firmware', name), 'rb') as file:
        return hashlib.sha256(file.read()).hexdigest()


def device(machine, word):
    return next(part for part in command_line(machine) if f'id={word},' in part and ',netdev=' in part)


def test_firmware(lodge):
    """From BIOS to UEFI, to Secure Boot and back: variables are made when they are needed, and never lost."""
    machine = lodge.create('Firm', memory=64 << 20, cores=1, firmware='bios', disk_size=1 << 20)
    folder = os.path.join(machine.get('Folder'), 'firmware')
    assert os.listdir(folder) == []
    assert change(machine, 'CheckSettings', firmware='uefi') == {'pending': [], 'warnings': []}
    assert os.listdir(folder) == [], 'a check changes nothing'

    assert change(machine, firmware='uefi') == []
    plain = variables(machine, 'vars.qcow2')
    machine.start()
    machine.force_off()
    assert change(machine, 'CheckSettings', firmware='bios')['warnings'] == ['firmware-installed']

    change(machine, secure_boot='on', tpm='on')
    assert document(machine)['vars'] == 'firmware/vars-secure.qcow2' and document(machine)['tpm'] is True
    secure = variables(machine, 'vars-secure.qcow2')
    assert secure != plain, 'made from the template with the keys'
    machine.start()
    line = ' '.join(command_line(machine))
    assert 'vars-secure.qcow2' in line and 'vars.qcow2' not in line and 'tpm' in line
    # While it runs a change waits, and a refused one leaves everything as it was.
    assert sorted(change(machine, secure_boot='off', tpm='off')) == ['secure-boot', 'tpm']
    with pytest.raises(GLib.Error) as caught:
        change(machine, secure_boot='on', firmware='bios')
    assert error_code(caught.value) == 'InvalidArgument' and 'secure-boot' in caught.value.message
    assert 'vars' not in document(machine) and document(machine)['firmware'] == 'uefi'
    machine.force_off()
    machine.start()
    assert 'vars-secure.qcow2' not in ' '.join(command_line(machine))
    machine.force_off()


def test_network_and_order(lodge):
    machine = lodge.create('Net', memory=64 << 20, cores=1, disk_size=1 << 20, firmware='bios')
    assert machine.get('Settings')['boot-order'] == 'disk0'
    change(machine, boot_order='net0,disk0', mac='52-54-00-AA-bb-01', nic_model='e1000e', pointer='ps2')
    assert document(machine)['nics'][0]['mac'] == '52:54:00:aa:bb:01'
    machine.start()
    card = device(machine, 'net0')
    assert 'bootindex=1' in card and 'romfile' not in card and 'mac=52:54:00:aa:bb:01' in card and 'e1000e' in card
    # Each is taken back by its value from before; what the guest has still is told with it.
    assert sorted(change(machine, boot_order='disk0', network='none')) == ['boot-order', 'network']
    assert machine.get('Effective')['settings'] == {'boot-order': 'net0,disk0', 'network': 'user'}
    assert change(machine, boot_order='net0,disk0', network='user') == []
    change(machine, boot_order='disk0', mac='')
    machine.force_off()
    machine.start()
    card = device(machine, 'net0')
    assert 'romfile=' in card and 'bootindex' not in card
    assert machine.get('Settings')['mac'] not in ('', '52:54:00:aa:bb:01'), 'a new address'
    machine.force_off()
