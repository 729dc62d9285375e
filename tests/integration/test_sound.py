# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound through the window: what a guest plays on its sound card reaches the host's, by way of QEMU's D-Bus display."""
import os

import pytest

from lodgetest.sound import Disk
from test_display import BUILD, QEMUS, Guest


@pytest.fixture(params=QEMUS)
def guest(request, tmp_path):
    guest = Guest(request.param, tmp_path, '-vga', 'std', '-audiodev', 'dbus,id=audio0', '-device', 'AC97,audiodev=audio0',
                  '-kernel', os.path.join(BUILD, 'tests/guests/tone.elf'), display='dbus,p2p=yes,audiodev=audio0')
    guest.wait_console('tone')
    yield guest
    guest.close()


def test_tone(guest, tmp_path):
    disk = Disk(tmp_path / 'played', guest.screen.environment)
    guest.show()
    guest.tell('frame')
    guest.tell('listen')
    guest.tell('playing')
    disk.wait_tone()
    guest.tell('mute')
    disk.wait_silence()

    # Another window takes the sound over, as it does the picture; the guest does not notice.
    first = guest.viewer
    guest.show()
    first.stdin.close()
    guest.tell('frame')
    guest.tell('listen')
    guest.tell('playing')
    assert first.wait(120) == 0
    disk.wait_tone()
    assert guest.qmp('query-status')['running']
