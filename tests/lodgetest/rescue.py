# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU itself, past Lodge, by its second control socket."""
import json
import os
import select
import signal
import socket
import time

from gi.repository import GLib

NO_LIMIT = 1 << 40


class Rescue:
    def __init__(self, machine):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.path.join(machine.lodge.environment['XDG_RUNTIME_DIR'], 'lodge', machine.id[:8], 'rescue.sock'))
        self.buffer, self.events = b'', []
        self.next(60)
        self.ask('qmp_capabilities')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def next(self, seconds):
        """The next message, or None."""
        while b'\n' not in self.buffer:
            if not select.select([self.socket], [], [], seconds)[0]:
                return None
            data = self.socket.recv(65536)
            if not data:
                raise EOFError('QEMU ended')
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return json.loads(line)

    def ask(self, command, fd=None, **arguments):
        text = json.dumps({'execute': command, 'arguments': arguments}).encode() + b'\n'
        if fd is None:
            self.socket.sendall(text)
        else:
            socket.send_fds(self.socket, [text], [fd])
        while True:
            message = self.next(600)
            if 'event' in message:
                self.events.append(message)
            elif 'return' in message:
                return message['return']
            else:
                raise RuntimeError(f'{command}: {message}')

    def stream(self, path):
        """All of a guest that stands still, as QEMU writes it by itself. Milliseconds to its end, and until it is flushed."""
        self.ask('migrate-set-parameters', **{'max-bandwidth': NO_LIMIT})
        self.ask('migrate-set-capabilities', capabilities=[{'capability': 'x-ignore-shared', 'state': False},
                                                           {'capability': 'pause-before-switchover', 'state': False}])
        with open(path, 'wb') as f:
            start = time.perf_counter()
            self.ask('getfd', fd=f.fileno(), fdname='bench')
            self.ask('migrate', uri='fd:bench')
            while (status := self.ask('query-migrate')['status']) != 'completed':
                if status == 'failed':
                    raise RuntimeError('the bare stream failed')
                time.sleep(0.002)
            ended = (time.perf_counter() - start) * 1000
            os.fsync(f.fileno())
            return ended, (time.perf_counter() - start) * 1000

    def close(self):
        self.socket.close()


def make_stream(machine):
    """What a saved machine has of its memory becomes a stream, as guests under KVM have it, and earlier versions of Lodge wrote it."""
    saved = os.path.join(machine.get('Folder'), 'saved')
    stream = os.path.join(machine.lodge.data, 'memory-of-' + machine.id)
    machine.call('Start', '(a{sv})', ({'paused': GLib.Variant('b', True)},), timeout=300)
    with Rescue(machine) as qemu:
        qemu.stream(stream)
    os.kill(machine.qemu_pid, signal.SIGKILL)
    machine.wait_state('saved', 60)
    for name in ('ram', 'devices'):
        if os.path.exists(os.path.join(saved, name)):
            os.unlink(os.path.join(saved, name))
    os.replace(stream, os.path.join(saved, 'memory'))
