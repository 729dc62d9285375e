# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev bench snapshot: snapshots and saving, beside what QEMU does by itself for the same guest.

QEMU's own snapshot (snapshot-save, snapshot-load) and its bare stream are taken of a guest beside it with the memory that QEMU has by
itself: they read all of it, which would fill the holes of a memory that is in a file, as Lodge's is in software. In turns, so that the
host's moods hit all alike; how long a guest stood still is what lies between QEMU's events STOP and RESUME. Medians.
LODGE_BENCH_PAIRS sets how many; LODGE_BENCH_SMALL=1 takes a smaller guest and fewer machines.
"""
import json
import os
import shutil
import signal
import statistics
import sys
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]

from bench_start import milliseconds, results, row, status_value  # noqa: E402
from gi.repository import GLib  # noqa: E402
from lodgetest import Lodge, wait_until  # noqa: E402
from lodgetest.rescue import Rescue, make_stream  # noqa: E402

PAIRS = int(os.environ.get('LODGE_BENCH_PAIRS', '5'))
SMALL = os.environ.get('LODGE_BENCH_SMALL') == '1'
MIB = 1 << 20
MEMORY, TOUCHED = (512, 100) if SMALL else (2048, 400)
MACHINES, SNAPSHOTS = (200, 20) if SMALL else (1000, 20)
# One block over and over in different files: random, so that no page of it is empty or left out, and quickly made.
TOUCH = 'head -c 4194304 /dev/urandom > /block && for i in $(seq {}); do cat /block; done > /touched && rm /block'


class Qemu(Rescue):
    """What it does by itself, and what it says of a guest that stands still."""

    def collect(self, seconds=0.3):
        """The events since the last time."""
        while (message := self.next(seconds)) is not None:
            self.events.append(message)
        found, self.events = self.events, []
        return found

    def pause(self):
        """For how long the guest has stood still, in milliseconds."""
        total, since = 0, None
        for event in self.collect():
            at = event['timestamp']['seconds'] * 1000 + event['timestamp']['microseconds'] / 1000
            if event['event'] == 'STOP':
                since = at
            elif event['event'] == 'RESUME' and since is not None:
                total, since = total + at - since, None
        return total

    def job(self, command, name):
        """One of QEMU's own snapshot commands, to its end. Milliseconds."""
        start = time.perf_counter()
        more = {} if command == 'snapshot-delete' else {'vmstate': 'disk0'}
        self.ask(command, **{'job-id': name, 'tag': 'bench', 'devices': ['disk0'], **more})
        while (job := next(job for job in self.ask('query-jobs') if job['id'] == name))['status'] != 'concluded':
            time.sleep(0.002)
        if 'error' in job:
            raise RuntimeError(f'{command}: {job["error"]}')
        taken = (time.perf_counter() - start) * 1000
        self.ask('job-dismiss', id=name)
        return taken


def options(**given):
    return {key.replace('_', '-'): GLib.Variant('s' if isinstance(value, str) else 'b', value) for key, value in given.items()}


