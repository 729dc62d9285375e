# SPDX-License-Identifier: GPL-3.0-or-later
"""Two real guests, each in a window of its own at the same time; each has its picture and its keys."""
from lodgetest import wait_until


def saturation(display, window):
    """How colourful the screen is, below the header bar: the demo guest is, firmware and overlays are not."""
    return float(display.output('sh', '-c', f'import -window {window} png:- | convert png:- -crop +0+60 +repage '
                                "-colorspace HSL -channel G -separate -format '%[fx:mean]' info:") or 0)


def check_typed(display, window, serial, others, word):
    """What is typed in one window reaches its guest, and no other one; a busy host may lose a key, so several tries."""
    display.focus(window)
    for attempt, delay in enumerate((60, 120, 200), 1):
        display.key('ctrl+u')
        display.type(f'echo {word}-{attempt} > /dev/ttyS0\n', delay)
        try:
            serial.wait(rf'{word}-{attempt}$', 15)
            break
        except TimeoutError:
            continue
    else:
        raise AssertionError(f'{word} did not arrive')
    for other in others:
        other.read(0)
        assert word not in other.text, 'keys went to both guests'


def test_two_consoles(lodge, display):
    names = ('First', 'Second')
    machines = [lodge.create_demo(name).start() for name in names]
    serials = [machine.serial() for machine in machines]
    window = lodge.start('lodge', *names)
    consoles = [display.find_window(f'^{name}$', 60) for name in names]
    for console in consoles:
        display.focus(console)
        wait_until(lambda: saturation(display, console) > 0.1, 90, 'the picture of a guest')
    assert len(display.output('xdotool', 'search', '--onlyvisible', '--name', '^(First|Second)$').split()) == 2

    for serial in serials:
        serial.wait_ready(120)
    for number in (0, 1, 0):
        check_typed(display, consoles[number], serials[number], serials[:number] + serials[number + 1:],
                    f'{names[number].lower()}-says')
        serials[number].text = ''

    for serial in serials:
        serial.close()
    window.terminate()
    window.wait(120)
    for machine in machines:
        machine.force_off()
