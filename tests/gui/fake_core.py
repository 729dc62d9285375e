#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lodge-core for tests of the window: org.lodgevm.Core1 from its XML, machines kept in memory, no guests.

fake_core.py [--machines JSON] [--no-demo] [--screen PPM] [--features WORDS] [--kvm]; each entry of the JSON array may set any property of a
machine, and what it answers: Snapshots, Dependants; Jobs that are under way for it; Fails, the methods that do, each with the
last word of its error's name; Screen, what is seen of it in a console: "picture", "off", "silent" (nothing answers) or "none",
where it cannot be opened.
org.lodgevm.FakeCore.Change (name, JSON) changes properties of a machine afterwards, and its Screen; "elsewhere" takes the
screen from who has it; Pointer is "absolute" (as at first) or "relative" from then on. An image whose name has "slow" in it is
recognised at org.lodgevm.FakeCore.Recognise.
Calls, those of its display too, are written to standard output, one JSON array [machine, method, arguments] a line.
"""
import argparse
import json
import os
import re
import sys
import time
import uuid

import gi
gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

from fake_display import FakeDisplay  # noqa: E402

ROOT = '/org/lodgevm/Core1'
MACHINE = 'org.lodgevm.Core1.Machine'
JOB = 'org.lodgevm.Core1.Job'
XML = os.path.join(os.path.dirname(__file__), '../../data/dbus/org.lodgevm.Core1.xml')
NAMES = os.path.join(os.path.dirname(__file__), '../../core/ipc/lodge-names.h')
API_VERSION = int(re.search(r'LODGE_API_VERSION\s+(\d+)u', open(NAMES, encoding='utf-8').read()).group(1))
FAKE = """<node><interface name="org.lodgevm.FakeCore">
<method name="Change"><arg type="s" direction="in"/><arg type="s" direction="in"/></method>
<method name="Recognise"/></interface></node>"""
GIB = 1 << 30
TYPES = {'Settings': 'a{sv}', 'Effective': 'a{sv}', 'Fault': 'a{sv}', 'StateDetails': 'a{sv}', 'PendingSettings': 'as',
         'Created': 'x', 'LastStarted': 'x', 'Template': 'b', 'Disposable': 'b', 'Origin': 'a{sv}', 'Automatic': 'a{sv}'}
NOTHING = {'a{sv}': {}, 'as': [], 'x': 0, 'b': False, 's': ''}
SETTING_TYPES = {'created': 'x', 'cores': 'u', 'memory': 't', 'disk-size': 't', '3d': 'b', 'snapshot-every': 'u', 'backup-every': 'u',
                 'next-snapshot': 'x', 'next-backup': 'x', 'last-backup': 'x', 'verified': 'x'}
SYSTEMS = {  # what Identify says of a file whose name has the word
    'debian': {'kind': 'iso', 'os': 'debian13', 'os-name': 'Debian 13', 'family': 'linux', 'symbol': 'debian', 'confidence': 'exact',
               'settings': {'os': 'debian13', 'family': 'linux', 'memory': 2 * GIB, 'cores': 2, 'disk-size': 20 * GIB,
                            'firmware': 'uefi'}},
    'fedora': {'kind': 'iso', 'os': 'fedora43', 'os-name': 'Fedora Linux 43', 'family': 'linux', 'symbol': 'fedora',
               'confidence': 'exact', 'settings': {'os': 'fedora43', 'family': 'linux', 'memory': 4 * GIB, 'cores': 2,
                                                   'disk-size': 32 * GIB, 'firmware': 'uefi'}},
}
JOB_TYPES = {'Kind': 's', 'Machine': 'o', 'Progress': 'd', 'Rate': 't', 'TimeLeft': 'x', 'State': 's', 'Error': '(ss)'}


def variants(values):
    result = {}
    for key, value in values.items():
        if isinstance(value, GLib.Variant):
            result[key] = value
        elif isinstance(value, bool):
            result[key] = GLib.Variant('b', value)
        elif isinstance(value, dict):
            result[key] = GLib.Variant('a{sv}', variants(value))
        elif isinstance(value, float):
            result[key] = GLib.Variant('d', value)
        elif isinstance(value, int):
            result[key] = GLib.Variant(SETTING_TYPES.get(key, 't'), value)
        else:
            result[key] = GLib.Variant('s', value)
    return result


class Machine:
    def __init__(self, name, **values):
        self.values = {
            'Id': str(uuid.uuid4()), 'Name': name, 'Folder': f'/tmp/{name}', 'State': 'off', 'StateReason': '',
            'StateDetails': {}, 'PendingSettings': [], 'Effective': {}, 'Fault': {}, 'Created': 0, 'LastStarted': 0,
            'Settings': {'name': name, 'cores': 2, 'memory': 2 * GIB, 'firmware': 'uefi', '3d': False,
                         'network': 'user', 'disk': 'disks/disk0.qcow2', 'disk-size': 20 * GIB, 'cd': '', 'cpu': 'host',
                         'secure-boot': False, 'tpm': False, 'boot-order': 'cd0,disk0', 'video': 'virtio', 'sound': 'hda',
                         'nic-model': 'virtio', 'mac': '52:54:00:12:34:56', 'pointer': 'tablet', 'clock': 'utc', 'hyperv': False,
                         'balloon': True, 'kernel': '', 'initrd': '', 'append': ''},
        }
        settings = values.pop('Settings', {})
        # As ListSnapshots gives them, but for "age", seconds ago; as Dependants gives them.
        self.snapshots = values.pop('Snapshots', [])
        self.dependants = values.pop('Dependants', [])
        self.backups = values.pop('Backups', [])  # as ListBackups gives them, but for "age"
        self.jobs = values.pop('Jobs', [])
        self.fails = values.pop('Fails', {})
        self.screen, self.display = values.pop('Screen', 'none'), None
        self.values.update(values)
        self.values['Settings'].update(settings)
        self.path = ROOT + '/machines/' + self.values['Id'].replace('-', '_')

    def variant(self, key):
        kind = TYPES.get(key, 's')
        value = self.values.get(key, NOTHING[kind])
        return GLib.Variant(kind, variants(value) if kind == 'a{sv}' else value)

    def properties(self):
        return {key: self.variant(key) for key in self.values}


class Core:
    def __init__(self, machines, demo, screen, features, api_version=API_VERSION, kvm=False):
        self.demo, self.screen, self.features, self.api_version, self.kvm = demo, screen, features, api_version, kvm
        self.connection = Gio.bus_get_sync(Gio.BusType.SESSION)
        interfaces = Gio.DBusNodeInfo.new_for_xml(open(XML, encoding='utf-8').read())
        self.machine_info, self.job_info = interfaces.lookup_interface(MACHINE), interfaces.lookup_interface(JOB)
        self.machines = {}
        self.jobs = {}
        self.slow = []
        self.ids = {}
        self.trash = {}
        self.connection.register_object(ROOT, interfaces.lookup_interface('org.lodgevm.Core1'), self.core_call,
                                        self.core_property, None)
        self.connection.register_object(ROOT, Gio.DBusNodeInfo.new_for_xml(FAKE).interfaces[0], self.fake_call, None, None)
        for values in machines:
            self.add(Machine(**values))
        Gio.bus_own_name_on_connection(self.connection, 'org.lodgevm.Core1', 0, None, lambda *_: sys.exit(0))

    def add(self, machine, tell=False):
        self.machines[machine.path] = machine
        self.ids[machine.path] = self.connection.register_object(machine.path, self.machine_info, self.machine_call,
                                                                 self.machine_property, None)
        if tell:
            self.connection.emit_signal(None, ROOT, 'org.freedesktop.DBus.ObjectManager', 'InterfacesAdded',
                                        GLib.Variant('(oa{sa{sv}})', (machine.path, {MACHINE: machine.properties()})))

        for job in machine.jobs:
            path = f'{ROOT}/jobs/{len(self.jobs) + 1}'
            values = {'Machine': machine.path, 'Progress': -1.0, 'Rate': 0, 'TimeLeft': -1, 'State': 'running', 'Error': ('', ''),
                      **job}
            self.jobs[path] = {key: GLib.Variant(JOB_TYPES[key], value) for key, value in values.items()}
            self.connection.register_object(path, self.job_info, self.job_call, lambda *call: self.jobs[call[2]][call[4]], None)

    def remove(self, machine):
        del self.machines[machine.path]
        self.connection.unregister_object(self.ids.pop(machine.path))
        self.connection.emit_signal(None, ROOT, 'org.freedesktop.DBus.ObjectManager', 'InterfacesRemoved',
                                    GLib.Variant('(oas)', (machine.path, [MACHINE])))

    def change(self, machine, **values):
        machine.values.update(values)
        self.connection.emit_signal(None, machine.path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged',
                                    GLib.Variant('(sa{sv}as)', (MACHINE, {k: machine.variant(k) for k in values}, [])))

    def core_property(self, connection, sender, path, interface, name):
        return {
            'ApiVersion': GLib.Variant('u', self.api_version), 'Version': GLib.Variant('s', 'fake'),
            'Features': GLib.Variant('as', (['demo'] if self.demo else []) + ['swtpm', 'snapshots'] + self.features),
            'Host': GLib.Variant('a{sv}', variants({
                'acceleration': 'kvm' if self.kvm else 'tcg', 'acceleration-reason': '' if self.kvm else 'no-cpu-flags', 'cores': 8, 'memory': 16 * GIB,
                'memory-available': 9 * GIB, 'gl-reason': 'no-render-node', 'qemu-version': '7.2.22'})),
        }[name]

    def machine_property(self, connection, sender, path, interface, name):
        return self.machines[path].variant(name)

    def fake_call(self, connection, sender, path, interface, method, arguments, invocation):
        if method == 'Recognise':
            for slow in self.slow:
                slow.return_value(GLib.Variant('(a{sv})', (variants(SYSTEMS['debian']),)))
            self.slow = []
            invocation.return_value(None)
            return
        name, text = arguments.unpack()
        machine = next(m for m in self.machines.values() if m.values['Name'] == name)
        values = json.loads(text)
        if 'Settings' in values:
            values['Settings'] = {**machine.values['Settings'], **values['Settings']}
        if 'Screen' in values:
            self.set_screen(machine, values.pop('Screen'))
        if 'Pointer' in values:
            machine.display.set_absolute(values.pop('Pointer') == 'absolute')
        self.change(machine, **values)
        invocation.return_value(None)

    def set_screen(self, machine, screen):
        if screen != 'elsewhere':
            machine.screen = screen
        if machine.display is not None and screen in ('elsewhere', 'none', 'silent'):
            machine.display.close()
        elif machine.display is not None:
            machine.display.set_off(screen == 'off')

    def open_display(self, machine, invocation):
        if machine.screen == 'silent':
            return
        if machine.screen == 'none':
            invocation.return_dbus_error('org.lodgevm.Error.NotSupported', 'OpenDisplay')
            return
        if machine.display is None:
            machine.display = FakeDisplay(self.screen, lambda *call: self.log(machine.values['Name'], *call))
        machine.display.off = machine.screen == 'off'
        keyring = os.open('/', os.O_RDONLY | os.O_CLOEXEC)  # nobody asks for a cookie of it
        fds = Gio.UnixFDList.new_from_array([machine.display.open(), keyring])
        invocation.return_value_with_unix_fd_list(GLib.Variant('(hh)', (0, 1)), fds)

    def job_call(self, connection, sender, path, interface, method, arguments, invocation):
        self.log(None, method, arguments)
        invocation.return_value(None)
        self.jobs[path]['State'] = GLib.Variant('s', 'cancelled')
        self.connection.emit_signal(None, path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged',
                                    GLib.Variant('(sa{sv}as)', (JOB, {'State': self.jobs[path]['State']}, [])))

    def log(self, name, method, arguments):
        print(json.dumps([name, method, arguments.print_(False)]), flush=True)

    def brief(self, machine, options):
        """What ListMachines gives of it."""
        if machine.values['Id'] in options['whole']:
            return machine.properties()
        settings = {key: machine.values['Settings'][key] for key in options['settings'] if key in machine.values['Settings']}
        found = {key: machine.variant(key) for key in options['properties']}
        return {**{key: value for key, value in found.items() if value.unpack()}, 'Settings': GLib.Variant('a{sv}', variants(settings))}

    def core_call(self, connection, sender, path, interface, method, arguments, invocation):
        if method not in ('ListMachines', 'ListJobs'):
            self.log(None, method, arguments)
        values = arguments.unpack()
        if method == 'CreateMachine':
            if 'fault' in values[0]:  # a name that asks for it
                invocation.return_dbus_error('org.lodgevm.Error.NoSpace', 'needs 3 GB')
                return
            settings = {k: v for k, v in values[1].items() if k != 'demo'}
            machine = Machine(values[0], Settings=settings)
            self.add(machine, tell=True)
            invocation.return_value(GLib.Variant('(o)', (machine.path,)))
        elif method == 'ListMachines':
            invocation.return_value(GLib.Variant('(a{oa{sv}})', ({p: self.brief(m, values[0]) for p, m in self.machines.items()},)))
        elif method == 'ListJobs':
            invocation.return_value(GLib.Variant('(a{oa{sv}})', (self.jobs,)))
        elif method == 'FindMachine':
            found = [p for p, m in self.machines.items() if values[0] in (m.values['Name'], m.values['Id'])]
            if found:
                invocation.return_value(GLib.Variant('(o)', (found[0],)))
            else:
                invocation.return_dbus_error('org.lodgevm.Error.NotFound', values[0])
        elif method == 'Identify':
            name = values[0].lower()
            if 'slow' in name:
                self.slow.append(invocation)
                return
            facts = next((facts for word, facts in SYSTEMS.items() if word in name), None)
            if facts is None:
                facts = {'kind': 'iso', 'os': '', 'os-name': '', 'family': 'other', 'symbol': 'other', 'confidence': 'none',
                         'settings': {'family': 'other', 'memory': GIB, 'cores': 1, 'disk-size': 16 * GIB, 'firmware': 'bios'}}
            invocation.return_value(GLib.Variant('(a{sv})', (variants(facts),)))
        elif method == 'Amounts':
            invocation.return_value(GLib.Variant('(a{sv})', (variants({
                'memory-minimum': GIB, 'memory-recommended': 2 * GIB, 'memory-suggested': 2 * GIB, 'memory-free': 9 * GIB,
                'memory-maximum': 16 * GIB, 'cores-minimum': GLib.Variant('u', 1), 'cores-recommended': GLib.Variant('u', 2),
                'cores-suggested': GLib.Variant('u', 2), 'cores-host': GLib.Variant('u', 8),
                'cores-maximum': GLib.Variant('u', 16)}),)))
        elif method == 'ListBackups':
            wanted = values[1].get('machine')
            found = [variants({**{k: v for k, v in backup.items() if k != 'age'}, 'id': f'set/{number}', 'fault': '',
                               'machine': machine.values['Id'], 'name': machine.values['Name'],
                               'created': int(time.time()) - backup['age']})
                     for machine in self.machines.values() if wanted in (None, machine.values['Id'])
                     for number, backup in enumerate(machine.backups)]
            invocation.return_value(GLib.Variant('(aa{sv})', (found,)))
        elif method == 'ListTrash':
            entries = [variants({'id': i, 'name': m.values['Name'], 'size': 12 * 10 ** 9}) for i, m in self.trash.items()]
            invocation.return_value(GLib.Variant('(aa{sv})', (entries,)))
        elif method == 'Undelete':
            machine = self.trash.pop(values[0])
            self.add(machine, tell=True)
            invocation.return_value(GLib.Variant('(o)', (machine.path,)))
        elif method == 'Quit':
            invocation.return_value(None)
            self.connection.flush_sync()
            sys.exit(0)
        else:
            invocation.return_dbus_error('org.lodgevm.Error.NotSupported', method)

    def machine_call(self, connection, sender, path, interface, method, arguments, invocation):
        machine = self.machines[path]
        if method not in ('Screenshot', 'ListSnapshots', 'GetSnapshotPicture', 'Forecast', 'Dependants'):
            self.log(machine.values['Name'], method, arguments)
        if method in machine.fails:
            invocation.return_dbus_error('org.lodgevm.Error.' + machine.fails[method], 'qemu-system-x86_64: -drive: no such file')
            return
        states = {'Start': 'running', 'Pause': 'paused', 'Resume': 'running', 'Shutdown': 'stopping', 'ForceOff': 'off',
                  'Save': 'saved'}
        if method in states:
            self.change(machine, State=states[method], LastStarted=int(time.time()))
            invocation.return_value(None)
        elif method == 'SetSettings':
            settings = arguments.unpack()[0]
            if settings.get('cores') == 7:
                invocation.return_dbus_error('org.lodgevm.Error.OutOfRange', '1 to 6')
                return
            machine.values['Settings'].update(settings)
            self.change(machine, Settings=machine.values['Settings'], Name=machine.values['Settings']['name'])
            invocation.return_value(GLib.Variant('(as)', ([],)))
        elif method == 'CheckSettings':
            if arguments.unpack()[0].get('mac') == 'wrong':
                invocation.return_dbus_error('org.lodgevm.Error.InvalidArgument', 'mac: "wrong" is no address')
                return
            warnings = ['firmware-installed'] if 'firmware' in arguments.unpack()[0] else []
            invocation.return_value(GLib.Variant('(a{sv})', ({'pending': GLib.Variant('as', []),
                                                              'warnings': GLib.Variant('as', warnings)},)))
        elif method == 'ListDisks':
            settings = machine.values['Settings']
            off = machine.values['State'] == 'off'
            disk = {'id': 'disk0', 'file': settings['disk'], 'path': '/tmp/disk0.qcow2', 'format': 'qcow2', 'bus': 'virtio',
                    'cdrom': False, 'size': settings['disk-size'], 'used': 3 * GIB, 'attached': True, 'own': True, 'waits': False,
                    'reasons': GLib.Variant('as', []),
                    'can': GLib.Variant('as', ['grow', 'compact', 'convert', 'detach'] if off else ['grow', 'detach'])}
            drive = {'id': 'cd0', 'file': settings['cd'], 'path': settings['cd'], 'format': 'raw', 'bus': 'sata', 'cdrom': True,
                     'size': 0, 'used': 0, 'attached': True, 'own': False, 'waits': False, 'reasons': GLib.Variant('as', []),
                     'can': GLib.Variant('as', ['detach'])}
            invocation.return_value(GLib.Variant('(aa{sv})', ([variants(disk), variants(drive)],)))
        elif method == 'Delete':
            self.trash[machine.values['Id']] = machine
            self.remove(machine)
            invocation.return_value(None)
        elif method == 'GetLog':
            invocation.return_value(GLib.Variant('(s)', ('line one\nline two\n' * 40,)))
        elif method == 'ListSnapshots':
            found = [variants({**{k: v for k, v in snapshot.items() if k != 'age'}, 'created': int(time.time()) - snapshot['age']})
                     for snapshot in machine.snapshots]
            invocation.return_value(GLib.Variant('(aa{sv})', (found,)))
        elif method == 'Forecast':
            invocation.return_value(GLib.Variant('(a{sv})', (variants({'bytes': 310 << 20, 'seconds': 2.0, 'pause-seconds': 0.2}),)))
        elif method in ('Screenshot', 'GetSnapshotPicture'):
            fd = os.memfd_create('screen')
            os.write(fd, self.screen)
            fds = Gio.UnixFDList.new_from_array([fd])
            invocation.return_value_with_unix_fd_list(GLib.Variant('(h)', (0,)), fds)
        elif method == 'OpenDisplay':
            self.open_display(machine, invocation)
        elif method == 'TakeSnapshot':
            taken = {'id': f'taken{len(machine.snapshots)}', 'parent': machine.values.get('CurrentSnapshot', ''), 'size': 300 << 20,
                     'name': arguments.unpack()[0].get('name', time.strftime('%d.%m. %H:%M')), 'age': 0, 'current': True,
                     'memory': machine.values['State'] != 'off', 'picture': True}
            machine.snapshots = [{**snapshot, 'current': False} for snapshot in machine.snapshots] + [taken]
            self.change(machine, CurrentSnapshot=taken['id'])
            invocation.return_value(GLib.Variant('(s)', (taken['id'],)))
        elif method == 'EditSnapshot':
            invocation.return_value(None)
        elif method == 'Dependants':
            invocation.return_value(GLib.Variant('(aa{sv})', ([variants(e) for e in machine.dependants],)))
        elif method == 'SetTemplate':
            self.change(machine, Template=arguments.unpack()[0])
            invocation.return_value(None)
        elif method in ('Clone', 'OpenDisposable'):
            throw_away = method == 'OpenDisposable'
            clone = Machine(f'{machine.values["Name"]} 0' if throw_away else arguments.unpack()[0], Disposable=throw_away,
                            State='running' if throw_away else 'off',
                            Origin={'machine': machine.values['Id'], 'machine-name': machine.values['Name'], 'kind': 'linked'})
            self.add(clone, tell=True)
            invocation.return_value(GLib.Variant('(o)', (clone.path,)) if throw_away
                                    else GLib.Variant('(aoss)', ([clone.path], 'linked', 'no-copy-needed')))
        elif method == 'RestorePrevious':
            self.change(machine, State='off', Fault={})
            invocation.return_value(None)
        else:
            invocation.return_dbus_error('org.lodgevm.Error.NotSupported', method)


def make_picture(width=640, height=480):
    """A PPM with something to see."""
    rows = b''.join(bytes((30 + y // 8, 60 + y // 6, 120 + y // 4)) * width for y in range(height))
    return b'P6\n%d %d\n255\n' % (width, height) + rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--machines', default='[]')
    parser.add_argument('--no-demo', action='store_true')
    parser.add_argument('--screen', type=argparse.FileType('rb'), help='a PPM that all machines show')
    parser.add_argument('--api-version', type=int, default=API_VERSION)
    parser.add_argument('--features', default='', help='separated by commas, beside "swtpm"')
    parser.add_argument('--kvm', action='store_true', help='the host has hardware virtualisation')
    options = parser.parse_args()
    core = Core(json.loads(options.machines), not options.no_demo, options.screen.read() if options.screen else make_picture(),
                list(filter(None, options.features.split(','))), options.api_version, options.kvm)
    GLib.MainLoop().run()
    del core


main()
