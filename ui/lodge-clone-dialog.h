/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * lodge_clone_dialog_present:
 * @from: a widget of the window that it belongs to, where the end is told
 * @snapshot: (nullable): id of the snapshot that is cloned instead of the present
 *
 * Asks for name, number and kind of clones, and makes them. The name is selected, so that Return is enough.
 */
void lodge_clone_dialog_present (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, const char *snapshot);

G_END_DECLS
