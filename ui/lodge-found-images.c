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
  g_free (image->size);
  g_free (image->age);
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
describe_age (gint64 modified)
{
  gint64 days = (g_get_real_time () / G_USEC_PER_SEC - modified) / DAY;

  if (days < 1)
    return g_strdup (_("today"));
  if (days < 60)
    return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u day ago", "%u days ago", (gulong) days), (guint) days);
  return g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "%u month ago", "%u months ago", (gulong) (days / 30)),
                          (guint) (days / 30));
}

static LodgeFoundImage *
found_image_new (GFile *file, GFileInfo *info)
{
  LodgeFoundImage *image = g_new0 (LodgeFoundImage, 1);
  g_autoptr (GDateTime) modified = g_file_info_get_modification_date_time (info);

  image->file = g_object_ref (file);
  image->display_name = g_strdup (g_file_info_get_display_name (info));
  image->modified = modified != NULL ? g_date_time_to_unix (modified) : 0;
  image->size = g_format_size ((guint64) g_file_info_get_size (info));
  image->age = describe_age (image->modified);
  return image;
}

typedef struct
{
  char *folder; /* (owned) (nullable) */
  GStrv recent; /* (owned) (nullable) */
} Where;

static void
where_free (gpointer data)
{
  Where *where = data;

  g_free (where->folder);
  g_strfreev (where->recent);
  g_free (where);
}

static int
compare_newest (gconstpointer a, gconstpointer b)
{
  const LodgeFoundImage *first = *(LodgeFoundImage *const *) a;
  const LodgeFoundImage *second = *(LodgeFoundImage *const *) b;

  return first->modified < second->modified ? 1 : first->modified > second->modified ? -1 : 0;
}

#define ATTRIBUTES                                                                         \
  G_FILE_ATTRIBUTE_STANDARD_NAME "," G_FILE_ATTRIBUTE_STANDARD_DISPLAY_NAME ","            \
  G_FILE_ATTRIBUTE_STANDARD_TYPE "," G_FILE_ATTRIBUTE_STANDARD_SIZE ","                    \
  G_FILE_ATTRIBUTE_TIME_MODIFIED

static void
find_in_folder (const char *folder, GPtrArray *found, GCancellable *cancellable)
{
  g_autoptr (GFile) directory = g_file_new_for_path (folder);
  g_autoptr (GFileEnumerator) files = g_file_enumerate_children (directory, ATTRIBUTES, G_FILE_QUERY_INFO_NONE,
                                                                 cancellable, NULL);
  GFileInfo *info;
  GFile *file;

  for (guint i = 0; files != NULL && i < MAX_EXAMINED; i++)
    {
      if (!g_file_enumerator_iterate (files, &info, &file, cancellable, NULL) || info == NULL)
        break;
      if (g_file_info_get_file_type (info) == G_FILE_TYPE_REGULAR && looks_like_image (g_file_info_get_name (info)))
        g_ptr_array_add (found, found_image_new (file, info));
    }
}

static gboolean
is_found (GPtrArray *found, GFile *file)
{
  for (guint i = 0; i < found->len; i++)
    if (g_file_equal (((LodgeFoundImage *) found->pdata[i])->file, file))
      return TRUE;

  return FALSE;
}

static void
find_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const Where *where = task_data;
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (found_image_free);

  if (where->folder != NULL)
    find_in_folder (where->folder, found, cancellable);
  for (guint i = 0; where->recent != NULL && where->recent[i] != NULL && i < MAX_FOUND; i++)
    {
      g_autoptr (GFile) file = g_file_new_for_path (where->recent[i]);
      g_autoptr (GFileInfo) info = g_file_query_info (file, ATTRIBUTES, G_FILE_QUERY_INFO_NONE, cancellable, NULL);

      if (info != NULL && g_file_info_get_file_type (info) == G_FILE_TYPE_REGULAR && !is_found (found, file))
        g_ptr_array_add (found, found_image_new (file, info));
    }

  g_ptr_array_sort (found, compare_newest);
  if (found->len > MAX_FOUND)
    g_ptr_array_set_size (found, MAX_FOUND);
  g_task_return_pointer (task, g_steal_pointer (&found), (GDestroyNotify) g_ptr_array_unref);
}

void
lodge_found_images_async (const char *folder, const char *const *recent, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Where *where = g_new0 (Where, 1);

  where->folder = g_strdup (folder);
  where->recent = g_strdupv ((GStrv) recent);
  g_task_set_source_tag (task, lodge_found_images_async);
  g_task_set_task_data (task, where, where_free);
  g_task_run_in_thread (task, find_thread);
}

GPtrArray *
lodge_found_images_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
