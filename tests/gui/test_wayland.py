# SPDX-License-Identifier: GPL-3.0-or-later
"""The window on Wayland: from an opened image to its picture, settings, a guest in its console, its keys, and the desktop's own
shortcuts."""
import json
import os
import signal
import subprocess
import sys

import pytest

from dropping import HELPER
from lodgetest import wait_until
from lodgetest.accessible import Desktop
from lodgetest.session import PATIENCE
from lodgetest.wayland import WaylandDisplay
from painting import RED, painting_disc

WINDOW_LIGHT = (255, 215, 95)  # the lit windows in the demo guest's picture


@pytest.fixture
def wayland(lodge):
    display = WaylandDisplay(lodge.environment)
    # A look through a window may take longer on a busy host than a message stands.
    lodge.run('gsettings', 'set', 'org.lodgevm.Lodge', 'message-seconds', '90', check=True)
    yield display
    display.close()


@pytest.fixture
def medium(tmp_path):
    """A disc that starts, and paints the screen."""
    return painting_disc(tmp_path / 'painter.iso', tmp_path / 'disc')


def check_fullscreen(wayland, console, name):
    """On the monitor that it is on, or on another that is chosen."""
    def wait_place(output):
        wait_until(lambda: wayland.windows()[name]['rect'] == wayland.outputs()[output], 20, f'{name} to fill {output}')
        # The window learns of it later than the compositor, and only then takes F11 for the way back.
        wait_until(lambda: console.look('Console Menu', 'button') is None, 20, 'the header bar to go')

    before = wayland.windows()[name]['rect']
    first, = wayland.outputs()
    wayland.focus(name)
    wayland.devices.key('F11')
    wait_place(first)
    wayland.devices.key('F11')
    wait_until(lambda: wayland.windows()[name]['rect'] == before, 20, 'the window')

    wayland.swaymsg('create_output')
    second, = set(wayland.outputs()) - {first}

    console.press_button('Console Menu')
    console.find('Fullscreen On', 'menu item').press()
    console.find(lambda text: second in text, 'menu item').press()
    wait_place(second)

    # Back in a window of its size, on that monitor.
    def is_window_there():
        rect, place = wayland.windows()[name]['rect'], wayland.outputs()[second]
        return ((rect['width'], rect['height']) == (before['width'], before['height'])
                and place['x'] <= rect['x'] < place['x'] + place['width'])
    wayland.devices.key('F11')
    wait_until(is_window_there, 20, f'the window on {second}')


def from_image_to_picture(lodge, wayland, desktop, medium):
    """One click from the opened image to what it shows; and a setting of the machine that it became."""
    lodge.run('lodge', '--new', medium, check=True)
    wayland.find_window('Review', 60)
    desktop.find_window('Review').find('Create and Start', 'button').press()
    wait_until(lambda: len(lodge.machines()) == 1, 30, 'the machine to be made')
    name, = (found['Name'] for found in lodge.machines().values())
    wayland.find_window(name, 60)
    machine = lodge.machine(name)
    machine.wait_state('running', 60)
    wait_until(lambda: wayland.screen().has_colour(RED, 0.05), 90, 'what the disc paints', 0.5)
    machine.force_off()
    desktop.find_window(name).find('Close', 'button').press()

    wayland.focus('Lodge')
    wayland.devices.key('ctrl', 'comma')
    settings = desktop.find_window('Settings')
    settings.find('Cores', 'spin button').value = 2
    with open(os.path.join(machine.get('Folder'), 'machine.json'), encoding='utf-8') as f:
        path = f.name
    wait_until(lambda: json.load(open(path, encoding='utf-8'))['cores'] == 2, 20, 'the cores in machine.json')
    settings.find('Undo', 'button').press()
    wait_until(lambda: json.load(open(path, encoding='utf-8'))['cores'] == 1, 20, 'the cores to be as they were')
    wayland.devices.key('Escape')
    wait_until(lambda: 'Settings' not in wayland.windows(), 20, 'the settings to close')
    return name


def middle(window):
    rect = window['rect']
    return rect['x'] + rect['width'] // 2, rect['y'] + rect['height'] // 2


