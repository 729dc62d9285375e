/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * LodgeSnapshotRow: a row of the tree of snapshots: its lines, a picture 160 pixels wide, name, note and facts.
 */
#define LODGE_TYPE_SNAPSHOT_ROW (lodge_snapshot_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSnapshotRow, lodge_snapshot_row, LODGE, SNAPSHOT_ROW, GtkWidget)

/* How wide a picture is, in pixels. */
#define LODGE_SNAPSHOT_ROW_PICTURE 160u

GtkWidget         *lodge_snapshot_row_new        (void);

/* @list, @item: both or neither (nullable) */
void               lodge_snapshot_row_set_item   (LodgeSnapshotRow *self, LodgeSnapshotList *list,
                                                  LodgeSnapshotItem *item);
/* Returns: (transfer none) (nullable) */
LodgeSnapshotItem *lodge_snapshot_row_get_item   (LodgeSnapshotRow *self);

void               lodge_snapshot_row_set_lanes  (LodgeSnapshotRow *self, guint n_lanes);

/* Narrow: with a smaller picture. */
void               lodge_snapshot_row_set_narrow (LodgeSnapshotRow *self, gboolean narrow);

G_END_DECLS
