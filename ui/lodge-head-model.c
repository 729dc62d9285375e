/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A list view of GTK 4.8 has widgets for some two hundred rows, of which twenty can be seen, and it makes those of rows that
 * were not there before as soon as it hears of them. So a list that comes, or changes, altogether is cut after the rows that
 * can be seen; the others are added in the frames after that which shows the first, as many as a frame has time for.
 *
 * A change of the list while it is cut ends that: whoever makes it waits for no frame.
 */

#include "config.h"

#include "ui/lodge-head-model.h"

/* What can be seen of a view that nobody has seen yet. */
#define VIEW_HEIGHT 1200u
/* The list view has widgets for no more. */
#define MAX_ROWS 208u
#define STEP 4u
/* A third of a frame, since the rows have to be laid out after that. */
#define STEPS_US 5000

struct _LodgeHeadModel
{
  GObject parent_instance;

  GtkSelectionModel *model; /* (owned) */
  GtkWidget *view;          /* (weak) (nullable) */
  guint row_height;
  guint tick;               /* the rest of the list is coming */
  gboolean fresh;           /* the first items were not painted yet */
  guint n;                  /* as many of its items were told of */
  gboolean held;            /* changes are gathered, and told later */
  guint n_changes;          /* while held: how many there were, and what the last one was */
  guint first;              /* the first position that changed */
  guint removed;
  guint added;
  gboolean reselected;      /* another item was selected */
};

static void
lodge_head_model_list_model_init (GListModelInterface *interface);

static void
lodge_head_model_selection_model_init (GtkSelectionModelInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LodgeHeadModel, lodge_head_model, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, lodge_head_model_list_model_init)
                               G_IMPLEMENT_INTERFACE (GTK_TYPE_SELECTION_MODEL, lodge_head_model_selection_model_init))

static GType
lodge_head_model_get_item_type (GListModel *list)
{
  return g_list_model_get_item_type (G_LIST_MODEL (LODGE_HEAD_MODEL (list)->model));
}

static guint
lodge_head_model_get_n_items (GListModel *list)
{
  return LODGE_HEAD_MODEL (list)->n;
}

static gpointer
lodge_head_model_get_item (GListModel *list, guint position)
{
  LodgeHeadModel *self = LODGE_HEAD_MODEL (list);

  return position < self->n ? g_list_model_get_item (G_LIST_MODEL (self->model), position) : NULL;
}

static void
lodge_head_model_list_model_init (GListModelInterface *interface)
{
  interface->get_item_type = lodge_head_model_get_item_type;
  interface->get_n_items = lodge_head_model_get_n_items;
  interface->get_item = lodge_head_model_get_item;
}

static gboolean
lodge_head_model_is_selected (GtkSelectionModel *model, guint position)
{
  return gtk_selection_model_is_selected (LODGE_HEAD_MODEL (model)->model, position);
}

static GtkBitset *
lodge_head_model_get_selection_in_range (GtkSelectionModel *model, guint position, guint n_items)
{
  return gtk_selection_model_get_selection_in_range (LODGE_HEAD_MODEL (model)->model, position, n_items);
}

static gboolean
lodge_head_model_select_item (GtkSelectionModel *model, guint position, gboolean unselect_rest)
{
  return gtk_selection_model_select_item (LODGE_HEAD_MODEL (model)->model, position, unselect_rest);
}

static gboolean
lodge_head_model_unselect_item (GtkSelectionModel *model, guint position)
{
  return gtk_selection_model_unselect_item (LODGE_HEAD_MODEL (model)->model, position);
}

static void
lodge_head_model_selection_model_init (GtkSelectionModelInterface *interface)
{
  interface->is_selected = lodge_head_model_is_selected;
  interface->get_selection_in_range = lodge_head_model_get_selection_in_range;
  interface->select_item = lodge_head_model_select_item;
  interface->unselect_item = lodge_head_model_unselect_item;
}

static guint
n_all (LodgeHeadModel *self)
{
  return g_list_model_get_n_items (G_LIST_MODEL (self->model));
}

/* From @position on all is another. */
static void
tell (LodgeHeadModel *self, guint position, guint n)
{
  guint before = self->n, same = MIN (position, MIN (before, n));

  self->n = n;
  if (same < before || same < n)
    g_list_model_items_changed (G_LIST_MODEL (self), same, before - same, n - same);
}

/* The list was whole, and one thing changed. */
static void
tell_precisely (LodgeHeadModel *self, guint position, guint removed, guint added)
{
  self->n = n_all (self);
  g_list_model_items_changed (G_LIST_MODEL (self), position, removed, added);
}

static guint
get_room (LodgeHeadModel *self)
{
  gboolean seen = self->view != NULL && gtk_widget_get_mapped (self->view);

  return (seen ? (guint) gtk_widget_get_height (self->view) : VIEW_HEIGHT) / self->row_height + 1;
}

