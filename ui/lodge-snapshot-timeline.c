/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-timeline.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-clone.h"
#include "ui/lodge-snapshot-text.h"

/* Older ones are in the tree. */
#define MAX_MOMENTS 100u

struct _LodgeSnapshotTimeline
{
  AdwBin parent_instance;

  LodgeSnapshotList *list; /* (owned) (nullable) */
  GPtrArray *shown;        /* (owned) of LodgeSnapshotItem, as the buttons are */
  GtkScrolledWindow *scrolled;
  GtkBox *moments;
  guint scroll_source;
};

G_DEFINE_FINAL_TYPE (LodgeSnapshotTimeline, lodge_snapshot_timeline, ADW_TYPE_BIN)

static void
clicked_cb (GtkWidget *button, LodgeSnapshotTimeline *self)
{
  const char *id = gtk_widget_get_name (button);

  if (self->list != NULL && lodge_snapshot_list_find (self->list, id) != NULL)
    lodge_clone_disposable (GTK_WIDGET (self), lodge_snapshot_list_get_machine (self->list), id);
}

static GtkWidget *
make_moment (LodgeSnapshotTimeline *self, LodgeSnapshotItem *item, gint64 now)
{
  GtkWidget *button = gtk_button_new ();
  g_autofree char *when = lodge_snapshot_text_when (lodge_snapshot_item_get_created (item), now);
  /* Translators: %s is "Today, 14:05" */
  g_autofree char *spoken = g_strdup_printf (_("Open a disposable copy of %s"), when);

  gtk_button_set_label (GTK_BUTTON (button), when);
  gtk_widget_set_name (button, lodge_snapshot_item_get_id (item));
  gtk_widget_set_tooltip_text (button, _("Open a Disposable Copy of This Moment"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
  gtk_widget_add_css_class (button, "caption");
  g_signal_connect_object (button, "clicked", G_CALLBACK (clicked_cb), self, 0);
  return button;
}

static int
compare_times (gconstpointer a, gconstpointer b)
{
  gint64 first = lodge_snapshot_item_get_created (*(gpointer *) a);
  gint64 second = lodge_snapshot_item_get_created (*(gpointer *) b);

  return first < second ? -1 : first > second;
}

static GPtrArray *
find_moments (LodgeSnapshotTimeline *self)
{
  GListModel *rows = lodge_snapshot_list_get_rows (self->list);
  GPtrArray *found = g_ptr_array_new_with_free_func (g_object_unref);
  guint n = g_list_model_get_n_items (rows);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeSnapshotItem) item = g_list_model_get_item (rows, i);

      if (lodge_snapshot_item_is_automatic (item))
        g_ptr_array_add (found, g_steal_pointer (&item));
    }
  g_ptr_array_sort (found, compare_times);
  if (found->len > MAX_MOMENTS)
    g_ptr_array_remove_range (found, 0, found->len - MAX_MOMENTS);
  return found;
}

static gboolean
same_moments (GPtrArray *a, GPtrArray *b)
{
  if (a->len != b->len)
    return FALSE;
  for (guint i = 0; i < a->len; i++)
    if (a->pdata[i] != b->pdata[i])
      return FALSE;
  return TRUE;
}

static gboolean
scroll_cb (gpointer user_data)
{
  LodgeSnapshotTimeline *self = user_data;
  GtkAdjustment *adjustment = gtk_scrolled_window_get_hadjustment (self->scrolled);

  self->scroll_source = 0;
  gtk_adjustment_set_value (adjustment, gtk_adjustment_get_upper (adjustment));
  return G_SOURCE_REMOVE;
}

static void
update (LodgeSnapshotTimeline *self)
{
  g_autoptr (GPtrArray) found = self->list != NULL ? find_moments (self) : g_ptr_array_new ();
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  GtkWidget *child;

  /* Not with each change of the machine: a button that has the focus keeps it. */
  if (same_moments (found, self->shown))
    return;
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->moments))) != NULL)
    gtk_box_remove (self->moments, child);
  for (guint i = 0; i < found->len; i++)
    gtk_box_append (self->moments, make_moment (self, found->pdata[i], now));
  gtk_widget_set_visible (GTK_WIDGET (self), found->len > 0);
  g_ptr_array_unref (self->shown);
  self->shown = g_steal_pointer (&found);
  /* The newest are looked for most, and where they lie is known after the next frame. */
  if (self->scroll_source == 0)
    self->scroll_source = g_timeout_add (100, scroll_cb, self);
}

static void
drop_list (LodgeSnapshotTimeline *self)
{
  if (self->list != NULL)
    g_signal_handlers_disconnect_by_data (self->list, self);
  g_clear_object (&self->list);
}

static void
lodge_snapshot_timeline_dispose (GObject *object)
{
  LodgeSnapshotTimeline *self = LODGE_SNAPSHOT_TIMELINE (object);

  g_clear_handle_id (&self->scroll_source, g_source_remove);
  drop_list (self);

  G_OBJECT_CLASS (lodge_snapshot_timeline_parent_class)->dispose (object);
}

static void
lodge_snapshot_timeline_finalize (GObject *object)
{
  g_ptr_array_unref (LODGE_SNAPSHOT_TIMELINE (object)->shown);

  G_OBJECT_CLASS (lodge_snapshot_timeline_parent_class)->finalize (object);
}

static void
lodge_snapshot_timeline_class_init (LodgeSnapshotTimelineClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_snapshot_timeline_dispose;
  object_class->finalize = lodge_snapshot_timeline_finalize;
}

static void
lodge_snapshot_timeline_init (LodgeSnapshotTimeline *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *title = gtk_label_new (_("Look Back"));

  self->shown = g_ptr_array_new_with_free_func (g_object_unref);
  self->moments = GTK_BOX (gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6));
  gtk_widget_add_css_class (GTK_WIDGET (self->moments), "timeline");
  self->scrolled = GTK_SCROLLED_WINDOW (gtk_scrolled_window_new ());
  gtk_scrolled_window_set_policy (self->scrolled, GTK_POLICY_AUTOMATIC, GTK_POLICY_NEVER);
  gtk_scrolled_window_set_child (self->scrolled, GTK_WIDGET (self->moments));
  gtk_widget_add_css_class (title, "heading");
  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_widget_set_margin_start (title, 12);
  gtk_widget_set_margin_top (title, 9);
  gtk_box_append (GTK_BOX (box), title);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->scrolled));
  adw_bin_set_child (ADW_BIN (self), box);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->moments), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Look Back"), -1);
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
}

void
lodge_snapshot_timeline_set_list (LodgeSnapshotTimeline *self, LodgeSnapshotList *list)
{
  if (list == self->list)
    return;
  drop_list (self);
  if (list != NULL)
    {
      self->list = g_object_ref (list);
      g_signal_connect_swapped (list, "changed", G_CALLBACK (update), self);
    }
  update (self);
}
