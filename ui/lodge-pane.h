/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * LodgePane:
 *
 * A part of a window that asks for a width of its own, whatever is in it.
 *
 * Properties: "natural-width" (int): what it would like, so that a window folds at one width and not where the longest name
 * of a machine wishes; "minimum-width" (int): what it takes at least, where its child is going to need less once it is as
 * narrow, and is cut off at its end until then.
 */
#define LODGE_TYPE_PANE (lodge_pane_get_type ())
G_DECLARE_FINAL_TYPE (LodgePane, lodge_pane, LODGE, PANE, GtkWidget)

G_END_DECLS