static void
stop_growing (LodgeHeadModel *self)
{
  if (self->tick != 0 && self->view != NULL)
    gtk_widget_remove_tick_callback (self->view, self->tick);
  self->tick = 0;
}

static gboolean
tick_cb (GtkWidget *widget, GdkFrameClock *clock, gpointer user_data)
{
  LodgeHeadModel *self = user_data;
  gint64 end = g_get_monotonic_time () + STEPS_US;
  gboolean more;

  if (self->fresh)
    {
      self->fresh = FALSE;
      return G_SOURCE_CONTINUE;
    }
  do
    more = lodge_head_model_grow (self, self->n < MAX_ROWS ? STEP : G_MAXUINT);
  while (more && g_get_monotonic_time () < end);
  if (more)
    return G_SOURCE_CONTINUE;
  self->tick = 0;
  return G_SOURCE_REMOVE;
}

static void
grow_later (LodgeHeadModel *self)
{
  self->fresh = TRUE;
  if (self->tick == 0 && self->view != NULL && self->n < n_all (self))
    self->tick = gtk_widget_add_tick_callback (self->view, tick_cb, self, NULL);
}

static void
cut (LodgeHeadModel *self, guint position)
{
  tell (self, position, get_room (self));
  grow_later (self);
}

static void
items_changed_cb (LodgeHeadModel *self, guint position, guint removed, guint added)
{
  if (self->held)
    {
      self->first = self->n_changes > 0 ? MIN (self->first, position) : position;
      self->removed = removed;
      self->added = added;
      self->n_changes++;
    }
  else if (added > removed && added - removed > self->n && n_all (self) > get_room (self))
    cut (self, position);
  else if (self->n == n_all (self) - added + removed)
    tell_precisely (self, position, removed, added);
  else
    tell (self, position, n_all (self));
}

static void
selection_changed_cb (LodgeHeadModel *self, guint position, guint n_items)
{
  if (self->held)
    self->reselected = TRUE;
  else if (position < self->n)
    gtk_selection_model_selection_changed (GTK_SELECTION_MODEL (self), position, MIN (n_items, self->n - position));
}

static void
lodge_head_model_dispose (GObject *object)
{
  LodgeHeadModel *self = LODGE_HEAD_MODEL (object);

  stop_growing (self);
  g_clear_weak_pointer (&self->view);
  if (self->model != NULL)
    g_signal_handlers_disconnect_by_data (self->model, self);
  g_clear_object (&self->model);
  self->n = 0;

  G_OBJECT_CLASS (lodge_head_model_parent_class)->dispose (object);
}

static void
lodge_head_model_class_init (LodgeHeadModelClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_head_model_dispose;
}

static void
lodge_head_model_init (LodgeHeadModel *self)
{
}

LodgeHeadModel *
lodge_head_model_new (GtkSelectionModel *model, guint row_height)
{
  LodgeHeadModel *self = g_object_new (LODGE_TYPE_HEAD_MODEL, NULL);

  self->model = g_object_ref (model);
  self->row_height = row_height;
  self->n = MIN (get_room (self), n_all (self));
  g_signal_connect_swapped (model, "items-changed", G_CALLBACK (items_changed_cb), self);
  g_signal_connect_swapped (model, "selection-changed", G_CALLBACK (selection_changed_cb), self);
  return self;
}

void
lodge_head_model_show_in (LodgeHeadModel *self, GtkListView *view)
{
  g_return_if_fail (self->view == NULL);

  g_set_weak_pointer (&self->view, GTK_WIDGET (view));
  gtk_list_view_set_model (view, GTK_SELECTION_MODEL (self));
  grow_later (self);
}

void
lodge_head_model_hold (LodgeHeadModel *self)
{
  self->held = TRUE;
  self->reselected = FALSE;
  self->n_changes = 0;
}

void
lodge_head_model_release (LodgeHeadModel *self, gboolean may_cut)
{
  self->held = FALSE;
  if (self->n_changes > 0 && may_cut && n_all (self) > get_room (self))
    cut (self, self->first);
  else if (self->n_changes == 1 && self->n == n_all (self) - self->added + self->removed)
    tell_precisely (self, self->first, self->removed, self->added);
  else if (self->n_changes > 0)
    tell (self, self->first, n_all (self));
  if (self->reselected && self->n > 0)
    gtk_selection_model_selection_changed (GTK_SELECTION_MODEL (self), 0, self->n);
}

gboolean
lodge_head_model_grow (LodgeHeadModel *self, guint items)
{
  guint n = n_all (self);

  tell (self, self->n, items < n - self->n ? self->n + items : n);
  return self->n < n;
}
