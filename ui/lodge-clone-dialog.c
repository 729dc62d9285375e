/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-clone-dialog.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "ui/lodge-clone.h"
#include "ui/lodge-row-place.h"

#define MAX_CLONES 100

/* In the order of the rows; the first that needs something of the core is the last. */
enum
{
  BEST,
  LINKED,
  FULL,
  INSTANT,
};

typedef struct
{
  GtkWidget *from;        /* (weak) (nullable) */
  LodgeLibrary *library;  /* (owned) */
  LodgeMachineItem *item; /* (owned) */
  char *snapshot;         /* (owned) (nullable) */
  AdwMessageDialog *dialog;
  GtkEditable *name;
  GtkSpinButton *count;
  AdwComboRow *kind;
  GtkSwitch *start;
  AdwActionRow *start_row;
} Dialog;

static void
dialog_free (gpointer data, GClosure *closure)
{
  Dialog *self = data;

  g_clear_weak_pointer (&self->from);
  g_object_unref (self->library);
  g_object_unref (self->item);
  g_free (self->snapshot);
  g_free (self);
}

static guint
get_count (Dialog *self)
{
  return (guint) gtk_spin_button_get_value_as_int (self->count);
}

static void
update (Dialog *self)
{
  const char *parent = lodge_machine_item_get_name (self->item);
  g_autofree char *memory = lodge_clone_text_memory (self->library, self->item, get_count (self));
  g_autofree char *kind = NULL;
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (self->name)));

  switch (adw_combo_row_get_selected (self->kind))
    {
    case LINKED:
      kind = g_strdup_printf (_("At once and without space of its own; “%s” has to stay"), parent);
      break;
    case FULL:
      kind = g_strdup_printf (_("Copies the disks, so that it depends on nothing"));
      break;
    case INSTANT:
      kind = g_strdup (_("Goes on where the guest is, or was saved, and shares its memory"));
      break;
    case BEST:
    default:
      kind = g_strdup (_("Nothing is copied where that can be avoided"));
      break;
    }
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->kind), kind);
  adw_action_row_set_subtitle (self->start_row, memory);
  adw_message_dialog_set_response_enabled (self->dialog, "clone", *name != '\0');
}

static void
response_cb (Dialog *self, const char *response)
{
  static const char *const kinds[] = { NULL, "linked", "full", "instant" };
  g_autofree char *name = NULL;
  LodgeCloneOrder order = { 0 };

  if (!g_str_equal (response, "clone") || self->from == NULL)
    return;
  name = g_strstrip (g_strdup (gtk_editable_get_text (self->name)));
  order.name = name;
  order.kind = kinds[MIN (adw_combo_row_get_selected (self->kind), INSTANT)];
  order.snapshot = self->snapshot;
  order.count = get_count (self);
  order.start = gtk_switch_get_active (self->start);
  lodge_clone (self->from, self->library, self->item, &order);
}

static void
forecast_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (AdwMessageDialog) dialog = data;
  g_autoptr (GVariant) forecast = NULL;
  g_autofree char *body = NULL;
  double seconds;

  if (!lodge_ipc_machine_call_forecast_finish (LODGE_IPC_MACHINE (source), &forecast, result, NULL)
      || !g_variant_lookup (forecast, "pause-seconds", "d", &seconds))
    return;
  /* Translators: what cloning costs the machine that runs */
  body = g_strdup_printf (_("The machine goes on; it stands still for about %.1f seconds."), MAX (seconds, 0.1));
  adw_message_dialog_set_body (dialog, body);
}

/* What it costs one that runs: first as a sentence of the same length, so that the dialog keeps its size. */
static void
tell_pause (Dialog *self)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (self->item);

  if (self->snapshot != NULL || proxy == NULL || lodge_machine_item_get_state (self->item) != LODGE_MACHINE_RUNNING)
    return;
  /* Translators: what cloning costs the machine that runs */
  adw_message_dialog_set_body (self->dialog, _("The machine goes on; it stands still for a moment."));
  lodge_ipc_machine_call_forecast (proxy, "snapshot", g_variant_new ("a{sv}", NULL), NULL, forecast_cb, g_object_ref (self->dialog));
}

