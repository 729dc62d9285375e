/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-disk-intent.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-disk-trash.h"
#include "core/config/lodge-profile.h"

#include <string.h>
#include <unistd.h>

#define DISKS "disks"
#define INTENT "disks/.disk-work"
#define INTENT_MAX 65536

gboolean
lodge_disk_intent_write (const char *folder, const char *const *new_files, const char *old, const char *trash, GError **error)
{
  g_autofree char *path = g_build_filename (folder, INTENT, NULL);
  g_autofree char *disks = g_build_filename (folder, DISKS, NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  for (gsize i = 0; new_files[i] != NULL; i++)
    g_string_append_printf (text, "new %s\n", new_files[i]);
  if (old != NULL)
    g_string_append_printf (text, "old %s\n", old);
  if (trash != NULL)
    g_string_append_printf (text, "trash %s\n", trash);

  if (g_mkdir_with_parents (disks, 0700) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "cannot make %s", disks);
      return FALSE;
    }
  return lodge_atomic_file_write (path, text->str, text->len, error);
}

typedef struct
{
  char *folder;     /* (owned) */
  char **new_files; /* (owned) */
  char *old;        /* (owned) (nullable) */
} Write;

static void
write_free (Write *write)
{
  g_free (write->folder);
  g_strfreev (write->new_files);
  g_free (write->old);
  g_free (write);
}

static void
write_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Write *write = data;
  GError *error = NULL;

  if (lodge_disk_intent_write (write->folder, (const char *const *) write->new_files, write->old, NULL, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
lodge_disk_intent_write_async (const char *folder, const char *const *new_files, const char *old, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  Write *write = g_new0 (Write, 1);

  g_task_set_source_tag (task, lodge_disk_intent_write_async);
  write->folder = g_strdup (folder);
  write->new_files = g_strdupv ((char **) new_files);
  write->old = g_strdup (old);
  g_task_set_task_data (task, write, (GDestroyNotify) write_free);
  g_task_run_in_thread (task, write_thread);
}

gboolean
lodge_disk_intent_write_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
lodge_disk_intent_settle (const char *folder, const char *trash_dir)
{
  g_autofree char *path = g_build_filename (folder, INTENT, NULL);
  g_autofree char *half = g_build_filename (folder, INTENT ".new", NULL);
  g_autofree char *json = g_build_filename (folder, "machine.json", NULL);
  g_autofree char *text = lodge_file_read (path, INTENT_MAX, NULL, NULL);
  g_autofree char *document = NULL;
  g_autoptr (LodgeProfile) profile = NULL;
  g_auto (GStrv) lines = NULL;
  gsize length;

  unlink (half);
  if (text == NULL)
    return;
  document = lodge_file_read (json, LODGE_PROFILE_MAX_BYTES, &length, NULL);
  profile = document != NULL ? lodge_profile_from_json (document, length, NULL) : NULL;
  /* Without a machine.json that can be read nobody knows what is the machine's. */
  if (profile == NULL)
    return;

  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *space = strchr (lines[i], ' ');
      const char *file = space != NULL ? space + 1 : "";
      g_autofree char *absolute = g_build_filename (folder, file, NULL);
      g_autofree char *parent = g_path_get_dirname (file);

      if (!g_str_equal (parent, DISKS))
        continue;
      if (g_str_has_prefix (lines[i], "trash "))
        lodge_disk_trash_settle (trash_dir, folder, absolute, profile);
      else if (!lodge_profile_has_disk (profile, file))
        unlink (absolute);
    }
  unlink (path);
}

void
lodge_disk_intent_recover (const char *folder, const char *trash_dir)
{
  g_autofree char *disks = g_build_filename (folder, DISKS, NULL);
  GDir *dir;
  const char *name;

  lodge_disk_intent_settle (folder, trash_dir);
  dir = g_dir_open (disks, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, LODGE_DISK_WORK_PREFIX) || g_str_has_suffix (name, ".new"))
      {
        g_autofree char *path = g_build_filename (disks, name, NULL);

        unlink (path);
      }
  g_clear_pointer (&dir, g_dir_close);
}
