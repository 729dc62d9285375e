/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-medium.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-image-file.h"

typedef struct
{
  GtkWidget *from;        /* (weak) (nullable) */
  LodgeMachineItem *item; /* (owned) */
  GFile *file;            /* (owned) (nullable) */
  char *name;             /* (owned) (nullable): of the file, for people */
} Call;

static Call *
call_new (GtkWidget *from, LodgeMachineItem *item, GFile *file)
{
  Call *call = g_new0 (Call, 1);

  g_set_weak_pointer (&call->from, from);
  call->item = g_object_ref (item);
  call->file = file != NULL ? g_object_ref (file) : NULL;
  return call;
}

static void
call_free (Call *call)
{
  g_clear_weak_pointer (&call->from);
  g_object_unref (call->item);
  g_clear_object (&call->file);
  g_free (call->name);
  g_free (call);
}

static void
fail (Call *call, const char *heading, GError *error)
{
  if (call->from != NULL)
    lodge_feedback_error (call->from, heading, error, NULL);
  else
    g_error_free (error);
}

static void
tell (Call *call, const char *text)
{
  if (call->from != NULL && gtk_widget_get_root (call->from) != NULL)
    lodge_feedback_toast (call->from, text);
}

static void
unref_closure_data (gpointer data, GClosure *closure)
{
  g_object_unref (data);
}

static void
eject_again_cb (LodgeMachineItem *item, AdwToast *toast)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (item);

  if (proxy != NULL)
    lodge_ipc_machine_call_eject_medium (proxy, g_variant_new ("a{sv}", NULL), NULL, NULL, NULL);
}

static void
inserted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  GError *error = NULL;

  if (!lodge_ipc_machine_call_insert_medium_finish (LODGE_IPC_MACHINE (source), NULL, result, &error))
    lodge_error_normalize (error);
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED))
    {
      g_autofree char *text = g_strdup_printf (_("“%s” has no CD drive"), lodge_machine_item_get_name (call->item));

      tell (call, text);
      g_error_free (error);
    }
  else if (error != NULL)
    fail (call, _("The Disc Could Not Be Inserted"), error);
  else
    {
      g_autofree char *uri = g_file_get_uri (call->file);
      g_autofree char *text = g_strdup_printf (_("“%s” inserted"), call->name);

      gtk_recent_manager_add_item (gtk_recent_manager_get_default (), uri);
      if (call->from != NULL && gtk_widget_get_root (call->from) != NULL)
        {
          AdwToast *toast = lodge_feedback_toast_button (call->from, text, _("_Eject"));

          g_signal_connect_data (toast, "button-clicked", G_CALLBACK (eject_again_cb), g_object_ref (call->item),
                                 unref_closure_data, G_CONNECT_SWAPPED);
        }
    }
  call_free (call);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  GError *error = NULL;
  g_autoptr (LodgeImageFile) image = lodge_image_file_open_finish (result, &error);
  g_autoptr (GUnixFDList) files = NULL;
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (call->item);

  if (image != NULL && !g_str_equal (image->role, "iso"))
    error = g_error_new (LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT,
                         _("“%s” is a disk image (%s). Only images of CDs and DVDs can be inserted."),
                         image->display_name, image->format);
  if (error != NULL)
    {
      /* These sentences are for people already. */
      tell (call, error->message);
      g_error_free (error);
      call_free (call);
      return;
    }
  if (proxy == NULL)
    {
      call_free (call);
      return;
    }

  files = g_unix_fd_list_new ();
  if (g_unix_fd_list_append (files, image->fd, &error) < 0)
    {
      fail (call, _("The Disc Could Not Be Inserted"), error);
      call_free (call);
      return;
    }
  call->name = g_strdup (image->display_name);
  lodge_ipc_machine_call_insert_medium (proxy, image->display_name, g_variant_new_handle (0),
                                        g_variant_new ("a{sv}", NULL), files, NULL, inserted_cb, call);
}

void
lodge_console_medium_insert (GtkWidget *from, LodgeMachineItem *item, GFile *file)
{
  lodge_image_file_open_async (file, NULL, opened_cb, call_new (from, item, file));
}

static void
chosen_cb (GtkNativeDialog *chooser, int response, gpointer user_data)
{
  Call *call = user_data;

  if (response == GTK_RESPONSE_ACCEPT && call->from != NULL)
    {
      g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser));

      if (file != NULL)
        lodge_console_medium_insert (call->from, call->item, file);
    }
  call_free (call);
  g_object_unref (chooser);
}

void
lodge_console_medium_choose (GtkWidget *from, LodgeMachineItem *item)
{
  g_autoptr (GtkFileFilter) discs = gtk_file_filter_new ();
  g_autoptr (GtkFileFilter) all = gtk_file_filter_new ();
  const char *downloads = g_get_user_special_dir (G_USER_DIRECTORY_DOWNLOAD);
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (_("Insert Disc"), GTK_WINDOW (gtk_widget_get_root (from)),
                                                               GTK_FILE_CHOOSER_ACTION_OPEN, _("_Insert"), NULL);

  gtk_file_filter_set_name (discs, _("Disc Images"));
  gtk_file_filter_add_suffix (discs, "iso");
  gtk_file_filter_add_suffix (discs, "img");
  gtk_file_filter_set_name (all, _("All Files"));
  gtk_file_filter_add_pattern (all, "*");
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (chooser), discs);
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (chooser), all);
  if (downloads != NULL)
    {
      g_autoptr (GFile) folder = g_file_new_for_path (downloads);

      gtk_file_chooser_set_current_folder (GTK_FILE_CHOOSER (chooser), folder, NULL);
    }
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect (chooser, "response", G_CALLBACK (chosen_cb), call_new (from, item, NULL));
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}

static void
undo_eject_cb (Call *call)
{
  if (call->from != NULL)
    lodge_console_medium_insert (call->from, call->item, call->file);
}

static void
undo_free (gpointer data, GClosure *closure)
{
  call_free (data);
}

static void
ejected_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  GError *error = NULL;

  if (!lodge_ipc_machine_call_eject_medium_finish (LODGE_IPC_MACHINE (source), result, &error))
    fail (call, _("The Disc Could Not Be Ejected"), error);
  else if (call->from != NULL && gtk_widget_get_root (call->from) != NULL)
    {
      g_autofree char *text = g_strdup_printf (_("“%s” ejected"), call->name);

      lodge_feedback_undo_toast (call->from, text, G_CALLBACK (undo_eject_cb), call, undo_free);
      return;
    }
  call_free (call);
}

void
lodge_console_medium_eject (GtkWidget *from, LodgeMachineItem *item)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (item);
  g_autofree char *name = lodge_console_medium_name (item);
  g_autoptr (GFile) file = NULL;
  Call *call;

  if (proxy == NULL || name == NULL)
    return;
  file = g_file_new_for_path (lodge_machine_item_setting_string (item, "cd", ""));
  call = call_new (from, item, file);
  call->name = g_steal_pointer (&name);
  lodge_ipc_machine_call_eject_medium (proxy, g_variant_new ("a{sv}", NULL), NULL, ejected_cb, call);
}

char *
lodge_console_medium_name (LodgeMachineItem *item)
{
  const char *path = lodge_machine_item_setting_string (item, "cd", "");

  return *path != '\0' ? g_filename_display_basename (path) : NULL;
}
