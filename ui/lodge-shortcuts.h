/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * Shows the keyboard shortcuts over a window, with the keys that are set now.
 *
 * @parent: (nullable)
 * @settings: those of the program
 */
void lodge_shortcuts_present (GtkWindow *parent,
                              GSettings *settings);

G_END_DECLS
