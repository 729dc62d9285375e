/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * lodge_snapshot_restore:
 * @from: where its end is told, by a toast with Undo
 * @disks_only: without the memory
 *
 * The machine becomes what it was then. The present is kept first, which is what Undo goes back to. A guest that ran runs
 * again. Where the memory cannot be resumed here the reason is told, and the disks alone are offered.
 */
void lodge_snapshot_restore (GtkWidget *from, LodgeSnapshotList *list, LodgeSnapshotItem *item, gboolean disks_only);

/* Asks first, because it cannot be undone, and says what comes free and how long it takes. */
void lodge_snapshot_delete  (GtkWidget *from, LodgeSnapshotList *list, LodgeSnapshotItem *item);

G_END_DECLS
