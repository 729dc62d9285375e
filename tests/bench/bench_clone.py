# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev bench clone: clones, beside what QEMU's own tools need for the same.

A linked clone is compared with one "qemu-img create", an instant clone with the same QEMU command line started bare from the same
memory, pair by pair, so that the host's moods hit both alike: one that finds its QEMU waiting, and one for which nothing was made ahead. Medians. LODGE_BENCH_PAIRS sets how many;
LODGE_BENCH_SMALL=1 leaves out the 8 GiB guest and makes fewer at once.
"""
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]

from bench_snapshot import Rescue  # noqa: E402
from bench_start import Bare, milliseconds, results, row  # noqa: E402
from gi.repository import GLib  # noqa: E402
from lodgetest import Lodge, Machine, wait_until  # noqa: E402

PAIRS = int(os.environ.get('LODGE_BENCH_PAIRS', '10'))
SMALL = os.environ.get('LODGE_BENCH_SMALL') == '1'
MIB = 1 << 20
STATE_FD = 30


def clone(machine, name, count=1, **options):
    types = {'kind': 's', 'start': 'b'}
    given = {'count': GLib.Variant('u', count), **{key: GLib.Variant(types[key], value) for key, value in options.items()}}
    values, _ = machine.call('Clone', '(sa{sv})', (name, given), timeout=600)
    return [Machine(machine.lodge, path) for path in values[0]]


def discard(machines):
    for machine in machines:
        if machine.state != 'off':
            machine.force_off()
        machine.call('Delete')


def template(lodge, name, memory):
    machine = lodge.create_demo(name, memory=memory, cores=1, disk_size=2048 * MIB, network='none', firmware='bios')
    machine.start()
    wait_until(lambda: lodge.ctl('execute', name, '--', 'true', check=False).returncode == 0, 180, 'the agent')
    machine.call('Save', timeout=300)
    machine.call('SetTemplate', '(ba{sv})', (True, {}))
    return machine


class BareClone(Bare):
    """What the recipe is without Lodge: the command line of a clone, from the template's memory."""

    def __init__(self, machine, saved):
        super().__init__(machine.qemu_pid)
        self.saved = saved
        self.argv = [re.sub(r'mem-path=[^,]*', 'mem-path=' + os.path.join(saved, 'ram'), word) for word in self.argv]
        self.numbers = [number for number in self.numbers if number < STATE_FD]

    def start(self):
        with tempfile.TemporaryDirectory() as folder, open(os.path.join(self.saved, 'devices'), 'rb') as devices:
            begin = time.perf_counter()
            listening = {}
            for number in self.numbers:
                listening[number] = socket.socket(socket.AF_UNIX)
                listening[number].bind(f'{folder}/{number}')
                listening[number].listen(1)

            def place():
                high = {number: os.dup2(s.fileno(), number + 200) for number, s in listening.items()}
                high[STATE_FD] = os.dup2(devices.fileno(), STATE_FD + 200)
                for number, fd in high.items():
                    os.dup2(fd, number)
            process = subprocess.Popen([self.binary, *self.argv[1:]], executable=self.binary, env=self.environment, preexec_fn=place,
                                       close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                with socket.socket(socket.AF_UNIX) as qmp:
                    qmp.settimeout(20)
                    qmp.connect(f'{folder}/10')
                    stream = qmp.makefile('rw')
                    stream.readline()

                    def ask(command, **arguments):
                        stream.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
                        stream.flush()
                        while 'event' in (answer := json.loads(stream.readline() or '{"error": "it ended"}')):
                            pass
                        if 'return' not in answer:
                            raise RuntimeError(f'{command}: {answer} {process.poll()}')
                        return answer['return']
                    ask('qmp_capabilities')
                    ask('migrate-set-capabilities', capabilities=[{'capability': name, 'state': True} for name in ('events', 'x-ignore-shared')])
                    ask('migrate-incoming', uri=f'fd:{STATE_FD}')
                    while (status := ask('query-migrate').get('status')) != 'completed':
                        if status == 'failed':
                            raise RuntimeError('the bare clone: ' + str(status))
                    ask('cont')
                    return (time.perf_counter() - begin) * 1000
            finally:
                process.kill()
                process.wait()
                for s in listening.values():
                    s.close()


def bench_linked(lodge):
    base = lodge.create('Linked', memory=256 * MIB, disk_size=2048 * MIB)
    base.call('SetTemplate', '(ba{sv})', (True, {}))
    disk = os.path.join(base.get('Folder'), 'disks/disk0.qcow2')
    ours, bare = [], []
    for number in range(PAIRS):
        target = os.path.join(lodge.state, f'bare-{number}.qcow2')
        bare.append(milliseconds(lambda: subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', disk, '-F', 'qcow2', target], check=True)))
        start = time.perf_counter()
        made = clone(base, f'L{number}', kind='linked')
        ours.append((time.perf_counter() - start) * 1000)
        discard(made)
    row(f'qemu-img create with a backing file, median of {PAIRS}', statistics.median(bare), 'ms')
    row('linked clone', statistics.median(ours), 'ms')
    row('  over qemu-img create', statistics.median(ours) - statistics.median(bare), 'ms', 20)


def wait_for_spare(lodge):
    """Until a QEMU waits for the next clone: all is quiet then."""
    folder = os.path.join(lodge.data, 'machines')

    def is_ready():
        names = [name for name in os.listdir(folder) if name.startswith('.new-')]
        try:
            qemu = Rescue(lodge, names[0][-8:]) if names else None
        except OSError:
            return False
        try:
            return qemu is not None and qemu.ask('query-status')['status'] == 'paused'
        finally:
            if qemu is not None:
                qemu.close()
    wait_until(is_ready, 60, 'a QEMU that waits', 0.2)


def bench_instant(lodge, name, memory):
    base = template(lodge, name, memory)
    first = milliseconds(lambda: discard(clone(base, 'First', kind='instant')))
    made = clone(base, 'Bare', kind='instant')
    bare = BareClone(made[0], os.path.join(base.get('Folder'), 'saved'))
    made[0].force_off()
    ours, ahead, alone = [], [], []
    for number in range(PAIRS):
        for times in (ahead, ours):
            wait_for_spare(lodge)
            if times is ours:
                # As after any change of the template.
                base.call('SetSettings', '(a{sv}a{sv})', ({}, {}))
            start = time.perf_counter()
            one = clone(base, f'I{number}', kind='instant')
            times.append((time.perf_counter() - start) * 1000)
            discard(one)
        wait_for_spare(lodge)
        alone.append(bare.start())
    discard(made)
    size = f'{memory >> 20} MiB'
    row(f'{size}: the first clone, which makes the memory a file', first, 'ms')
    row(f'{size}: the same command line bare, median of {PAIRS}', statistics.median(alone), 'ms')
    row(f'{size}: instant clone, request to running', statistics.median(ours), 'ms')
    row('  over bare', statistics.median(ours) - statistics.median(alone), 'ms', 60)
    row('  ratio', statistics.median(ours) / statistics.median(alone), 'x')
    row(f'{size}: instant clone, made ahead', statistics.median(ahead), 'ms')
    row('  ratio', statistics.median(ahead) / statistics.median(alone), 'x', 1)
    return base


def private(pid):
    """What only this process has, and has written."""
    with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as f:
        return int(re.search(r'Private_Dirty:\s+(\d+)', f.read())[1]) / 1024


def bench_many(lodge, base):
    machines = clone(base, 'Idle', 3 if SMALL else 8, kind='instant')
    time.sleep(5)
    row(f'private memory of each of {len(machines)} idle clones, most', max(private(machine.qemu_pid) for machine in machines), 'MiB', 60)
    discard(machines)
    count = 6 if SMALL else 20
    start = time.perf_counter()
    machines = clone(base, 'Many', count, kind='instant')
    row(f'{count} instant clones at once', time.perf_counter() - start, 's', 10)
    discard(machines)


def bench_run(lodge, base):
    name = base.get('Name')
    times = [milliseconds(lambda: lodge.ctl('run', name, '--', 'true')) for _ in range(max(3, PAIRS // 2))]
    row('lodgectl run TEMPLATE -- true', statistics.median(times) / 1000, 's', 1.5)


def main():
    lodge = Lodge()
    try:
        version = lodge.core_properties()['Version']
        print(f'Lodge {version}; load of the host {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors')
        bench_linked(lodge)
        bench_instant(lodge, 'Small', 512 * MIB)
        base = bench_instant(lodge, 'Middle', 2048 * MIB)
        bench_many(lodge, base)
        bench_run(lodge, base)
        if not SMALL:
            bench_instant(lodge, 'Large', 8192 * MIB)
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
