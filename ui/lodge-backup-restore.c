/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-backup-restore.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "ui/lodge-backup-text.h"

typedef struct
{
  GtkWidget *from;         /* (weak) (nullable) */
  LodgeLibrary *library;   /* (owned) */
  LodgeSnapshotList *list; /* (owned) */
  char *path;              /* (owned) */
  GVariant *facts;         /* (owned) */
  LodgeBackupEnd end;
} Ask;

static void
ask_free (gpointer data, GClosure *closure)
{
  Ask *ask = data;

  g_clear_weak_pointer (&ask->from);
  g_object_unref (ask->library);
  g_object_unref (ask->list);
  g_free (ask->path);
  g_variant_unref (ask->facts);
  g_free (ask);
}

static void
response_cb (Ask *ask, const char *response)
{
  if (ask->from == NULL || g_str_equal (response, "cancel"))
    return;
  lodge_backup_restore (ask->from, ask->library, ask->path, ask->facts,
                        g_str_equal (response, "in-place") ? ask->list : NULL, ask->end);
}

static char *
make_body (LodgeMachineItem *item, GVariant *facts, gboolean possible)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  const char *name = lodge_machine_item_get_name (item);
  guint64 size = 0;
  g_autofree char *loss = lodge_backup_text_loss (facts, item, now);
  g_autofree char *whole = NULL;
  GString *body = g_string_new (NULL);

  g_variant_lookup (facts, "size", "t", &size);
  whole = g_format_size (size);
  if (!possible)
    /* Translators: name of the machine */
    g_string_append_printf (body, _("In place: shut “%s” down first."), name);
  else if (loss == NULL)
    g_string_append_printf (body, _("In place: “%s” becomes what it was then. It was not started since, so nothing is lost."), name);
  else
    /* Translators: name of the machine, "changes since Today, 14:05" */
    g_string_append_printf (body, _("In place: “%s” becomes what it was then. That takes away %s. They are kept in a snapshot "
                                    "of their own, so it can be undone."), name, loss);
  g_string_append (body, "\n\n");
  /* Translators: name of the machine, size */
  g_string_append_printf (body, _("As a new machine: “%s” stays as it is, and disks of up to %s are made beside it."), name, whole);
  return g_string_free (body, FALSE);
}

void
lodge_backup_restore_ask (GtkWidget *from, LodgeLibrary *library, LodgeSnapshotList *list, const char *path, GVariant *facts,
                          LodgeBackupEnd end)
{
  GtkRoot *root = gtk_widget_get_root (from);
  LodgeMachineItem *item = list != NULL ? lodge_snapshot_list_get_machine (list) : NULL;
  LodgeMachineState state = item != NULL ? lodge_machine_item_get_state (item) : LODGE_MACHINE_BROKEN;
  gboolean possible = (state == LODGE_MACHINE_OFF || state == LODGE_MACHINE_SAVED) && !lodge_machine_item_is_busy (item);
  g_autofree char *title = lodge_backup_text_title (facts, FALSE, g_get_real_time () / G_USEC_PER_SEC);
  g_autofree char *heading = NULL;
  g_autofree char *body = NULL;
  AdwMessageDialog *dialog;
  Ask *ask;

  if (item == NULL)
    {
      lodge_backup_restore (from, library, path, facts, NULL, end);
      return;
    }
  /* Translators: %s is "Today, 14:05" */
  heading = g_strdup_printf (_("Restore the Backup “%s”?"), title);
  body = make_body (item, facts, possible);
  ask = g_new0 (Ask, 1);
  g_set_weak_pointer (&ask->from, from);
  ask->library = g_object_ref (library);
  ask->list = g_object_ref (list);
  ask->path = g_strdup (path);
  ask->facts = g_variant_ref (facts);
  ask->end = end;
  dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (GTK_WINDOW (root), heading, body));
  adw_message_dialog_add_responses (dialog, "cancel", _("_Cancel"), "in-place", _("Restore in _Place"), "new",
                                    _("Make a _New Machine"), NULL);
  adw_message_dialog_set_close_response (dialog, "cancel");
  adw_message_dialog_set_default_response (dialog, "new");
  adw_message_dialog_set_response_enabled (dialog, "in-place", possible);
  adw_message_dialog_set_response_appearance (dialog, "new", ADW_RESPONSE_SUGGESTED);
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), ask, ask_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}
