/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * LodgeSnapshotTimeline:
 *
 * The moments that automatic snapshots have kept, oldest first, side by side. A click opens a disposable copy of one: a
 * look back that changes nothing. Not visible without any.
 */
#define LODGE_TYPE_SNAPSHOT_TIMELINE (lodge_snapshot_timeline_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSnapshotTimeline, lodge_snapshot_timeline, LODGE, SNAPSHOT_TIMELINE, AdwBin)

/* @list: (nullable): none, or the core cannot do it */
void lodge_snapshot_timeline_set_list (LodgeSnapshotTimeline *self, LodgeSnapshotList *list);

G_END_DECLS
