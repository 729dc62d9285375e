# SPDX-License-Identifier: GPL-3.0-or-later
"""What is played, written into a file by SDL's disk driver: 16 bits, stereo, 44.1 kHz, as QEMU sends it."""
import array
import os

from .lodge import wait_until

RATE = 44100
TONE = 500  # Hz, of tests/guests/tone


def pitch(samples):
    """Of one channel, by the rising edges, in Hz; 0 where there is too little to say."""
    rising = [i for i in range(1, len(samples)) if samples[i - 1] < 0 <= samples[i]]
    return RATE * (len(rising) - 1) / (rising[-1] - rising[0]) if len(rising) > 20 else 0


class Disk:
    def __init__(self, path, environment):
        """environment: of what will play"""
        self.path = str(path)
        environment.update(SDL_AUDIODRIVER='disk', SDL_DISKAUDIOFILE=self.path)

    def __len__(self):
        """Frames; a device that is opened anew begins anew."""
        return os.path.getsize(self.path) // 4 if os.path.exists(self.path) else 0

    def left(self, start=0):
        with open(self.path, 'rb') as f:
            f.seek(start * 4)
            data = f.read()
        return array.array('h', data[:len(data) // 4 * 4])[::2]

    def has_tone(self):
        """Within the last second: a tenth of one that sounds from end to end, for a busy host leaves gaps."""
        samples = self.left(max(0, len(self) - RATE)) if len(self) else []
        return any(min(map(abs, part)) > 100 and abs(pitch(part) - TONE) < 0.02 * TONE
                   for part in (samples[i:i + RATE // 10] for i in range(0, len(samples) - RATE // 10, RATE // 10)))

    def wait_tone(self):
        wait_until(self.has_tone, 60, f'a tone of {TONE} Hz', 0.3)

    def wait_silence(self):
        """Until more than is on its way has been played, and a piece after it is silent."""
        start = len(self) + RATE // 2
        wait_until(lambda: len(self) > start + RATE // 5, 60, 'the player to go on', 0.2)
        assert not any(self.left(start)), 'muted, it plays silence'
