/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define LODGE_TYPE_LIST_SIGHT (lodge_list_sight_get_type ())

/**
 * LodgeListSight:
 *
 * Which of a list view's rows can be seen. The children of the others are unmapped, so that they cost a frame nothing.
 */
G_DECLARE_FINAL_TYPE (LodgeListSight, lodge_list_sight, LODGE, LIST_SIGHT, GObject)

/**
 * LodgeListSightFunc:
 *
 * A row comes in sight: what it did not need to have so far it needs for this frame.
 */
typedef void (*LodgeListSightFunc) (GtkListItem *list_item, gpointer user_data);

/**
 * lodge_list_sight_new:
 * @view: not realized yet
 * @comes: (nullable)
 */
LodgeListSight *lodge_list_sight_new (GtkListView *view, LodgeListSightFunc comes, gpointer user_data);

/* After it was bound, with its child. */
void lodge_list_sight_add (LodgeListSight *self, GtkListItem *list_item);

/* When it is unbound. */
void lodge_list_sight_remove (LodgeListSight *self, GtkListItem *list_item);

/* (transfer none): the set of those that are bound, in no order */
GHashTable *lodge_list_sight_get_bound (LodgeListSight *self);

gboolean lodge_list_sight_sees (LodgeListSight *self, GtkListItem *list_item);

/* Takes it for seen until the next frame; for who has scrolled to it and cannot wait for that. */
void lodge_list_sight_show (LodgeListSight *self, GtkListItem *list_item);

G_END_DECLS
