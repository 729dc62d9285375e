/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-family-page.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-family.h"
#include "ui/lodge-job-list.h"
#include "ui/lodge-machine-text.h"
#include "ui/lodge-row-place.h"

/* A core that says more is not believed. */
#define MAX_DEPENDANTS 1000u

struct _LodgeFamilyPage
{
  AdwBin parent_instance;

  LodgeLibrary *library;     /* (owned) (nullable) */
  LodgeMachineItem *item;    /* (owned) (nullable) */
  GCancellable *cancellable; /* (owned) (nullable) of the questions under way */
  guint refresh_source;
  gboolean narrow;
  GPtrArray *below_rows;     /* (owned) of GtkWidget, not owned */
  GPtrArray *below_items;    /* (owned) of LodgeMachineItem, heard */

  LodgeJobList *jobs;
  AdwPreferencesGroup *above;
  AdwActionRow *parent;
  AdwActionRow *alone;
  GtkWidget *flatten;
  AdwPreferencesGroup *below;
};

G_DEFINE_FINAL_TYPE (LodgeFamilyPage, lodge_family_page, ADW_TYPE_BIN)

static void refresh (LodgeFamilyPage *self);

static void
show_machine (GtkWidget *from, LodgeMachineItem *item)
{
  gtk_widget_activate_action (from, "win.await", "(sb)", lodge_machine_item_get_object_path (item), FALSE);
}

static void
parent_activated_cb (LodgeFamilyPage *self)
{
  LodgeMachineItem *parent = lodge_family_get_parent (self->library, self->item);

  if (parent != NULL)
    show_machine (GTK_WIDGET (self), parent);
}

static void
flatten_cb (LodgeFamilyPage *self)
{
  lodge_family_flatten (GTK_WIDGET (self), self->item);
}

static void
below_activated_cb (AdwActionRow *row, LodgeMachineItem *item)
{
  show_machine (GTK_WIDGET (row), item);
}

static void
below_flatten_cb (GtkWidget *button, LodgeMachineItem *item)
{
  lodge_family_flatten (button, item);
}

/* @bytes: (nullable): what it would take */
static void
set_alone (LodgeFamilyPage *self, const guint64 *bytes)
{
  gboolean off = lodge_machine_item_get_state (self->item) == LODGE_MACHINE_OFF;
  g_autofree char *size = g_format_size (bytes != NULL ? *bytes : 0);
  g_autofree char *text = NULL;

  if (!off)
    text = g_strdup (_("Shut it down first"));
  else if (bytes != NULL)
    text = g_strdup_printf (_("Copies up to %s; then it depends on no other machine"), size);
  else
    text = g_strdup (_("Copies what it reads from there"));
  adw_action_row_set_subtitle (self->alone, text);
  gtk_widget_set_sensitive (self->flatten, off && !lodge_machine_item_is_busy (self->item));
}

static void
add_below (LodgeFamilyPage *self, GVariant *facts)
{
  const char *name = "", *kind = "", *id = "";
  guint64 bytes = 0, flatten = 0;
  LodgeMachineItem *item;
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *own = NULL;
  g_autofree char *cost = NULL;
  g_autofree char *text = NULL;
  g_autofree char *spoken = NULL;

  g_variant_lookup (facts, "name", "&s", &name);
  g_variant_lookup (facts, "kind", "&s", &kind);
  g_variant_lookup (facts, "machine", "&s", &id);
  g_variant_lookup (facts, "bytes", "t", &bytes);
  g_variant_lookup (facts, "flatten-bytes", "t", &flatten);
  own = g_format_size (bytes);
  cost = g_format_size (flatten);
  item = lodge_family_find (self->library, id);
  /* Translators: state of the machine; how much it occupies itself; how much more it would if it depended on no other */
  text = item != NULL ? g_strdup_printf (_("%s · %s of its own, up to %s more when independent"),
                                         lodge_machine_text_state (item), own, cost)
                      : g_strdup_printf (_("%s of its own"), own);
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), text);
  if (item != NULL)
    {
      GtkWidget *button = gtk_button_new_with_label (_("Make Independent"));
      gboolean off = lodge_machine_item_get_state (item) == LODGE_MACHINE_OFF;
      g_autofree char *hint = off ? g_strdup_printf (_("Copies up to %s"), cost)
                                  : g_strdup_printf (_("Copies up to %s; shut it down first"), cost);

      gtk_widget_set_tooltip_text (button, hint);
      gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
      gtk_widget_set_sensitive (button, off && !lodge_machine_item_is_busy (item));
      spoken = g_strdup_printf (_("Make “%s” independent"), name);
      gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken,
                                      GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, hint, -1);
      gtk_widget_add_css_class (button, "flat");
      g_signal_connect_object (button, "clicked", G_CALLBACK (below_flatten_cb), item, 0);
      adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
      g_object_set_data (G_OBJECT (row), "button", button);
      lodge_row_place (ADW_ACTION_ROW (row), button, self->narrow);
      gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
      g_signal_connect_object (row, "activated", G_CALLBACK (below_activated_cb), item, 0);
      g_signal_connect_swapped (item, "changed", G_CALLBACK (refresh), self);
      g_signal_connect_swapped (item, "notify::busy", G_CALLBACK (refresh), self);
      g_ptr_array_add (self->below_items, g_object_ref (item));
    }
  adw_preferences_group_add (self->below, row);
  g_ptr_array_add (self->below_rows, row);
}

