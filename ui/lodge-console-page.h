/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "display/lodge-audio.h"
#include "display/lodge-display-view.h"
#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeConsolePage:
 *
 * The picture of a machine, and in its place or over it the cause why there is none, with what can
 * be done about it. Opens the display by itself whenever the machine is up, again after the core or the machine
 * came back, but not after another viewer took it: then the person decides. A disc image that is dropped on it goes
 * into the machine's drive.
 *
 * Its sound is played while the display is open.
 *
 * Signals: "grab-changed" (gboolean), "sound-changed" (what lodge_console_page_get_audio() says is another).
 */
#define LODGE_TYPE_CONSOLE_PAGE (lodge_console_page_get_type ())
G_DECLARE_FINAL_TYPE (LodgeConsolePage, lodge_console_page, LODGE, CONSOLE_PAGE, AdwBin)

void              lodge_console_page_set_item         (LodgeConsolePage *self, LodgeMachineItem *item);

/* Returns: (transfer none): for what belongs to the widget itself */
LodgeDisplayView *lodge_console_page_get_view         (LodgeConsolePage *self);

/* What ends a grab, for people: "Ctrl+Alt" */
void              lodge_console_page_set_release_keys (LodgeConsolePage *self, const char *keys);

/* @volume: 0 to 100, of this machine's sound */
void              lodge_console_page_set_volume       (LodgeConsolePage *self, guint volume, gboolean muted);

/* Returns: (transfer none) (nullable): of the present session */
LodgeAudio       *lodge_console_page_get_audio        (LodgeConsolePage *self);
void              lodge_console_page_focus            (LodgeConsolePage *self);

/* Ends the session; the guest runs on. */
void              lodge_console_page_close            (LodgeConsolePage *self);

G_END_DECLS
