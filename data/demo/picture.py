#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the demo guest's welcome screen for a Linux text console: a lodge at dusk, drawn with half blocks
(two pixels in each character) in a palette of its own, and what to try. With the argument "large" for 160 columns, else for 80."""
import random
import sys

WIDTH, HEIGHT = 80, 30  # pixels; 15 lines of text
PALETTE = {  # index of the console's palette: colour
    0: '101426', 1: '1b2447', 2: '2e3a6b', 3: '6a4c7d', 4: 'c06b6b', 5: 'f0a35e', 6: 'f6e3b4', 7: 'e8ecf5',
    8: '0a1a18', 9: '14332b', 10: '1f5240', 11: '6b4226', 12: '8f5b34', 13: '4a2d1b', 14: 'ffd75f', 15: 'ffffff'}


def draw():
    rng = random.Random(7)  # the stars stand still from build to build
    rows = []
    for y in range(HEIGHT):
        rows.append([(0, 1, 2, 3, 4, 5)[min(5, y * 6 // 22)] for _ in range(WIDTH)])
    for _ in range(40):
        rows[rng.randrange(9)][rng.randrange(WIDTH)] = rng.choice((7, 6))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            if (x - 66) ** 2 + (y - 5) ** 2 <= 9:
                rows[y][x] = 6
    for peak, top, slope in ((14, 9, 1.1), (34, 6, 1.3), (58, 10, 1.0), (76, 8, 1.2)):
        for y in range(top, HEIGHT):
            reach = (y - top) * slope
            for x in range(max(0, int(peak - reach)), min(WIDTH, int(peak + reach) + 1)):
                rows[y][x] = 7 if y - top < 3 + (x * 7 % 3) else 2 if x < peak else 1
    for x in range(WIDTH):
        for y in range(24 - 2 * (x * 5 % 3 == 0), HEIGHT):
            rows[y][x] = 9 if (x + y // 2) % 5 else 10
    for trunk, top, low in ((4, 12, 26), (10, 14, 26), (17, 12, 26), (62, 12, 26), (69, 14, 28), (75, 10, 26)):
        for y in range(top, low):
            reach = (y - top) // 2 if (y - top) % 4 else max(0, (y - top) // 2 - 1)
            for x in range(max(0, trunk - reach), min(WIDTH, trunk + reach + 1)):
                rows[y][x] = 10 if x > trunk else 8
    for y in range(8, 15):  # chimney
        for x in range(48, 51):
            rows[y][x] = 13
    for y in range(10, 18):  # roof
        for x in range(40 - (y - 8) * 2, 40 + (y - 8) * 2 + 1):
            rows[y][x] = 13 if y // 2 % 2 else 11
    for y in range(18, 28):  # walls of logs
        for x in range(28, 53):
            rows[y][x] = 12 if y // 2 % 2 else 11
    for left in (31, 46):
        for y in range(20, 24):
            for x in range(left, left + 4):
                rows[y][x] = 14
    for y in range(22, 28):  # door
        for x in range(38, 43):
            rows[y][x] = 13
    return rows


def foreground(index):
    return f'\033[{90 + index - 8}m' if index > 7 else f'\033[22;{30 + index}m'  # bright stays on until 22


def small(rows):
    """80 columns. The console has all 16 colours for letters but only the first eight behind them."""
    for upper_row, lower_row in zip(rows[::2], rows[1::2]):
        for upper, lower in zip(upper_row, lower_row):
            if lower <= 7:
                yield f'{foreground(upper)}\033[{40 + lower}m▀'
            elif upper <= 7:
                yield f'{foreground(lower)}\033[{40 + upper}m▄'
            else:
                yield f'{foreground(upper)}\033[40m█'
        yield '\033[0m\n'


def large(rows):
    """160 columns: two characters are a square pixel."""
    for row in rows:
        last = None
        for index in row:
            yield (foreground(index) if index != last else '') + '██'
            last = index
        yield '\033[0m\n'


def main():
    sys.stdout.reconfigure(encoding='utf-8')
    sys.stdout.write(''.join(f'\033]P{index:X}{value}' for index, value in PALETTE.items()) + '\033[2J\033[H')
    sys.stdout.write(''.join((large if 'large' in sys.argv else small)(draw())))
    sys.stdout.write(
        '\n  \033[97mWelcome to Lodge\033[0m: this is a small Linux in a machine of its own.\n'
        '  Type a command, for example \033[96mtop\033[0m, \033[96mls /\033[0m or \033[96mping -c 3 10.0.2.2\033[0m.\n'
        '  Pause it, resume it, close the window: the machine keeps running. \033[96mpower-off\033[0m ends it.\n')


if __name__ == '__main__':
    main()
