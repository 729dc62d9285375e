/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-restore.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-snapshot-text.h"

/* One call for one snapshot, from the click to the toast. */
typedef struct
{
  GtkWidget *from;         /* (weak) (nullable) */
  LodgeSnapshotList *list; /* (owned) */
  char *id;                /* (owned) of the snapshot */
  char *title;             /* (owned) what it is called */
  char *loss;              /* (owned) (nullable) what the present has beyond its snapshot */
  GHashTable *before;      /* (owned) (nullable) ids that there were, so that the kept present is found */
  gboolean disks_only;
  gboolean start;
  gboolean undoing;
} Call;

static void restore (Call *call);

static Call *
call_new (GtkWidget *from, LodgeSnapshotList *list, const char *id, const char *title)
{
  Call *call = g_new0 (Call, 1);

  g_set_weak_pointer (&call->from, from);
  call->list = g_object_ref (list);
  call->id = g_strdup (id);
  call->title = g_strdup (title);
  return call;
}

static void
call_free (gpointer data)
{
  Call *call = data;

  g_clear_weak_pointer (&call->from);
  g_object_unref (call->list);
  g_free (call->id);
  g_free (call->title);
  g_free (call->loss);
  g_clear_pointer (&call->before, g_hash_table_unref);
  g_free (call);
}

static void
closure_free (gpointer data, GClosure *closure)
{
  call_free (data);
}

static LodgeMachineItem *
get_machine (Call *call)
{
  return lodge_snapshot_list_get_machine (call->list);
}

/* The newest automatic one that was not there before. */
static LodgeSnapshotItem *
find_kept (Call *call)
{
  GListModel *rows = lodge_snapshot_list_get_rows (call->list);
  guint n = g_list_model_get_n_items (rows);
  LodgeSnapshotItem *kept = NULL;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeSnapshotItem) item = g_list_model_get_item (rows, i);

      if (lodge_snapshot_item_is_automatic (item) && !g_hash_table_contains (call->before, lodge_snapshot_item_get_id (item)) &&
          (kept == NULL || lodge_snapshot_item_get_created (item) > lodge_snapshot_item_get_created (kept)))
        kept = item;
    }
  return kept;
}

GHashTable *
lodge_snapshot_restore_remember (LodgeSnapshotList *list)
{
  GListModel *rows = lodge_snapshot_list_get_rows (list);
  guint n = g_list_model_get_n_items (rows);
  GHashTable *before = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeSnapshotItem) item = g_list_model_get_item (rows, i);

      g_hash_table_add (before, g_strdup (lodge_snapshot_item_get_id (item)));
    }
  return before;
}

static void
undo_cb (Call *kept)
{
  Call *call;

  if (kept->from == NULL)
    return;
  call = call_new (kept->from, kept->list, kept->id, kept->title);
  call->start = kept->start;
  call->undoing = TRUE;
  restore (call);
}

static void
tell_restored (Call *call)
{
  LodgeSnapshotItem *kept = call->undoing ? NULL : find_kept (call);
  g_autofree char *title = NULL;
  Call *undo;

  if (call->from == NULL)
    return;
  if (call->undoing)
    {
      lodge_feedback_toast (call->from, _("The present is back"));
      return;
    }
  /* Translators: name or time of a snapshot, "41 minutes of changes" */
  title = call->loss != NULL ? g_strdup_printf (_("Back at “%s”; %s are kept"), call->title, call->loss)
                             : g_strdup_printf (_("Back at “%s”"), call->title);
  if (kept == NULL)
    {
      lodge_feedback_toast (call->from, title);
      return;
    }
  undo = call_new (call->from, call->list, lodge_snapshot_item_get_id (kept), call->title);
  undo->start = call->start;
  lodge_feedback_undo_toast (call->from, title, G_CALLBACK (undo_cb), undo, closure_free);
}

static void
reloaded_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;

  /* Without an answer nothing new is found, and there is no Undo. */
  lodge_snapshot_list_reload_finish (LODGE_SNAPSHOT_LIST (source), result, NULL);
  tell_restored (call);
  call_free (call);
}

