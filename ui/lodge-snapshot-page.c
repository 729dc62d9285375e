/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-page.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-clone-dialog.h"
#include "ui/lodge-clone.h"
#include "ui/lodge-head-model.h"
#include "ui/lodge-job-list.h"
#include "ui/lodge-list-sight.h"
#include "ui/lodge-snapshot-edit.h"
#include "ui/lodge-snapshot-pictures.h"
#include "ui/lodge-snapshot-restore.h"
#include "ui/lodge-snapshot-row.h"
#include "ui/lodge-snapshot-schedule.h"
#include "ui/lodge-snapshot-take.h"
#include "ui/lodge-snapshot-text.h"
#include "ui/lodge-snapshot-timeline.h"

/* Narrower than this, the pictures are smaller. */
#define NARROW_PX 460
/* No row is lower. */
#define ROW_HEIGHT 80
/* "Today", and how long ago something was, are right again after so long. */
#define REFRESH_SECONDS 30

struct _LodgeSnapshotPage
{
  AdwBin parent_instance;

  LodgeLibrary *library;           /* (owned) (nullable) with list */
  LodgeSnapshotList *list;         /* (owned) (nullable) */
  LodgeSnapshotPictures *pictures; /* (owned) (nullable) */
  GtkSingleSelection *selection;   /* (owned) (nullable) */
  LodgeListSight *sight;           /* (owned) of the tree */
  GtkWidget *popover;              /* (nullable) child of this */
  GCancellable *cancellable;       /* (owned) (nullable) of the forecast */
  char *forecast;                  /* (owned) (nullable) what a snapshot now would take */
  gboolean narrow;
  guint n_lanes;
  guint pictures_source;
  gboolean focus_wanted;           /* by the tree, once it has rows */
  guint refresh_source;

  GMenuModel *menu;
  GtkStack *stack;
  LodgeJobList *jobs;
  LodgeSnapshotTimeline *timeline;
  GtkScrolledWindow *scrolled;
  GtkListView *view;
  GtkLabel *empty_forecast;
  GtkWidget *bar;
  GtkLabel *consequence;
  GtkWidget *take;
  GtkWidget *restore;
};

G_DEFINE_FINAL_TYPE (LodgeSnapshotPage, lodge_snapshot_page, ADW_TYPE_BIN)

/* Returns: (transfer none) (nullable) */
static LodgeSnapshotItem *
get_selected (LodgeSnapshotPage *self)
{
  return self->selection != NULL ? gtk_single_selection_get_selected_item (self->selection) : NULL;
}

static guint
count_lanes (LodgeSnapshotPage *self)
{
  GListModel *rows = lodge_snapshot_list_get_rows (self->list);
  guint n = g_list_model_get_n_items (rows);
  guint lanes = 1;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeSnapshotItem) item = g_list_model_get_item (rows, i);

      lanes = MAX (lanes, lodge_snapshot_item_get_place (item)->lane + 1);
    }
  return lanes;
}

/* Pictures, of what is on the screen */

/* Not while the rows are being allocated, when they cannot change their size. */
static void
update_narrow (LodgeSnapshotPage *self)
{
  int width = gtk_widget_get_width (GTK_WIDGET (self->scrolled));
  GHashTableIter iter;
  gpointer list_item;

  if (width == 0)
    return;
  self->narrow = width < NARROW_PX;
  g_hash_table_iter_init (&iter, lodge_list_sight_get_bound (self->sight));
  while (g_hash_table_iter_next (&iter, &list_item, NULL))
    lodge_snapshot_row_set_narrow (LODGE_SNAPSHOT_ROW (gtk_list_item_get_child (list_item)), self->narrow);
}

