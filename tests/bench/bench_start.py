# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev bench start: what Lodge adds to QEMU, and what the core costs when nothing happens.

Each start through lodgectl is followed by the same command line bare (the same binary and arguments as the confined
QEMU had, its listening sockets made anew), pair by pair, so that the host's moods hit both alike. Medians.
"""
import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lodgetest import Lodge, wait_until  # noqa: E402
from lodgetest.session import process_table  # noqa: E402

PAIRS = int(os.environ.get('LODGE_BENCH_PAIRS', '30'))
results = []


def row(what, value, unit, limit=None):
    verdict = '' if limit is None else ('  ok' if value <= limit else '  OVER') + f' (at most {limit:g})'
    print(f'{what:<58}{value:10.1f} {unit}{verdict}', flush=True)
    results.append({'what': what, 'value': value, 'unit': unit, 'limit': limit})


def milliseconds(function):
    start = time.perf_counter()
    function()
    return (time.perf_counter() - start) * 1000


class Bare:
    """QEMU with the arguments of one that Lodge started, and sockets of the same numbers."""

    def __init__(self, pid):
        with open(f'/proc/{pid}/cmdline', 'rb') as f:
            self.argv = f.read().rstrip(b'\0').decode().split('\0')
        self.binary = os.readlink(f'/proc/{pid}/exe')
        with open(f'/proc/{pid}/environ', 'rb') as f:
            self.environment = dict(v.split('=', 1) for v in f.read().decode().split('\0') if '=' in v)
        if not os.path.exists(self.binary):
            self.binary = self.argv[0]
        self.numbers = sorted({int(n) for n in re.findall(r'(?:^|[,=])(?:addr\.str|fd|path)=(\d+)(?:,|$)', '\n'.join(self.argv), re.M)
                               if os.path.exists(f'/proc/{pid}/fd/{n}')} |
                              {int(n) for n in re.findall(r'"str": ?"(\d+)"', ' '.join(self.argv))})
        # The memory of a guest in software is a file that QEMU is born with.
        memory = re.search(r'size=(\d+)M,mem-path=/proc/self/fd/(\d+)', '\n'.join(self.argv))
        self.memory = (int(memory[2]), int(memory[1]) << 20) if memory else None

    def start(self):
        """Returns milliseconds from nothing to "running", and to the end of a quit."""
        with tempfile.TemporaryDirectory() as folder:
            listening = {}
            for number in self.numbers:
                listening[number] = socket.socket(socket.AF_UNIX)
                listening[number].bind(f'{folder}/{number}')
                listening[number].listen(1)
            if self.memory is not None:
                number, size = self.memory
                listening[number] = os.fdopen(os.memfd_create('memory'), 'r+b')
                os.truncate(listening[number].fileno(), size)
            # Out of the way first: a target number may be another one's present number.
            high = {number: fcntl.fcntl(s.fileno(), fcntl.F_DUPFD_CLOEXEC, 200) for number, s in listening.items()}
            places = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                      (os.POSIX_SPAWN_OPEN, 2, f'{folder}/said', os.O_WRONLY | os.O_CREAT, 0o600),
                      *((os.POSIX_SPAWN_DUP2, fd, number) for number, fd in high.items())]
            # All that Lodge has to do besides is not in this span, nor a fork of this large process.
            start = time.perf_counter()
            pid = os.posix_spawn(self.binary, [self.binary, *self.argv[1:]], self.environment, file_actions=places)
            try:
                with socket.socket(socket.AF_UNIX) as qmp:
                    qmp.settimeout(20)
                    qmp.connect(f'{folder}/10')
                    stream = qmp.makefile('rw')
                    stream.readline()
                    for command in ('qmp_capabilities', 'cont'):
                        stream.write(json.dumps({'execute': command}) + '\n')
                        stream.flush()
                        while 'return' not in json.loads(stream.readline() or '{"return": 0}'):
                            pass
                    span = (time.perf_counter() - start) * 1000
                    if os.waitpid(pid, os.WNOHANG)[0] != 0:
                        with open(f'{folder}/said') as said:
                            raise RuntimeError('the bare QEMU ended: ' + said.read()[-500:])
                    return span
            finally:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                for fd in high.values():
                    os.close(fd)
                for s in listening.values():
                    s.close()


def status_value(path, key):
    with open(f'{path}/status') as f:
        return int(re.search(rf'^{key}:\s+(\d+)', f.read(), re.M)[1])


def wake_ups(pid):
    """By thread: the file of the process itself has those of its first one, and a thread that ends takes its own along."""
    folder = f'/proc/{pid}/task'
    return {thread: status_value(f'{folder}/{thread}', 'voluntary_ctxt_switches') for thread in os.listdir(folder)}


def start_and_stop(lodge, name):
    started = milliseconds(lambda: lodge.ctl('start', name))
    stopped = milliseconds(lambda: lodge.ctl('stop', '--force', name))
    return started, stopped


def bench_pairs(lodge):
    machine = lodge.create_demo('Bare', network='none', memory=256 << 20, firmware='bios')
    lodge.ctl('start', 'Bare')
    bare = Bare(machine.qemu_pid)
    lodge.ctl('stop', '--force', 'Bare')
    warm, alone, off, cold, beside = [], [], [], [], []
    for _ in range(PAIRS):
        started, stopped = start_and_stop(lodge, 'Bare')
        warm.append(started)
        off.append(stopped)
        alone.append(bare.start())
    base = statistics.median(alone)
    row(f'the same command line bare, median of {PAIRS}', base, 'ms')
    row('lodgectl start, core warm', statistics.median(warm), 'ms')
    row('  over bare', statistics.median(warm) - base, 'ms', 40)
    row('  ratio', statistics.median(warm) / base, 'x')
    row('lodgectl stop --force', statistics.median(off), 'ms', 150)
    for _ in range(PAIRS):
        pid = lodge.core_pid()
        lodge.core('Quit')
        # Until it has ended: one that still holds its lock makes the next one wait, which no cold start is.
        wait_until(lambda: pid not in process_table(), 10, 'the core to leave', 0.01)
        cold.append(start_and_stop(lodge, 'Bare')[0])
        beside.append(bare.start())
    row(f'lodgectl start, core cold, median of {PAIRS}', statistics.median(cold), 'ms')
    row('  over bare', statistics.median(cold) - statistics.median(beside), 'ms', 80)
    return base


def bench_helpers(lodge):
    """What each helper adds to the start of a machine without a system."""
    lodge.create('Empty', memory=256 << 20, cores=1, disk_size=0, network='none', firmware='bios', tpm=False)
    for what, settings in (('network (passt, else in QEMU)', {'network': 'user'}),
                           ('TPM (swtpm) and UEFI', {'network': 'none', 'tpm': True, 'firmware': 'uefi'}), ('UEFI', {'network': 'none', 'firmware': 'uefi'})):
        name = what.split()[0]
        try:
            lodge.create(name, memory=256 << 20, cores=1, disk_size=0, **{'firmware': 'bios', 'tpm': False, **settings})
            pairs = [(start_and_stop(lodge, name)[0], start_and_stop(lodge, 'Empty')[0]) for _ in range(7)]
            row(f'  with {what}', statistics.median(w for w, _ in pairs) - statistics.median(p for _, p in pairs), 'ms')
        except Exception as error:  # a host without the helper
            print(f'  with {what}: cannot be measured: {error}')


def bench_core(lodge):
    """100 machines, one of them running, and nobody who asks."""
    for number in range(100 - len(lodge.machines())):
        lodge.create(f'Machine {number}', memory=256 << 20, disk_size=0)
    saves = []
    path = lodge.machine('Machine 0')
    for number in range(30):
        saves.append(milliseconds(lambda: path.call('SetSettings', '(a{sv}a{sv})', ({'memory': variant_t((256 + number) << 20)}, {}))))
    machine = lodge.machine('Bare')
    machine.start()
    # A guest that boots has things to say; the question is what an idle one costs.
    serial = machine.serial()
    serial.wait_ready(120)
    serial.close()
    pid = lodge.core_pid()
    # Nobody is connected any more: a client's signals and questions are its own doing.
    lodge.bus.close_sync(None)
    time.sleep(5)
    before = wake_ups(pid)
    time.sleep(10)
    after = wake_ups(pid)
    # A thread that is gone woke up once more at least, to end.
    switches = sum(after[thread] - before.get(thread, 0) for thread in after) + len(before.keys() - after.keys())
    row('wake-ups of the idle core in 10 s, all threads', switches, '', 1)
    row('memory of the core (RSS), one guest, 100 machines', status_value(f'/proc/{pid}', 'VmRSS') / 1024, 'MB', 20)
    row('descriptors of the core', len(os.listdir(f'/proc/{pid}/fd')), '')
    row('SetSettings with its save of machine.json', statistics.median(saves), 'ms', 3)
    machine.force_off()


def variant_t(value):
    from gi.repository import GLib
    return GLib.Variant('t', value)


def main():
    lodge = Lodge()
    try:
        lodge.core_properties()
        bench_pairs(lodge)
        bench_helpers(lodge)
        bench_core(lodge)
    finally:
        report = lodge.close(strict=False)
        for what in report['killed'] + report['left']:
            print('left behind:', what)
    over = [r['what'].strip() for r in results if r['limit'] is not None and r['value'] > r['limit']]
    if over:
        print('over the limit: ' + ', '.join(over))
    return 1 if over else 0


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
