/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-file-tree.h"
#include "core/qemu/lodge-qemu-img.h"
#include "core/storage/lodge-disk-image.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct
{
  char *base;
  char *path;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->base = g_dir_make_tmp ("lodge-disk-XXXXXX", NULL);
  f->path = g_build_filename (f->base, "disks", "disk0.qcow2", NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_true (lodge_file_tree_remove (f->base, NULL, NULL));
  g_free (f->base);
  g_free (f->path);
}

static void
done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_assert_null (*(GAsyncResult **) data);
  *(GAsyncResult **) data = g_object_ref (result);
}

static gboolean
wait (GAsyncResult **slot, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  while (*slot == NULL)
    g_main_context_iteration (NULL, TRUE);
  result = g_steal_pointer (slot);
  return lodge_disk_image_finish (result, error);
}

static gboolean
create (Fixture *f, const char *format, guint64 size, GCancellable *cancellable, GError **error)
{
  GAsyncResult *result = NULL;

  lodge_disk_image_create_async (NULL, f->path, format, size, cancellable, done_cb, &result);
  return wait (&result, error);
}

/* Nothing but the folder is there. */
static void
assert_nothing_left (Fixture *f)
{
  g_autofree char *folder = g_path_get_dirname (f->path);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

  g_assert_true (dir == NULL || g_dir_read_name (dir) == NULL);
}

static LodgeImageInfo *
info (const char *path)
{
  GAsyncResult *result = NULL;
  g_autoptr (GAsyncResult) owned = NULL;
  g_autoptr (GError) error = NULL;
  LodgeImageInfo *found;

  lodge_qemu_img_info_async (NULL, path, "qcow2", NULL, done_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  owned = result;
  found = lodge_qemu_img_info_finish (owned, &error);
  g_assert_no_error (error);
  return found;
}

static void
test_create (Fixture *f, gconstpointer data)
{
  g_autoptr (LodgeImageInfo) made = NULL;
  g_autofree char *folder = g_path_get_dirname (f->path);
  g_autoptr (GDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  struct stat st;

  g_assert_true (create (f, "qcow2", 20 * 1024 * 1024, NULL, &error));
  g_assert_no_error (error);
  made = info (f->path);
  g_assert_cmpuint (made->virtual_size, ==, 20 * 1024 * 1024);
  g_assert_cmpint (g_stat (f->path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 07777, ==, 0600);
  dir = g_dir_open (folder, 0, NULL);
  g_assert_cmpstr (g_dir_read_name (dir), ==, "disk0.qcow2");
  g_assert_null (g_dir_read_name (dir));

  g_assert_false (create (f, "qcow2", 1024 * 1024, NULL, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_EXISTS);
}

static void
test_fails (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (create (f, "no-such-format", 1024 * 1024, NULL, &error));
  g_assert_nonnull (error);
  assert_nothing_left (f);
}

static void
test_cancelled (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_cancellable_cancel (cancellable);
  g_assert_false (create (f, "qcow2", 1024 * 1024, cancellable, &error));
  g_assert_nonnull (error);
  assert_nothing_left (f);
}

static void
test_copy (Fixture *f, gconstpointer data)
{
  g_autofree char *template = g_build_filename (f->base, "VARS.fd", NULL);
  g_autofree char *bytes = g_malloc0 (540672);
  g_autoptr (LodgeImageInfo) made = NULL;
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;

  memset (bytes, 0xff, 4096);
  g_assert_true (g_file_set_contents (template, bytes, 540672, NULL));
  lodge_disk_image_copy_async (NULL, template, f->path, NULL, done_cb, &result);
  g_assert_true (wait (&result, &error));
  g_assert_no_error (error);
  made = info (f->path);
  g_assert_cmpuint (made->virtual_size, ==, 540672);
}

static void
test_copy_missing (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  GAsyncResult *result = NULL;

  lodge_disk_image_copy_async (NULL, "/nonexistent/VARS.fd", f->path, NULL, done_cb, &result);
  g_assert_false (wait (&result, &error));
  g_assert_nonnull (error);
  assert_nothing_left (f);
}

static void
test_space (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (lodge_disk_image_check_space (f->base, 0, &error));
  g_assert_no_error (error);
  g_assert_false (lodge_disk_image_check_space (f->base, G_MAXUINT64, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE);
  g_assert_nonnull (strstr (error->message, "are needed"));
  g_clear_error (&error);
  g_assert_false (lodge_disk_image_check_space ("/nonexistent", 1, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
}

#define ADD(name, func) g_test_add ("/disk-image/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("create", test_create);
  ADD ("fails", test_fails);
  ADD ("cancelled", test_cancelled);
  ADD ("copy", test_copy);
  ADD ("copy-missing", test_copy_missing);
  ADD ("space", test_space);
  return g_test_run ();
}
