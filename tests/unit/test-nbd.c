/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/qemu/lodge-nbd-client.h"
#include "core/qemu/lodge-nbd-export.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024 * 1024)

typedef struct
{
  char         *folder;
  char         *image;
  GAsyncResult *result;
} Fixture;

static void
run (const char *first, ...)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  int status;
  va_list args;

  va_start (args, first);
  for (const char *word = first; word != NULL; word = va_arg (args, const char *))
    g_ptr_array_add (argv, (gpointer) word);
  va_end (args);
  g_ptr_array_add (argv, NULL);
  g_spawn_sync (NULL, (char **) argv->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_true (g_spawn_check_wait_status (status, &error));
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = g_dir_make_tmp ("lodge-nbd-XXXXXX", NULL);
  f->image = g_build_filename (f->folder, "disk.qcow2", NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->result);
  g_unlink (f->image);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_free (f->image);
  g_free (f->folder);
}

static void
ended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  f->result = g_object_ref (result);
}

static gboolean
end (Fixture *f, LodgeNbdExport *export, GError **error)
{
  g_clear_object (&f->result);
  lodge_nbd_export_end_async (export, ended_cb, f);
  while (f->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return lodge_nbd_export_end_finish (f->result, error);
}

static void
extent_cb (guint64 offset, guint64 length, gboolean zero, gpointer data)
{
  guint64 *seen = data;

  g_assert_cmpuint (offset, ==, seen[0]);
  g_assert_cmpuint (length, >, 0);
  seen[0] += length;
  if (!zero)
    seen[1] += length;
}

static void
test_real (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeNbdExport) export = NULL;
  g_autofree guint8 *bytes = g_malloc0 (LODGE_NBD_MAX_BYTES);
  guint64 seen[2] = { 0 };
  LodgeNbdClient *client;
  int fd;

  g_autofree char *tool = g_find_program_in_path ("qemu-nbd");

  if (tool == NULL)
    {
      g_test_skip ("qemu-nbd is not installed");
      return;
    }
  run ("qemu-img", "create", "-q", "-f", "qcow2", f->image, "100M", NULL);
  run ("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 2M", "-c", "write -P 8 99M 64k", f->image, NULL);

  export = lodge_nbd_export_new (NULL, f->folder, f->image, "qcow2", NULL, FALSE, &fd, &error);
  g_assert_no_error (error);
  client = lodge_nbd_client_new (fd, LODGE_NBD_EXPORT_NAME, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (lodge_nbd_client_get_size (client), ==, 100 * MIB);
  g_assert_true (lodge_nbd_client_map (client, extent_cb, seen, &error));
  g_assert_cmpuint (seen[0], ==, 100 * MIB);
  g_assert_cmpuint (seen[1], ==, 2 * MIB + 64 * 1024);
  g_assert_true (lodge_nbd_client_read (client, MIB - 4, bytes, MIB, &error));
  g_assert_cmpmem (bytes, 6, "\0\0\0\0\7\7", 6);
  g_assert_true (lodge_nbd_client_read (client, 99 * MIB, bytes, MIB, &error));
  g_assert_cmpint (bytes[0], ==, 8);
  g_assert_cmpint (bytes[64 * 1024], ==, 0);
  g_assert_false (lodge_nbd_client_write (client, 0, bytes, 512, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
  g_clear_error (&error);
  /* One request that fails does not end it. */
  g_assert_true (lodge_nbd_client_read (client, 0, bytes, 512, &error));
  lodge_nbd_client_free (client);
  g_assert_true (end (f, export, &error));
  g_assert_no_error (error);
  g_clear_pointer (&export, lodge_nbd_export_free);

  export = lodge_nbd_export_new (NULL, f->folder, f->image, "qcow2", NULL, TRUE, &fd, &error);
  client = lodge_nbd_client_new (fd, LODGE_NBD_EXPORT_NAME, &error);
  g_assert_no_error (error);
  memset (bytes, 9, MIB);
  g_assert_true (lodge_nbd_client_write (client, 50 * MIB, bytes, MIB, &error));
  g_assert_true (lodge_nbd_client_flush (client, &error));
  lodge_nbd_client_free (client);
  g_assert_true (end (f, export, &error));
  run ("qemu-io", "-f", "qcow2", "-c", "read -P 9 50M 1M", "-c", "read -P 7 1M 2M", f->image, NULL);
}

static void
test_not_there (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeNbdExport) export = NULL;
  g_autofree char *tool = g_find_program_in_path ("qemu-nbd");
  int fd;

  if (tool == NULL)
    {
      g_test_skip ("qemu-nbd is not installed");
      return;
    }
  g_assert_true (g_file_set_contents (f->image, "no image", -1, NULL));
  export = lodge_nbd_export_new (NULL, f->folder, f->image, "qcow2", NULL, FALSE, &fd, &error);
  g_assert_no_error (error);
  g_assert_null (lodge_nbd_client_new (fd, LODGE_NBD_EXPORT_NAME, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
  g_clear_error (&error);
  g_assert_false (end (f, export, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
}

/* ---- A server that was taken over ---- */

typedef struct
{
  int         fd;
  GByteArray *says; /* all at once: a server need not wait to be asked */
} Server;

static void
say (GByteArray *to, const char *format, ...)
{
  va_list args;

  /* Each character of @format is a number of that many bytes, big endian. */
  va_start (args, format);
  for (const char *p = format; *p != '\0'; p++)
    {
      guint n = (guint) (*p - '0');
      guint64 value = va_arg (args, guint64);

      for (guint i = 0; i < n; i++)
        {
          guint8 byte = (guint8) (value >> 8 * (n - 1 - i));

          g_byte_array_append (to, &byte, 1);
        }
    }
  va_end (args);
}

#define U(value) ((guint64) (value))

static void
greet (GByteArray *to)
{
  say (to, "882", U (0x4e42444d41474943), U (0x49484156454f5054), U (3));
}

static void
answer (GByteArray *to, guint32 option, guint32 type, guint32 length)
{
  say (to, "8444", U (0x0003e889045565a9), U (option), U (type), U (length));
}

/* An export of @size bytes with structured replies and a map. */
static void
agree (GByteArray *to, guint64 size)
{
  greet (to);
  answer (to, 8, 1, 0);
  answer (to, 10, 4, 4 + 15);
  say (to, "4", U (42));
  g_byte_array_append (to, (const guint8 *) "base:allocation", 15);
  answer (to, 10, 1, 0);
  answer (to, 7, 3, 12);
  say (to, "282", U (0), size, U (0));
  answer (to, 7, 1, 0);
}

static void
chunk (GByteArray *to, guint flags, guint type, guint64 handle, guint32 length)
{
  say (to, "42284", U (0x668e33ef), U (flags), U (type), handle, U (length));
}

static LodgeNbdClient *
connect_to (const GByteArray *says, int *server, GError **error)
{
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  g_assert_cmpint (write (ends[1], says->data, says->len), ==, (gssize) says->len);
  shutdown (ends[1], SHUT_WR);
  *server = ends[1];
  return lodge_nbd_client_new (ends[0], "disk", error);
}

static void
nothing_cb (guint64 offset, guint64 length, gboolean zero, gpointer data)
{
}

/* What comes after the negotiation, when a read of @length at @offset, or the map, was asked for. */
static void
check_reply (gboolean map, guint64 offset, guint32 length, const GByteArray *reply, gboolean good)
{
  g_autoptr (GByteArray) says = g_byte_array_new ();
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *bytes = g_malloc (length);
  LodgeNbdClient *client;
  gboolean done;
  int server;

  agree (says, 1 * MIB);
  g_byte_array_append (says, reply->data, reply->len);
  client = connect_to (says, &server, &error);
  g_assert_no_error (error);
  done = map ? lodge_nbd_client_map (client, nothing_cb, NULL, &error) : lodge_nbd_client_read (client, offset, bytes, length, &error);
  g_assert_cmpint (done, ==, good);
  g_assert_true (good == (error == NULL));
  lodge_nbd_client_free (client);
  close (server);
}

static void
test_hostile_replies (Fixture *f, gconstpointer data)
{
  g_autoptr (GByteArray) reply = g_byte_array_new ();

#define CHECK(map, offset, length, good) \
  G_STMT_START \
    { \
      check_reply (map, offset, length, reply, good); \
      g_byte_array_set_size (reply, 0); \
    } \
  G_STMT_END
  /* As it should be: a hole, then data. */
  chunk (reply, 0, 2, 1, 12);
  say (reply, "84", U (512), U (512));
  chunk (reply, 1, 1, 1, 8 + 512);
  say (reply, "8", U (1024));
  g_byte_array_set_size (reply, reply->len + 512);
  CHECK (FALSE, 512, 1024, TRUE);
  /* Before, behind and far beyond what was asked for; too much, too little, of something else, without end. */
  chunk (reply, 1, 2, 1, 12);
  say (reply, "84", U (0), U (512));
  CHECK (FALSE, 512, 512, FALSE);
  chunk (reply, 1, 2, 1, 12);
  say (reply, "84", U (1024), U (512));
  CHECK (FALSE, 512, 512, FALSE);
  chunk (reply, 1, 2, 1, 12);
  say (reply, "84", G_MAXUINT64 - 4, U (512));
  CHECK (FALSE, 512, 512, FALSE);
  chunk (reply, 1, 2, 1, 12);
  say (reply, "84", U (512), U (G_MAXUINT32));
  CHECK (FALSE, 512, 512, FALSE);
  chunk (reply, 1, 1, 1, G_MAXUINT32);
  say (reply, "8", U (512));
  CHECK (FALSE, 512, 512, FALSE);
  chunk (reply, 1, 2, 1, 12);
  say (reply, "84", U (512), U (256));
  CHECK (FALSE, 512, 512, FALSE);
  chunk (reply, 1, 2, 7, 12);
  say (reply, "84", U (512), U (512));
  CHECK (FALSE, 512, 512, FALSE);
  for (guint i = 0; i < 100; i++)
    chunk (reply, 0, 0, 1, 0);
  CHECK (FALSE, 512, 512, FALSE);
  chunk (reply, 1, 0x8001, 1, G_MAXUINT32);
  CHECK (FALSE, 512, 512, FALSE);
  chunk (reply, 1, 0x8001, 1, 6);
  say (reply, "42", U (5), U (0));
  CHECK (FALSE, 512, 512, FALSE);
  /* A map that does not go on, one that is of something else, one that was not asked for, one without end. */
  chunk (reply, 1, 5, 1, 12);
  say (reply, "444", U (42), U (0), U (0));
  CHECK (TRUE, 0, 0, FALSE);
  chunk (reply, 1, 5, 1, 12);
  say (reply, "444", U (41), U (4096), U (0));
  CHECK (TRUE, 0, 0, FALSE);
  chunk (reply, 1, 5, 1, 12);
  say (reply, "444", U (42), U (4096), U (0));
  CHECK (FALSE, 512, 512, FALSE);
  chunk (reply, 1, 5, 1, 0x7fffffff);
  CHECK (TRUE, 0, 0, FALSE);
  chunk (reply, 1, 5, 1, 12);
  say (reply, "444", U (42), U (0xffffffff), U (3));
  CHECK (TRUE, 0, 0, TRUE);
#undef CHECK
}

static void
test_hostile_negotiations (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (GByteArray) says = g_byte_array_new ();
      g_autoptr (GError) error = NULL;
      int server, code;

      if (i == 1)
        g_byte_array_append (says, (const guint8 *) "HTTP/1.1 200 OK\r\n\r\n", 19);
      else if (i == 2)
        say (says, "882", U (0x4e42444d41474943), U (0x49484156454f5054), U (1));
      else if (i == 3)
        {
          greet (says);
          answer (says, 8, 3, G_MAXUINT32);
        }
      else if (i == 4)
        {
          greet (says);
          for (guint n = 0; n < 1000; n++)
            answer (says, 8, 3, 0);
        }
      g_assert_null (connect_to (says, &server, &error));
      code = i == 0 ? LODGE_ERROR_IO : LODGE_ERROR_WRONG_FORMAT;
      g_assert_error (error, LODGE_ERROR, code);
      close (server);
    }
}

static void
test_killed_inside (Fixture *f, gconstpointer data)
{
  int fd;

  /* A core that was killed before it had said a word to qemu-nbd. */
  if (g_test_subprocess ())
    {
      lodge_nbd_export_new (NULL, g_getenv ("LODGE_TEST_FOLDER"), g_getenv ("LODGE_TEST_IMAGE"), "qcow2", NULL, FALSE, &fd, NULL);
      _exit (0);
    }
}

static void
test_killed (Fixture *f, gconstpointer data)
{
  g_assert_cmpint (prctl (PR_SET_CHILD_SUBREAPER, 1), ==, 0);
  run ("qemu-img", "create", "-q", "-f", "qcow2", f->image, "1M", NULL);
  g_setenv ("LODGE_TEST_FOLDER", f->folder, TRUE);
  g_setenv ("LODGE_TEST_IMAGE", f->image, TRUE);
  g_test_trap_subprocess ("/nbd/killed-inside", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
  /* What it left is a child of this one now; all of it ends, or the test never does. */
  while (waitpid (-1, NULL, 0) > 0 || errno == EINTR)
    ;
  g_assert_cmpint (errno, ==, ECHILD);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/nbd/real", Fixture, NULL, set_up, test_real, tear_down);
  g_test_add ("/nbd/not-there", Fixture, NULL, set_up, test_not_there, tear_down);
  g_test_add ("/nbd/hostile-replies", Fixture, NULL, set_up, test_hostile_replies, tear_down);
  g_test_add ("/nbd/hostile-negotiations", Fixture, NULL, set_up, test_hostile_negotiations, tear_down);
  g_test_add ("/nbd/killed", Fixture, NULL, set_up, test_killed, tear_down);
  g_test_add ("/nbd/killed-inside", Fixture, NULL, set_up, test_killed_inside, tear_down);
  return g_test_run ();
}
