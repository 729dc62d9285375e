/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gdk/gdk.h>

G_BEGIN_DECLS

/**
 * LodgeSnapshotPlace:
 *
 * Where a row of the tree stands. The tree is drawn as lanes from left to right: newer rows are above older ones, and a
 * row's line goes down to what it was made from.
 */
typedef struct
{
  guint lane;       /* of this row */
  guint32 passing;  /* bit per lane whose line passes by */
  guint32 joining;  /* bit per lane whose line comes from above and ends here */
  gboolean above;   /* the line of this lane goes on above */
  gboolean below;   /* and below */
} LodgeSnapshotPlace;

/* More branches side by side than this share the last lane. */
#define LODGE_SNAPSHOT_LANES 8u

/**
 * LodgeSnapshotItem:
 *
 * One row of the tree of snapshots: a snapshot, or the present state of the machine ("You Are Here"), whose id is "".
 *
 * Signal "changed": something of it is another now, its picture too.
 */
#define LODGE_TYPE_SNAPSHOT_ITEM (lodge_snapshot_item_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSnapshotItem, lodge_snapshot_item, LODGE, SNAPSHOT_ITEM, GObject)

LodgeSnapshotItem *lodge_snapshot_item_new          (const char *id);

/* @facts: an entry of Machine.ListSnapshots */
void               lodge_snapshot_item_update       (LodgeSnapshotItem *self, GVariant *facts);
/* Of the present: what it goes on from. */
void               lodge_snapshot_item_set_parent   (LodgeSnapshotItem *self, const char *parent);

gboolean           lodge_snapshot_item_is_present   (LodgeSnapshotItem *self);
const char        *lodge_snapshot_item_get_id       (LodgeSnapshotItem *self);
const char        *lodge_snapshot_item_get_parent   (LodgeSnapshotItem *self);
const char        *lodge_snapshot_item_get_name     (LodgeSnapshotItem *self);
const char        *lodge_snapshot_item_get_note     (LodgeSnapshotItem *self);
/* A code, why there is no memory; "" where there was none to keep. */
const char        *lodge_snapshot_item_get_reason   (LodgeSnapshotItem *self);
gint64             lodge_snapshot_item_get_created  (LodgeSnapshotItem *self);
guint64            lodge_snapshot_item_get_size     (LodgeSnapshotItem *self);
double             lodge_snapshot_item_get_pause    (LodgeSnapshotItem *self);
gboolean           lodge_snapshot_item_is_automatic (LodgeSnapshotItem *self);
gboolean           lodge_snapshot_item_has_memory   (LodgeSnapshotItem *self);
gboolean           lodge_snapshot_item_is_current   (LodgeSnapshotItem *self);
gboolean           lodge_snapshot_item_has_picture  (LodgeSnapshotItem *self);

const LodgeSnapshotPlace *lodge_snapshot_item_get_place (LodgeSnapshotItem *self);
void               lodge_snapshot_item_set_place    (LodgeSnapshotItem *self, const LodgeSnapshotPlace *place);

/* (nullable) until it was fetched */
GdkPaintable      *lodge_snapshot_item_get_picture  (LodgeSnapshotItem *self);
void               lodge_snapshot_item_set_picture  (LodgeSnapshotItem *self, GdkPaintable *picture);

/* Tells that something around it changed that a row shows, such as the time. */
void               lodge_snapshot_item_touch        (LodgeSnapshotItem *self);

G_END_DECLS
