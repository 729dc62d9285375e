/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-file-tree.h"
#include "core/storage/lodge-disk-lock.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  char *base;
  char *image;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  const char *argv[] = { "qemu-img", "create", "-q", "-f", "qcow2", NULL, "1M", NULL };
  int status = -1;

  f->base = g_dir_make_tmp ("lodge-lock-XXXXXX", NULL);
  f->image = g_build_filename (f->base, "a.qcow2", NULL);
  argv[5] = f->image;
  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_true (lodge_file_tree_remove (f->base, NULL, NULL));
  g_free (f->base);
  g_free (f->image);
}

static void
assert_refused (const char *path, gboolean shared, LodgeError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (lodge_disk_lock_take (path, shared, &error));
  g_assert_error (error, LODGE_ERROR, (int) code);
}

static LodgeDiskLock *
take (const char *path, gboolean shared)
{
  g_autoptr (GError) error = NULL;
  LodgeDiskLock *lock = lodge_disk_lock_take (path, shared, &error);

  g_assert_no_error (error);
  return lock;
}

static void
test_machines (Fixture *f, gconstpointer data)
{
  g_autofree char *link_path = g_build_filename (f->base, "other-name", NULL);
  g_autoptr (LodgeDiskLock) lock = take (f->image, FALSE);
  LodgeDiskLock *one, *two;

  /* The file counts, not its name. */
  g_assert_cmpint (link (f->image, link_path), ==, 0);
  assert_refused (link_path, FALSE, LODGE_ERROR_IN_USE);
  assert_refused (f->image, TRUE, LODGE_ERROR_IN_USE);
  g_clear_pointer (&lock, lodge_disk_lock_free);

  one = take (f->image, TRUE);
  two = take (link_path, TRUE);
  assert_refused (f->image, FALSE, LODGE_ERROR_IN_USE);
  lodge_disk_lock_free (one);
  lodge_disk_lock_free (two);
  lodge_disk_lock_free (take (f->image, FALSE));
}

static void
test_missing (Fixture *f, gconstpointer data)
{
  g_autofree char *none = g_build_filename (f->base, "none", NULL);

  assert_refused (none, FALSE, LODGE_ERROR_NOT_FOUND);
}

/* A real QEMU tool has the image open, for writing or for reading. */
static void
test_qemu (Fixture *f, gconstpointer data)
{
  gboolean read_only = GPOINTER_TO_INT (data);
  const char *argv[] = { "qemu-io", "-f", "qcow2", read_only ? "-r" : f->image, read_only ? f->image : NULL, NULL };
  g_autoptr (GSubprocess) qemu = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *holder = NULL;
  LodgeDiskLock *lock = NULL;
  LodgeDiskLock *retaken;

  qemu = g_subprocess_newv (argv, G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 2000 && error == NULL; i++)
    {
      lodge_disk_lock_free (lock);
      g_usleep (10000);
      lock = lodge_disk_lock_take (f->image, FALSE, &error);
    }
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE);
  holder = g_strdup_printf ("qemu-io (process %s)", g_subprocess_get_identifier (qemu));
  g_assert_nonnull (strstr (error->message, holder));

  /* What reads does not keep others from reading. */
  if (read_only)
    lodge_disk_lock_free (take (f->image, TRUE));
  else
    assert_refused (f->image, TRUE, LODGE_ERROR_IN_USE);

  /* An adopted guest's own QEMU is no stranger. */
  retaken = lodge_disk_lock_retake (f->image, FALSE, NULL);
  g_assert_nonnull (retaken);
  lodge_disk_lock_free (retaken);

  g_output_stream_close (g_subprocess_get_stdin_pipe (qemu), NULL, NULL);
  g_assert_true (g_subprocess_wait (qemu, NULL, NULL));
  lodge_disk_lock_free (take (f->image, FALSE));
}

/* Lodge's lock does not keep its own QEMU out. */
static void
test_not_in_the_way (Fixture *f, gconstpointer data)
{
  g_autoptr (LodgeDiskLock) lock G_GNUC_UNUSED = take (f->image, FALSE);
  const char *argv[] = { "qemu-io", "-f", "qcow2", "-c", "write 0 64k", f->image, NULL };
  g_autofree char *said = NULL;
  int status = -1;

  g_assert_true (g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &said, NULL, &status, NULL));
  g_assert_cmpint (status, ==, 0);
  g_assert_nonnull (strstr (said, "wrote 65536"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/disk-lock/machines", Fixture, NULL, set_up, test_machines, tear_down);
  g_test_add ("/disk-lock/missing", Fixture, NULL, set_up, test_missing, tear_down);
  g_test_add ("/disk-lock/qemu-writes", Fixture, GINT_TO_POINTER (FALSE), set_up, test_qemu, tear_down);
  g_test_add ("/disk-lock/qemu-reads", Fixture, GINT_TO_POINTER (TRUE), set_up, test_qemu, tear_down);
  g_test_add ("/disk-lock/not-in-the-way", Fixture, NULL, set_up, test_not_in_the_way, tear_down);
  return g_test_run ();
}
