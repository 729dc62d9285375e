/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define LODGE_TYPE_PANE (lodge_pane_get_type ())
/**
 * LodgePane:
 *
 * One pane of a window that folds: it asks for "natural-width" (int) whatever is in it, so that
 * the window folds at one width and not where the longest name of a machine wishes.
 */
G_DECLARE_FINAL_TYPE (LodgePane, lodge_pane, LODGE, PANE, GtkWidget)

G_END_DECLS
