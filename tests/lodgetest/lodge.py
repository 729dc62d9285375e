# SPDX-License-Identifier: GPL-3.0-or-later
"""Lodge in a private session, and its machines over D-Bus."""
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

from .screen import Screen  # noqa: E402
from .session import PATIENCE, process_table  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BUS_NAME = 'org.lodgevm.Core1'
CORE_PATH = '/org/lodgevm/Core1'
MACHINE = 'org.lodgevm.Core1.Machine'


def wait_until(test, seconds, what, interval=0.1):
    """The first true value that test() gives."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        result = test()
        if result:
            return result
        if time.monotonic() > end:
            raise TimeoutError(f'waited {seconds * PATIENCE:.0f} s for {what}')
        time.sleep(interval)


def error_code(error):
    """The NAME of org.lodgevm.Error.NAME in a GLib.Error of a call; other errors as they are."""
    name = Gio.DBusError.get_remote_error(error) or ''
    return name.removeprefix('org.lodgevm.Error.')


class Lodge:
    """A session of its own. close() ends it and returns what it had to clean up; strict by default."""

    def __init__(self, state=None, build=None, qemu_dir=None, environment=None):
        command = ['/usr/bin/python3', os.path.join(HERE, 'session.py'), '--hold']
        if build:
            command += ['--build', str(build)]
        if state:
            command += ['--state', str(state)]
        outer = dict(os.environ)
        if qemu_dir:
            outer['LODGE_QEMU_DIR'] = str(qemu_dir)
        outer.update(environment or {})
        self.holder = subprocess.Popen(command, env=outer, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.holder.stdout.readline()
        if not line:
            raise RuntimeError('the private session did not start')
        answer = json.loads(line)
        self.environment = answer['environment']
        self.state, self.runtime = answer['state'], answer['runtime']
        self.data = os.path.join(self.environment['XDG_DATA_HOME'], 'lodge')
        self.processes = []
        self._bus = None

    # Programs --------------------------------------------------------------------------------

    def run(self, *command, check=False, timeout=120, **options):
        options.setdefault('stdin', subprocess.DEVNULL)
        done = subprocess.run([str(word) for word in command], env=self.environment, capture_output=True,
                              text=options.pop('text', True), timeout=timeout * PATIENCE, **options)
        if check and done.returncode != 0:
            raise AssertionError(f'{" ".join(map(str, command))} ended with {done.returncode}: {done.stderr}')
        return done

    def ctl(self, *arguments, check=True, **options):
        """Runs lodgectl; without check a failure is returned, not raised."""
        return self.run('lodgectl', *arguments, check=check, **options)

    def ctl_json(self, *arguments):
        return json.loads(self.ctl(*arguments, '--json').stdout)

    def start(self, *command, **options):
        """Starts a program that runs on, for example the window."""
        process = subprocess.Popen([str(word) for word in command], env=self.environment, stdin=subprocess.DEVNULL, **options)
        self.processes.append(process)
        return process

    # D-Bus -----------------------------------------------------------------------------------

    @property
    def bus(self):
        if self._bus is None or self._bus.is_closed():
            flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
            self._bus = Gio.DBusConnection.new_for_address_sync(self.environment['DBUS_SESSION_BUS_ADDRESS'], flags, None, None)
            self._bus.set_exit_on_close(False)
        return self._bus

    def call(self, path, interface, method, arguments=None, fds=None, name=BUS_NAME, timeout=60):
        """Returns (values, descriptors); descriptors are the caller's to close."""
        fd_list = Gio.UnixFDList.new()
        for fd in fds or []:
            fd_list.append(fd)
        reply, got = self.bus.call_with_unix_fd_list_sync(name, path, interface, method, arguments, None,
                                                          Gio.DBusCallFlags.NONE, int(timeout * PATIENCE * 1000), fd_list, None)
        return reply.unpack(), list(got.steal_fds()) if got else []

    def core(self, method, signature='(a{sv})', values=({},), fds=None, timeout=60):
        return self.call(CORE_PATH, BUS_NAME, method, GLib.Variant(signature, values), fds, timeout=timeout)

    def core_properties(self):
        values, _ = self.call(CORE_PATH, 'org.freedesktop.DBus.Properties', 'GetAll', GLib.Variant('(s)', (BUS_NAME,)))
        return values[0]

    def core_pid(self):
        """The core's process id, None when it does not run."""
        try:
            values, _ = self.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'GetConnectionUnixProcessID',
                                  GLib.Variant('(s)', (BUS_NAME,)), name='org.freedesktop.DBus')
            return values[0]
        except GLib.Error:
            return None

    def kill_core(self):
        pid = self.core_pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: self.core_pid() is None, 5, 'the bus to see that the core died', 0.01)
        return pid

    def machines(self):
        values, _ = self.call(CORE_PATH, 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')
        return {path: found[MACHINE] for path, found in values[0].items() if MACHINE in found}

    def machine(self, text):
        values, _ = self.core('FindMachine', '(sa{sv})', (text, {}))
        return Machine(self, values[0])

    def create(self, name, media=(), **settings):
        """CreateMachine with Python values: bool, int (as t, or u for cores), str. media: (role, path)."""
        def variant(key, value):
            if isinstance(value, bool):
                return GLib.Variant('b', value)
            if isinstance(value, int):
                return GLib.Variant('u' if key == 'cores' else 't', value)
            return GLib.Variant('s', value)
        opened = [os.open(path, os.O_RDONLY | os.O_CLOEXEC) for _, path in media]
        try:
            listed = [(role, os.path.basename(path), number) for number, (role, path) in enumerate(media)]
            values, _ = self.core('CreateMachine', '(sa{sv}a(ssh)a{sv})',
                                  (name, {key.replace('_', '-'): variant(key, value) for key, value in settings.items()},
                                   listed, {}), opened)
        finally:
            for fd in opened:
                os.close(fd)
        return Machine(self, values[0])

    def create_demo(self, name='Demo', words='', **settings):
        machine = self.create(name, demo=True, **settings)
        if words:
            append = GLib.Variant('s', f'{machine.get("Settings")["append"]} {words}')
            machine.call('SetSettings', '(a{sv}a{sv})', ({'append': append}, {}))
        return machine

    # The end ---------------------------------------------------------------------------------

    def close(self, strict=True):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5 * PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if self._bus is not None and not self._bus.is_closed():
            self._bus.close_sync(None)
        answer, _ = self.holder.communicate(timeout=60 * PATIENCE)
        report = json.loads(answer) if answer.strip() else {'killed': ['(the session itself died)'], 'left': []}
        if strict:
            assert not report['killed'], f'left running: {report["killed"]}'
            assert not report['left'], f'left in the runtime folder: {report["left"]}'
        return report


class Machine:
    def __init__(self, lodge, path):
        self.lodge, self.path = lodge, path

    def call(self, method, signature='(a{sv})', values=({},), fds=None, timeout=60):
        return self.lodge.call(self.path, MACHINE, method, GLib.Variant(signature, values), fds, timeout=timeout)

    def get(self, name):
        values, _ = self.lodge.call(self.path, 'org.freedesktop.DBus.Properties', 'Get', GLib.Variant('(ss)', (MACHINE, name)))
        return values[0]

    @property
    def id(self):
        return self.get('Id')

    @property
    def state(self):
        return self.get('State')

    @property
    def pid(self):
        return self.get('Effective').get('pid')

    @property
    def qemu_pid(self):
        """Of QEMU itself: the one that the machine names, or the one below the bubblewrap that stands around it."""
        table, todo = process_table(), [self.pid]
        while todo:
            pid = todo.pop(0)
            # By its file: its name is the machine's.
            try:
                if os.path.basename(os.readlink(f'/proc/{pid}/exe')).startswith('qemu-system'):
                    return pid
            except OSError:
                pass
            todo += [child for child, (parent, _) in table.items() if parent == pid]
        raise RuntimeError('no QEMU is below the pid that the machine names')

    def qemu_argv(self):
        with open(f'/proc/{self.qemu_pid}/cmdline', 'rb') as f:
            return f.read().rstrip(b'\0').decode().split('\0')

    def start(self, **options):
        self.call('Start', timeout=120)
        return self

    def wait_state(self, state, seconds=30):
        wait_until(lambda: self.state == state, seconds, f'state {state} (now {self.state}, {self.get("StateReason")})')

    def shut_down(self, seconds=60):
        """The power button, pressed again now and then: a guest that boots does not hear it."""
        end = time.monotonic() + seconds * PATIENCE
        while self.state not in ('off', 'broken'):
            assert time.monotonic() < end, f'the guest did not react to the power button in {seconds} s'
            try:
                self.call('Shutdown')
            except GLib.Error as error:
                assert error_code(error) == 'WrongState', error.message
            for _ in range(40):
                if self.state == 'off':
                    return
                time.sleep(0.1)

    def force_off(self):
        self.call('ForceOff')
        self.wait_state('off', 10)

    def balloon(self, size):
        """Asks the guest for memory, past the core, and waits until it gave some."""
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(60 * PATIENCE)
        line.connect(os.path.join(self.lodge.environment['XDG_RUNTIME_DIR'], 'lodge', self.id[:8], 'rescue.sock'))
        with line, line.makefile('rw', encoding='utf-8') as stream:
            stream.readline()

            def ask(command, **arguments):
                stream.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
                stream.flush()
                while True:
                    answer = json.loads(stream.readline())
                    if 'return' in answer or 'error' in answer:
                        return answer
            ask('qmp_capabilities')
            ask('balloon', value=size)
            wait_until(lambda: ask('query-balloon')['return']['actual'] < size + (8 << 20), 60, 'the guest to give memory back')

    def serial(self):
        _, fds = self.call('OpenChannel', '(sa{sv})', ('serial', {}))
        return Serial(fds[0])

    def screen(self):
        _, fds = self.call('Screenshot')
        with os.fdopen(fds[0], 'rb') as f:
            f.seek(0)
            return Screen(f.read())

    def wait_screen(self, test, seconds=30, what='a picture'):
        """The first screen that test(screen) likes."""
        def look():
            screen = self.screen()
            return screen if test(screen) else None
        return wait_until(look, seconds, what, 0.5)

    def wait_still(self, seconds=120, still=3):
        """The screen once it shows something and has not changed for so many seconds."""
        end = time.monotonic() + seconds * PATIENCE
        last, since = self.screen(), time.monotonic()
        while time.monotonic() < end:
            time.sleep(0.5)
            now = self.screen()
            # A blinking cursor is not a change.
            if now.is_blank() or now.difference(last) > 0.001:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > still:
                return now
        raise TimeoutError(f'the screen did not come to rest in {seconds} s')

    def type(self, text):
        self.call('TypeText', '(sa{sv})', (text, {}))

    def keys(self, *keys):
        self.call('SendKeys', '(asa{sv})', (list(keys), {}))


class Serial:
    """The guest's serial port: what it said so far, and a way to answer."""

    def __init__(self, fd):
        self.socket = socket.socket(fileno=fd)
        self.socket.setblocking(False)
        self.text = ''

    def read(self, seconds=0.0):
        """Takes in what is there, waiting so long for the first byte. False at the end of the stream."""
        if select.select([self.socket], [], [], seconds)[0]:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.text += data.decode('utf-8', 'replace').replace('\r', '')
        return True

    def wait(self, pattern, seconds=60, start=0):
        """The match of a regular expression in what comes, looking from the given place on."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            match = re.compile(pattern, re.M).search(self.text, start)
            if match:
                return match
            if time.monotonic() > end:
                raise TimeoutError(f'the guest did not say {pattern!r} in {seconds} s, but: {self.text[-500:]!r}')
            if not self.read(0.2):
                raise EOFError(f'the serial port closed before {pattern!r}; the guest had said {self.text[-500:]!r}')

    def wait_ready(self, seconds=90):
        """Waits for the demo guest's shell; a newline asks for its prompt when that was said before anybody listened."""
        end = time.monotonic() + seconds * PATIENCE
        asked = time.monotonic()
        while not re.search(r'lodge:\S*[#$] ', self.text):
            now = time.monotonic()
            if now > end:
                raise TimeoutError(f'the demo guest was not ready in {seconds} s, but said: {self.text[-500:]!r}')
            if now > asked + 3:
                asked = now
                self.send('\n')
            if not self.read(0.2):
                raise EOFError('the serial port closed while the guest started')

    def numbers(self):
        """What a counting guest said; without the first and last line, which may be parts of a number."""
        return [int(line) for line in self.text.split('\n')[1:-1] if line.isdigit()]

    def count_on(self, more=3, seconds=30):
        """Waits for so many further numbers. Returns all of this connection; they must not go back."""
        already = len(self.numbers())
        end = time.monotonic() + seconds * PATIENCE
        while len(self.numbers()) < already + more:
            assert time.monotonic() < end, f'the guest does not count on; it said {self.text[-200:]!r}'
            assert self.read(0.2), 'the serial port closed under a guest that runs'
        numbers = self.numbers()
        assert numbers == sorted(numbers), f'the counter went back: {numbers}'
        return numbers

    def send(self, text):
        self.socket.setblocking(True)
        self.socket.sendall(text.encode())
        self.socket.setblocking(False)

    def run(self, command, seconds=30):
        """What a shell command on the serial line prints."""
        mark = f'end-{time.monotonic_ns()}'
        start = len(self.text)
        self.send(f'{command}; echo {mark[:4]}""{mark[4:]}\n')
        match = self.wait(rf'^{mark}$', seconds, start)
        said = self.text[start:match.start()]
        # What was typed comes back first, maybe twice: by the terminal and by the shell's prompt.
        return said.rpartition(f'""{mark[4:]}\n')[2]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


if __name__ == '__main__':
    sys.exit('this is a library of the tests')
