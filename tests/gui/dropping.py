# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that a person drags from another program onto a window."""
import os
import subprocess
import sys

from lodgetest.session import PATIENCE

HELPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'drag_source.py')


def drop(display, path, window, place, shown, taken):
    """shown (seconds): waits until the window says that it takes the file, or raises TimeoutError. taken (): waits until it
    has it, for which the other program has to be there."""
    def xdotool(*words):
        subprocess.run(['xdotool', *map(str, words)], env=display.environment, check=True, timeout=30 * PATIENCE)

    source = subprocess.Popen([sys.executable, HELPER, 'drag', str(path)], env=display.environment, stdin=subprocess.DEVNULL)
    try:
        files = display.find_window('^Files$')
        xdotool('windowmove', files, 20, 20)
        display.focus(files)
        for attempt in range(4):
            # A press that comes before the window has its shape begins no drag.
            xdotool('mousemove', '--window', files, 75, 75, 'mousedown', 1)
            for step in (10, 20, 40, 60):
                xdotool('mousemove_relative', step, step)
            xdotool('mousemove', '--window', window, *place)
            xdotool('mousemove_relative', 5, 5)
            try:
                shown(5)
                break
            except TimeoutError:
                xdotool('mouseup', 1)
                if attempt == 3:
                    raise
        xdotool('mouseup', 1)
        taken()
    finally:
        source.terminate()
        source.wait(30 * PATIENCE)