static void
response_cb (Call *call, const char *response)
{
  Call *again;

  if (!g_str_equal (response, "disks") || call->from == NULL)
    return;
  again = call_new (call->from, call->list, call->id, call->title);
  again->loss = g_strdup (call->loss);
  again->start = call->start;
  again->disks_only = TRUE;
  restore (again);
}

/* This computer cannot go on with that memory: another processor, an older QEMU. */
static void
offer_disks (Call *call, const GError *error)
{
  GtkRoot *root = call->from != NULL ? gtk_widget_get_root (call->from) : NULL;
  AdwMessageDialog *dialog;

  if (root == NULL)
    {
      call_free (call);
      return;
    }
  dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (GTK_WINDOW (root), _("The Memory Cannot Be Resumed Here"), NULL));
  adw_message_dialog_format_body (
    dialog, _("The machine can be started from the disks as they were then, as after a power cut. What QEMU says: %s"),
    error->message);
  adw_message_dialog_add_responses (dialog, "cancel", _("_Cancel"), "disks", _("Restore the _Disks Only"), NULL);
  adw_message_dialog_set_close_response (dialog, "cancel");
  adw_message_dialog_set_default_response (dialog, "disks");
  adw_message_dialog_set_response_appearance (dialog, "disks", ADW_RESPONSE_SUGGESTED);
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), call, closure_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
restored_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_finish (G_DBUS_PROXY (source), result, &error);
  g_autofree char *heading = NULL;

  lodge_machine_item_pop_busy (get_machine (call));
  if (reply != NULL)
    {
      lodge_snapshot_list_reload_async (call->list, reloaded_cb, call);
      return;
    }
  lodge_error_normalize (error);
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED) && !call->disks_only)
    {
      offer_disks (call, error);
      g_error_free (error);
      return;
    }
  heading = g_strdup_printf (_("“%s” Could Not Be Restored"), lodge_machine_item_get_name (get_machine (call)));
  if (call->from != NULL && !g_error_matches (error, LODGE_ERROR, LODGE_ERROR_CANCELLED))
    lodge_feedback_error (call->from, heading, error, get_machine (call));
  else
    g_error_free (error);
  call_free (call);
}

/* @call: taken */
static void
restore (Call *call)
{
  LodgeMachineItem *machine = get_machine (call);
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (machine);
  GVariantBuilder options;

  if (proxy == NULL)
    {
      call_free (call);
      return;
    }
  call->before = lodge_snapshot_restore_remember (call->list);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  /* What is undone was seen for seconds; keeping it, too, would fill the tree with what nobody wanted. */
  if (call->undoing)
    g_variant_builder_add (&options, "{sv}", "keep-present", g_variant_new_boolean (FALSE));
  if (call->disks_only)
    g_variant_builder_add (&options, "{sv}", "disks-only", g_variant_new_boolean (TRUE));
  if (call->start)
    g_variant_builder_add (&options, "{sv}", "start", g_variant_new_boolean (TRUE));
  lodge_machine_item_push_busy (machine);
  g_dbus_proxy_call (G_DBUS_PROXY (proxy), "RestoreSnapshot", g_variant_new ("(sa{sv})", call->id, &options),
                     G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, restored_cb, call);
}

void
lodge_snapshot_restore (GtkWidget *from, LodgeSnapshotList *list, LodgeSnapshotItem *item, gboolean disks_only)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *title = lodge_snapshot_text_title (item, now);
  Call *call = call_new (from, list, lodge_snapshot_item_get_id (item), title);

  call->loss = lodge_snapshot_text_loss (list, now);
  call->disks_only = disks_only;
  call->start = lodge_machine_item_is_up (get_machine (call));
  restore (call);
}

void
lodge_snapshot_restore_tell (GtkWidget *from, LodgeSnapshotList *list, GHashTable *before, const char *title, const char *loss)
{
  Call *call = call_new (from, list, "", title);

  call->loss = g_strdup (loss);
  call->before = g_hash_table_ref (before);
  lodge_snapshot_list_reload_async (list, reloaded_cb, call);
}

/* Deleting */

