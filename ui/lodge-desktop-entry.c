/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-desktop-entry.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>

#include "ui/lodge-system.h"

static char *
entry_path (const char *id)
{
  g_autofree char *base = g_strdup_printf ("%s.machine-%s.desktop", LODGE_APP_ID, id);

  return g_build_filename (g_get_user_data_dir (), "applications", base, NULL);
}

gboolean
lodge_desktop_entry_exists (const char *id)
{
  g_autofree char *path = entry_path (id);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

gboolean
lodge_desktop_entry_write (LodgeMachineItem *item, GError **error)
{
  const char *id = lodge_machine_item_get_id (item);
  g_autofree char *path = entry_path (id);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *icon = lodge_system_icon (lodge_machine_item_setting_string (item, "os", ""), "");
  /* By its id, which is letters, digits and '-': nothing that a shell or the format would take for its own. */
  g_autofree char *command = g_strdup_printf ("lodge %s", id);
  g_autofree char *comment = g_strdup_printf (_("Opens the machine “%s”"), lodge_machine_item_get_name (item));
  g_autofree char *text = NULL;
  g_autoptr (GKeyFile) entry = g_key_file_new ();
  gsize length;

  g_key_file_set_string (entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_TYPE, "Application");
  g_key_file_set_string (entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_NAME,
                         lodge_machine_item_get_name (item));
  g_key_file_set_string (entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_COMMENT, comment);
  g_key_file_set_string (entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_EXEC, command);
  g_key_file_set_string (entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_ICON, icon);
  g_key_file_set_string (entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_CATEGORIES, "System;Emulator;");
  g_key_file_set_boolean (entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_STARTUP_NOTIFY, TRUE);
  text = g_key_file_to_data (entry, &length, NULL);

  if (g_mkdir_with_parents (folder, 0700) != 0)
    {
      g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errno), "%s: %s", folder, g_strerror (errno));
      return FALSE;
    }
  return g_file_set_contents (path, text, (gssize) length, error);
}

gboolean
lodge_desktop_entry_remove (const char *id, GError **error)
{
  g_autofree char *path = entry_path (id);

  if (g_unlink (path) == 0 || errno == ENOENT)
    return TRUE;
  g_set_error (error, G_IO_ERROR, (int) g_io_error_from_errno (errno), "%s: %s", path, g_strerror (errno));
  return FALSE;
}
