# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real guests, each in a window of its own at the same time."""
import os
import subprocess

from lodgetest.display import Display
from lodgetest.session import Session


def saturation(display, window):
    """How colourful the screen is, below the header bar: the demo guest is, firmware and overlays are not."""
    return float(display.output('sh', '-c', f'import -window {window} png:- | convert png:- -crop +0+60 +repage '
                                "-colorspace HSL -channel G -separate -format '%[fx:mean]' info:") or 0)


def test_two_consoles():
    session = Session()
    display = Display(session.environment)
    window = None
    try:
        for name in ('First', 'Second'):
            for verb in (['create', name, '--demo'], ['start', name]):
                subprocess.run([os.path.join(session.build, 'app/lodgectl'), *verb], env=session.environment, check=True,
                               timeout=600)
        window = subprocess.Popen([os.path.join(session.build, 'app/lodge'), 'First', 'Second'], env=session.environment)
        consoles = [display.find_window(f'^{name}$', 60) for name in ('First', 'Second')]
        for console in consoles:
            display.focus(console)
            Display.wait(lambda: saturation(display, console) > 0.1, 90, 'the picture of a guest')
        assert len(display.output('xdotool', 'search', '--onlyvisible', '--name', '^(First|Second)$').split()) == 2
    finally:
        if window is not None:
            window.terminate()
            window.wait(120)
        display.close()
        assert session.end() == ([], [])
