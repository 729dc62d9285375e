#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private world for the built programs: session bus, XDG folders, nothing left behind.

    session.py [--build DIR] [--state DIR] -- COMMAND...      what ./dev exec does
    session.py [--build DIR] [--state DIR] --hold             for tests: see below

Theory of operation: this process makes itself the reaper of all orphans below it, so that a guest
whose core died is still found among its descendants. With COMMAND it runs that and ends with its
exit status; with --hold it prints its environment as one line of JSON, waits for the end of its
standard input, and prints what it had to clean up as a second line. Either way, at the end it asks
the core to force every guest off and to quit, kills what then still lives, and says so.

Killed itself (kill -9), it can do none of that. Then its guard does, a child that waits in a session of its own for the
end of a pipe; and where the guard was killed too, the next session of the same state folder, which finds the
runtime folder's name there. Everything that belongs to a session has that name in its environment.
"""
import argparse
import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
BUS_CONFIG = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={runtime}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{runtime}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_outgoing_unix_fds">256</limit>
</busconfig>
'''


# TCG on a busy host is slow, and how slow says nothing about Lodge: waits are generous.
PATIENCE = float(os.environ.get('LODGE_TEST_PATIENCE', '1'))


def process_table():
    """pid → (parent, name) of every process that still lives."""
    table = {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open(f'/proc/{entry}/stat') as f:
                    text = f.read()
            except OSError:
                continue
            name, rest = text[text.index('(') + 1:text.rindex(')')], text[text.rindex(')') + 2:].split()
            if rest[0] not in 'ZX':
                table[int(entry)] = (int(rest[1]), name)
    return table


def command_of(pid):
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as f:
            return f.read().replace(b'\0', b' ').decode(errors='replace').strip()
    except OSError:
        return ''


def processes_of(runtime, top=None):
    """pid → command line of every process of the session with that runtime folder, and of all below it or @top."""
    table = process_table()
    mark = f'XDG_RUNTIME_DIR={runtime}'.encode()

    def belongs(pid):
        try:
            with open(f'/proc/{pid}/environ', 'rb') as f:
                return mark in f.read().split(b'\0')
        except OSError:
            return False
    roots = {pid for pid in table if pid == top or belongs(pid)}
    found = {}
    for pid, (_, name) in table.items():
        chain, above = pid, []
        while chain in table and chain not in above:
            above.append(chain)
            chain = table[chain][0]
        if roots.intersection(above) and pid not in (top, os.getpid()):
            found[pid] = command_of(pid) or f'({name})'
    return found


def send(pids, sign):
    for pid in pids:
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            pass


def end_left_over(runtime):
    """What a session left that was killed together with its guard."""
    for sign in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
        send(processes_of(runtime), sign)
        end = time.monotonic() + 5 * PATIENCE
        while processes_of(runtime) and time.monotonic() < end:
            time.sleep(0.05)
    shutil.rmtree(runtime, ignore_errors=True)


class Session:
    def __init__(self, build=None, state=None, alone=False):
        """alone: no other session may have the state folder, and what one left there is ended."""
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.build = os.path.abspath(build or os.environ.get('LODGE_BUILD_DIR') or os.path.join(SOURCE, 'build'))
        self.temporary = state is None
        self.state = tempfile.mkdtemp(prefix='lodge-state-') if state is None else os.path.abspath(state)
        os.makedirs(self.state, exist_ok=True)
        self.lock = self.take_state() if alone else None
        # A socket's path has 108 bytes at most, so sockets live in a short place of their own.
        self.runtime = tempfile.mkdtemp(prefix='lodge-', dir='/tmp')
        if self.lock:
            self.lock.truncate(0)
            self.lock.write(self.runtime)
            self.lock.flush()
        self.bus = None
        self.guard = None
        self.environment = self.make_environment()
        self.start_bus()

    def take_state(self):
        """For ./dev exec and run; a test may want two on one folder."""
        lock = open(os.path.join(self.state, 'session'), 'a+', encoding='utf-8')
        end = time.monotonic() + 20 * PATIENCE  # the guard of the last one may still be at work
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    sys.exit(f'dev exec: another session has the folder {self.state}')
                time.sleep(0.05)
        lock.seek(0)
        before = lock.read()
        if before.startswith('/tmp/lodge-') and os.path.isdir(before) and os.stat(before).st_uid == os.getuid():
            end_left_over(before)
        return lock

    def post_guard(self):
        """Its end of the pipe is closed by the death of this process, whatever it dies of; a byte comes in order."""
        read, write = os.pipe()
        pid = os.fork()
        if pid != 0:
            os.close(read)
            self.guard = pid
            return write
        os.setsid()
        os.close(write)
        nothing = os.open('/dev/null', os.O_RDWR)
        for number in range(3):
            os.dup2(nothing, number)
        try:
            if os.read(read, 1) == b'':
                self.end()
        finally:
            os._exit(0)

    def make_environment(self):
        env = dict(os.environ)
        for variable, name in (('XDG_DATA_HOME', 'data'), ('XDG_STATE_HOME', 'state'), ('XDG_CACHE_HOME', 'cache'),
                               ('XDG_CONFIG_HOME', 'config')):
            env[variable] = os.path.join(self.state, name)
            os.makedirs(env[variable], exist_ok=True)
        # A person's screen and sound are found by way of the folder that is replaced here.
        outer = env.get('XDG_RUNTIME_DIR')
        if outer:
            if env.get('WAYLAND_DISPLAY'):
                env['WAYLAND_DISPLAY'] = os.path.join(outer, env['WAYLAND_DISPLAY'])
            env.setdefault('PIPEWIRE_RUNTIME_DIR', outer)
            env.setdefault('PULSE_RUNTIME_PATH', os.path.join(outer, 'pulse'))
        env['XDG_RUNTIME_DIR'] = self.runtime
        env['DBUS_SESSION_BUS_ADDRESS'] = f'unix:path={self.runtime}/bus'
        # core/qemu has lodge-landlock, which an installed core finds in its libexec folder.
        env['PATH'] = ':'.join([*(os.path.join(self.build, folder) for folder in
                                  ('app', 'core/service', 'core/storage', 'core/qemu')), env['PATH']])
        env['LODGE_SHARE_DIR'] = self.make_share()
        env['LODGE_BUILD_DIR'] = self.build
        env['LODGE_LOCALEDIR'] = os.path.join(self.build, 'po')
        env['GSETTINGS_BACKEND'] = env.get('GSETTINGS_BACKEND', 'keyfile')
        schemas = os.path.join(self.runtime, 'schemas')
        sources = [os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(SOURCE, 'data'))
                   for name in names if name.endswith('.gschema.xml')]
        if sources:
            os.makedirs(schemas)
            for source in sources:
                shutil.copy(source, schemas)
            subprocess.run(['glib-compile-schemas', schemas], check=True)
            env['GSETTINGS_SCHEMA_DIR'] = schemas
        return env

    def make_share(self):
        """The shape of the installed share/lodge: the source's data folder, and what was built over it."""
        share = os.path.join(self.runtime, 'share')
        os.makedirs(share)
        # Of build folders only the first one has the demo guest.
        for build in (self.build, os.path.join(SOURCE, 'build')):
            if os.path.exists(os.path.join(build, 'data/demo/lodge-demo.initrd')):
                os.symlink(os.path.join(build, 'data/demo'), os.path.join(share, 'demo'))
                break
        for folder in (os.path.join(self.build, 'data'), os.path.join(SOURCE, 'data')):
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
                link = os.path.join(share, name)
                built = folder != os.path.join(SOURCE, 'data')
                # A folder that only the build knows as empty is in the source.
                if built and os.path.isdir(os.path.join(folder, name)) and not os.listdir(os.path.join(folder, name)):
                    continue
                if name != 'demo' and not name.startswith('meson') and not os.path.lexists(link):
                    os.symlink(os.path.join(folder, name), link)
        return share

    def start_bus(self):
        services = os.path.join(self.runtime, 'services')
        os.makedirs(services)
        for name, program in (('org.lodgevm.Core1', os.path.join(self.build, 'core/service/lodge-core')),
                              ('org.a11y.Bus', '/usr/libexec/at-spi-bus-launcher')):
            with open(os.path.join(services, name + '.service'), 'w') as f:
                f.write(f'[D-BUS Service]\nName={name}\nExec={program}\n')
        config = os.path.join(self.runtime, 'bus.conf')
        with open(config, 'w') as f:
            f.write(BUS_CONFIG.format(runtime=self.runtime))
        log = open(os.path.join(self.state, 'bus.log'), 'ab')
        self.bus = subprocess.Popen(['dbus-daemon', '--nofork', '--nosyslog', '--nopidfile', '--print-address',
                                     f'--config-file={config}'], env=self.environment, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        log.close()
        if not self.bus.stdout.readline():
            raise RuntimeError('the private session bus did not start')

    # The end ---------------------------------------------------------------------------------

    def ours(self):
        """pid → command line of every process of this session but this one, its guard and the bus."""
        return {pid: command for pid, command in processes_of(self.runtime, os.getpid()).items()
                if pid not in (self.bus.pid, self.guard)}

    def ask_core(self):
        """Every guest off, the core gone: what a person would do. Not a word when there is no core."""
        import gi
        gi.require_version('Gio', '2.0')
        from gi.repository import Gio, GLib
        flags = Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION
        bus = Gio.DBusConnection.new_for_address_sync(self.environment['DBUS_SESSION_BUS_ADDRESS'], flags, None, None)

        def call(path, interface, method, arguments, name='org.lodgevm.Core1'):
            return bus.call_sync(name, path, interface, method, arguments, None,
                                 Gio.DBusCallFlags.NO_AUTO_START, int(5000 * PATIENCE), None)

        if not call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'NameHasOwner',
                    GLib.Variant('(s)', ('org.lodgevm.Core1',)), 'org.freedesktop.DBus').unpack()[0]:
            return
        objects = call('/org/lodgevm/Core1', 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects', None).unpack()[0]
        nothing = GLib.Variant('(a{sv})', ({},))
        for path, interfaces in objects.items():
            if interfaces.get('org.lodgevm.Core1.Machine', {}).get('State', 'off') not in ('off', 'saved', 'broken'):
                try:
                    call(path, 'org.lodgevm.Core1.Machine', 'ForceOff', nothing)
                except GLib.Error as error:
                    print(f'session: {path}: {error.message}', file=sys.stderr)
        call('/org/lodgevm/Core1', 'org.lodgevm.Core1', 'Quit', nothing)

    def wait_gone(self, seconds):
        end = time.monotonic() + seconds
        while True:
            try:
                while os.waitpid(-1, os.WNOHANG)[0] not in (0, self.bus.pid):
                    pass
            except ChildProcessError:
                pass
            left = {pid: command for pid, command in self.ours().items() if 'at-spi' not in command}
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.05)

    def end(self):
        """Returns (processes that had to be killed, files left in the runtime folder)."""
        try:
            self.ask_core()
        except Exception as error:  # whatever it is, the killing below must follow
            print(f'session: the core could not be asked to end: {error}', file=sys.stderr)
        killed = self.wait_gone(5 * PATIENCE)
        for sign, seconds in ((signal.SIGTERM, PATIENCE), (signal.SIGKILL, 5 * PATIENCE)):
            send(self.ours(), sign)
            if not self.wait_gone(seconds):
                break
        left = []
        for folder, _, names in os.walk(os.path.join(self.runtime, 'lodge')):
            left += [os.path.relpath(os.path.join(folder, name), self.runtime) for name in names]
        send([self.bus.pid], signal.SIGTERM)
        self.bus.wait()
        shutil.rmtree(self.runtime, ignore_errors=True)
        if self.lock:
            self.lock.close()
        if self.temporary:
            shutil.rmtree(self.state, ignore_errors=True)
        return sorted(killed.values()), sorted(left)