static gboolean
pictures_cb (gpointer user_data)
{
  LodgeSnapshotPage *self = user_data;
  GPtrArray *items = g_ptr_array_new_with_free_func (g_object_unref);
  GHashTableIter iter;
  gpointer list_item;

  self->pictures_source = 0;
  if (self->focus_wanted)
    gtk_widget_grab_focus (GTK_WIDGET (self->view));
  self->focus_wanted = FALSE;
  update_narrow (self);
  g_hash_table_iter_init (&iter, lodge_list_sight_get_bound (self->sight));
  while (g_hash_table_iter_next (&iter, &list_item, NULL))
    if (lodge_list_sight_sees (self->sight, list_item))
      g_ptr_array_add (items, g_object_ref (gtk_list_item_get_item (list_item)));
  lodge_snapshot_timeline_add_visible (self->timeline, items);
  lodge_snapshot_pictures_want (self->pictures, items);
  return G_SOURCE_REMOVE;
}

/* After the frame, when the rows have their places. */
static void
want_pictures (LodgeSnapshotPage *self)
{
  if (self->pictures_source == 0 && self->pictures != NULL && gtk_widget_get_mapped (GTK_WIDGET (self)))
    self->pictures_source = g_timeout_add (50, pictures_cb, self);
}

static void
comes_cb (GtkListItem *list_item, gpointer user_data)
{
  want_pictures (user_data);
}

/* What would happen */

static void
set_suggested (GtkWidget *button, gboolean suggested)
{
  if (suggested)
    gtk_widget_add_css_class (button, "suggested-action");
  else
    gtk_widget_remove_css_class (button, "suggested-action");
}

static char *
consequence_of (LodgeSnapshotPage *self, LodgeSnapshotItem *item)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *loss = NULL;

  if (item == NULL)
    return NULL;
  if (lodge_snapshot_item_is_present (item))
    return g_strdup (self->forecast);
  loss = lodge_snapshot_text_loss (self->list, now);
  if (loss == NULL)
    return g_strdup (_("Restore loses nothing: the present is as a snapshot has it."));
  /* Translators: %s is "41 minutes of changes" */
  return g_strdup_printf (_("Restore takes away %s. They are kept in a snapshot of their own, so it can be undone."), loss);
}

static void
update_selected (LodgeSnapshotPage *self)
{
  LodgeSnapshotItem *item = get_selected (self);
  LodgeMachineItem *machine = self->list != NULL ? lodge_snapshot_list_get_machine (self->list) : NULL;
  LodgeMachineState state = machine != NULL ? lodge_machine_item_get_state (machine) : LODGE_MACHINE_BROKEN;
  gboolean there = machine != NULL && lodge_machine_item_is_connected (machine);
  gboolean steady = state == LODGE_MACHINE_OFF || state == LODGE_MACHINE_RUNNING || state == LODGE_MACHINE_PAUSED ||
                    state == LODGE_MACHINE_SAVED;
  gboolean snapshot = there && item != NULL && !lodge_snapshot_item_is_present (item);
  gboolean free = there && steady && !lodge_machine_item_is_busy (machine);
  g_autofree char *consequence = consequence_of (self, item);
  GtkWidget *widget = GTK_WIDGET (self);

  gtk_widget_action_set_enabled (widget, "snapshot.take", free);
  gtk_widget_action_set_enabled (widget, "snapshot.restore", snapshot && free);
  gtk_widget_action_set_enabled (widget, "snapshot.restore-disks", snapshot && free && lodge_snapshot_item_has_memory (item));
  gtk_widget_action_set_enabled (widget, "snapshot.disposable",
                                 snapshot && free && lodge_library_has_feature (self->library, "disposable-snapshot"));
  gtk_widget_action_set_enabled (widget, "snapshot.clone",
                                 snapshot && free && lodge_library_has_feature (self->library, "clone-snapshot"));
  gtk_widget_action_set_enabled (widget, "snapshot.edit", snapshot);
  gtk_widget_action_set_enabled (widget, "snapshot.delete", snapshot && free);
  set_suggested (self->restore, snapshot);
  set_suggested (self->take, !snapshot);
  gtk_label_set_label (self->consequence, consequence != NULL ? consequence : "");
  gtk_widget_set_visible (GTK_WIDGET (self->consequence), consequence != NULL);
}

