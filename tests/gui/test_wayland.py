# SPDX-License-Identifier: GPL-3.0-or-later
"""The window on Wayland: the library, a guest in its console, its keys, and the desktop's own shortcuts."""
import os

import pytest

from lodgetest import wait_until
from lodgetest.accessible import Desktop
from lodgetest.wayland import WaylandDisplay

WINDOW_LIGHT = (255, 215, 95)  # the lit windows in the demo guest's picture


@pytest.fixture
def wayland(lodge):
    display = WaylandDisplay(lodge.environment)
    yield display
    display.close()


def test_library_and_console(lodge, wayland):
    desktop = Desktop(lodge)
    machine = lodge.create_demo('Attic')
    lodge.start('lodge')
    library = wayland.find_window('Lodge', 60)
    assert (library['app_id'], library['shell']) == ('org.lodgevm.Lodge', 'xdg_shell')
    main = desktop.find_window('Lodge')
    main.find('Attic, Off', 'list item')
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
    keys.key('ctrl', 'u')
    keys.type('echo lodge-wayland > /dev/ttyS0\n')
    serial.wait(r'lodge-wayland$', 30)
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
    serial.close()
    desktop.close()
    machine.force_off()
