/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * lodge_snapshot_edit:
 * @from: the dialog belongs to its window; what was changed is told there, with Undo
 * @name, @note: as they are; @name may be "" where only its time is known
 *
 * A dialog for the name and the note of a snapshot.
 */
void lodge_snapshot_edit (GtkWidget *from, LodgeMachineItem *machine, const char *id, const char *name,
                          const char *note);

G_END_DECLS