static void
forecast_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeSnapshotPage) self = user_data;
  g_autoptr (GVariant) forecast = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *size = NULL;
  g_autofree char *span = NULL;
  guint64 bytes = 0;
  double seconds = 0;

  lodge_ipc_machine_call_forecast_finish (LODGE_IPC_MACHINE (source), &forecast, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_pointer (&self->forecast, g_free);
  if (forecast != NULL)
    {
      g_variant_lookup (forecast, "bytes", "t", &bytes);
      g_variant_lookup (forecast, "seconds", "d", &seconds);
      size = g_format_size (bytes);
      span = lodge_snapshot_text_span ((gint64) (seconds + 0.5));
      self->forecast = seconds >= 1
                         /* Translators: size, length of time */
                         ? g_strdup_printf (_("A snapshot now takes about %s and %s."), size, span)
                         : g_strdup_printf (_("A snapshot now takes about %s and less than a second."), size);
    }
  gtk_label_set_label (self->empty_forecast, self->forecast != NULL ? self->forecast : "");
  update_selected (self);
}

static void
ask_forecast (LodgeSnapshotPage *self)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (lodge_snapshot_list_get_machine (self->list));

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  if (proxy == NULL || !gtk_widget_get_mapped (GTK_WIDGET (self)))
    return;
  self->cancellable = g_cancellable_new ();
  lodge_ipc_machine_call_forecast (proxy, "snapshot", g_variant_new ("a{sv}", NULL), self->cancellable, forecast_cb,
                                   g_object_ref (self));
}

static void
list_changed_cb (LodgeSnapshotPage *self)
{
  const char *shown = lodge_snapshot_list_get_n (self->list) > 0 ? "tree"
                      : lodge_snapshot_list_is_loaded (self->list) ? "empty" : "loading";
  gboolean focused = (gtk_widget_get_state_flags (GTK_WIDGET (self)) & GTK_STATE_FLAG_FOCUS_WITHIN) != 0;
  GHashTableIter iter;
  gpointer list_item;

  self->n_lanes = count_lanes (self);
  g_hash_table_iter_init (&iter, lodge_list_sight_get_bound (self->sight));
  while (g_hash_table_iter_next (&iter, &list_item, NULL))
    lodge_snapshot_row_set_lanes (LODGE_SNAPSHOT_ROW (gtk_list_item_get_child (list_item)), self->n_lanes);
  if (g_strcmp0 (gtk_stack_get_visible_child_name (self->stack), shown) != 0)
    {
      gtk_stack_set_visible_child_name (self->stack, shown);
      /* What had the focus is on the page that went. */
      if (focused)
        lodge_snapshot_page_focus (self);
    }
  update_selected (self);
  want_pictures (self);
}

/* Rows */

static void
show_menu (LodgeSnapshotPage *self, GtkWidget *row, double x, double y)
{
  GdkRectangle at = { 0, 0, 1, 1 };
  double page_x, page_y;

  if (self->popover == NULL)
    {
      self->popover = gtk_popover_menu_new_from_model (self->menu);
      gtk_popover_set_has_arrow (GTK_POPOVER (self->popover), FALSE);
      gtk_widget_set_halign (self->popover, GTK_ALIGN_START);
      gtk_widget_set_parent (self->popover, GTK_WIDGET (self));
    }
  if (gtk_widget_translate_coordinates (row, GTK_WIDGET (self), x, y, &page_x, &page_y))
    {
      at.x = (int) page_x;
      at.y = (int) page_y;
    }
  gtk_popover_set_pointing_to (GTK_POPOVER (self->popover), &at);
  gtk_popover_popup (GTK_POPOVER (self->popover));
}

