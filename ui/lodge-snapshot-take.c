/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-take.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-snapshot-edit.h"
#include "ui/lodge-snapshot-text.h"

typedef struct
{
  GtkWidget *from;           /* (weak) (nullable) */
  LodgeMachineItem *machine; /* (owned) */
  gboolean disks_only;
  char *id;                  /* (owned) (nullable) of the snapshot, once there is one */
} Take;

static void take (GtkWidget *from, LodgeMachineItem *machine, gboolean disks_only);

static Take *
take_new (GtkWidget *from, LodgeMachineItem *machine)
{
  Take *self = g_new0 (Take, 1);

  g_set_weak_pointer (&self->from, from);
  self->machine = g_object_ref (machine);
  return self;
}

static void
take_free (gpointer data)
{
  Take *self = data;

  g_clear_weak_pointer (&self->from);
  g_object_unref (self->machine);
  g_free (self->id);
  g_free (self);
}

static void
closure_free (gpointer data, GClosure *closure)
{
  take_free (data);
}

static void
rename_cb (Take *self)
{
  if (self->from != NULL)
    lodge_snapshot_edit (self->from, self->machine, self->id, "", "");
}

/* @entry: (nullable): what ListSnapshots says of it */
static void
tell_taken (Take *self, GVariant *entry)
{
  const char *name = lodge_machine_item_get_name (self->machine);
  g_autoptr (AdwToast) toast = NULL;
  g_autofree char *title = NULL;
  g_autofree char *bytes = NULL;
  guint64 size = 0;
  Take *again;

  if (self->from == NULL)
    return;
  if (entry != NULL)
    g_variant_lookup (entry, "size", "t", &size);
  bytes = g_format_size (size);
  /* Translators: name of the machine, size: "Snapshot of “Debian” taken, 120 MB" */
  title = size > 0 ? g_strdup_printf (_("Snapshot of “%s” taken, %s"), name, bytes)
                   : g_strdup_printf (_("Snapshot of “%s” taken"), name);

  toast = g_object_ref (lodge_feedback_toast_button (self->from, title, _("_Rename")));
  adw_toast_set_timeout (toast, MAX (adw_toast_get_timeout (toast), LODGE_FEEDBACK_UNDO_SECONDS));
  again = take_new (self->from, self->machine);
  again->id = g_strdup (self->id);
  g_signal_connect_data (toast, "button-clicked", G_CALLBACK (rename_cb), again, closure_free, G_CONNECT_SWAPPED);
}

static void
listed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Take *self = user_data;
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GVariant) found = NULL;

  lodge_ipc_machine_call_list_snapshots_finish (LODGE_IPC_MACHINE (source), &list, result, NULL);
  for (gsize i = 0; list != NULL && i < g_variant_n_children (list) && found == NULL; i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (list, i);
      const char *id = "";

      g_variant_lookup (entry, "id", "&s", &id);
      if (g_str_equal (id, self->id))
        found = g_variant_ref (entry);
    }
  tell_taken (self, found);
  take_free (self);
}

static void
response_cb (Take *self, const char *response)
{
  if (g_str_equal (response, "disks") && self->from != NULL)
    take (self->from, self->machine, TRUE);
}

/* Why the memory cannot be kept, and the disks alone where that would help. */
static void
forecast_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Take *self = user_data;
  g_autoptr (GVariant) forecast = NULL;
  g_autofree const char **reasons = NULL;
  g_autofree char *text = NULL;
  g_autofree char *heading = NULL;
  gboolean outside;
  GtkRoot *root = self->from != NULL ? gtk_widget_get_root (self->from) : NULL;
  AdwMessageDialog *dialog;

  lodge_ipc_machine_call_forecast_finish (LODGE_IPC_MACHINE (source), &forecast, result, NULL);
  if (root == NULL)
    {
      take_free (self);
      return;
    }
  if (forecast != NULL)
    g_variant_lookup (forecast, "reasons", "^a&s", &reasons);
  outside = reasons != NULL && g_strv_contains (reasons, "disk-outside");
  text = lodge_snapshot_text_reasons (reasons);
  heading = outside ? g_strdup_printf (_("No Snapshot of “%s” Can Be Taken"), lodge_machine_item_get_name (self->machine))
                    : g_strdup (_("The Memory Cannot Be Kept"));
  dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (GTK_WINDOW (root), heading, text));
  adw_message_dialog_add_response (dialog, "cancel", outside ? _("_Close") : _("_Cancel"));
  adw_message_dialog_set_close_response (dialog, "cancel");
  if (!outside)
    {
      adw_message_dialog_add_response (dialog, "disks", _("Keep the _Disks Only"));
      adw_message_dialog_set_response_appearance (dialog, "disks", ADW_RESPONSE_SUGGESTED);
      adw_message_dialog_set_default_response (dialog, "disks");
    }
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), self, closure_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
taken_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Take *self = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_finish (G_DBUS_PROXY (source), result, &error);
  g_autofree char *heading = NULL;

  lodge_machine_item_pop_busy (self->machine);
  if (reply != NULL)
    {
      g_variant_get (reply, "(s)", &self->id);
      lodge_ipc_machine_call_list_snapshots (LODGE_IPC_MACHINE (source), g_variant_new ("a{sv}", NULL), NULL,
                                             listed_cb, self);
      return;
    }

  lodge_error_normalize (error);
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED) && !self->disks_only)
    {
      g_clear_error (&error);
      lodge_ipc_machine_call_forecast (LODGE_IPC_MACHINE (source), "snapshot", g_variant_new ("a{sv}", NULL), NULL,
                                       forecast_cb, self);
      return;
    }
  heading = g_strdup_printf (_("No Snapshot of “%s” Was Taken"), lodge_machine_item_get_name (self->machine));
  if (self->from != NULL && !g_error_matches (error, LODGE_ERROR, LODGE_ERROR_CANCELLED))
    lodge_feedback_error (self->from, heading, error, self->machine);
  else
    g_clear_error (&error);
  take_free (self);
}

static void
take (GtkWidget *from, LodgeMachineItem *machine, gboolean disks_only)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (machine);
  GVariantBuilder options;
  Take *self;

  if (proxy == NULL)
    return;
  self = take_new (from, machine);
  self->disks_only = disks_only;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (disks_only)
    g_variant_builder_add (&options, "{sv}", "memory", g_variant_new_boolean (FALSE));
  lodge_machine_item_push_busy (machine);
  /* Much memory takes longer than other calls may. */
  g_dbus_proxy_call (G_DBUS_PROXY (proxy), "TakeSnapshot", g_variant_new ("(a{sv})", &options), G_DBUS_CALL_FLAGS_NONE,
                     G_MAXINT, NULL, taken_cb, self);
}

void
lodge_snapshot_take (GtkWidget *from, LodgeMachineItem *machine)
{
  take (from, machine, FALSE);
}
