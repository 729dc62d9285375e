# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev bench window: how fast the window is there, and what it costs while nothing happens.

From the start of the process to the last change of the screen that a still screen follows, of Lodge, of the least program of
the same toolkit, and of GNOME Boxes where it is installed; in turns, so that the host's moods hit all alike. What happens
inside the window is measured by window-probe.c, preloaded into the program as it is. Medians; one renderer for all. "With a
processor" is what is left of a time without that for which a busy host gave the window none.
"""
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lodgetest import Display, Lodge, wait_until  # noqa: E402
from lodgetest.disc import Disc, windows_disc  # noqa: E402
from lodgetest.display import Pixels  # noqa: E402
from lodgetest.probe import Probe  # noqa: E402

ROUNDS = int(os.environ.get('LODGE_BENCH_PAIRS', '15'))
BUILD = os.environ.get('LODGE_BUILD_DIR') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../build')
STILL = 0.7  # seconds without a change: longer than any animation
NAMES = ('Debian', 'Fedora', 'Windows', 'FreeBSD', 'Ubuntu', 'Haiku', 'Arch', 'Web server', 'Build', 'Game')
over = []


def row(what, value, unit, limit=None):
    verdict = '' if limit is None else ('  ok' if value <= limit else '  OVER') + f' (at most {limit:g})'
    print(f'{what:<62}{value:10.2f} {unit}{verdict}', flush=True)
    if limit is not None and value > limit:
        over.append(what.strip())


class Bench:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='lodge-bench-')
        self.worlds, self.display = {}, None

    def world(self, machines):
        """A session with so many machines; all share one screen."""
        if machines in self.worlds:
            return self.worlds[machines]
        lodge = self.worlds[machines] = Lodge()
        if self.display is None:
            self.display = Display(lodge.environment, framebuffer=self.folder)
            self.pixels = Pixels(self.folder)
        else:
            for key in ('DISPLAY', 'GDK_BACKEND', 'XDG_SESSION_TYPE', 'GSK_RENDERER', 'LIBGL_ALWAYS_SOFTWARE', 'LC_ALL'):
                lodge.environment[key] = self.display.environment[key]
        lodge.create('Pattern', memory=256 << 20, disk_size=0)
        lodge.core('Quit')
        wait_until(lambda: lodge.core_pid() is None, 20, 'the core to leave', 0.02)
        folder = os.path.join(lodge.data, 'machines')
        pattern = os.path.join(folder, os.listdir(folder)[0])
        with open(os.path.join(pattern, 'machine.json'), encoding='utf-8') as f:
            profile = json.load(f)
        for number in range(machines - 1):
            name, identity = f'{NAMES[number % len(NAMES)]} {number}', str(uuid.uuid4())
            target = os.path.join(folder, f'machine-{number}-{identity[:8]}')
            shutil.copytree(pattern, target)
            for generation in os.listdir(target):
                if re.match(r'machine\.json\.\d', generation):
                    os.unlink(os.path.join(target, generation))
            with open(os.path.join(target, 'machine.json'), 'w', encoding='utf-8') as f:
                json.dump({**profile, 'id': identity, 'name': name, 'nics': []}, f)
        assert len(lodge.machines()) == machines
        return lodge

    def measure(self, lodge, *command, memory=False):
        """Milliseconds from the start of the process to its last change of the screen; and its RSS then, in MB."""
        self.pixels.wait_still(STILL)
        before = self.pixels.look()
        start = time.perf_counter()
        process = subprocess.Popen(command, env=lodge.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: self.pixels.look() != before, 60, f'the window of {command[0]}', 0.003)
            full = self.pixels.wait_still(STILL)
            with open(f'/proc/{process.pid}/status', encoding='utf-8') as f:
                rss = int(re.search(r'^VmRSS:\s+(\d+)', f.read(), re.M)[1]) / 1024
        finally:
            process.terminate()
            process.wait()
        wait_until(lambda: self.pixels.look() == before, 20, f'the window of {command[0]} to go', 0.02)
        return (full - start) * 1000, rss

    def close(self):
        if self.display is not None:
            self.display.close()
        for lodge in self.worlds.values():
            report = lodge.close(strict=False)
            for what in report['killed'] + report['left']:
                print('left behind:', what)
        shutil.rmtree(self.folder, ignore_errors=True)


def bench_start(bench):
    few, many = bench.world(10), bench.world(1000)
    bare = os.path.abspath(os.path.join(BUILD, 'tests/bench/bare-window'))
    kinds = {'bare': (few, bare), '10': (few, 'lodge'), '1000': (many, 'lodge')}
    if shutil.which('gnome-boxes'):
        kinds['boxes'] = (few, 'gnome-boxes')
    figures = {kind: [] for kind in kinds}
    for number in range(ROUNDS + 1):
        for kind, (lodge, command) in kinds.items():
            lodge.core_properties()  # it is there: its own start is measured by "bench start"
            figure = bench.measure(lodge, command)
            if number > 0:  # the first warms the cache
                figures[kind].append(figure)
    full = {kind: statistics.median(f[0] for f in found) for kind, found in figures.items()}
    rss = {kind: statistics.median(f[1] for f in found) for kind, found in figures.items()}
    row(f'a bare AdwApplicationWindow, medians of {ROUNDS}', full['bare'], 'ms')
    row('Lodge with 10 machines, to the first full frame', full['10'], 'ms')
    row('  over bare', full['10'] - full['bare'], 'ms', 100)
    row('Lodge with 1000 machines', full['1000'], 'ms')
    row('  1000 machines to 10', full['1000'] / full['10'], 'x', 1.3)
    row('memory (RSS) of a bare window', rss['bare'], 'MB')
    row('memory (RSS) with 10 machines', rss['10'], 'MB')
    if 'boxes' in kinds:
        row('GNOME Boxes, empty', full['boxes'], 'ms')
        row('  Lodge to Boxes', full['10'] / full['boxes'], 'x', 0.5)
        row('memory (RSS) of Boxes', rss['boxes'], 'MB')
        row('  Lodge to Boxes', rss['10'] / rss['boxes'], 'x', 0.6)
    else:
        print('  against GNOME Boxes: cannot be measured: gnome-boxes is not installed')


def bench_scroll(bench):
    lodge = bench.world(1000)
    probe = Probe(lodge.environment, lodge.state)
    try:
        bench.pixels.wait_still(STILL)
        probe.numbers('scroll 180')
        runs = [probe.numbers('scroll 180') for _ in range(3)]
        frames, left_out, middle, longest, worked, most = (statistics.median(values) for values in zip(*runs))
        row('scrolling 1000 rows, frames', frames, '')
        row('  frames left out', left_out, '', 0)
        row('  a frame, median', middle, 'ms')
        row('  of it with a processor', worked, 'ms')
        row('  a frame, longest', longest, 'ms')
        row('  longest with a processor', most, 'ms', 16.7)
    finally:
        probe.close()


def bench_filter(bench):
    lodge = bench.world(5000)
    probe = Probe(lodge.environment, lodge.state)
    try:
        bench.pixels.wait_still(STILL)
        bench.display.focus(bench.display.find_window('^Lodge$'))
        bench.display.key('ctrl+f')
        bench.pixels.wait_still(STILL)
        for text, what in (('f', 'first letter'), ('fedora 4', 'eighth letter'), ('fedora', 'taken back')):
            times = []
            for _ in range(ROUNDS):
                probe.numbers({'f': 'filter ', 'fedora 4': 'filter fedora ', 'fedora': 'filter fedora 4'}[text])
                probe.settle()
                times.append(probe.numbers('filter ' + text))
            until, worked = (statistics.median(values) for values in zip(*times))
            row(f'filtering 5000 machines, {what}, to its frame', until, 'ms', 50)
            row('  of it with a processor', worked, 'ms')
    finally:
        probe.close()


def bench_drop(bench):
    """An image dropped on the window, until the assistant shows what it is."""
    lodge = bench.world(10)
    probe = Probe(lodge.environment, lodge.state)
    try:
        for what, disc, name in (('Debian 13', Disc('Debian 13.0.0 amd64 n', uefi=True), 'Debian 13'),
                                 ('Windows 11', windows_disc('CCCOMA_X64FRE_EN-US_DV9', '10.0.26100'), 'Windows 11')):
            path = os.path.join(bench.folder, what.replace(' ', '') + '.iso')
            disc.next = max(disc.next, 2 << 20)
            disc.write(path)
            runs = []
            for _ in range(ROUNDS + 1):
                runs.append(probe.numbers(f'drop {path} {name}'))
                bench.display.key('Escape')
                wait_until(lambda: probe.windows() == ['LodgeWindow'], 20, 'the assistant to go', 0.02)
            until, before, after, worked, worked_after = (statistics.median(values) for values in zip(*runs[1:]))
            row(f'{what} dropped, until the assistant shows it', until, 'ms', 500)
            row('  longest that the main loop was kept', before, 'ms', 16.7)
            row('  longest with a processor', worked, 'ms')
            row('  and in the half second after that', after, 'ms')
            row('  longest with a processor', worked_after, 'ms')
    finally:
        probe.close()


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat', encoding='utf-8') as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def bench_still(bench):
    """A guest whose picture does not change, in its console and as a live picture of the library. Its cursor would blink five
    times a second, which is the guest's drawing and none of the window's; so it is switched off."""
    lodge = bench.world(10)
    machine = lodge.create_demo('Still')
    machine.start()
    serial = machine.serial()
    serial.wait_ready(180)
    serial.run("printf '\\033[?25l' > /dev/tty1")
    serial.close()
    machine.wait_still()
    for what, arguments in (('its console', ['Still']), ('the library', [])):
        probe = Probe(lodge.environment, lodge.state, *arguments)
        try:
            bench.pixels.wait_still(3)
            frames, used, start = probe.numbers('frames')[0], cpu_seconds(probe.process.pid), time.perf_counter()
            time.sleep(10)
            took = time.perf_counter() - start
            row(f'a still guest in {what}, frames in 10 s', probe.numbers('frames')[0] - frames, '', 0)
            row('  of a core', (cpu_seconds(probe.process.pid) - used) / took * 100, '%', 1)
        finally:
            probe.close()
    machine.force_off()


def main():
    bench = Bench()
    try:
        for name in sys.argv[1:] or ('start', 'scroll', 'filter', 'drop', 'still'):
            globals()['bench_' + name](bench)
    finally:
        bench.close()
    if over:
        print('over the limit: ' + ', '.join(over))
    return 1 if over else 0


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
