# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at random moments: of the core, and of the window. The guest counts on its serial line; the count never goes back."""
import glob
import json
import os
import random
import secrets
import signal
import time

import pytest

from lodgetest import wait_until

pytestmark = pytest.mark.soak


def seeded():
    seed = int(os.environ.get('LODGE_SEED', secrets.randbelow(1 << 32)))
    print(f'seed: LODGE_SEED={seed}')
    return random.Random(seed)


def check_profiles(lodge):
    found = glob.glob(os.path.join(lodge.data, 'machines/*/machine.json'))
    assert found
    for path in found:
        with open(path, encoding='utf-8') as f:
            json.load(f)


def check_guest(machine, last):
    """Adopted, counting, with a picture. Returns the newest number."""
    def runs():
        if machine.state == 'paused':  # by a call that the kill fell into
            machine.call('Resume')
        return machine.state == 'running'
    wait_until(runs, 30, 'the guest to be adopted and to run')
    with machine.serial() as serial:
        numbers = serial.count_on(3, 60)
    assert numbers[0] >= last, f'the counter went back from {last} to {numbers[0]}'
    assert not machine.screen().is_blank()
    return numbers[-1]


def check_keys(machine):
    with machine.serial() as serial:
        for _ in range(3):
            nonce = secrets.token_hex(3)
            machine.keys('ctrl', 'u')
            machine.type(f'echo typed-{nonce} > /dev/ttyS0\n')
            try:
                return serial.wait(rf'typed-{nonce}', 20)
            except TimeoutError as error:
                last = error
    raise last


def counting_machine(lodge, name='Counter'):
    machine = lodge.create_demo(name, words='lodge.count')
    machine.start()
    with machine.serial() as serial:
        last = serial.count_on(3, 120)[-1]
    return machine, last


@pytest.mark.as_user
def test_core(lodge, short):
    rng = seeded()
    machine, last = counting_machine(lodge)
    pid = machine.pid
    for kill in range(5 if short else 50):
        # Half of the kills fall into a save, a lifecycle call or a picture.
        busy = rng.choice([None, None, 'set', 'pause', 'screenshot'])
        work = None
        if busy == 'set':
            work = lodge.start('lodgectl', 'set', machine.id, f'memory={rng.choice([384, 512, 640])}M')
        elif busy == 'pause':
            work = lodge.start('lodgectl', 'pause', machine.id)
        elif busy == 'screenshot':
            work = lodge.start('lodgectl', 'screenshot', machine.id, os.path.join(lodge.state, 'shot.png'))
        time.sleep(rng.uniform(0, 0.08 if busy else 1.0))
        lodge.kill_core()
        if work:
            work.wait(60)
        check_profiles(lodge)
        last = check_guest(machine, last)
        assert machine.pid == pid, f'kill {kill}: not the same guest any more'
        assert machine.get('StateReason') in ('', 'adopted', 'user')
    check_keys(machine)
    machine.force_off()
    assert lodge.ctl_json('list')[0]['state'] == 'off'


def test_window(lodge, display, short):
    rng = seeded()
    machine, last = counting_machine(lodge)
    for _ in range(2 if short else 20):
        program = lodge.start('lodge', 'Counter')
        if rng.random() < 0.7:
            display.find_window('Counter', 40)
        time.sleep(rng.uniform(0, 2))
        program.send_signal(signal.SIGKILL)
        program.wait()
        last = check_guest(machine, last)
        check_profiles(lodge)
    lodge.start('lodge', 'Counter')
    window = display.find_window('Counter', 40)
    display.wait(lambda: display.screen(window).has_colour((255, 215, 95), 0.001), 60,
                 "the guest's picture in the window after the kills")
    check_keys(machine)
    machine.force_off()
