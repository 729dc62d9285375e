# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures and marks that all of Lodge's Python tests share."""
import fcntl
import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault('LODGE_BUILD_DIR', os.path.join(SOURCE, 'build'))

from lodgetest import Display, Lodge  # noqa: E402

MARKS = {
    'as_user': 'run again as an ordinary user when the tests run as root',
    'slow': 'takes more than twenty seconds',
    'soak': 'a long test',
    'long': 'not in the short form of the soak tests',
    'once': 'in the short form with one QEMU alone',
    'prove_kvm': 'needs KVM that boots kernels', 'prove_gpu': 'needs a render node', 'prove_usb': 'needs a USB device',
    'prove_systemd': 'needs a systemd user session', 'prove_windows': 'needs KVM and Windows media in $LODGE_WINDOWS_ISO',
    'prove_wayland': 'needs a desktop on Wayland', 'prove_sound': 'needs a sound server',
}


def pytest_addoption(parser):
    parser.addoption('--short', action='store_true', help='soak tests with few rounds, as ./dev test runs them')


def pytest_configure(config):
    for name, meaning in MARKS.items():
        config.addinivalue_line('markers', f'{name}: {meaning}')


def pytest_collection_modifyitems(config, items):
    if config.getoption('--short'):
        left_out = [item for item in items if item.get_closest_marker('long')
                    or (item.get_closest_marker('once') and 'qemu10' in item.name)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    # The workers get the tests in pieces from the front: the slow ones are spread, so that no piece has several.
    slow = [item for item in items if item.get_closest_marker('slow')]
    others = [item for item in items if item not in slow]
    step = len(items) // max(len(slow), 1)
    for number, item in enumerate(slow):
        others.insert(number * step, item)
    items[:] = others


@pytest.fixture
def short(request):
    return request.config.getoption('--short')


@pytest.fixture
def lodge():
    """Lodge in a session of its own; the test fails when anything is left running or lying about."""
    lodge = Lodge()
    yield lodge
    lodge.close()


def qemu_dirs():
    """The QEMUs to test with: the system's, and QEMU 10 where ./dev test has fetched it."""
    return [pytest.param(None, id='system'),
            pytest.param(os.environ.get('LODGE_QEMU10_DIR'), id='qemu10', marks=pytest.mark.skipif(
                'LODGE_QEMU10_DIR' not in os.environ, reason='QEMU 10 of backports is not there'))]


@pytest.fixture(params=qemu_dirs())
def lodge_qemu(request):
    """As lodge, once with each QEMU."""
    lodge = Lodge(qemu_dir=request.param)
    yield lodge
    lodge.close()


@pytest.fixture
def display(lodge):
    """A virtual screen that lodge's programs use."""
    display = Display(lodge.environment)
    # A look through a window may take longer on a busy host than a message stands.
    lodge.run('gsettings', 'set', 'org.lodgevm.Lodge', 'message-seconds', '90', check=True)
    yield display
    display.close()


def guest_cache():
    return os.path.join(os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'lodge-dev', 'guests')


def built(script, name):
    """A guest made by tests/guests/SCRIPT FILE, kept in the cache under a name the script answers for."""
    script = os.path.join(SOURCE, 'tests/guests', script)
    folder = guest_cache()
    os.makedirs(folder, exist_ok=True)
    # Whoever comes second waits and finds it made.
    with open(os.path.join(folder, f'.{name}.lock'), 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([script, os.path.join(folder, name)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(f'{script}: {done.stderr}')
    return os.path.join(folder, name)


@pytest.fixture(scope='session')
def installer_iso():
    return built('build-installer-iso.sh', 'debian-installer.iso')


@pytest.fixture(scope='session')
def arm64_guest():
    """(kernel, initrd, disk image for UEFI) for aarch64."""
    folder = built('build-arm64.py', 'arm64')
    return os.path.join(folder, 'kernel'), os.path.join(folder, 'initrd'), os.path.join(folder, 'disk.img')
