/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * LodgeSnapshotTimeline:
 *
 * How snapshots are taken by themselves, and the moments that those have kept, oldest first, side by side with their
 * pictures. Arrow keys go along; a click, or Enter, opens a disposable copy of one: a look back that changes nothing. Its
 * button is for the action snapshot.automatic of whoever it stands in.
 *
 * Signal "moved": other moments are on the screen now.
 */
#define LODGE_TYPE_SNAPSHOT_TIMELINE (lodge_snapshot_timeline_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSnapshotTimeline, lodge_snapshot_timeline, LODGE, SNAPSHOT_TIMELINE, AdwBin)

/* @list: (nullable): none; @look_back: the core can open copies of moments */
void lodge_snapshot_timeline_set_list    (LodgeSnapshotTimeline *self, LodgeSnapshotList *list, gboolean look_back);

/* Adds those #LodgeSnapshotItem that are on the screen to @items, with references. */
void lodge_snapshot_timeline_add_visible (LodgeSnapshotTimeline *self, GPtrArray *items);

G_END_DECLS
