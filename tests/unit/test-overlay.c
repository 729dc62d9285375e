/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-layers.h"
#include "core/storage/lodge-overlay.h"

#include "core/config/lodge-file-tree.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct
{
  char *disks;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autofree char *top = g_dir_make_tmp ("lodge-overlay-XXXXXX", NULL);

  fixture->disks = g_build_filename (top, "machines", "a", "disks", NULL);
  g_assert_cmpint (g_mkdir_with_parents (fixture->disks, 0700), ==, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  char *top = strstr (fixture->disks, "/machines");

  *top = '\0';
  g_assert_true (lodge_file_tree_remove (fixture->disks, NULL, NULL));
  g_free (fixture->disks);
}

/* FALSE when there is no such tool here. */
static gboolean
run_qemu_img (char **output, const char *first, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  int status;
  va_list args;

  g_ptr_array_add (argv, (gpointer) "qemu-img");
  va_start (args, first);
  for (const char *word = first; word != NULL; word = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer) word);
  va_end (args);
  g_ptr_array_add (argv, NULL);
  if (!g_spawn_sync (NULL, (char **) argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, output, NULL, &status, &error))
    {
      g_assert_error (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
      return FALSE;
    }
  g_assert_true (g_spawn_check_wait_status (status, &error));
  return TRUE;
}

/* QEMU's own tool finds no fault, and what it says of the image is what was asked for. */
static void
test_sound (Fixture *fixture, gconstpointer data)
{
  static const guint64 sizes[] = { 1 << 20, 512ull << 20, (512ull << 20) + 512, 32ull << 30, 64ull << 40 };
  g_autofree char *base = g_build_filename (fixture->disks, "base.qcow2", NULL);
  g_autofree char *path = g_build_filename (fixture->disks, "top.qcow2", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, sizes[i]);
      g_autofree char *said = g_strdup_printf ("\"virtual-size\": %s", bytes);
      g_autofree char *info = NULL;
      g_autoptr (LodgeLayer) layer = NULL;
      g_autoptr (GError) error = NULL;
      struct stat st;

      g_unlink (base);
      g_unlink (path);
      if (!run_qemu_img (NULL, "create", "-q", "-f", "qcow2", base, bytes, NULL))
        {
          g_test_skip ("there is no qemu-img");
          return;
        }
      g_assert_true (lodge_overlay_write (path, sizes[i], "base.qcow2", "qcow2", &error));
      g_assert_no_error (error);
      run_qemu_img (NULL, "check", "-q", "-f", "qcow2", path, NULL);
      run_qemu_img (&info, "info", "--output=json", path, NULL);
      g_assert_nonnull (strstr (info, said));
      g_assert_nonnull (strstr (info, "\"backing-filename\": \"base.qcow2\""));
      g_assert_nonnull (strstr (info, "\"backing-filename-format\": \"qcow2\""));
      g_assert_cmpint (stat (path, &st), ==, 0);
      g_assert_cmpint (st.st_blocks * 512, <=, 200 * 1024);

      layer = lodge_layers_read (path, &error);
      g_assert_no_error (error);
      g_assert_true (layer->empty);
      g_assert_cmpstr (layer->backing, ==, base);
      g_assert_cmpuint (layer->virtual_size, ==, sizes[i]);
    }
}

static void
test_refused (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->disks, "top.qcow2", NULL);
  g_autofree char *temporary = g_strconcat (path, ".new", NULL);
  g_autofree char *long_name = g_strnfill (1024, 'x');
  g_autoptr (GError) error = NULL;

  g_assert_false (lodge_overlay_write (path, 1 << 20, long_name, "qcow2", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE);
  g_clear_error (&error);
  g_assert_true (lodge_overlay_write (path, 1 << 20, "b", "raw", &error));
  g_assert_false (lodge_overlay_write (path, 1 << 20, "b", "raw", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_EXISTS);
  g_assert_false (g_file_test (temporary, G_FILE_TEST_EXISTS));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/overlay/sound", Fixture, NULL, set_up, test_sound, tear_down);
  g_test_add ("/overlay/refused", Fixture, NULL, set_up, test_refused, tear_down);
  return g_test_run ();
}
