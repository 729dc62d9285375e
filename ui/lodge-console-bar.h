/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "display/lodge-audio.h"
#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeConsoleBar:
 *
 * The header bar of a console, above the picture and over it in fullscreen. Narrow, its buttons go into the
 * menu.
 *
 * Properties: fullscreen (gboolean): whether it is the one of fullscreen, with its pin.
 */
#define LODGE_TYPE_CONSOLE_BAR (lodge_console_bar_get_type ())
G_DECLARE_FINAL_TYPE (LodgeConsoleBar, lodge_console_bar, LODGE, CONSOLE_BAR, AdwBin)

/* Once. */
void lodge_console_bar_set_item    (LodgeConsoleBar *self, LodgeMachineItem *item);
void lodge_console_bar_set_folded  (LodgeConsoleBar *self, gboolean folded);

/* Once. @settings: of this machine's console */
void lodge_console_bar_set_settings (LodgeConsoleBar *self, GSettings *settings);

/* @audio: (nullable) of the display that is open; also when the settings have changed */
void lodge_console_bar_update_sound (LodgeConsoleBar *self, LodgeAudio *audio);

/* @keys: what ends a grab, for people; the symbol shows while @grabbed */
void lodge_console_bar_set_grabbed (LodgeConsoleBar *self, gboolean grabbed, const char *keys);

G_END_DECLS
