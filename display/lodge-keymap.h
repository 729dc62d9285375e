/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * QEMU's key numbers: scancode set 1 of the PC keyboard, keys with the prefix E0 as 0x80 | code.
 * They name places on the keyboard, not letters: the guest's own layout decides on those.
 */

/** @evdev: a KEY_ code of linux/input-event-codes.h. Returns: 0 for a key QEMU does not know */
guint lodge_keymap_from_evdev    (guint evdev);

/** @keycode: as GDK has it on Wayland and X11: evdev + 8 */
guint lodge_keymap_from_hardware (guint keycode);

/** @qcode: a name of QEMU's QKeyCode, e.g. "ctrl", "ret", "kp_enter", "f1". Returns: 0 if unknown */
guint lodge_keymap_from_qcode    (const char *qcode);

G_END_DECLS