/* Returns: a row with @widget at its end that it stands for */
static AdwActionRow *
add_row (GtkListBox *list, const char *title, GtkWidget *widget)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  gtk_widget_set_valign (widget, GTK_ALIGN_CENTER);
  gtk_accessible_update_property (GTK_ACCESSIBLE (widget), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), widget);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), widget);
  gtk_list_box_append (list, row);
  return ADW_ACTION_ROW (row);
}

static GtkWidget *
make_rows (Dialog *self)
{
  GtkWidget *list = gtk_list_box_new ();
  gboolean instant = lodge_library_has_feature (self->library, "clone-running");
  const char *kinds[] = { _("Chosen by Lodge"), _("Linked"), _("Full Copy"), instant ? _("Instant") : NULL, NULL };
  g_autoptr (GtkStringList) model = gtk_string_list_new (kinds);
  g_autofree char *name = lodge_clone_name (self->library, self->item);

  gtk_list_box_set_selection_mode (GTK_LIST_BOX (list), GTK_SELECTION_NONE);
  gtk_widget_add_css_class (list, "boxed-list");
  gtk_widget_set_size_request (list, 360, -1);

  self->name = GTK_EDITABLE (adw_entry_row_new ());
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->name), _("Name"));
  gtk_editable_set_text (self->name, name);
  adw_entry_row_set_activates_default (ADW_ENTRY_ROW (self->name), TRUE);
  gtk_list_box_append (GTK_LIST_BOX (list), GTK_WIDGET (self->name));

  self->count = GTK_SPIN_BUTTON (gtk_spin_button_new_with_range (1, MAX_CLONES, 1));
  add_row (GTK_LIST_BOX (list), _("Number"), GTK_WIDGET (self->count));

  self->kind = ADW_COMBO_ROW (adw_combo_row_new ());
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->kind), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->kind), _("Kind"));
  adw_combo_row_set_model (self->kind, G_LIST_MODEL (model));
  lodge_row_show_choice (self->kind);
  gtk_list_box_append (GTK_LIST_BOX (list), GTK_WIDGET (self->kind));

  self->start = GTK_SWITCH (gtk_switch_new ());
  self->start_row = add_row (GTK_LIST_BOX (list), _("Start"), GTK_WIDGET (self->start));
  return list;
}

void
lodge_clone_dialog_present (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, const char *snapshot)
{
  GtkRoot *root = gtk_widget_get_root (from);
  Dialog *self = g_new0 (Dialog, 1);
  /* Translators: heading of the dialog that asks how; %s is the name of a machine */
  g_autofree char *heading = g_strdup_printf (_("Clone “%s”"), lodge_machine_item_get_name (item));

  g_set_weak_pointer (&self->from, from);
  self->library = g_object_ref (library);
  self->item = g_object_ref (item);
  self->snapshot = g_strdup (snapshot);
  self->dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (GTK_WINDOW (root), heading, NULL));
  adw_message_dialog_set_extra_child (self->dialog, make_rows (self));
  adw_message_dialog_add_responses (self->dialog, "cancel", _("_Cancel"), "clone", _("C_lone"), NULL);
  adw_message_dialog_set_close_response (self->dialog, "cancel");
  adw_message_dialog_set_default_response (self->dialog, "clone");
  adw_message_dialog_set_response_appearance (self->dialog, "clone", ADW_RESPONSE_SUGGESTED);
  update (self);
  tell_pause (self);
  g_signal_connect_data (self->dialog, "response", G_CALLBACK (response_cb), self, dialog_free, G_CONNECT_SWAPPED);
  g_signal_connect_swapped (self->name, "changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (self->count, "value-changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (self->kind, "notify::selected", G_CALLBACK (update), self);
  gtk_window_present (GTK_WINDOW (self->dialog));
  gtk_widget_grab_focus (GTK_WIDGET (self->name));
  gtk_editable_select_region (self->name, 0, -1);
}
