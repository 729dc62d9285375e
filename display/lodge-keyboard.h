/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "display/lodge-peer.h"

G_BEGIN_DECLS

#define LODGE_TYPE_KEYBOARD (lodge_keyboard_get_type ())
/**
 * LodgeKeyboard:
 *
 * The guest's keyboard; made by #LodgeConsole. Remembers which keys are down, so that none can be
 * left stuck in the guest. Codes are QEMU key numbers (lodge-keymap.h).
 *
 * Properties (read, notify): modifiers.
 */
G_DECLARE_FINAL_TYPE (LodgeKeyboard, lodge_keyboard, LODGE, KEYBOARD, GObject)

/** Lock lights of the guest's keyboard */
typedef enum
{
  LODGE_KEYBOARD_SCROLL_LOCK = 1 << 0,
  LODGE_KEYBOARD_NUM_LOCK = 1 << 1,
  LODGE_KEYBOARD_CAPS_LOCK = 1 << 2,
} LodgeKeyboardModifiers;

/** @path: the console's object on @peer */
LodgeKeyboard *lodge_keyboard_new (LodgePeer *peer, const char *path);

/** A key that is down already is pressed again: that is how auto-repeat is sent. */
void     lodge_keyboard_press         (LodgeKeyboard *self, guint qnum);

/** Does nothing for a key that is not down. */
void     lodge_keyboard_release       (LodgeKeyboard *self, guint qnum);

/** Releases all keys that are down, in the reverse order of their presses. */
void     lodge_keyboard_release_all   (LodgeKeyboard *self);
gboolean lodge_keyboard_is_pressed    (LodgeKeyboard *self, guint qnum);
guint    lodge_keyboard_get_n_pressed (LodgeKeyboard *self);

/**
 * lodge_keyboard_send_chord:
 * @qnums: keys, pressed in this order and released in reverse, e.g. Ctrl, Alt, Delete
 */
void     lodge_keyboard_send_chord    (LodgeKeyboard *self, const guint *qnums, guint n_qnums);

/** Returns: #LodgeKeyboardModifiers */
guint    lodge_keyboard_get_modifiers (LodgeKeyboard *self);

/** What the guest says; for #LodgeConsole. */
void     lodge_keyboard_set_modifiers (LodgeKeyboard *self, guint modifiers);

G_END_DECLS