static void
menu_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);
  LodgeSnapshotItem *selected = get_selected (self);
  GHashTableIter iter;
  gpointer list_item;

  if (selected == NULL || lodge_snapshot_item_is_present (selected))
    return;
  g_hash_table_iter_init (&iter, lodge_list_sight_get_bound (self->sight));
  while (g_hash_table_iter_next (&iter, &list_item, NULL))
    if (gtk_list_item_get_item (list_item) == selected)
      {
        GtkWidget *row = gtk_list_item_get_child (list_item);

        show_menu (self, row, gtk_widget_get_width (row) / 2.0, gtk_widget_get_height (row) / 2.0);
        return;
      }
}

static void
activated_cb (LodgeSnapshotPage *self, guint position)
{
  gtk_single_selection_set_selected (self->selection, position);
  menu_action (GTK_WIDGET (self), NULL, NULL);
}

static void
select_item (LodgeSnapshotPage *self, LodgeSnapshotItem *item)
{
  GListModel *rows = G_LIST_MODEL (self->selection);
  guint n = g_list_model_get_n_items (rows);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeSnapshotItem) candidate = g_list_model_get_item (rows, i);

      if (candidate == item)
        gtk_single_selection_set_selected (self->selection, i);
    }
}

static void
secondary_cb (GtkGestureClick *gesture, int n_press, double x, double y, LodgeSnapshotPage *self)
{
  GtkWidget *row = gtk_event_controller_get_widget (GTK_EVENT_CONTROLLER (gesture));
  LodgeSnapshotItem *item = lodge_snapshot_row_get_item (LODGE_SNAPSHOT_ROW (row));

  if (item == NULL)
    return;
  gtk_gesture_set_state (GTK_GESTURE (gesture), GTK_EVENT_SEQUENCE_CLAIMED);
  select_item (self, item);
  if (!lodge_snapshot_item_is_present (item))
    show_menu (self, row, x, y);
}

static void
setup_cb (LodgeSnapshotPage *self, GtkListItem *list_item)
{
  GtkWidget *row = lodge_snapshot_row_new ();
  GtkGesture *secondary = gtk_gesture_click_new ();

  gtk_gesture_single_set_button (GTK_GESTURE_SINGLE (secondary), GDK_BUTTON_SECONDARY);
  g_signal_connect (secondary, "pressed", G_CALLBACK (secondary_cb), self);
  gtk_widget_add_controller (row, GTK_EVENT_CONTROLLER (secondary));
  gtk_list_item_set_child (list_item, row);
}

static void
bind_cb (LodgeSnapshotPage *self, GtkListItem *list_item)
{
  LodgeSnapshotRow *row = LODGE_SNAPSHOT_ROW (gtk_list_item_get_child (list_item));

  lodge_snapshot_row_set_narrow (row, self->narrow);
  lodge_snapshot_row_set_lanes (row, self->n_lanes);
  lodge_snapshot_row_set_item (row, self->list, gtk_list_item_get_item (list_item));
  lodge_list_sight_add (self->sight, list_item);
}

static void
unbind_cb (LodgeSnapshotPage *self, GtkListItem *list_item)
{
  lodge_list_sight_remove (self->sight, list_item);
  lodge_snapshot_row_set_item (LODGE_SNAPSHOT_ROW (gtk_list_item_get_child (list_item)), NULL, NULL);
}

/* Actions */

static void
take_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);

  lodge_snapshot_take (widget, lodge_snapshot_list_get_machine (self->list));
}

static void
restore_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);

  lodge_snapshot_restore (widget, self->list, get_selected (self), g_str_equal (name, "snapshot.restore-disks"));
}

static void
edit_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);
  LodgeSnapshotItem *item = get_selected (self);

  lodge_snapshot_edit (widget, lodge_snapshot_list_get_machine (self->list), lodge_snapshot_item_get_id (item),
                       lodge_snapshot_item_get_name (item), lodge_snapshot_item_get_note (item));
}

static void
disposable_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);

  lodge_clone_disposable (widget, lodge_snapshot_list_get_machine (self->list),
                          lodge_snapshot_item_get_id (get_selected (self)));
}

static void
clone_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);

  lodge_clone_dialog_present (widget, self->library, lodge_snapshot_list_get_machine (self->list),
                              lodge_snapshot_item_get_id (get_selected (self)));
}

