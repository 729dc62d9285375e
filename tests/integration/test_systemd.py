# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests in scopes of their own, against a stand-in for the user's systemd; the unit file."""
import os
import re
import shutil
import subprocess
import time

import pytest
from gi.repository import Gio, GLib

from lodgetest import wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('LODGE_BUILD_DIR', os.path.join(HERE, '../../build'))

MANAGER = """<node><interface name='org.freedesktop.systemd1.Manager'><method name='StartTransientUnit'>
<arg type='s' direction='in'/><arg type='s' direction='in'/><arg type='a(sv)' direction='in'/>
<arg type='a(sa(sv))' direction='in'/><arg type='o' direction='out'/></method></interface></node>"""


@pytest.mark.as_user
def test_each_guest_in_a_scope(lodge):
    calls = []

    def called(connection, sender, path, interface, method, parameters, invocation):
        calls.append(parameters.unpack())
        invocation.return_value(GLib.Variant('(o)', ('/org/freedesktop/systemd1/job/1',)))
    node = Gio.DBusNodeInfo.new_for_xml(MANAGER)
    lodge.bus.register_object('/org/freedesktop/systemd1', node.interfaces[0], called, None, None)
    lodge.bus.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'RequestName',
                        GLib.Variant('(su)', ('org.freedesktop.systemd1', 0)), None, 0, -1, None)
    machine = lodge.create('Scoped', memory=64 << 20, cores=1)
    # Its answer comes only when this thread looks, so also a systemd that hangs does not keep a guest from starting.
    machine.start()
    context = GLib.MainContext.default()

    def arrived():
        while context.iteration(False):
            pass
        return calls
    wait_until(arrived, 5, 'the request for a scope')
    name, mode, properties, _ = calls[0]
    properties = dict(properties)
    assert re.fullmatch(rf'lodge-{machine.id[:8]}-\d+\.scope', name) and mode == 'fail'
    assert machine.pid in properties['PIDs'] and 'Scoped' in properties['Description']
    machine.force_off()


def test_guest_waits_for_its_scope(lodge):
    """QEMU must not run before systemd has answered, or what it starts would stay outside; see the answer come late."""
    seen = []

    def called(connection, sender, path, interface, method, parameters, invocation):
        pid = dict(parameters.unpack()[2])['PIDs'][0]
        gate = os.readlink(f'/proc/{pid}/exe')
        time.sleep(0.1)
        seen.append((pid, gate, os.readlink(f'/proc/{pid}/exe')))
        invocation.return_value(GLib.Variant('(o)', ('/org/freedesktop/systemd1/job/1',)))
    node = Gio.DBusNodeInfo.new_for_xml(MANAGER)
    lodge.bus.register_object('/org/freedesktop/systemd1', node.interfaces[0], called, None, None)
    lodge.bus.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'RequestName',
                        GLib.Variant('(su)', ('org.freedesktop.systemd1', 0)), None, 0, -1, None)
    machine = lodge.create('Scoped', memory=64 << 20, cores=1)
    start = lodge.start('lodgectl', 'start', 'Scoped', stdout=subprocess.DEVNULL)
    context = GLib.MainContext.default()

    def ended():
        while context.iteration(False):
            pass
        return start.poll() is not None
    wait_until(ended, 30, 'the start', 0.01)
    assert start.returncode == 0
    (pid, gate, still), = seen
    assert gate == still, 'QEMU ran before its scope was there'
    assert os.readlink(f'/proc/{pid}/exe') != gate
    machine.force_off()


def test_unit_file():
    path = os.path.join(BUILD, 'data/lodge-core.service')
    with open(path, encoding='utf-8') as f:
        text = f.read()
    lines = [line for line in text.splitlines() if line and not line.startswith('#')]
    assert 'KillMode=process' in lines, 'a restart of the core must not take the guests along'
    assert 'Type=dbus' in lines and 'BusName=org.lodgevm.Core1' in lines
    for harmful in ('PrivateTmp', 'PrivateUsers', 'ProtectHome', 'RestrictNamespaces', 'SystemCallFilter', 'MemoryMax',
                    'PrivateDevices', 'NoNewPrivileges'):
        assert not any(line.startswith(harmful + '=') for line in lines), f'{harmful} would reach the guests'
    if not shutil.which('systemd-analyze'):
        pytest.skip('systemd-analyze is not there')
    # It looks for the program that the unit starts.
    folder = os.path.join(BUILD, 'units-to-verify')
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'lodge-core.service'), 'w', encoding='utf-8') as f:
        f.write(re.sub(r'ExecStart=.*', 'ExecStart=/bin/true', text))
    done = subprocess.run(['systemd-analyze', '--user', '--man=no', 'verify', os.path.join(folder, 'lodge-core.service')],
                          capture_output=True, text=True, check=False, env={**os.environ, 'XDG_RUNTIME_DIR': folder})
    complaints = [line for line in done.stderr.splitlines() if 'lodge-core.service' in line]
    assert not complaints, complaints
