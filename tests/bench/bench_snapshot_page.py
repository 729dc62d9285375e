# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev bench snapshot_page: a tree of 200 snapshots with pictures, opened, and scrolled from its newest to its oldest.

A frame is left out where the frame clock's own time goes on by more than one of its intervals; window-probe.c counts them in
the program as it is. The core only remembers, so nothing but the window is measured.
"""
import os
import signal
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(HERE, '../gui')]
os.environ.setdefault('LODGE_BUILD_DIR', os.path.join(HERE, '../../build'))

from fake_world import FakeWorld  # noqa: E402

from lodgetest import wait_until  # noqa: E402

NODES = 200
STEP = 40  # pixels a frame: a row in three
ROUNDS = int(os.environ.get('LODGE_BENCH_PAIRS', '5'))
over = []


def row(what, value, unit, limit=None):
    verdict = '' if limit is None else ('  ok' if value <= limit else '  OVER') + f' (at most {limit:g})'
    print(f'{what:<62}{value:10.2f} {unit}{verdict}', flush=True)
    if limit is not None and value > limit:
        over.append(what.strip())


def snapshots():
    """A trunk with a branch at every seventh."""
    made, trunk = [], ''
    for number in range(NODES):
        branch = number % 7 == 6
        made.append({'id': f's{number}', 'parent': trunk, 'name': f'State {number}', 'age': (NODES - number) * 3600, 'memory': number % 2 == 0,
                     'automatic': number % 3 == 0, 'note': 'Something to remember' if number % 5 == 0 else '', 'size': number << 20,
                     'picture': True, 'current': number == NODES - 1})
        if not branch:
            trunk = f's{number}'
    return made


def bench_open(world):
    """The page for the first time after the start of the window, and once more."""
    first, again = [], []
    for _ in range(ROUNDS):
        world.restart_window()
        wait_until(lambda: any(label['text'].startswith(f'{NODES} snapshots') for label in world.probe.labels()), 60, 'the machine')
        for runs in (first, again):
            world.probe.settle()
            runs.append(world.probe.numbers(f'open win.snapshots State {NODES - 1}'))
            world.probe.settle()
            world.probe.ask('action win.back')
    for what, runs in (('for the first time', first), ('once more', again)):
        until, before, after, worked, worked_after = (statistics.median(values) for values in zip(*runs))
        row(f'{NODES} snapshots opened {what}, until the first are shown', until, 'ms', 100)
        row('  longest that the main loop was kept', before, 'ms')
        row('  longest with a processor', worked, 'ms')
        row('  and in the half second after that', after, 'ms')
        row('  longest with a processor', worked_after, 'ms')


def main():
    world = FakeWorld([{'name': 'Debian 12', 'Snapshots': snapshots(), 'CurrentSnapshot': f's{NODES - 1}'}], (1280, 900),
                      settings='[org/lodgevm/Lodge]\nwindow-width=1000\nwindow-height=840\n',
                      core=['--features', 'disposable-snapshot'])
    try:
        bench_open(world)
        probe = world.probe
        probe.ask('action win.snapshots')
        wait_until(lambda: any(label['text'] == f'State {NODES - 1}' for label in probe.labels()), 60, 'the tree')
        probe.settle()
        probe.numbers(f'scroll {STEP} snapshot-list')  # the first time its pictures are fetched
        runs = [probe.numbers(f'scroll {STEP} snapshot-list') for _ in range(ROUNDS)]
        frames, left_out, middle, longest, worked, most = (statistics.median(values) for values in zip(*runs))
        row(f'scrolling {NODES} snapshots, frames, medians of {ROUNDS}', frames, '')
        row('  frames left out', left_out, '', 0)
        row('  a frame, median', middle, 'ms', 16.7)
        row('  of it with a processor', worked, 'ms')
        row('  a frame, longest', longest, 'ms')
        row('  longest with a processor', most, 'ms')
    finally:
        world.close()
    if over:
        print('over the limit: ' + ', '.join(over))
    return 1 if over else 0


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
