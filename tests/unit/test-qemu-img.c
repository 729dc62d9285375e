/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "core/qemu/lodge-qemu-img.h"
#include "core/qemu/lodge-subprocess.h"

#define MIB (1024 * 1024)

static LodgeSandbox *sandbox; /* (nullable) */

typedef struct
{
  char         *folder;
  GAsyncResult *result;
  double        fraction;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("lodge-qemu-img-XXXXXX", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (fixture->folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (fixture->folder, name, NULL);

      g_unlink (path);
    }
  g_assert_no_errno (g_rmdir (fixture->folder));
  g_clear_object (&fixture->result);
  g_free (fixture->folder);
}

static char *
path_of (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->folder, name, NULL);
}

static void
done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *fixture = data;

  g_assert_null (fixture->result);
  fixture->result = g_object_ref (result);
}

static GAsyncResult *
wait_for (Fixture *fixture)
{
  static GAsyncResult *last;

  while (fixture->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_clear_object (&last);
  last = g_steal_pointer (&fixture->result);

  return last;
}

static void
create (Fixture *fixture, const char *path, const char *format, guint64 size, const char *backing)
{
  g_autoptr (GError) error = NULL;

  lodge_qemu_img_create_async (sandbox, path, format, size, backing, backing != NULL ? "qcow2" : NULL, NULL, done_cb, fixture);
  lodge_qemu_img_create_finish (wait_for (fixture), &error);
  g_assert_no_error (error);
}

static LodgeImageInfo *
get_info (Fixture *fixture, const char *path, const char *format, GError **error)
{
  lodge_qemu_img_info_async (sandbox, path, format, NULL, done_cb, fixture);

  return lodge_qemu_img_info_finish (wait_for (fixture), error);
}

static void
test_create (Fixture *fixture, gconstpointer data)
{
  g_autofree char *base = path_of (fixture, "base, with 'odd' name.qcow2");
  g_autofree char *overlay = path_of (fixture, "overlay.qcow2");
  g_autoptr (LodgeImageInfo) info = NULL;
  g_autoptr (GError) error = NULL;

  create (fixture, base, "qcow2", 64 * MIB, NULL);
  info = get_info (fixture, base, "qcow2", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (info->format, ==, "qcow2");
  g_assert_cmpuint (info->virtual_size, ==, 64 * MIB);
  g_assert_cmpuint (info->actual_size, <, MIB);
  g_assert_null (info->backing_file);
  g_assert_false (info->dirty || info->corrupt || info->encrypted);
  g_clear_pointer (&info, lodge_image_info_free);

  create (fixture, overlay, "qcow2", 64 * MIB, "base, with 'odd' name.qcow2");
  info = get_info (fixture, overlay, "qcow2", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (info->backing_file, ==, "base, with 'odd' name.qcow2");
  g_assert_cmpstr (info->backing_format, ==, "qcow2");

  lodge_qemu_img_create_async (sandbox, base, "qcow2", MIB, NULL, NULL, NULL, done_cb, fixture);
  g_assert_false (lodge_qemu_img_create_finish (wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_EXISTS);
}

static void
test_errors (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = path_of (fixture, "text");
  g_autofree char *missing = path_of (fixture, "missing");
  g_autofree char *fake = path_of (fixture, "qemu-img");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (text, "This is no disk.\n", -1, NULL));
  g_assert_null (get_info (fixture, text, "qcow2", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
  g_clear_error (&error);
  g_assert_null (get_info (fixture, text, "vmdk", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
  g_clear_error (&error);

  if (sandbox == NULL) /* bubblewrap says it in its own way */
    {
      g_assert_null (get_info (fixture, missing, "qcow2", &error));
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
      g_clear_error (&error);
    }

  /* A disk that is full, told by a qemu-img of our own, which has to be seen in the confinement too. */
  g_assert_true (g_file_set_contents_full (
      fake, "#!/bin/sh\necho 'qemu-img: error while writing at byte 0: No space left on device' >&2\nexit 1\n", -1,
      G_FILE_SET_CONTENTS_NONE, 0755, NULL));
  g_setenv ("LODGE_QEMU_DIR", fixture->folder, TRUE);
  g_assert_null (get_info (fixture, text, "raw", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE);
  g_assert_cmpstr (error->message, ==, "error while writing at byte 0: No space left on device");
  g_clear_error (&error);
  g_unsetenv ("LODGE_QEMU_DIR");

  lodge_qemu_img_info_async (sandbox, text, "raw", cancellable, done_cb, fixture);
  g_cancellable_cancel (cancellable);
  g_assert_null (lodge_qemu_img_info_finish (wait_for (fixture), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
progress_cb (double fraction, gpointer data)
{
  Fixture *fixture = data;

  g_assert_cmpfloat (fraction, >, fixture->fraction);
  g_assert_cmpfloat (fraction, <=, 1);
  fixture->fraction = fraction;
}

static void
test_convert (Fixture *fixture, gconstpointer data)
{
  g_autofree char *raw = path_of (fixture, "raw");
  g_autofree char *qcow2 = path_of (fixture, "q");
  g_autofree char *back = path_of (fixture, "back");
  g_autofree char *bytes = g_malloc (4 * MIB);
  g_autofree char *copied = NULL;
  gsize length;
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < 4 * MIB; i++)
    bytes[i] = (char) (i * 7 + i / 4096);
  g_assert_true (g_file_set_contents (raw, bytes, 4 * MIB, NULL));

  lodge_qemu_img_convert_async (sandbox, raw, "raw", NULL, qcow2, "qcow2", progress_cb, fixture, NULL, done_cb, fixture);
  lodge_qemu_img_convert_finish (wait_for (fixture), &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (fixture->fraction, ==, 1);

  lodge_qemu_img_convert_async (sandbox, qcow2, "qcow2", NULL, back, "raw", NULL, NULL, NULL, done_cb, fixture);
  lodge_qemu_img_convert_finish (wait_for (fixture), &error);
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (back, &copied, &length, NULL));
  g_assert_cmpmem (copied, length, bytes, 4 * MIB);

  lodge_qemu_img_convert_async (sandbox, raw, "raw", NULL, qcow2, "qcow2", NULL, NULL, NULL, done_cb, fixture);
  g_assert_false (lodge_qemu_img_convert_finish (wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_EXISTS);
}

/* A hostile image names a file of the host as its parent: confined, nothing of it gets into the copy. */
static void
test_hostile (Fixture *fixture, gconstpointer data)
{
  g_autofree char *folder = g_dir_make_tmp ("lodge-secret-XXXXXX", NULL);
  g_autofree char *secret = g_build_filename (folder, "secret", NULL);
  g_autofree char *image = path_of (fixture, "hostile.qcow2");
  g_autofree char *copy = path_of (fixture, "copy.raw");
  g_autofree char *command = g_strdup_printf ("qemu-img create -q -f qcow2 -u -b %s -F raw %s 1M", secret, image);
  g_autoptr (LodgeImageInfo) info = NULL;
  g_autoptr (GError) error = NULL;

  if (sandbox == NULL)
    {
      g_test_skip ("no confinement");
      g_rmdir (folder);
      return;
    }
  g_assert_true (g_file_set_contents (secret, "the host's secret", -1, NULL));
  g_assert_true (g_spawn_command_line_sync (command, NULL, NULL, NULL, NULL));

  info = get_info (fixture, image, "qcow2", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (info->backing_file, ==, secret);

  lodge_qemu_img_convert_async (sandbox, image, "qcow2", NULL, copy, "raw", NULL, NULL, NULL, done_cb, fixture);
  g_assert_false (lodge_qemu_img_convert_finish (wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_unlink (secret);
  g_rmdir (folder);
}

static void
test_resize (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = path_of (fixture, "disk");
  g_autoptr (LodgeImageInfo) info = NULL;
  g_autoptr (GError) error = NULL;

  create (fixture, path, "qcow2", 8 * MIB, NULL);
  lodge_qemu_img_resize_async (sandbox, path, "qcow2", 16 * MIB, NULL, done_cb, fixture);
  lodge_qemu_img_resize_finish (wait_for (fixture), &error);
  g_assert_no_error (error);
  info = get_info (fixture, path, "qcow2", &error);
  g_assert_cmpuint (info->virtual_size, ==, 16 * MIB);

  lodge_qemu_img_resize_async (sandbox, path, "qcow2", 4 * MIB, NULL, done_cb, fixture);
  g_assert_false (lodge_qemu_img_resize_finish (wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE);
}

static void
test_check (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = path_of (fixture, "disk");
  LodgeImageCheck check = { 9, 9, 9 };
  g_autoptr (GError) error = NULL;
  int fd;

  create (fixture, path, "qcow2", 8 * MIB, NULL);
  lodge_qemu_img_check_async (sandbox, path, "qcow2", NULL, LODGE_IMAGE_REPAIR_NONE, NULL, done_cb, fixture);
  lodge_qemu_img_check_finish (wait_for (fixture), &check, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (check.corruptions + check.leaks + check.fixed, ==, 0);

  /* The reference count of the header's cluster becomes 0: the table is the cluster at 128 KiB. */
  fd = open (path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (pwrite (fd, "\0\0", 2, 2 * 65536), ==, 2);
  close (fd);
  lodge_qemu_img_check_async (sandbox, path, "qcow2", NULL, LODGE_IMAGE_REPAIR_NONE, NULL, done_cb, fixture);
  lodge_qemu_img_check_finish (wait_for (fixture), &check, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (check.corruptions, ==, 1);

  lodge_qemu_img_check_async (sandbox, path, "qcow2", NULL, LODGE_IMAGE_REPAIR_ALL, NULL, done_cb, fixture);
  lodge_qemu_img_check_finish (wait_for (fixture), &check, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (check.corruptions, ==, 0);
  g_assert_cmpuint (check.fixed, ==, 1);

  lodge_qemu_img_check_async (sandbox, path, "raw", NULL, LODGE_IMAGE_REPAIR_NONE, NULL, done_cb, fixture);
  g_assert_true (lodge_qemu_img_check_finish (wait_for (fixture), &check, &error));
  g_assert_cmpuint (check.corruptions, ==, 0);
}

/* Another process holds the image: qemu-io, which takes QEMU's own locks. */
static void
test_in_use (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = path_of (fixture, "disk");
  g_autoptr (GSubprocess) holder = NULL;
  g_autoptr (GDataInputStream) output = NULL;
  g_autofree char *line = NULL;
  g_autoptr (LodgeImageInfo) info = NULL;
  g_autoptr (GError) error = NULL;

  create (fixture, path, "qcow2", 8 * MIB, NULL);
  holder = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error,
                             "qemu-io", "-f", "qcow2", path, NULL);
  g_assert_no_error (error);
  g_output_stream_write_all (g_subprocess_get_stdin_pipe (holder), "length\n", 7, NULL, NULL, NULL);
  output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (holder));
  line = g_data_input_stream_read_line (output, NULL, NULL, NULL);
  g_assert_nonnull (line);

  info = get_info (fixture, path, "qcow2", &error);
  g_assert_no_error (error);
  lodge_qemu_img_resize_async (sandbox, path, "qcow2", 16 * MIB, NULL, done_cb, fixture);
  g_assert_false (lodge_qemu_img_resize_finish (wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE);

  g_output_stream_close (g_subprocess_get_stdin_pipe (holder), NULL, NULL);
  g_subprocess_wait (holder, NULL, NULL);
}

static void
test_any_tool (Fixture *fixture, gconstpointer data)
{
  static const char *const says[] = { "sh", "-c", "echo out; printf 'one\\ntwo\\377\\n' >&2; exit 5", NULL };
  static const char *const floods[] = { "sh", "-c", "sleep 97531 & cat /dev/zero", NULL };
  static const char *const complains[] = { "sh", "-c", "head -c 9000000 /dev/zero >&2; echo end >&2; kill -9 $$", NULL };
  static const char *const missing[] = { "/nonexistent", NULL };
  g_autoptr (LodgeOutput) output = NULL;
  g_autoptr (GError) error = NULL;

  lodge_subprocess_run_async (NULL, NULL, says, 100, NULL, NULL, NULL, done_cb, fixture);
  output = lodge_subprocess_run_finish (wait_for (fixture), &error);
  g_assert_no_error (error);
  g_assert_cmpint (output->exit_code, ==, 5);
  g_assert_cmpstr (output->text, ==, "out\n");
  g_assert_cmpstr (output->complaint, ==, "one two\xef\xbf\xbd");
  g_clear_pointer (&output, lodge_output_free);

  lodge_subprocess_run_async (NULL, NULL, floods, 100000, NULL, NULL, NULL, done_cb, fixture);
  g_assert_null (lodge_subprocess_run_finish (wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE);
  g_clear_error (&error);
  g_spawn_command_line_sync ("pkill -x -f 'sleep 97531'", NULL, NULL, NULL, NULL);

  lodge_subprocess_run_async (NULL, NULL, complains, 100, NULL, NULL, NULL, done_cb, fixture);
  output = lodge_subprocess_run_finish (wait_for (fixture), &error);
  g_assert_no_error (error);
  g_assert_cmpint (output->exit_code, ==, -1);
  g_assert_true (g_str_has_suffix (output->complaint, "end"));
  g_assert_cmpuint (strlen (output->complaint), <, 10000);

  lodge_subprocess_run_async (NULL, NULL, missing, 100, NULL, NULL, NULL, done_cb, fixture);
  g_assert_null (lodge_subprocess_run_finish (wait_for (fixture), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
}

static void
probed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(LodgeSandbox **) data = lodge_sandbox_probe_finish (result, NULL);
}

/* What a kill may not lose is on the disk before the header changes: the tool is told so. */
static void
test_rebase_writes_through (Fixture *fixture, gconstpointer data)
{
  static const char *const none[] = { NULL };
  g_autofree char *tool = path_of (fixture, "qemu-img");
  g_autofree char *image = path_of (fixture, "image.qcow2");
  g_autofree char *words = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (tool, "#!/bin/sh\nfor last; do :; done\necho \"$*\" > \"$last\"\n", -1, NULL));
  g_assert_no_errno (g_chmod (tool, 0700));
  g_assert_true (g_file_set_contents (image, "", 0, NULL));
  g_setenv ("LODGE_QEMU_DIR", fixture->folder, TRUE);
  lodge_qemu_img_rebase_async (NULL, image, none, "", NULL, NULL, NULL, NULL, done_cb, fixture);
  g_assert_true (lodge_qemu_img_rebase_finish (wait_for (fixture), &error));
  g_unsetenv ("LODGE_QEMU_DIR");
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (image, &words, NULL, NULL));
  g_assert_true (g_str_has_prefix (words, "rebase -t writethrough "));
}

int
main (int argc, char *argv[])
{
  LodgeSandbox *found = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  lodge_sandbox_probe_async (NULL, probed_cb, &found);
  while (found == NULL)
    g_main_context_iteration (NULL, TRUE);
  if (lodge_sandbox_get_level (found) == LODGE_CONFINEMENT_BUBBLEWRAP)
    sandbox = found;

#define ADD(name, func) g_test_add ("/qemu-img/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("create", test_create);
  ADD ("errors", test_errors);
  ADD ("convert", test_convert);
  ADD ("hostile", test_hostile);
  ADD ("resize", test_resize);
  ADD ("check", test_check);
  ADD ("in-use", test_in_use);
  ADD ("any-tool", test_any_tool);
  ADD ("rebase-writes-through", test_rebase_writes_through);
#undef ADD
  result = g_test_run ();
  g_clear_object (&found);

  return result;
}
