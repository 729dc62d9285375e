/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-timeline.h"

#include "ui/lodge-clone.h"
#include "ui/lodge-list-sight.h"
#include "ui/lodge-snapshot-moment.h"
#include "ui/lodge-snapshot-schedule.h"

struct _LodgeSnapshotTimeline
{
  AdwBin parent_instance;

  LodgeSnapshotList *list; /* (owned) (nullable) */
  gboolean look_back;
  GListStore *moments;     /* (owned) of LodgeSnapshotItem, oldest first */
  LodgeListSight *sight;   /* (owned) */
  GtkScrolledWindow *scrolled;
  GtkListView *view;
  GtkLabel *schedule;
  guint scroll_source;
};

static guint moved_signal;

G_DEFINE_FINAL_TYPE (LodgeSnapshotTimeline, lodge_snapshot_timeline, ADW_TYPE_BIN)

static void
comes_cb (GtkListItem *list_item, gpointer user_data)
{
  g_signal_emit (user_data, moved_signal, 0);
}

static void
activated_cb (LodgeSnapshotTimeline *self, guint position)
{
  g_autoptr (LodgeSnapshotItem) item = g_list_model_get_item (G_LIST_MODEL (self->moments), position);

  if (self->list != NULL && item != NULL)
    lodge_clone_disposable (GTK_WIDGET (self), lodge_snapshot_list_get_machine (self->list), lodge_snapshot_item_get_id (item));
}

static void
setup_cb (LodgeSnapshotTimeline *self, GtkListItem *list_item)
{
  gtk_list_item_set_child (list_item, lodge_snapshot_moment_new ());
}

static void
bind_cb (LodgeSnapshotTimeline *self, GtkListItem *list_item)
{
  lodge_snapshot_moment_set_item (LODGE_SNAPSHOT_MOMENT (gtk_list_item_get_child (list_item)), gtk_list_item_get_item (list_item));
  lodge_list_sight_add (self->sight, list_item);
}

static void
unbind_cb (LodgeSnapshotTimeline *self, GtkListItem *list_item)
{
  lodge_list_sight_remove (self->sight, list_item);
  lodge_snapshot_moment_set_item (LODGE_SNAPSHOT_MOMENT (gtk_list_item_get_child (list_item)), NULL);
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
  return found;
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

static gboolean
has_focus (GtkWidget *widget)
{
  return (gtk_widget_get_state_flags (widget) & GTK_STATE_FLAG_FOCUS_WITHIN) != 0;
}

/* What stays where it was keeps its widget, and with it the focus. */
static void
show_moments (LodgeSnapshotTimeline *self, GPtrArray *found)
{
  GListModel *shown = G_LIST_MODEL (self->moments);
  guint n = g_list_model_get_n_items (shown), same = 0, end = 0;

  while (same < n && same < found->len)
    {
      g_autoptr (LodgeSnapshotItem) item = g_list_model_get_item (shown, same);

      if (item != found->pdata[same])
        break;
      same++;
    }
  while (end < n - same && end < found->len - same)
    {
      g_autoptr (LodgeSnapshotItem) item = g_list_model_get_item (shown, n - 1 - end);

      if (item != found->pdata[found->len - 1 - end])
        break;
      end++;
    }
  if (same == n && same == found->len)
    return;
  g_list_store_splice (self->moments, same, n - same - end, found->len > 0 ? found->pdata + same : NULL,
                       found->len - same - end);
  gtk_widget_set_visible (GTK_WIDGET (self->scrolled), found->len > 0);
  /* The newest are looked for most, and where they lie is known after the next frame. */
  if (self->scroll_source == 0 && !has_focus (GTK_WIDGET (self->view)))
    self->scroll_source = g_timeout_add (100, scroll_cb, self);
}

static void
update (LodgeSnapshotTimeline *self)
{
  g_autoptr (GPtrArray) found = self->list != NULL && self->look_back ? find_moments (self) : g_ptr_array_new ();
  g_autofree char *schedule = self->list != NULL ? lodge_snapshot_schedule_text (self->list) : NULL;

  gtk_widget_set_visible (GTK_WIDGET (self), self->list != NULL);
  gtk_label_set_label (self->schedule, schedule != NULL ? schedule : "");
  show_moments (self, found);
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
  LodgeSnapshotTimeline *self = LODGE_SNAPSHOT_TIMELINE (object);

  g_object_unref (self->moments);
  g_object_unref (self->sight);

  G_OBJECT_CLASS (lodge_snapshot_timeline_parent_class)->finalize (object);
}

static void
lodge_snapshot_timeline_class_init (LodgeSnapshotTimelineClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_snapshot_timeline_dispose;
  object_class->finalize = lodge_snapshot_timeline_finalize;

  moved_signal = g_signal_new ("moved", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  gtk_widget_class_set_template_from_resource (GTK_WIDGET_CLASS (klass), "/org/lodgevm/Lodge/ui/lodge-snapshot-timeline.ui");
  gtk_widget_class_bind_template_child (GTK_WIDGET_CLASS (klass), LodgeSnapshotTimeline, scrolled);
  gtk_widget_class_bind_template_child (GTK_WIDGET_CLASS (klass), LodgeSnapshotTimeline, view);
  gtk_widget_class_bind_template_child (GTK_WIDGET_CLASS (klass), LodgeSnapshotTimeline, schedule);
  gtk_widget_class_bind_template_callback (GTK_WIDGET_CLASS (klass), setup_cb);
  gtk_widget_class_bind_template_callback (GTK_WIDGET_CLASS (klass), bind_cb);
  gtk_widget_class_bind_template_callback (GTK_WIDGET_CLASS (klass), unbind_cb);
  gtk_widget_class_bind_template_callback (GTK_WIDGET_CLASS (klass), activated_cb);
}

static void
lodge_snapshot_timeline_init (LodgeSnapshotTimeline *self)
{
  g_autoptr (GtkNoSelection) model = NULL;

  self->moments = g_list_store_new (LODGE_TYPE_SNAPSHOT_ITEM);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->sight = lodge_list_sight_new (self->view, comes_cb, self);
  model = gtk_no_selection_new (G_LIST_MODEL (g_object_ref (self->moments)));
  gtk_list_view_set_model (self->view, GTK_SELECTION_MODEL (model));
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
}

void
lodge_snapshot_timeline_set_list (LodgeSnapshotTimeline *self, LodgeSnapshotList *list, gboolean look_back)
{
  if (list == self->list && look_back == self->look_back)
    return;
  drop_list (self);
  self->look_back = look_back;
  if (list != NULL)
    {
      self->list = g_object_ref (list);
      g_signal_connect_swapped (list, "changed", G_CALLBACK (update), self);
    }
  update (self);
}

void
lodge_snapshot_timeline_add_visible (LodgeSnapshotTimeline *self, GPtrArray *items)
{
  GHashTableIter iter;
  gpointer list_item;

  g_hash_table_iter_init (&iter, lodge_list_sight_get_bound (self->sight));
  while (g_hash_table_iter_next (&iter, &list_item, NULL))
    if (lodge_list_sight_sees (self->sight, list_item))
      g_ptr_array_add (items, g_object_ref (gtk_list_item_get_item (list_item)));
}
