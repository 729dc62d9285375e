/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-space.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "ui/lodge-feedback.h"

typedef struct
{
  GtkWindow *parent;      /* (weak) (nullable) */
  LodgeLibrary *library;  /* (owned) */
  LodgeMachineItem *item; /* (owned) */
} Space;

static void
space_free (Space *space)
{
  g_clear_weak_pointer (&space->parent);
  g_object_unref (space->library);
  g_object_unref (space->item);
  g_free (space);
}

static void
emptied_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Space *space = user_data;
  GError *error = NULL;

  if (lodge_ipc_core_call_empty_trash_finish (LODGE_IPC_CORE (source), result, &error))
    {
      if (space->parent != NULL)
        lodge_feedback_toast (GTK_WIDGET (space->parent), _("Lodge’s trash is empty"));
    }
  else if (space->parent != NULL)
    lodge_feedback_error (GTK_WIDGET (space->parent), _("The Trash Could Not Be Emptied"), error, NULL);
  else
    g_error_free (error);
  space_free (space);
}

static void
response_cb (AdwMessageDialog *dialog, const char *response, gpointer user_data)
{
  Space *space = user_data;
  LodgeIpcCore *core = lodge_library_get_core (space->library);
  static const char *const everything[] = { NULL };

  if (g_str_equal (response, "empty") && core != NULL)
    {
      lodge_ipc_core_call_empty_trash (core, everything, g_variant_new ("a{sv}", NULL), NULL, emptied_cb, space);
      return;
    }
  if (g_str_equal (response, "files"))
    {
      g_autofree char *uri = g_filename_to_uri (lodge_machine_item_get_folder (space->item), NULL, NULL);

      if (uri != NULL)
        gtk_show_uri (space->parent, uri, GDK_CURRENT_TIME);
    }
  space_free (space);
}

static char *
make_body (Space *space, guint64 in_trash)
{
  guint64 needed = lodge_machine_item_detail_uint (space->item, "needed", 0);
  const char *name = lodge_machine_item_get_name (space->item);
  g_autofree char *size = g_format_size (needed);
  g_autofree char *trash = g_format_size (in_trash);
  GString *body = g_string_new (NULL);

  if (needed > 0)
    g_string_append_printf (body, _("“%s” waits for %s on the disk where it lies, and then goes on by itself."), name,
                            size);
  else
    g_string_append_printf (body, _("“%s” waits for space on the disk where it lies, and then goes on by itself."),
                            name);
  g_string_append (body, "\n\n");
  if (in_trash > 0)
    g_string_append_printf (body, _("Deleted machines in Lodge’s trash take %s there. Once the trash is empty, they "
                                    "cannot be brought back."), trash);
  else
    g_string_append (body, _("Delete or move files that are not needed."));
  return g_string_free (body, FALSE);
}

static void
listed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Space *space = user_data;
  g_autoptr (GVariant) entries = NULL;
  g_autofree char *body = NULL;
  guint64 in_trash = 0, size;
  GtkWidget *dialog;

  /* Without the list the rest of the dialog is still of use. */
  if (lodge_ipc_core_call_list_trash_finish (LODGE_IPC_CORE (source), &entries, result, NULL))
    for (gsize i = 0; i < g_variant_n_children (entries); i++)
      {
        g_autoptr (GVariant) entry = g_variant_get_child_value (entries, i);

        if (g_variant_lookup (entry, "size", "t", &size))
          in_trash += MIN (size, G_MAXUINT64 - in_trash);
      }
  if (space->parent == NULL)
    {
      space_free (space);
      return;
    }

  body = make_body (space, in_trash);
  dialog = adw_message_dialog_new (space->parent, _("Free Space"), body);
  adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "close", _("_Close"));
  adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "files", _("Show _Files"));
  if (in_trash > 0)
    {
      adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "empty", _("_Empty Trash"));
      adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "empty", ADW_RESPONSE_DESTRUCTIVE);
    }
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "close");
  g_signal_connect (dialog, "response", G_CALLBACK (response_cb), space);
  gtk_window_present (GTK_WINDOW (dialog));
}

void
lodge_console_space_present (GtkWindow *parent, LodgeLibrary *library, LodgeMachineItem *item)
{
  LodgeIpcCore *core = lodge_library_get_core (library);
  Space *space;

  if (core == NULL)
    return;
  space = g_new0 (Space, 1);
  g_set_weak_pointer (&space->parent, parent);
  space->library = g_object_ref (library);
  space->item = g_object_ref (item);
  lodge_ipc_core_call_list_trash (core, g_variant_new ("a{sv}", NULL), NULL, listed_cb, space);
}
