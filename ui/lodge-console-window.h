/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeConsoleWindow:
 *
 * The screen of one machine in a window of its own, with what belongs around it: header bar,
 * fullscreen with a bar at the top edge, screenshot, keys. Closing it leaves the guest running; it closes by
 * itself when the machine is deleted.
 */
#define LODGE_TYPE_CONSOLE_WINDOW (lodge_console_window_get_type ())
G_DECLARE_FINAL_TYPE (LodgeConsoleWindow, lodge_console_window, LODGE, CONSOLE_WINDOW, AdwApplicationWindow)

/**
 * lodge_console_window_new:
 * @settings: of the program; what belongs to this machine alone is kept beside them
 * @by_keys: whoever opens it uses the keyboard alone, and so gets the grab with it: see Escape in the bar
 */
LodgeConsoleWindow *lodge_console_window_new      (AdwApplication *application, LodgeLibrary *library,
                                                   LodgeMachineItem *item, GSettings *settings,
                                                   gboolean by_keys);
LodgeMachineItem   *lodge_console_window_get_item (LodgeConsoleWindow *self);

G_END_DECLS