static void
drop_below (LodgeFamilyPage *self)
{
  for (guint i = 0; i < self->below_rows->len; i++)
    adw_preferences_group_remove (self->below, self->below_rows->pdata[i]);
  for (guint i = 0; i < self->below_items->len; i++)
    g_signal_handlers_disconnect_by_data (self->below_items->pdata[i], self);
  g_ptr_array_set_size (self->below_rows, 0);
  g_ptr_array_set_size (self->below_items, 0);
}

static void
below_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeFamilyPage) self = user_data;
  g_autoptr (GVariant) machines = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *description = NULL;
  gsize n;

  lodge_ipc_machine_call_dependants_finish (LODGE_IPC_MACHINE (source), &machines, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || self->item == NULL)
    return;
  drop_below (self);
  n = machines != NULL ? MIN (g_variant_n_children (machines), MAX_DEPENDANTS) : 0;
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) facts = g_variant_get_child_value (machines, i);

      add_below (self, facts);
    }
  if (n > 0)
    description = g_strdup_printf (_("They go on from the disks of “%s”, so it is neither started nor deleted as long as "
                                     "they do."), lodge_machine_item_get_name (self->item));
  else
    description = g_strdup (_("No machine goes on from its disks: it can be deleted without harm to another."));
  {
    g_autofree char *escaped = g_markup_escape_text (description, -1);

    adw_preferences_group_set_description (self->below, escaped);
  }
}

/* What making this one independent costs is known to its parent. */
static void
above_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeFamilyPage) self = user_data;
  g_autoptr (GVariant) machines = NULL;
  g_autoptr (GError) error = NULL;
  gsize n;

  lodge_ipc_machine_call_dependants_finish (LODGE_IPC_MACHINE (source), &machines, result, &error);
  if (machines == NULL || self->item == NULL)
    return;
  n = MIN (g_variant_n_children (machines), MAX_DEPENDANTS);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) facts = g_variant_get_child_value (machines, i);
      const char *id = "";
      guint64 bytes = 0;

      g_variant_lookup (facts, "machine", "&s", &id);
      if (g_str_equal (id, lodge_machine_item_get_id (self->item)) && g_variant_lookup (facts, "flatten-bytes", "t", &bytes))
        set_alone (self, &bytes);
    }
}

static void
ask (LodgeFamilyPage *self)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (self->item);
  LodgeMachineItem *parent = lodge_family_get_parent (self->library, self->item);
  LodgeIpcMachine *parent_proxy = parent != NULL ? lodge_machine_item_get_proxy (parent) : NULL;

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  self->cancellable = g_cancellable_new ();
  if (proxy != NULL)
    lodge_ipc_machine_call_dependants (proxy, g_variant_new ("a{sv}", NULL), self->cancellable, below_cb,
                                       g_object_ref (self));
  if (parent_proxy != NULL)
    lodge_ipc_machine_call_dependants (parent_proxy, g_variant_new ("a{sv}", NULL), self->cancellable, above_cb,
                                       g_object_ref (self));
}

static gboolean
refresh_cb (gpointer user_data)
{
  LodgeFamilyPage *self = user_data;
  LodgeMachineItem *parent = lodge_family_get_parent (self->library, self->item);

  self->refresh_source = 0;
  gtk_widget_set_visible (GTK_WIDGET (self->above), parent != NULL);
  if (parent != NULL)
    {
      adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->parent), lodge_machine_item_get_name (parent));
      adw_action_row_set_subtitle (self->parent, lodge_machine_item_is_template (parent) ? _("Template")
                                                                                         : lodge_machine_text_state (parent));
      set_alone (self, NULL);
    }
  ask (self);
  return G_SOURCE_REMOVE;
}

