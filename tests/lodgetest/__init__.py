# SPDX-License-Identifier: GPL-3.0-or-later
"""What Lodge's tests share: Lodge (a private session and the programs in it), Machine, Screen, Display."""
from .display import Display
from .lodge import Lodge, Machine, Serial, wait_until
from .screen import Screen

__all__ = ['Display', 'Lodge', 'Machine', 'Screen', 'Serial', 'wait_until']