static void
delete_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);

  lodge_snapshot_delete (widget, self->list, get_selected (self));
}

static void
automatic_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);

  if (self->list != NULL)
    lodge_snapshot_schedule_present (widget, self->list);
}

static gboolean
refresh_cb (gpointer user_data)
{
  LodgeSnapshotPage *self = user_data;
  GHashTableIter iter;
  gpointer list_item;

  g_hash_table_iter_init (&iter, lodge_list_sight_get_bound (self->sight));
  while (g_hash_table_iter_next (&iter, &list_item, NULL))
    lodge_snapshot_item_touch (gtk_list_item_get_item (list_item));
  update_selected (self);
  return G_SOURCE_CONTINUE;
}

static void
lodge_snapshot_page_map (GtkWidget *widget)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);

  GTK_WIDGET_CLASS (lodge_snapshot_page_parent_class)->map (widget);
  self->refresh_source = g_timeout_add_seconds (REFRESH_SECONDS, refresh_cb, self);
  if (self->list != NULL)
    ask_forecast (self);
  want_pictures (self);
}

static void
lodge_snapshot_page_unmap (GtkWidget *widget)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (widget);

  g_clear_handle_id (&self->refresh_source, g_source_remove);
  GTK_WIDGET_CLASS (lodge_snapshot_page_parent_class)->unmap (widget);
}

static void
drop_list (LodgeSnapshotPage *self)
{
  g_clear_handle_id (&self->pictures_source, g_source_remove);
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  if (self->list != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->list, self);
      g_signal_handlers_disconnect_by_data (lodge_snapshot_list_get_machine (self->list), self);
    }
  if (self->view != NULL)
    gtk_list_view_set_model (self->view, NULL);
  g_clear_object (&self->selection);
  g_clear_object (&self->pictures);
  g_clear_object (&self->list);
  g_clear_object (&self->library);
  g_clear_pointer (&self->forecast, g_free);
}

static void
lodge_snapshot_page_dispose (GObject *object)
{
  LodgeSnapshotPage *self = LODGE_SNAPSHOT_PAGE (object);

  g_clear_handle_id (&self->refresh_source, g_source_remove);
  drop_list (self);
  g_clear_pointer (&self->popover, gtk_widget_unparent);
  gtk_widget_dispose_template (GTK_WIDGET (self), LODGE_TYPE_SNAPSHOT_PAGE);

  G_OBJECT_CLASS (lodge_snapshot_page_parent_class)->dispose (object);
}

static void
lodge_snapshot_page_finalize (GObject *object)
{
  g_clear_object (&LODGE_SNAPSHOT_PAGE (object)->sight);

  G_OBJECT_CLASS (lodge_snapshot_page_parent_class)->finalize (object);
}

static void
install_actions (GtkWidgetClass *widget_class)
{
  gtk_widget_class_install_action (widget_class, "snapshot.take", NULL, take_action);
  gtk_widget_class_install_action (widget_class, "snapshot.automatic", NULL, automatic_action);
  gtk_widget_class_install_action (widget_class, "snapshot.menu", NULL, menu_action);
  gtk_widget_class_install_action (widget_class, "snapshot.restore", NULL, restore_action);
  gtk_widget_class_install_action (widget_class, "snapshot.restore-disks", NULL, restore_action);
  gtk_widget_class_install_action (widget_class, "snapshot.disposable", NULL, disposable_action);
  gtk_widget_class_install_action (widget_class, "snapshot.clone", NULL, clone_action);
  gtk_widget_class_install_action (widget_class, "snapshot.edit", NULL, edit_action);
  gtk_widget_class_install_action (widget_class, "snapshot.delete", NULL, delete_action);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_F2, 0, "snapshot.edit", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Delete, 0, "snapshot.delete", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_F10, GDK_SHIFT_MASK, "snapshot.menu", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Menu, 0, "snapshot.menu", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "win.back", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Left, GDK_ALT_MASK, "win.back", NULL);
}

