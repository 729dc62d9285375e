#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./dev run shows.

    demo.py --window           in a session that is there: makes and starts the demo machine, opens its console
    demo.py --picture OUT.png  in a session and on a screen of its own: also types a nonce through the window,
                               waits until the guest echoes it on its serial line, and takes the window's picture
"""
import argparse
import contextlib
import json
import os
import secrets
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lodgetest import Display, Lodge, wait_until  # noqa: E402
from lodgetest.screen import Screen  # noqa: E402

NAME = 'Try Lodge'
WINDOW_LIGHT = (255, 215, 95)  # the lit windows of data/demo/picture.py


def say(text):
    print(f'dev run: {text}', flush=True)


def show_window():
    machines = json.loads(subprocess.run(['lodgectl', 'list', '--json'], capture_output=True, text=True, check=True).stdout)
    found = next((m for m in machines if m['name'] == NAME), None)
    if found is None:
        subprocess.run(['lodgectl', 'create', NAME, '--demo'], check=True)
    if found is None or found['state'] == 'off':
        subprocess.run(['lodgectl', 'start', NAME], check=True)
    say('the machine ends when you close the window and its session')
    return subprocess.run(['lodge', NAME]).returncode


def echo_through_window(display, window, serial):
    """Types into the window until the guest has said the nonce; a busy host may lose a key, so three tries."""
    width, height = display.size(window)
    for attempt in range(3):
        nonce = secrets.token_hex(4)
        display.focus(window)
        display.click(window, width // 2, height * 2 // 3)
        time.sleep(0.5)
        display.key('ctrl+u')
        display.type(f'echo lodge-{nonce} > /dev/ttyS0\n', 60)
        try:
            serial.wait(rf'lodge-{nonce}$', 15)
            return nonce
        except TimeoutError:
            say(f'the guest did not echo the nonce (try {attempt + 1} of 3)')
    return None


def shows_guest(screen):
    return screen.has_colour(WINDOW_LIGHT, 0.001)


def take_picture(path):
    """0 when all happened that the first lines above say, and nothing is left behind."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    lodge = Lodge()
    try:
        status = play(lodge, path)
    finally:
        report = lodge.close(strict=False)
        for what in report['killed'] + report['left']:
            say(f'was left behind: {what[:150]}')
    return status if not report['killed'] + report['left'] else 1


def play(lodge, path):
    display = program = None
    try:
        display = Display(lodge.environment)
        say(f'Lodge {lodge.core_properties()["Version"]}, a screen of its own at {display.name}')
        lodge.ctl('create', NAME, '--demo')
        machine = lodge.machine(NAME)
        started = time.monotonic()
        machine.start()
        serial = machine.serial()
        effective = machine.get('Effective')
        say(f'QEMU {effective.get("qemu-version")} with {effective.get("accelerator")}, confined by {effective.get("confinement")}')
        program = lodge.start('lodge', NAME)
        window = display.find_window(NAME, 30)
        serial.wait_ready(120)
        say(f'the guest was ready after {time.monotonic() - started:.1f} s')
        try:
            wait_until(lambda: shows_guest(display.screen(window)), 60, "the guest's picture in the window", 1)
        except TimeoutError as error:
            display.picture(path, window)
            say(f'{error}; what it shows instead is in {path}')
            return 1
        before = display.screen(window)
        nonce = echo_through_window(display, window, serial)
        if nonce is None:
            display.picture(path, window)
            say(f'what is typed into the window does not reach the guest; the window is in {path}')
            return 1
        say(f'the guest echoed lodge-{nonce}, typed through the window, on its serial line')
        # What was typed stands in the window, too, beside the guest's picture.
        wait_until(lambda: 0.0005 < display.screen(window).difference(before) < 0.5, 30, 'what was typed to be seen', 0.3)
        display.picture(path, window)
        shown = Screen(subprocess.run(['convert', path, '-depth', '8', 'ppm:-'], capture_output=True, check=True).stdout)
        if not shows_guest(shown) or shown.difference(before) < 0.0005:
            say(f'{path} does not show the guest with what was typed')
            return 1
        if program.poll() is not None:
            say(f'the window ended by itself with {program.returncode}')
            return 1
        serial.close()
        machine.force_off()
        say(f'picture: {path}')
        return 0
    finally:
        if program is not None:
            program.terminate()
            program.wait()
        if display:
            display.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--window', action='store_true')
    parser.add_argument('--picture')
    options = parser.parse_args()
    try:
        return show_window() if options.window else take_picture(options.picture)
    except Exception as error:  # the last line a person sees must be a sentence
        say(f'failed: {error}')
        return 1


if __name__ == '__main__':
    sys.exit(main())
