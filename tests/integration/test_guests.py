# SPDX-License-Identifier: GPL-3.0-or-later
"""Real guests under the real core: the demo guest, Debian's installer with both firmwares, another architecture."""
import json
import os
import re
import secrets
import socket
import time

import pytest

WINDOW_LIGHT = (255, 215, 95)   # the lodge's lit windows in data/demo/picture.py

def is_language_page(screen):
    """Debian's text installer with a list: a grey dialog on blue, a red bar on a line of it."""
    return all(screen.has_colour(colour, share) for colour, share in
               (((170, 170, 170), 0.5), ((0, 0, 170), 0.04), ((170, 0, 0), 0.003)))


def nonce_by_keys(machine, serial, device='/dev/ttyS0'):
    """Types a command at the guest's keyboard and waits for it on the serial line; tries again, for keys that a busy
    guest lost."""
    for _ in range(3):
        nonce = secrets.token_hex(3)
        machine.type(f'echo got-{nonce} > {device}\n')
        try:
            return serial.wait(rf'got-{nonce}$', 15)
        except TimeoutError as error:
            last = error
            machine.keys('ctrl', 'c')
    raise last


@pytest.mark.as_user
def test_demo_guest(lodge_qemu):
    machine = lodge_qemu.create_demo()
    machine.start()
    assert machine.state == 'running'
    effective = machine.get('Effective')
    assert effective['accelerator'] in ('kvm', 'tcg') and effective['pid'] > 0
    with machine.serial() as serial:
        serial.wait_ready()
        machine.wait_screen(lambda screen: screen.has_colour(WINDOW_LIGHT, 0.002), 30, 'the lodge on the screen')
        nonce_by_keys(machine, serial)
        assert 'Linux' in serial.run('uname -a')
        serial.run('while ! pidof qemu-ga; do sleep 0.2; done')
    check_agent(lodge_qemu, machine)
    machine.shut_down()
    assert machine.state == 'off'


def check_agent(lodge, machine):
    path = os.path.join(lodge.runtime, 'lodge', machine.id[:8], 'agent.sock')
    with socket.socket(socket.AF_UNIX) as agent:
        agent.settimeout(120)
        agent.connect(path)
        stream = agent.makefile('rw')
        stream.write('{"execute": "guest-ping"}\n')
        stream.flush()
        assert json.loads(stream.readline().lstrip('\xff')) == {'return': {}}


def test_pause_and_resume(lodge):
    machine = lodge.create_demo(words='lodge.count')
    machine.start()
    with machine.serial() as serial:
        before = serial.count_on(3, 90)[-1]
        machine.call('Pause')
        machine.wait_state('paused', 5)
        while serial.read(0.5) and serial.numbers()[-1] != before:
            before = serial.numbers()[-1]
        standing = serial.numbers()[-1]
        time.sleep(1)
        serial.read()
        assert serial.numbers()[-1] == standing
        machine.call('Resume')
        machine.wait_state('running', 5)
        assert serial.count_on(3)[-1] > standing
    machine.force_off()


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize('firmware', ['bios', 'uefi'])
def test_debian_installer(lodge, installer_iso, firmware):
    machine = lodge.create('Debian', [('iso', installer_iso)], firmware=firmware, disk_size=4 << 30, memory=1 << 30)
    machine.start()
    machine.wait_screen(is_language_page, 300, '"Select a language"')
    first = machine.wait_still(120, 2)
    machine.keys('down')
    moved = machine.wait_screen(lambda screen: screen.difference(first) > 0.005, 20, 'an answer to a key')
    assert moved.difference(first) < 0.1, 'a whole new screen, not a moved bar'
    machine.force_off()


@pytest.mark.slow
def test_arm64_guest(lodge, arm64_guest):
    kernel, initrd, _ = arm64_guest
    machine = lodge.create('Arm', [('kernel', kernel), ('initrd', initrd)], arch='aarch64', memory=512 << 20,
                           append='console=tty0 console=ttyAMA0 quiet')
    machine.start()
    with machine.serial() as serial:
        serial.wait_ready(120)
        assert re.search('aarch64', serial.run('uname -m'))
        # Its keyboard is on USB, which a slow host finds long after the shell is there.
        serial.run('until grep -q Keyboard /proc/bus/input/devices; do sleep 1; done', 120)
        machine.wait_screen(lambda screen: screen.has_colour(WINDOW_LIGHT, 0.002), 30, 'the lodge on the screen')
        nonce_by_keys(machine, serial, '/dev/ttyAMA0')
    machine.shut_down()


@pytest.mark.slow
@pytest.mark.long
def test_arm64_guest_by_uefi(lodge, arm64_guest, tmp_path):
    disk = tmp_path / 'disk.img'
    disk.write_bytes(open(arm64_guest[2], 'rb').read())
    machine = lodge.create('Arm', [('disk', str(disk))], arch='aarch64', firmware='uefi', memory=512 << 20)
    machine.start()
    with machine.serial() as serial:
        serial.wait_ready(240)
        assert 'aarch64' in serial.run('uname -m')
    machine.shut_down()
