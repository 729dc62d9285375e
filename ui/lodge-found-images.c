/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-found-images.h"

#include <glib/gi18n-lib.h>

#define MAX_EXAMINED 5000
#define MAX_FOUND 10
#define DAY (24 * 60 * 60)

static void
found_image_free (gpointer data)
{
  LodgeFoundImage *image = data;

  g_object_unref (image->file);
  g_free (image->display_name);
  g_free (image->description);
  g_free (image);
}

static gboolean
looks_like_image (const char *name)
{
  static const char *const suffixes[] = { ".iso", ".img", ".qcow2", ".vmdk", ".vdi", ".vhd", ".vhdx" };
  g_autofree char *lower = g_ascii_strdown (name, -1);

  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    if (g_str_has_suffix (lower, suffixes[i]))
      return TRUE;

  return FALSE;
}

static char *
describe (gint64 size, gint64 modified)
{
  g_autofree char *bytes = g_format_size ((guint64) size);
  gint64 days = (g_get_real_time () / G_USEC_PER_SEC - modified) / DAY;
  g_autofree char *age = NULL;

  if (days < 1)
    age = g_strdup (_("today"));
  else if (days < 60)
    age = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u day ago", "%u days ago", (gulong) days), (guint) days);
  else
    age = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u month ago", "%u months ago", (gulong) (days / 30)),
                           (guint) (days / 30));

  /* Translators: size and age of a file: "640 MB, 3 days ago" */
  return g_strdup_printf (_("%s, %s"), bytes, age);
}

static int
compare_newest (gconstpointer a, gconstpointer b)
{
  const LodgeFoundImage *first = *(LodgeFoundImage *const *) a;
  const LodgeFoundImage *second = *(LodgeFoundImage *const *) b;

  return first->modified < second->modified ? 1 : first->modified > second->modified ? -1 : 0;
}

static void
find_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const char *folder = task_data;
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (found_image_free);
  g_autoptr (GFile) directory = folder != NULL ? g_file_new_for_path (folder) : NULL;
  g_autoptr (GFileEnumerator) files = NULL;
  GFileInfo *info;

  if (directory != NULL)
    files = g_file_enumerate_children (directory,
                                       G_FILE_ATTRIBUTE_STANDARD_NAME "," G_FILE_ATTRIBUTE_STANDARD_DISPLAY_NAME ","
                                       G_FILE_ATTRIBUTE_STANDARD_TYPE "," G_FILE_ATTRIBUTE_STANDARD_SIZE ","
                                       G_FILE_ATTRIBUTE_TIME_MODIFIED,
                                       G_FILE_QUERY_INFO_NONE, cancellable, NULL);

  for (guint i = 0; files != NULL && i < MAX_EXAMINED; i++)
    {
      LodgeFoundImage *image;
      g_autoptr (GDateTime) modified = NULL;
      GFile *file;

      if (!g_file_enumerator_iterate (files, &info, &file, cancellable, NULL) || info == NULL)
        break;
      if (g_file_info_get_file_type (info) != G_FILE_TYPE_REGULAR || !looks_like_image (g_file_info_get_name (info)))
        continue;

      modified = g_file_info_get_modification_date_time (info);
      image = g_new0 (LodgeFoundImage, 1);
      image->file = g_object_ref (file);
      image->display_name = g_strdup (g_file_info_get_display_name (info));
      image->modified = modified != NULL ? g_date_time_to_unix (modified) : 0;
      image->description = describe (g_file_info_get_size (info), image->modified);
      g_ptr_array_add (found, image);
    }

  g_ptr_array_sort (found, compare_newest);
  if (found->len > MAX_FOUND)
    g_ptr_array_set_size (found, MAX_FOUND);
  g_task_return_pointer (task, g_steal_pointer (&found), (GDestroyNotify) g_ptr_array_unref);
}

void
lodge_found_images_async (const char *folder, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, lodge_found_images_async);
  g_task_set_task_data (task, g_strdup (folder), g_free);
  g_task_run_in_thread (task, find_thread);
}

GPtrArray *
lodge_found_images_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
