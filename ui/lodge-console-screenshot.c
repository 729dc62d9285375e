/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-screenshot.h"

#include <errno.h>

#include <glib/gi18n-lib.h>

#define MAX_TRIES 1000
#define MAX_NAME_BYTES 200

typedef struct
{
  GdkTexture *texture; /* (owned) */
  char *folder;        /* (owned) */
  char *base;          /* (owned): the file's name without its suffix */
} Save;

static void
save_free (gpointer data)
{
  Save *save = data;

  g_object_unref (save->texture);
  g_free (save->folder);
  g_free (save->base);
  g_free (save);
}

static char *
make_base (const char *machine)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%Y-%m-%d %H-%M-%S");
  g_autofree char *cut = g_utf8_substring (machine, 0, MIN (g_utf8_strlen (machine, -1), MAX_NAME_BYTES / 4));
  /* Translators: file name of a screenshot: the machine's name and the time */
  char *base = g_strdup_printf (_("%s %s"), cut, time);

  /* A name from a person may hold what a file name may not, or would hide the file. */
  g_strdelimit (base, "/", '-');
  if (base[0] == '.')
    base[0] = '-';
  return base;
}

static GFileOutputStream *
create (const Save *save, GFile **file, GCancellable *cancellable, GError **error)
{
  for (guint i = 1; i <= MAX_TRIES; i++)
    {
      g_autofree char *name = i == 1 ? g_strdup_printf ("%s.png", save->base)
                                     : g_strdup_printf ("%s (%u).png", save->base, i);
      g_autoptr (GError) failure = NULL;
      GFileOutputStream *stream;

      g_clear_object (file);
      *file = g_file_new_build_filename (save->folder, name, NULL);
      stream = g_file_create (*file, G_FILE_CREATE_NONE, cancellable, &failure);
      if (stream != NULL)
        return stream;
      if (!g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_EXISTS) || i == MAX_TRIES)
        {
          g_propagate_error (error, g_steal_pointer (&failure));
          return NULL;
        }
    }
  g_return_val_if_reached (NULL);
}

/* To make a PNG of a large screen takes many frames' time. */
static void
save_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Save *save = task_data;
  g_autoptr (GBytes) png = gdk_texture_save_to_png_bytes (save->texture);
  g_autoptr (GFile) file = NULL;
  g_autoptr (GFileOutputStream) stream = NULL;
  GError *error = NULL;

  if (g_mkdir_with_parents (save->folder, 0755) != 0)
    {
      int number = errno;

      g_task_return_new_error (task, G_IO_ERROR, g_io_error_from_errno (number), "%s: %s", save->folder,
                               g_strerror (number));
      return;
    }
  stream = create (save, &file, cancellable, &error);
  if (stream == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  if (!g_output_stream_write_all (G_OUTPUT_STREAM (stream), g_bytes_get_data (png, NULL), g_bytes_get_size (png), NULL,
                                  cancellable, &error)
      || !g_output_stream_close (G_OUTPUT_STREAM (stream), cancellable, &error))
    {
      g_file_delete (file, NULL, NULL);
      g_task_return_error (task, error);
      return;
    }
  g_task_return_pointer (task, g_steal_pointer (&file), g_object_unref);
}

void
lodge_console_screenshot_save_async (GdkTexture *texture, const char *folder, const char *name,
                                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Save *save = g_new0 (Save, 1);

  save->texture = g_object_ref (texture);
  save->folder = g_strdup (folder);
  save->base = make_base (name);
  g_task_set_source_tag (task, lodge_console_screenshot_save_async);
  g_task_set_task_data (task, save, save_free);
  g_task_run_in_thread (task, save_thread);
}

GFile *
lodge_console_screenshot_save_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

const char *
lodge_console_screenshot_folder (void)
{
  const char *pictures = g_get_user_special_dir (G_USER_DIRECTORY_PICTURES);

  return pictures != NULL ? pictures : g_get_home_dir ();
}
