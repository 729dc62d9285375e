/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "display/lodge-audio.h"
#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * LodgeConsoleSound:
 *
 * The popover of a console's sound button: what becomes of the machine's sound, mute, volume. Mute is the action
 * "view.sound-muted".
 */
#define LODGE_TYPE_CONSOLE_SOUND (lodge_console_sound_get_type ())
G_DECLARE_FINAL_TYPE (LodgeConsoleSound, lodge_console_sound, LODGE, CONSOLE_SOUND, GtkPopover)

/* Once. @settings: of this machine's console */
void        lodge_console_sound_set_settings (LodgeConsoleSound *self, GSettings *settings);

/* @audio: (nullable) of the display that is open */
void        lodge_console_sound_update       (LodgeConsoleSound *self, LodgeMachineItem *item, LodgeAudio *audio);

/* For the button: the state as a symbol, and as a word. */
const char *lodge_console_sound_get_icon     (LodgeConsoleSound *self);
const char *lodge_console_sound_get_word     (LodgeConsoleSound *self);

G_END_DECLS