/* Of many changes in a row the last counts. */
static void
refresh (LodgeFamilyPage *self)
{
  if (self->refresh_source == 0)
    self->refresh_source = g_idle_add (refresh_cb, self);
}

static void
drop_machine (LodgeFamilyPage *self)
{
  g_clear_handle_id (&self->refresh_source, g_source_remove);
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  drop_below (self);
  if (self->item != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->item, self);
      g_signal_handlers_disconnect_by_data (lodge_library_get_machines (self->library), self);
      g_signal_handlers_disconnect_by_data (lodge_library_get_jobs (self->library), self);
    }
  g_clear_object (&self->item);
  g_clear_object (&self->library);
}

static void
lodge_family_page_dispose (GObject *object)
{
  LodgeFamilyPage *self = LODGE_FAMILY_PAGE (object);

  drop_machine (self);
  gtk_widget_dispose_template (GTK_WIDGET (self), LODGE_TYPE_FAMILY_PAGE);

  G_OBJECT_CLASS (lodge_family_page_parent_class)->dispose (object);
}

static void
lodge_family_page_finalize (GObject *object)
{
  g_ptr_array_unref (LODGE_FAMILY_PAGE (object)->below_rows);
  g_ptr_array_unref (LODGE_FAMILY_PAGE (object)->below_items);

  G_OBJECT_CLASS (lodge_family_page_parent_class)->finalize (object);
}

static void
lodge_family_page_class_init (LodgeFamilyPageClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = lodge_family_page_dispose;
  object_class->finalize = lodge_family_page_finalize;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-family-page.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeFamilyPage, jobs);
  gtk_widget_class_bind_template_child (widget_class, LodgeFamilyPage, above);
  gtk_widget_class_bind_template_child (widget_class, LodgeFamilyPage, parent);
  gtk_widget_class_bind_template_child (widget_class, LodgeFamilyPage, alone);
  gtk_widget_class_bind_template_child (widget_class, LodgeFamilyPage, flatten);
  gtk_widget_class_bind_template_child (widget_class, LodgeFamilyPage, below);
  gtk_widget_class_bind_template_callback (widget_class, parent_activated_cb);
  gtk_widget_class_bind_template_callback (widget_class, flatten_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "win.back", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Left, GDK_ALT_MASK, "win.back", NULL);
}

static void
lodge_family_page_init (LodgeFamilyPage *self)
{
  self->below_rows = g_ptr_array_new ();
  self->below_items = g_ptr_array_new_with_free_func (g_object_unref);
  g_type_ensure (LODGE_TYPE_JOB_LIST);
  gtk_widget_init_template (GTK_WIDGET (self));
}

void
lodge_family_page_set_machine (LodgeFamilyPage *self, LodgeLibrary *library, LodgeMachineItem *item)
{
  if (item == self->item)
    return;
  drop_machine (self);
  lodge_job_list_set_machine (self->jobs, library, item);
  if (item == NULL)
    return;

  self->library = g_object_ref (library);
  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (refresh), self);
  g_signal_connect_swapped (item, "notify::busy", G_CALLBACK (refresh), self);
  g_signal_connect_swapped (lodge_library_get_machines (library), "items-changed", G_CALLBACK (refresh), self);
  g_signal_connect_swapped (lodge_library_get_jobs (library), "items-changed", G_CALLBACK (refresh), self);
  refresh_cb (self);
}

void
lodge_family_page_set_narrow (LodgeFamilyPage *self, gboolean narrow)
{
  if (self->narrow == narrow)
    return;
  self->narrow = narrow;
  lodge_row_place (self->alone, self->flatten, narrow);
  for (guint i = 0; i < self->below_rows->len; i++)
    {
      GtkWidget *button = g_object_get_data (self->below_rows->pdata[i], "button");

      if (button != NULL)
        lodge_row_place (self->below_rows->pdata[i], button, narrow);
    }
}

void
lodge_family_page_focus (LodgeFamilyPage *self)
{
  gtk_widget_child_focus (GTK_WIDGET (self), GTK_DIR_TAB_FORWARD);
}
