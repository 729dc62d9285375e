/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * LodgeSnapshotPictures:
 *
 * Fetches the pictures of those snapshots that are on the screen, one after another, and lets go of those that were
 * seen longest ago, so that a tree of any size takes a bounded amount of memory.
 */
#define LODGE_TYPE_SNAPSHOT_PICTURES (lodge_snapshot_pictures_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSnapshotPictures, lodge_snapshot_pictures, LODGE, SNAPSHOT_PICTURES, GObject)

/* @side: what the longer side of a picture is at most, in pixels of the screen: those that are larger than they are shown
 * would be made smaller for each frame that shows them */
LodgeSnapshotPictures *lodge_snapshot_pictures_new  (LodgeSnapshotList *list, guint side);

/* @items: (transfer full): of #LodgeSnapshotItem, those on the screen now; instead of those told before */
void                   lodge_snapshot_pictures_want (LodgeSnapshotPictures *self, GPtrArray *items);

G_END_DECLS
