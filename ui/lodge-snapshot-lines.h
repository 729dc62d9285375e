/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-snapshot-item.h"

G_BEGIN_DECLS

/**
 * LodgeSnapshotLines:
 *
 * A row's part of the lines of the tree: what passes by, what joins, and its own dot. It is as high as the row.
 */
#define LODGE_TYPE_SNAPSHOT_LINES (lodge_snapshot_lines_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSnapshotLines, lodge_snapshot_lines, LODGE, SNAPSHOT_LINES, GtkWidget)

/* @n_lanes: how many lanes the whole tree has, so that all rows have the same width */
void lodge_snapshot_lines_set_place (LodgeSnapshotLines *self, const LodgeSnapshotPlace *place, guint n_lanes);

/* The dot of the present is larger and has the accent colour. */
void lodge_snapshot_lines_set_present (LodgeSnapshotLines *self, gboolean present);

G_END_DECLS
