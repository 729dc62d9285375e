/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-disposable.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "ui/lodge-clone.h"
#include "ui/lodge-family.h"
#include "ui/lodge-feedback.h"

typedef struct
{
  GtkWindow *window;      /* (weak) (nullable) */
  LodgeMachineItem *item; /* (owned) */
  GtkEditable *name;      /* while the dialog is open */
  AdwMessageDialog *dialog; /* (weak) (nullable) */
  gboolean closing;
} Ask;

static Ask *
ask_new (GtkWindow *window, LodgeMachineItem *item, gboolean closing)
{
  Ask *ask = g_new0 (Ask, 1);

  g_set_weak_pointer (&ask->window, window);
  ask->item = g_object_ref (item);
  ask->closing = closing;
  return ask;
}

static void
ask_free (gpointer data)
{
  Ask *ask = data;

  g_clear_weak_pointer (&ask->window);
  g_clear_weak_pointer (&ask->dialog);
  g_object_unref (ask->item);
  g_free (ask);
}

static void
closure_free (gpointer data, GClosure *closure)
{
  ask_free (data);
}

gboolean
lodge_console_disposable_asks (LodgeMachineItem *item)
{
  return lodge_machine_item_is_disposable (item) && lodge_machine_item_is_up (item) &&
         lodge_machine_item_is_connected (item);
}

static void
kept_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Ask *ask = user_data;
  GError *error = NULL;

  lodge_machine_item_pop_busy (ask->item);
  lodge_ipc_machine_call_keep_finish (LODGE_IPC_MACHINE (source), result, &error);
  if (ask->window == NULL)
    g_clear_error (&error);
  else if (error != NULL)
    lodge_feedback_error (GTK_WIDGET (ask->window), _("The Machine Could Not Be Kept"), error, ask->item);
  else if (ask->closing && !lodge_machine_item_is_disposable (ask->item))
    gtk_window_close (ask->window);
  else
    {
      g_autofree char *title = g_strdup_printf (_("Kept as “%s”"), lodge_machine_item_get_name (ask->item));

      lodge_feedback_toast (GTK_WIDGET (ask->window), title);
    }
  ask_free (ask);
}

static void
discarded_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Ask *ask = user_data;
  GError *error = NULL;

  lodge_machine_item_pop_busy (ask->item);
  lodge_ipc_machine_call_force_off_finish (LODGE_IPC_MACHINE (source), result, &error);
  /* The window goes with its machine. */
  if (error != NULL && ask->window != NULL)
    lodge_feedback_error (GTK_WIDGET (ask->window), _("The Machine Could Not Be Discarded"), error, ask->item);
  else
    g_clear_error (&error);
  ask_free (ask);
}

static void
response_cb (Ask *ask, const char *response)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (ask->item);
  g_autofree char *name = NULL;

  if (proxy == NULL || g_str_equal (response, "cancel"))
    return;
  lodge_machine_item_push_busy (ask->item);
  if (g_str_equal (response, "discard"))
    {
      lodge_ipc_machine_call_force_off (proxy, g_variant_new ("a{sv}", NULL), NULL, discarded_cb,
                                        ask_new (ask->window, ask->item, ask->closing));
      return;
    }
  name = g_strstrip (g_strdup (gtk_editable_get_text (ask->name)));
  lodge_ipc_machine_call_keep (proxy, name, g_variant_new ("a{sv}", NULL), NULL, kept_cb,
                               ask_new (ask->window, ask->item, ask->closing));
}

static void
name_changed_cb (Ask *ask)
{
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (ask->name)));

  adw_message_dialog_set_response_enabled (ask->dialog, "keep", *name != '\0');
}

/* How much was written, as soon as the parent has said. */
static void
sized_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Ask *ask = user_data;
  g_autoptr (GVariant) machines = NULL;
  gsize n;

  lodge_ipc_machine_call_dependants_finish (LODGE_IPC_MACHINE (source), &machines, result, NULL);
  n = machines != NULL ? g_variant_n_children (machines) : 0;
  for (gsize i = 0; i < n && ask->dialog != NULL; i++)
    {
      g_autoptr (GVariant) facts = g_variant_get_child_value (machines, i);
      const char *id = "";
      guint64 bytes = 0;

      g_variant_lookup (facts, "machine", "&s", &id);
      if (g_str_equal (id, lodge_machine_item_get_id (ask->item)) && g_variant_lookup (facts, "bytes", "t", &bytes))
        {
          g_autofree char *size = g_format_size (bytes);

          adw_message_dialog_format_body (
            ask->dialog, _("Discarded, everything that was done in it is gone: %s. Kept, it becomes a machine of its own."),
            size);
        }
    }
  ask_free (ask);
}

void
lodge_console_disposable_ask (GtkWindow *window, LodgeLibrary *library, LodgeMachineItem *item, gboolean closing)
{
  const char *name = lodge_machine_item_get_name (item);
  g_autofree char *heading = g_strdup_printf (_("Keep “%s”?"), name);
  LodgeMachineItem *parent = lodge_family_get_parent (library, item);
  LodgeIpcMachine *proxy = parent != NULL ? lodge_machine_item_get_proxy (parent) : NULL;
  g_autofree char *proposed = parent != NULL ? lodge_clone_name (library, parent) : NULL;
  Ask *ask = ask_new (window, item, closing);
  AdwMessageDialog *dialog;
  GtkWidget *list = gtk_list_box_new ();
  GtkWidget *row = adw_entry_row_new ();

  dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (
    window, heading, _("Discarded, everything that was done in it is gone. Kept, it becomes a machine of its own.")));
  g_set_weak_pointer (&ask->dialog, dialog);
  ask->name = GTK_EDITABLE (row);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), _("Name"));
  gtk_editable_set_text (ask->name, proposed != NULL ? proposed : name);
  adw_entry_row_set_activates_default (ADW_ENTRY_ROW (row), TRUE);
  gtk_list_box_set_selection_mode (GTK_LIST_BOX (list), GTK_SELECTION_NONE);
  gtk_widget_add_css_class (list, "boxed-list");
  gtk_list_box_append (GTK_LIST_BOX (list), row);
  adw_message_dialog_set_extra_child (dialog, list);
  adw_message_dialog_add_responses (dialog, "cancel", _("_Cancel"), "discard", _("_Discard"), "keep", _("_Keep"), NULL);
  adw_message_dialog_set_close_response (dialog, "cancel");
  adw_message_dialog_set_default_response (dialog, "keep");
  adw_message_dialog_set_response_appearance (dialog, "discard", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_response_appearance (dialog, "keep", ADW_RESPONSE_SUGGESTED);
  g_signal_connect_swapped (row, "changed", G_CALLBACK (name_changed_cb), ask);
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), ask, closure_free, G_CONNECT_SWAPPED);
  if (proxy != NULL)
    {
      Ask *sized = ask_new (window, item, closing);

      g_set_weak_pointer (&sized->dialog, dialog);
      lodge_ipc_machine_call_dependants (proxy, g_variant_new ("a{sv}", NULL), NULL, sized_cb, sized);
    }
  gtk_window_present (GTK_WINDOW (dialog));
  gtk_widget_grab_focus (row);
  gtk_editable_select_region (ask->name, 0, -1);
}