def guest(lodge, name):
    machine = lodge.create_demo(name, memory=MEMORY * MIB, cores=1, disk_size=64 * MIB, network='none', firmware='bios')
    machine.start()
    wait_until(lambda: lodge.ctl('execute', name, '--', 'true', check=False).returncode == 0, 180, 'the agent')
    lodge.ctl('execute', name, '--', 'sh', '-c', TOUCH.format(TOUCHED // 4), timeout=300)
    return machine


def settled(machine, id):
    """Layers of what was deleted are merged when they can be; the next round shall not pay for it."""
    machine.call('DeleteSnapshot', '(sa{sv})', (id, {}), timeout=120)


def bench_live(machine, beside):
    """QEMU's own snapshot, then Lodge's, and back."""
    own_pause, own_load, own, pause, taken, restored = [], [], [], [], [], []
    for _ in range(PAIRS):
        qemu = Qemu(beside)
        own.append(qemu.job('snapshot-save', 'save'))
        own_pause.append(qemu.pause())
        own_load.append(qemu.job('snapshot-load', 'load'))
        qemu.job('snapshot-delete', 'delete')
        qemu.close()
        qemu = Qemu(machine)
        start = time.perf_counter()
        id = machine.call('TakeSnapshot', '(a{sv})', (options(name='Bench'),), timeout=300)[0][0]
        taken.append((time.perf_counter() - start) * 1000)
        pause.append(qemu.pause())
        qemu.close()
        restored.append(milliseconds(lambda: machine.call('RestoreSnapshot', '(sa{sv})', (id, options(keep_present=False, start=True)), timeout=300)))
        settled(machine, id)
    row(f"QEMU's snapshot-save of {MEMORY} MiB, {TOUCHED} touched, median of {PAIRS}", statistics.median(own), 'ms')
    row('  of that the guest stands still', statistics.median(own_pause), 'ms')
    row('live snapshot, until it is there', statistics.median(taken), 'ms')
    row('  of that the guest stands still', statistics.median(pause), 'ms')
    row("  ratio to QEMU's", statistics.median(pause) / statistics.median(own_pause), 'x', 0.15)
    row("QEMU's snapshot-load", statistics.median(own_load), 'ms')
    row('restoring, until the guest runs', statistics.median(restored), 'ms')
    row("  ratio to QEMU's", statistics.median(restored) / statistics.median(own_load), 'x', 0.5)


def bench_save(lodge, machine, beside):
    bare, flushed, saved, resumed = [], [], [], []
    path = os.path.join(lodge.data, 'bare-stream')
    for _ in range(PAIRS):
        qemu = Qemu(beside)
        qemu.ask('stop')
        ended, down = qemu.stream(path)
        qemu.ask('cont')
        os.unlink(path)
        qemu.close()
        bare.append(ended)
        flushed.append(down)
        saved.append(milliseconds(lambda: machine.call('Save', timeout=300)))
        resumed.append(milliseconds(lambda: machine.call('Start', timeout=300)))
    row(f'the bare stream into a file, median of {PAIRS}', statistics.median(bare), 'ms')
    row('  until it is flushed', statistics.median(flushed), 'ms')
    row('Save, until the machine is off', statistics.median(saved), 'ms')
    row('  ratio to the flushed stream', statistics.median(saved) / statistics.median(flushed), 'x', 1.2)
    row('resuming it', statistics.median(resumed), 'ms')


def library(lodge):
    """Machines with snapshots, written as Lodge writes them."""
    base = lodge.create('Pattern', memory=256 * MIB, disk_size=MIB)
    for number in range(2):
        base.call('TakeSnapshot', '(a{sv})', (options(name=f'Number {number}'),))
    lodge.core('Quit')
    wait_until(lambda: lodge.core_pid() is None, 20, 'the core to leave', 0.02)
    folder = os.path.join(lodge.data, 'machines')
    pattern = os.path.join(folder, os.listdir(folder)[0])
    snapshots = os.path.join(pattern, 'snapshots')
    with open(os.path.join(pattern, 'machine.json'), encoding='utf-8') as f:
        profile = json.load(f)
    id = profile['snapshot']
    with open(os.path.join(snapshots, id, 'snapshot.json'), encoding='utf-8') as f:
        document = json.load(f)
    parent = id
    for number in range(SNAPSHOTS - 2):
        child = f'{number + 1:08x}'
        shutil.copytree(os.path.join(snapshots, id), os.path.join(snapshots, child))
        with open(os.path.join(snapshots, child, 'snapshot.json'), 'w', encoding='utf-8') as f:
            json.dump({**document, 'id': child, 'parent': parent, 'name': f'Copy {number}', 'created': document['created'] + number}, f)
        parent = child
    for number in range(MACHINES - 1):
        identity = str(uuid.uuid4())
        target = os.path.join(folder, f'machine-{number}-{identity[:8]}')
        shutil.copytree(pattern, target)
        with open(os.path.join(target, 'machine.json'), 'w', encoding='utf-8') as f:
            json.dump({**profile, 'id': identity, 'name': f'Machine {number}', 'nics': []}, f)


def bench_library(lodge):
    try:
        library(lodge)
        measure_library(lodge)
    finally:
        # So many files take longer than the end of a session may.
        shutil.rmtree(os.path.join(lodge.data, 'machines'), ignore_errors=True)


def measure_library(lodge):
    cold = milliseconds(lambda: lodge.ctl('list', '--json'))
    listed = [milliseconds(lambda: lodge.ctl('list')) for _ in range(PAIRS)]
    assert len(lodge.machines()) == MACHINES
    tree = [milliseconds(lambda: lodge.ctl('snapshot', 'Machine 7', 'list')) for _ in range(PAIRS)]
    assert len(lodge.ctl_json('snapshot', 'Machine 7', 'list')) == SNAPSHOTS
    row(f'{MACHINES} machines with {SNAPSHOTS} snapshots each: the first list, with the start of the core', cold / 1000, 's')
    row(f'lodgectl list, median of {PAIRS}', statistics.median(listed) / 1000, 's', 0.3)
    row('lodgectl snapshot NAME list', statistics.median(tree) / 1000, 's', 0.3)
    row('the core then', status_value(f'/proc/{lodge.core_pid()}', 'VmRSS') / 1024, 'MiB', 60)


def session(bench):
    lodge = Lodge()
    try:
        bench(lodge)
    finally:
        report = lodge.close(strict=False)
        for what in report['killed'] + report['left']:
            print('left behind:', what)


def with_guest(lodge):
    version = lodge.core_properties()['Version']
    print(f'Lodge {version}; load of the host {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors')
    machine, beside = guest(lodge, 'Guest'), guest(lodge, 'Beside')
    beside.call('Save', timeout=300)
    make_stream(beside)
    beside.call('Start', timeout=300)
    bench_live(machine, beside)
    bench_save(lodge, machine, beside)
    machine.force_off()
    beside.force_off()


def main():
    session(with_guest)
    session(bench_library)
    over = [r['what'].strip() for r in results if r['limit'] is not None and r['value'] > r['limit']]
    if over:
        print('over the limit: ' + ', '.join(over))
    return 1 if over else 0


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
