/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeWindow:
 *
 * The main window: the machines in a sidebar, the selected one beside it.
 *
 * Signal "open-console" (LodgeMachineItem): the person wants to see a machine's screen.
 */
#define LODGE_TYPE_WINDOW (lodge_window_get_type ())
G_DECLARE_FINAL_TYPE (LodgeWindow, lodge_window, LODGE, WINDOW, AdwApplicationWindow)

/**
 * lodge_window_new:
 * @settings: where the window's size is kept
 */
LodgeWindow *lodge_window_new         (AdwApplication *application, LodgeLibrary *library, GSettings *settings);

/* Selects and shows @item. */
void         lodge_window_show_item   (LodgeWindow *self, LodgeMachineItem *item);

/* Opens the assistant; @file (nullable) is the image to begin with. */
void         lodge_window_new_machine (LodgeWindow *self, GFile *file);

/* Makes and starts the demo guest. */
void         lodge_window_try_lodge   (LodgeWindow *self);

/* A short note at the bottom of the window. */
void         lodge_window_toast       (LodgeWindow *self, const char *text);

/* Shows the machines whose names have @text. */
void lodge_window_search (LodgeWindow *self, const char *text);

G_END_DECLS
