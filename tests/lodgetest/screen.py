# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of a guest's screen, as the core gives it: a binary PPM."""
import re


# A picture has millions of bytes: as one large number each they are compared at once.
def to_number(data):
    return int.from_bytes(data, 'big')


class Screen:
    def __init__(self, ppm):
        match = re.match(rb'P6\s+(\d+)\s+(\d+)\s+255\s', ppm)
        if not match:
            raise ValueError('not a binary PPM: %r' % ppm[:20])
        self.width, self.height = int(match[1]), int(match[2])
        self.pixels = ppm[match.end():]
        if len(self.pixels) != self.width * self.height * 3:
            raise ValueError('a PPM of the wrong length')

    def pixel(self, x, y):
        return tuple(self.pixels[(y * self.width + x) * 3:][:3])

    def colours(self, step=7):
        """How many different colours, looking at one pixel in step."""
        return len({self.pixels[i:i + 3] for i in range(0, len(self.pixels) - 2, 3 * step)})

    def is_blank(self):
        return self.colours() == 1

    def difference(self, other):
        """The share of pixels that differ, 0.0 to 1.0; 1.0 when the sizes differ."""
        if (self.width, self.height) != (other.width, other.height):
            return 1.0
        if self.pixels == other.pixels:
            return 0.0
        changed = (to_number(self.pixels) ^ to_number(other.pixels)).to_bytes(len(self.pixels), 'big')
        some = bytes(value != 0 for value in range(256))
        red, green, blue = (to_number(changed[i::3].translate(some)) for i in range(3))
        total = self.width * self.height
        return (red | green | blue).to_bytes(total, 'big').count(1) / total

    def has_colour(self, colour, share=0.001):
        """Whether at least that share of the pixels has that colour (r, g, b)."""
        red, green, blue = (to_number(self.pixels[i::3].translate(bytes(value == colour[i] for value in range(256))))
                            for i in range(3))
        total = self.width * self.height
        return (red & green & blue).to_bytes(total, 'big').count(1) >= share * total
