# SPDX-License-Identifier: GPL-3.0-or-later
"""The window over a core that only remembers, on a screen of its own: for tests of the window alone, and for its pictures."""
import json
import os
import subprocess
import sys

import gi
gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

from lodgetest.accessible import Desktop  # noqa: E402
from lodgetest.display import Display  # noqa: E402
from lodgetest.probe import Probe  # noqa: E402
from lodgetest.session import Session  # noqa: E402

FAKE_CORE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fake_core.py')
ROOT = '/org/lodgevm/Core1'


class FakeWorld:
    def __init__(self, machines=(), size=(1280, 900), environment=None, settings='', arguments=(), core=(), window=True):
        """settings: what stands in the keyfile of GSettings; core: further arguments of the fake core."""
        self.session = Session()
        self.display = self.probe = None
        self.processes = []
        self.desktop_found = None
        self.arguments = [str(argument) for argument in arguments]
        try:
            if settings:
                folder = os.path.join(self.session.environment['XDG_CONFIG_HOME'], 'glib-2.0/settings')
                os.makedirs(folder)
                with open(os.path.join(folder, 'keyfile'), 'w', encoding='utf-8') as f:
                    f.write(settings)
            # Where the fake core ends, the bus must not start the real one.
            os.unlink(os.path.join(self.session.runtime, 'services/org.lodgevm.Core1.service'))
            self.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'ReloadConfig', name='org.freedesktop.DBus')
            self.display = Display(self.session.environment, *size)
            self.session.environment.update(environment or {})
            self.calls_path = os.path.join(self.session.state, 'calls')
            self.core_arguments = ['--machines', json.dumps(list(machines)), *core]
            self.core = None
            self.start_core()
            if window:
                self.start_window()
        except BaseException:
            self.close()
            raise

    def add_image(self, name, label, days=0):
        """A file with the head of an ISO 9660 image, in this session's downloads."""
        folder = os.path.join(self.session.state, 'Downloads')
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(self.session.environment['XDG_CONFIG_HOME'], 'user-dirs.dirs'), 'w', encoding='utf-8') as f:
            f.write(f'XDG_DOWNLOAD_DIR="{folder}"\n')
        path = os.path.join(folder, name)
        with open(path, 'wb') as f:
            f.write(bytes(16 * 2048) + b'\x01CD001\x01\0' + b' ' * 32 + label.encode().ljust(32) + bytes(4096))
            f.truncate(640 << 20)
        os.utime(path, (os.stat(path).st_atime, os.stat(path).st_mtime - days * 86400))
        return path

    def start_core(self):
        with open(self.calls_path, 'ab') as calls:
            self.core = self.spawn([sys.executable, FAKE_CORE, *self.core_arguments], stdout=calls)
        Display.wait(self.core_is_there, 30, 'the core')

    def start_window(self):
        """The probe is in it too; see lodgetest/probe.py."""
        self.probe = Probe(self.session.environment, self.session.state, *self.arguments)
        self.program = self.probe.process
        self.processes.append(self.program)
        self.window = self.display.find_window('^Lodge$', 60)
        if not self.arguments:  # else a dialog lies over it
            self.display.focus(self.window)

    def restart_window(self):
        self.probe.hang_up()
        self.stop(self.program)
        self.desktop_found.close() if self.desktop_found else None
        self.desktop_found = None
        self.start_window()

    def setting(self, key):
        """Of the program, as GSettings has it."""
        return self.display.output('gsettings', 'get', 'org.lodgevm.Lodge', key).strip()

    def stop(self, process):
        self.processes.remove(process)
        process.terminate()
        process.wait(120)

    def spawn(self, command, **options):
        self.processes.append(subprocess.Popen(command, env=self.session.environment, **options))
        return self.processes[-1]

    # The bus -----------------------------------------------------------------------------------

    def call(self, path, interface, method, arguments=None, name='org.lodgevm.Core1'):
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        bus = Gio.DBusConnection.new_for_address_sync(self.session.environment['DBUS_SESSION_BUS_ADDRESS'], flags, None, None)
        try:
            return [bus.call_sync(name, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE, 30000, None).unpack()]
        finally:
            bus.close_sync(None)

    def has_owner(self, name):
        return self.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'NameHasOwner', GLib.Variant('(s)', (name,)),
                         'org.freedesktop.DBus')[0][0]

    def core_is_there(self):
        return self.has_owner('org.lodgevm.Core1')

    def change(self, machine, **properties):
        """As if the core had changed them: plain JSON values."""
        self.call(ROOT, 'org.lodgevm.FakeCore', 'Change', GLib.Variant('(ss)', (machine, json.dumps(properties))))

    def recognise(self):
        """What an image holds whose name has "slow" in it: Debian 13."""
        self.call(ROOT, 'org.lodgevm.FakeCore', 'Recognise')

    def calls(self):
        with open(self.calls_path, encoding='utf-8') as f:
            return [json.loads(line) for line in f if line.endswith('\n')]

    def wait_call(self, machine, method, text=''):
        return Display.wait(lambda: [c for c in self.calls() if c[:2] == [machine, method] and text in c[2]], 30,
                            f'{method} of {machine}')[-1]

    # The window --------------------------------------------------------------------------------

    @property
    def desktop(self):
        if self.desktop_found is None:
            self.desktop_found = Desktop(self)
        return self.desktop_found

    @property
    def main(self):
        return self.desktop.find_window('Lodge')

    def close(self):
        if self.desktop_found is not None:
            self.desktop_found.close()
        if self.probe is not None:
            self.probe.hang_up()
        for process in reversed(self.processes):
            process.terminate()
            process.wait(120)
        if self.display is not None:
            self.display.close()
        self.session.end()
