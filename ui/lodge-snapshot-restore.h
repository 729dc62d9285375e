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

/**
 * lodge_snapshot_restore_tell:
 * @before: what lodge_snapshot_restore_remember() gave before the machine was made what it was then
 * @title: what it is back at; @loss: (nullable): what was taken away
 *
 * For whatever else keeps the present in an automatic snapshot first: a toast whose Undo goes back to that one.
 */
void        lodge_snapshot_restore_tell     (GtkWidget *from, LodgeSnapshotList *list, GHashTable *before, const char *title,
                                             const char *loss);
/* Returns: (transfer full): which snapshots there are */
GHashTable *lodge_snapshot_restore_remember (LodgeSnapshotList *list);

/* Asks first, because it cannot be undone, and says what comes free and how long it takes. */
void lodge_snapshot_delete  (GtkWidget *from, LodgeSnapshotList *list, LodgeSnapshotItem *item);

G_END_DECLS
