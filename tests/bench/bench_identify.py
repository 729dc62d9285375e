# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev bench identify: from a file that is dropped to the system that it holds, medians.

The discs are as large as the makers' are (the files are sparse), and lie in the page cache.
"""
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lodgetest import Lodge  # noqa: E402
from lodgetest.disc import SECTOR, Disc, windows_disc  # noqa: E402

ROUNDS = int(os.environ.get('LODGE_BENCH_PAIRS', '15'))
LIMIT = 500
over = []


def row(what, value, unit, limit=None):
    verdict = '' if limit is None else ('  ok' if value <= limit else '  OVER') + f' (at most {limit:g})'
    print(f'{what:<58}{value:10.1f} {unit}{verdict}', flush=True)
    if limit is not None and value > limit:
        over.append(what.strip())


def median(function):
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def identify(lodge, path, expected):
    with open(path, 'rb') as f:
        facts = lodge.core('Identify', '(sha{sv})', (os.path.basename(path), 0, {}), [f.fileno()])[0][0]
    if facts['os'] != expected:
        raise RuntimeError(f'{path} was taken for {facts["os"]!r}')


def main():
    lodge = Lodge()
    try:
        lodge.core_properties()
        with tempfile.TemporaryDirectory() as folder:
            cases = [
                ('Debian 13, by its label', Disc('Debian 13.0.0 amd64 n', uefi=True), 'debian13'),
                ('Debian 13, by a file on it', Disc('OWN', files={'.disk/info': 'Debian GNU/Linux 13.1.0 - Official amd64'}), 'debian13'),
                ('Windows 11, by its image file in UDF', windows_disc('CCCOMA_X64FRE_EN-US_DV9', '10.0.26100'), 'win11'),
                ('RHEL 7.9, by libosinfo\'s database', Disc('RHEL-7.9 Server.x86_64'), 'rhel7.9'),
                ('a stranger, by neither', Disc('HOLIDAY'), ''),
            ]
            for what, disc, expected in cases:
                path = os.path.join(folder, 'x.iso')
                disc.next = max(disc.next, 2 << 20)
                disc.write(path)
                identify(lodge, path, expected)
                row(f'Identify: {what}', median(lambda: identify(lodge, path, expected)), 'ms', LIMIT)
                assert os.stat(path).st_size == (2 << 20) * SECTOR
            row('  with lodgectl', median(lambda: lodge.ctl('identify', path)), 'ms', LIMIT)
            helper = os.path.join(os.environ['LODGE_BUILD_DIR'] if 'LODGE_BUILD_DIR' in os.environ else 'build', 'core/storage/lodge-identify')
            data = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'data/os')
            cases[0][1].write(path)

            def bare():
                with open(path, 'rb') as f:
                    subprocess.run([helper, data, 'x.iso'], stdin=f, stdout=subprocess.DEVNULL, check=True)
            row('  the helper alone, unconfined', median(bare), 'ms')
    finally:
        report = lodge.close(strict=False)
        for what in report['killed'] + report['left']:
            print('left behind:', what)
    if over:
        print('over the limit: ' + ', '.join(over))
    return 1 if over else 0


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