def run_command(session, command):
    # When ./dev is killed, the command is told to end.
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The terminal's signals reach the command by themselves; this process has to stay for the end.
    child, early = None, []

    def forward(number, _):
        if number == signal.SIGINT:
            return
        if child is None:
            early.append(number)  # it runs perhaps, but Popen has not said so yet
        elif child.poll() is None:
            child.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    try:
        child = subprocess.Popen(command, env=session.environment)
    except OSError as error:
        print(f'dev exec: {command[0]}: {error.strerror}', file=sys.stderr)
        return 127
    for number in early:
        forward(number, None)
    while True:
        try:
            status = child.wait(5)
            return status if status >= 0 else 128 - status
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                child.kill()


def hold(session):
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print(json.dumps({'environment': session.environment, 'state': session.state, 'runtime': session.runtime}), flush=True)
    sys.stdin.buffer.read()


def main():
    parser = argparse.ArgumentParser(prog='dev exec')
    parser.add_argument('--build')
    parser.add_argument('--state', help='keep machines and settings here; a temporary folder otherwise')
    parser.add_argument('--hold', action='store_true')
    parser.add_argument('command', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    command = options.command[1:] if options.command[:1] == ['--'] else options.command
    if not command and not options.hold:
        parser.error('which command?')
    session = Session(options.build, options.state, alone=not options.hold)
    alive = session.post_guard()
    status = 1
    try:
        status = hold(session) if options.hold else run_command(session, command)
    finally:
        killed, left = session.end()
        os.write(alive, b'.')
        if options.hold:
            print(json.dumps({'killed': killed, 'left': left}), flush=True)
        else:
            for what in killed:
                print(f'dev exec: ended what was left running: {what[:200]}', file=sys.stderr)
            for what in left:
                print(f'dev exec: left in the runtime folder: {what}', file=sys.stderr)
    return status or 0


if __name__ == '__main__':
    sys.exit(main())