static void
lodge_snapshot_page_class_init (LodgeSnapshotPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = lodge_snapshot_page_dispose;
  object_class->finalize = lodge_snapshot_page_finalize;
  widget_class->map = lodge_snapshot_page_map;
  widget_class->unmap = lodge_snapshot_page_unmap;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-snapshot-page.ui");
  gtk_widget_class_bind_template_child_full (widget_class, "snapshot_menu", FALSE,
                                             G_STRUCT_OFFSET (LodgeSnapshotPage, menu));
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, jobs);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, timeline);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, scrolled);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, view);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, empty_forecast);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, bar);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, consequence);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, take);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotPage, restore);
  gtk_widget_class_bind_template_callback (widget_class, setup_cb);
  gtk_widget_class_bind_template_callback (widget_class, bind_cb);
  gtk_widget_class_bind_template_callback (widget_class, unbind_cb);
  gtk_widget_class_bind_template_callback (widget_class, activated_cb);
  install_actions (widget_class);
}

static void
lodge_snapshot_page_init (LodgeSnapshotPage *self)
{
  g_type_ensure (LODGE_TYPE_SNAPSHOT_ROW);
  g_type_ensure (LODGE_TYPE_JOB_LIST);
  g_type_ensure (LODGE_TYPE_SNAPSHOT_TIMELINE);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->sight = lodge_list_sight_new (self->view, comes_cb, self);
  g_signal_connect_object (gtk_scrolled_window_get_hadjustment (self->scrolled), "changed", G_CALLBACK (want_pictures),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->timeline, "moved", G_CALLBACK (want_pictures), self, G_CONNECT_SWAPPED);
}

void
lodge_snapshot_page_set_list (LodgeSnapshotPage *self, LodgeLibrary *library, LodgeSnapshotList *list)
{
  LodgeMachineItem *machine = list != NULL ? lodge_snapshot_list_get_machine (list) : NULL;
  gboolean look_back = list != NULL && lodge_library_has_feature (library, "disposable-snapshot");
  g_autoptr (LodgeHeadModel) head = NULL;

  if (list == self->list)
    return;
  drop_list (self);
  lodge_snapshot_timeline_set_list (self->timeline, list, look_back);
  lodge_job_list_set_machine (self->jobs, library, machine);
  if (list == NULL)
    return;

  self->library = g_object_ref (library);
  self->list = g_object_ref (list);
  self->pictures = lodge_snapshot_pictures_new (
    list, LODGE_SNAPSHOT_ROW_PICTURE * (guint) gtk_widget_get_scale_factor (GTK_WIDGET (self)));
  self->selection = gtk_single_selection_new (g_object_ref (lodge_snapshot_list_get_rows (list)));
  g_signal_connect_object (self->selection, "notify::selected-item", G_CALLBACK (update_selected), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_swapped (list, "changed", G_CALLBACK (list_changed_cb), self);
  g_signal_connect_swapped (machine, "notify::busy", G_CALLBACK (update_selected), self);
  g_signal_connect_swapped (machine, "notify::state", G_CALLBACK (ask_forecast), self);
  head = lodge_head_model_new (GTK_SELECTION_MODEL (self->selection), ROW_HEIGHT);
  lodge_head_model_show_in (head, self->view);
  list_changed_cb (self);
  ask_forecast (self);
}

void
lodge_snapshot_page_focus (LodgeSnapshotPage *self)
{
  /* Not the timeline above the tree. */
  self->focus_wanted = g_strcmp0 (gtk_stack_get_visible_child_name (self->stack), "tree") == 0 &&
                       !gtk_widget_grab_focus (GTK_WIDGET (self->view));
  if (self->focus_wanted)
    want_pictures (self);
  else if (g_strcmp0 (gtk_stack_get_visible_child_name (self->stack), "tree") != 0)
    gtk_widget_child_focus (GTK_WIDGET (self->stack), GTK_DIR_TAB_FORWARD);
}
