/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A list view of GTK 4.8 keeps some two hundred rows, of which twenty can be seen, and draws all of them, to be cut off
 * where the view ends. What can be seen is found after each layout, which all that moves a row asks for, and before the frame
 * is painted.
 */

#include "config.h"

#include "ui/lodge-list-sight.h"

struct _LodgeListSight
{
  GObject parent_instance;

  GtkWidget *view;          /* (weak) (nullable) */
  LodgeListSightFunc comes; /* (nullable) */
  gpointer user_data;
  GHashTable *bound;        /* (owned) GtkListItem, not owned → whether it is seen */
  GdkFrameClock *clock;     /* (owned) (nullable) while the view is realized */
  gulong layout_handler;
};

G_DEFINE_FINAL_TYPE (LodgeListSight, lodge_list_sight, G_TYPE_OBJECT)

static gboolean
is_in_view (LodgeListSight *self, GtkListItem *list_item)
{
  /* The child itself may be unmapped. */
  GtkWidget *row = gtk_widget_get_parent (gtk_list_item_get_child (list_item));
  graphene_rect_t bounds;

  return row != NULL && gtk_widget_get_mapped (row) && gtk_widget_compute_bounds (row, self->view, &bounds) &&
         bounds.origin.x + bounds.size.width > 0 && bounds.origin.x < (float) gtk_widget_get_width (self->view) &&
         bounds.origin.y + bounds.size.height > 0 && bounds.origin.y < (float) gtk_widget_get_height (self->view);
}

static void
set_seen (LodgeListSight *self, GtkListItem *list_item, gboolean seen)
{
  if (seen && self->comes != NULL)
    self->comes (list_item, self->user_data);
  gtk_widget_set_child_visible (gtk_list_item_get_child (list_item), seen);
}

static void
layout_cb (LodgeListSight *self)
{
  GHashTableIter iter;
  gpointer list_item, seen;

  if (!gtk_widget_get_mapped (self->view))
    return;
  g_hash_table_iter_init (&iter, self->bound);
  while (g_hash_table_iter_next (&iter, &list_item, &seen))
    {
      gboolean now = is_in_view (self, list_item);

      if (now == GPOINTER_TO_INT (seen))
        continue;
      g_hash_table_iter_replace (&iter, GINT_TO_POINTER (now));
      set_seen (self, list_item, now);
    }
}

static void
realize_cb (LodgeListSight *self)
{
  self->clock = g_object_ref (gtk_widget_get_frame_clock (self->view));
  /* After the toolkit's own; what this asks for is laid out in the same frame. */
  self->layout_handler = g_signal_connect_data (self->clock, "layout", G_CALLBACK (layout_cb), self, NULL,
                                                G_CONNECT_SWAPPED | G_CONNECT_AFTER);
}

static void
unrealize_cb (LodgeListSight *self)
{
  if (self->clock != NULL)
    g_clear_signal_handler (&self->layout_handler, self->clock);
  g_clear_object (&self->clock);
}

static void
lodge_list_sight_finalize (GObject *object)
{
  LodgeListSight *self = LODGE_LIST_SIGHT (object);

  unrealize_cb (self);
  g_clear_weak_pointer (&self->view);
  g_hash_table_unref (self->bound);

  G_OBJECT_CLASS (lodge_list_sight_parent_class)->finalize (object);
}

static void
lodge_list_sight_class_init (LodgeListSightClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_list_sight_finalize;
}

static void
lodge_list_sight_init (LodgeListSight *self)
{
  self->bound = g_hash_table_new (NULL, NULL);
}

LodgeListSight *
lodge_list_sight_new (GtkListView *view, LodgeListSightFunc comes, gpointer user_data)
{
  LodgeListSight *self = g_object_new (LODGE_TYPE_LIST_SIGHT, NULL);

  g_set_weak_pointer (&self->view, GTK_WIDGET (view));
  self->comes = comes;
  self->user_data = user_data;
  /* The clock is there after, and until before, the toolkit's own. */
  g_signal_connect_object (view, "realize", G_CALLBACK (realize_cb), self, G_CONNECT_SWAPPED | G_CONNECT_AFTER);
  g_signal_connect_object (view, "unrealize", G_CALLBACK (unrealize_cb), self, G_CONNECT_SWAPPED);
  return self;
}

void
lodge_list_sight_add (LodgeListSight *self, GtkListItem *list_item)
{
  g_hash_table_insert (self->bound, list_item, GINT_TO_POINTER (FALSE));
  gtk_widget_set_child_visible (gtk_list_item_get_child (list_item), FALSE);
}

void
lodge_list_sight_remove (LodgeListSight *self, GtkListItem *list_item)
{
  g_hash_table_remove (self->bound, list_item);
}

GHashTable *
lodge_list_sight_get_bound (LodgeListSight *self)
{
  return self->bound;
}

gboolean
lodge_list_sight_sees (LodgeListSight *self, GtkListItem *list_item)
{
  return self->view != NULL && gtk_widget_get_mapped (self->view) &&
         GPOINTER_TO_INT (g_hash_table_lookup (self->bound, list_item));
}

void
lodge_list_sight_show (LodgeListSight *self, GtkListItem *list_item)
{
  if (!g_hash_table_contains (self->bound, list_item))
    return;
  g_hash_table_insert (self->bound, list_item, GINT_TO_POINTER (TRUE));
  set_seen (self, list_item, TRUE);
}
