/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-machine-item.h"
#include "ui/lodge-snapshot-item.h"

G_BEGIN_DECLS

/**
 * LodgeSnapshotList:
 *
 * The snapshots of one machine, kept up to date while the core is there.
 *
 * Signal "changed": another set of snapshots, another size, or the machine's present is another.
 */
#define LODGE_TYPE_SNAPSHOT_LIST (lodge_snapshot_list_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSnapshotList, lodge_snapshot_list, LODGE, SNAPSHOT_LIST, GObject)

LodgeSnapshotList *lodge_snapshot_list_new          (LodgeMachineItem *machine);

LodgeMachineItem  *lodge_snapshot_list_get_machine  (LodgeSnapshotList *self);

/* Returns: (transfer none): a #GListModel of #LodgeSnapshotItem, the rows of the tree; empty without snapshots */
GListModel        *lodge_snapshot_list_get_rows     (LodgeSnapshotList *self);

/* Whether the core has answered once. */
gboolean           lodge_snapshot_list_is_loaded    (LodgeSnapshotList *self);

/* Of snapshots alone, without the row of the present. */
guint              lodge_snapshot_list_get_n        (LodgeSnapshotList *self);
guint64            lodge_snapshot_list_get_size     (LodgeSnapshotList *self);

/* Returns: (transfer none) (nullable) */
LodgeSnapshotItem *lodge_snapshot_list_find         (LodgeSnapshotList *self, const char *id);
LodgeSnapshotItem *lodge_snapshot_list_get_current  (LodgeSnapshotList *self);
LodgeSnapshotItem *lodge_snapshot_list_get_newest   (LodgeSnapshotList *self);

/**
 * lodge_snapshot_list_reload_async:
 *
 * Asks the core now; @callback when its answer is in the list.
 */
void               lodge_snapshot_list_reload_async  (LodgeSnapshotList *self, GAsyncReadyCallback callback,
                                                      gpointer user_data);
gboolean           lodge_snapshot_list_reload_finish (LodgeSnapshotList *self, GAsyncResult *result, GError **error);

G_END_DECLS