def drop_on(wayland, desktop, path, name, hint):
    """A file is dragged out of another program onto the window of that name, which shows by the hint that it takes it."""
    source = subprocess.Popen([sys.executable, HELPER, 'drag', str(path)], env=wayland.environment, stdin=subprocess.DEVNULL)
    pointer, window = wayland.devices, desktop.find_window(name)
    try:
        wayland.find_window('Files', 30)
        # Both in sight, the small one above.
        wayland.focus(name)
        wayland.focus('Files')
        wayland.swaymsg('[title="^Files$"] move position 0 0')
        x, y = middle(wayland.windows()['Files'])
        goal = middle(wayland.windows()[name])
        for attempt in range(4):
            pointer.point(x, y)
            pointer.press(True)
            for step in range(1, 11):
                pointer.point(x + (goal[0] - x) * step // 10, y + (goal[1] - y) * step // 10)
            try:
                window.find(hint, 'label', 5)
                break
            except TimeoutError:
                if attempt == 3:
                    raise
            finally:
                pointer.press(False)
        wait_until(lambda: window.look(hint, 'label') is None, 20, 'the hint to go')
    finally:
        source.terminate()
        source.wait()


def check_drop(wayland, desktop, path):
    """The library opens the assistant."""
    drop_on(wayland, desktop, path, 'Lodge', 'Drop an Image to Make a Machine')
    wayland.find_window('Review', 30)
    wayland.focus('Review')
    wayland.devices.key('Escape')
    wait_until(lambda: 'Review' not in wayland.windows(), 20, 'the assistant to close')


def check_drop_on_console(wayland, desktop, machine, path):
    """The console inserts the disc."""
    drop_on(wayland, desktop, path, 'Attic', 'Drop to Insert the Disc')
    wait_until(lambda: machine.get('Settings')['cd'] == str(path), 20, 'the dropped disc to be inserted')


def check_refusal(lodge, wayland, desktop, name):
    """A question or an error is a window of its own, above the one that it belongs to, and has the keys."""
    disk = os.path.join(lodge.machine(name).get('Folder'), 'disks/disk0.qcow2')
    os.rename(disk, disk + '.away')
    desktop.find_window('Lodge').find('Start', 'button').press()
    title = f'“{name}” Could Not Be Started'
    desktop.find_window(title).find('Technical Details')
    wait_until(lambda: wayland.windows()[title]['focused'], 20, 'the error to have the keys')
    wayland.devices.key('Escape')
    wait_until(lambda: title not in wayland.windows(), 20, 'the error to go')
    os.rename(disk + '.away', disk)


def check_clipboard(wayland, console, machine):
    """What another program finds in the clipboard is the guest's picture."""
    wayland.focus(console.name)
    console.press_button('Console Menu')
    console.find('Copy Screenshot', 'menu item').press()
    console.find('Screenshot copied', 'label')
    shown = subprocess.run([sys.executable, HELPER, 'clipboard'], env=wayland.environment, capture_output=True, text=True,
                           timeout=60 * PATIENCE).stdout.strip()
    screen = machine.screen()
    assert shown == f'{screen.width}x{screen.height}'


def check_end_ends_grab(wayland, console, machine, symbol):
    """With its guest gone the console gives the desktop its keys back, and says what happened."""
    wayland.focus(console.name)
    wayland.devices.click(*middle(wayland.windows()[console.name]))
    console.find(symbol, 'button')
    os.remove(wayland.shortcut)
    os.kill(machine.qemu_pid, signal.SIGKILL)
    console.find('Stopped Unexpectedly', 'label', 60)
    wait_until(lambda: console.look(symbol, 'button') is None, 20, 'the grab to end')
    wayland.devices.key('ctrl', 'alt', 'k')
    wait_until(lambda: os.path.exists(wayland.shortcut), 20, "the desktop's shortcut")
    console.find('Start', 'button').press()
    machine.wait_state('running', 60)


def typed(keys, serial):
    """Whether typed text reaches the guest; a busy host may repeat a key, so several tries."""
    for delay in (0.03, 0.1, 0.3):
        keys.key('ctrl', 'u')
        keys.type('echo lodge-wayland > /dev/ttyS0\n', delay)
        try:
            return serial.wait(r'lodge-wayland$', 20)
        except TimeoutError:
            continue
    return None


def test_library_and_console(lodge, wayland, medium):
    desktop = Desktop(lodge)
    lodge.start('lodge')
    wayland.find_window('Lodge', 60)
    first = from_image_to_picture(lodge, wayland, desktop, medium)
    check_refusal(lodge, wayland, desktop, first)
    check_drop(wayland, desktop, medium)

    other = medium.with_name('other.iso')
    other.write_bytes(medium.read_bytes())
    machine = lodge.create_demo('Attic', media=[('iso', str(other))])
    library = wayland.find_window('Lodge', 60)
    assert (library['app_id'], library['shell']) == ('org.lodgevm.Lodge', 'xdg_shell')
    main = desktop.find_window('Lodge')
    main.find('Attic, Off', 'list item')
    wayland.focus('Lodge')
    wayland.devices.type('attic')
    wait_until(lambda: main.look(f'{first}, Off', 'list item') is None, 20, 'the search')
    wayland.devices.key('Escape')
    wait_until(lambda: wayland.screen().colours() > 50, 30, 'the library on the screen', 0.5)

    main.find('Start', 'button').press()
    console = wayland.find_window('Attic', 60)
    machine.wait_state('running', 60)
    serial = machine.serial()
    serial.wait_ready(180)
    wait_until(lambda: wayland.screen().has_colour(WINDOW_LIGHT, 0.0005), 90, "the guest's picture", 1)

    # A click takes the keyboard; what is typed then arrives, and the desktop's shortcuts are the guest's.
    keys = wayland.devices
    wayland.focus('Attic')
    middle = console['rect']['x'] + console['rect']['width'] // 2, console['rect']['y'] + console['rect']['height'] * 2 // 3
    window = desktop.find_window('Attic')
    symbol = 'All keys go to the machine; press Ctrl+Alt to release'
    keys.click(*middle)
    window.find(symbol, 'button')
    assert typed(keys, serial)
    keys.key('ctrl', 'alt', 'k')
    window.find(symbol, 'button')
    assert not os.path.exists(wayland.shortcut), 'the desktop took a key that was the guest’s'

    # Ctrl+Alt gives them back.
    keys.key('ctrl', 'alt')
    wait_until(lambda: window.look(symbol, 'button') is None, 20, 'the grab to end')
    keys.key('ctrl', 'alt', 'k')
    wait_until(lambda: os.path.exists(wayland.shortcut), 20, "the desktop's shortcut")

    # By the keyboard alone into the header bar, as on X11.
    keys.click(*middle)
    window.find(symbol, 'button')
    keys.key('ctrl', 'alt', 'Tab')
    wait_until(lambda: window.look(symbol, 'button') is None, 20, 'the grab to end')
    keys.key('space')
    machine.wait_state('paused')
    keys.key('space')
    machine.wait_state('running')
    serial.close()
    check_drop_on_console(wayland, desktop, machine, medium)
    check_clipboard(wayland, window, machine)
    check_end_ends_grab(wayland, window, machine, symbol)
    # The last, since a pointer between two monitors is somewhere else.
    check_fullscreen(wayland, window, 'Attic')
    desktop.close()
    machine.force_off()
