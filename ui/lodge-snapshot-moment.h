/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-snapshot-item.h"

G_BEGIN_DECLS

/**
 * LodgeSnapshotMoment: one moment of the timeline: its picture, its place on the line, its time.
 */
#define LODGE_TYPE_SNAPSHOT_MOMENT (lodge_snapshot_moment_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSnapshotMoment, lodge_snapshot_moment, LODGE, SNAPSHOT_MOMENT, AdwBin)

GtkWidget *lodge_snapshot_moment_new      (void);

/* @item: (nullable) */
void       lodge_snapshot_moment_set_item (LodgeSnapshotMoment *self, LodgeSnapshotItem *item);

G_END_DECLS
