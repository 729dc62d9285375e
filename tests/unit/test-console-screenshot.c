/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <glib/gstdio.h>

#include "ui/lodge-console-screenshot.h"

typedef struct
{
  GPtrArray *names;   /* base names, in the order in which they were saved */
  GError *error;
  guint pending;
} Saved;

static void
saved_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Saved *saved = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GFile) file = lodge_console_screenshot_save_finish (result, &error);

  saved->pending--;
  if (file != NULL)
    g_ptr_array_add (saved->names, g_file_get_path (file));
  else
    g_set_error_literal (&saved->error, error->domain, error->code, error->message);
}

static void
save (Saved *saved, guint n, const char *folder, const char *name)
{
  g_autoptr (GBytes) pixels = g_bytes_new_take (g_malloc0 (4 * 3 * 4), 4 * 3 * 4);
  g_autoptr (GdkTexture) texture = gdk_memory_texture_new (4, 3, GDK_MEMORY_R8G8B8A8, pixels, 16);

  saved->names = g_ptr_array_new_with_free_func (g_free);
  saved->pending = n;
  for (guint i = 0; i < n; i++)
    lodge_console_screenshot_save_async (texture, folder, name, NULL, saved_cb, saved);
  while (saved->pending > 0)
    g_main_context_iteration (NULL, TRUE);
}

/* At one moment, from one machine whose name is no file name: three files, none over another, all in the folder. */
static void
test_no_overwriting (void)
{
  g_autofree char *root = g_dir_make_tmp ("lodge-screenshot-XXXXXX", NULL);
  g_autofree char *folder = g_build_filename (root, "Pictures", NULL);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  Saved saved = { 0 };

  save (&saved, 3, folder, "../a/b");
  g_assert_no_error (saved.error);
  g_assert_cmpuint (saved.names->len, ==, 3);
  for (guint i = 0; i < 3; i++)
    {
      const char *path = saved.names->pdata[i];
      g_autofree char *parent = g_path_get_dirname (path);
      g_autofree char *base = g_path_get_basename (path);
      g_autoptr (GdkTexture) read = gdk_texture_new_from_filename (path, NULL);

      g_assert_cmpstr (parent, ==, folder);
      g_assert_true (g_str_has_suffix (base, ".png"));
      g_assert_false (g_str_has_prefix (base, "."));
      g_assert_true (g_hash_table_add (seen, (gpointer) path));
      g_assert_cmpint (gdk_texture_get_width (read), ==, 4);
      g_remove (path);
    }
  g_ptr_array_unref (saved.names);
  g_rmdir (folder);
  g_rmdir (root);
}

static void
test_no_folder (void)
{
  g_autofree char *root = g_dir_make_tmp ("lodge-screenshot-XXXXXX", NULL);
  g_autofree char *file = g_build_filename (root, "file", NULL);
  Saved saved = { 0 };

  g_file_set_contents (file, "", 0, NULL);
  save (&saved, 1, file, "Debian");
  g_assert_error (saved.error, G_IO_ERROR, G_IO_ERROR_NOT_DIRECTORY);
  g_clear_error (&saved.error);
  g_ptr_array_unref (saved.names);
  g_remove (file);
  g_rmdir (root);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/console-screenshot/no-overwriting", test_no_overwriting);
  g_test_add_func ("/console-screenshot/no-folder", test_no_folder);
  return g_test_run ();
}