static void
deleted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_finish (G_DBUS_PROXY (source), result, &error);

  lodge_machine_item_pop_busy (get_machine (call));
  if (call->from == NULL)
    g_clear_error (&error);
  else if (reply == NULL)
    lodge_feedback_error (call->from, _("The Snapshot Could Not Be Deleted"), error, NULL);
  else
    {
      g_autofree char *title = g_strdup_printf (_("“%s” deleted"), call->title);

      lodge_feedback_toast (call->from, title);
    }
  call_free (call);
}

static void
delete_response_cb (Call *call, const char *response)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (get_machine (call));

  if (!g_str_equal (response, "delete") || proxy == NULL)
    return;
  lodge_machine_item_push_busy (get_machine (call));
  g_dbus_proxy_call (G_DBUS_PROXY (proxy), "DeleteSnapshot",
                     g_variant_new ("(s@a{sv})", call->id, g_variant_new ("a{sv}", NULL)), G_DBUS_CALL_FLAGS_NONE,
                     G_MAXINT, NULL, deleted_cb, call_new (call->from, call->list, call->id, call->title));
}

/* @seconds: -1 when it is not known */
static void
ask_delete (Call *call, guint64 bytes, double seconds)
{
  GtkRoot *root = call->from != NULL ? gtk_widget_get_root (call->from) : NULL;
  g_autofree char *heading = g_strdup_printf (_("Delete “%s”?"), call->title);
  g_autofree char *size = g_format_size (bytes);
  g_autofree char *span = lodge_snapshot_text_span ((gint64) (seconds + 0.5));
  GString *body = g_string_new (_("The machine cannot go back there any more. Later snapshots stay."));
  AdwMessageDialog *dialog;

  if (root == NULL)
    {
      g_string_free (body, TRUE);
      call_free (call);
      return;
    }
  g_string_append (body, "\n\n");
  if (lodge_machine_item_is_up (get_machine (call)))
    g_string_append_printf (body, _("Up to %s come free when the machine is off."), size);
  else if (seconds >= 1)
    /* Translators: size, length of time: "Up to 120 MB come free, in about 3 seconds." */
    g_string_append_printf (body, _("Up to %s come free, in about %s."), size, span);
  else
    g_string_append_printf (body, _("Up to %s come free, at once."), size);

  dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (GTK_WINDOW (root), heading, body->str));
  g_string_free (body, TRUE);
  adw_message_dialog_add_responses (dialog, "cancel", _("_Cancel"), "delete", _("_Delete"), NULL);
  adw_message_dialog_set_close_response (dialog, "cancel");
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_response_appearance (dialog, "delete", ADW_RESPONSE_DESTRUCTIVE);
  g_signal_connect_data (dialog, "response", G_CALLBACK (delete_response_cb), call, closure_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
delete_forecast_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  g_autoptr (GVariant) forecast = NULL;
  LodgeSnapshotItem *item = lodge_snapshot_list_find (call->list, call->id);
  guint64 bytes = item != NULL ? lodge_snapshot_item_get_size (item) : 0;
  /* What has to be merged is read and written once; a disk that is not fast does so much in a second. */
  double seconds = (double) bytes / (200.0 * 1024 * 1024);

  lodge_ipc_machine_call_forecast_finish (LODGE_IPC_MACHINE (source), &forecast, result, NULL);
  if (forecast != NULL)
    {
      g_variant_lookup (forecast, "bytes", "t", &bytes);
      g_variant_lookup (forecast, "seconds", "d", &seconds);
    }
  ask_delete (call, bytes, seconds);
}

void
lodge_snapshot_delete (GtkWidget *from, LodgeSnapshotList *list, LodgeSnapshotItem *item)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (lodge_snapshot_list_get_machine (list));
  g_autofree char *title = lodge_snapshot_text_title (item, g_get_real_time () / G_USEC_PER_SEC);
  GVariantBuilder options;

  if (proxy == NULL)
    return;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "snapshot", g_variant_new_string (lodge_snapshot_item_get_id (item)));
  lodge_ipc_machine_call_forecast (proxy, "delete", g_variant_builder_end (&options), NULL, delete_forecast_cb,
                                   call_new (from, list, lodge_snapshot_item_get_id (item), title));
}
