/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A scripted server against the client's side of D-Bus authentication, in a thread of its own. Each
 * script is what the server says, in order; it reads one line before each of its own. */

#include "display/lodge-sasl.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "display/lodge-display-error.h"
#include "display/lodge-handshake.h"

#define GUID "0123456789abcdef0123456789abcdef"
#define COOKIE "5f1c0ffee0"
#define CHALLENGE "feedfacecafe"
#define REFUSAL "REJECTED DBUS_COOKIE_SHA1 EXTERNAL\r\n"
#define ACCEPTANCE "OK " GUID "\r\n"

typedef struct
{
  char *folder;          /* (owned) the keyring */
  int keyring;           /* (owned) */
  GSocket *socket;       /* (owned) the client's end */
  int peer;              /* (owned) the server's end, closed by the script */
  GStrv script;          /* (owned); an answer to the cookie stands for what fits the digest */
  gboolean stay;         /* does not hang up after the script */
  gboolean nul;          /* reads the byte that carries credentials first */
  GString *heard;        /* (owned) the client's lines, with "\n" between */
  GThread *thread;
} Fixture;

/* Stands in a script for "OK" when the client's digest is right, and for "REJECTED" when not. */
static const char judge[] = "JUDGE";

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int ends[2];

  f->folder = g_dir_make_tmp ("lodge-sasl-XXXXXX", &error);
  g_assert_no_error (error);
  f->keyring = open (f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_assert_cmpint (f->keyring, >=, 0);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  f->socket = g_socket_new_from_fd (ends[0], &error);
  g_assert_no_error (error);
  f->peer = ends[1];
  f->heard = g_string_new (NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autofree char *file = g_build_filename (f->folder, "context", NULL);

  g_clear_object (&f->socket);
  g_clear_pointer (&f->thread, g_thread_join);
  g_clear_pointer (&f->script, g_strfreev);
  if (f->peer >= 0)
    close (f->peer);
  close (f->keyring);
  g_unlink (file);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0);
  g_free (f->folder);
  g_string_free (f->heard, TRUE);
}

static char *
hex (const char *text)
{
  GString *out = g_string_new (NULL);

  for (; *text != '\0'; text++)
    g_string_append_printf (out, "%02x", (guchar) *text);
  return g_string_free (out, FALSE);
}

/* (transfer full): what a server says that wants the cookie @id of the file @context */
static char *
question (const char *context, const char *id)
{
  g_autofree char *plain = g_strdup_printf ("%s %s " CHALLENGE, context, id);
  g_autofree char *data = hex (plain);

  return g_strdup_printf ("DATA %s\r\n", data);
}

/* FALSE when the client is gone */
static gboolean
read_line (int fd, GString *line)
{
  char byte;

  g_string_truncate (line, 0);
  while (read (fd, &byte, 1) == 1)
    {
      g_string_append_c (line, byte);
      if (byte == '\n')
        return TRUE;
    }
  return FALSE;
}

/* Whether @line is the right answer to question(): "<challenge> <digest>", in hexadecimal. */
static gboolean
is_right (const char *line)
{
  g_autoptr (GString) plain = g_string_new (NULL);
  g_autofree char *joined = NULL;
  g_autofree char *digest = NULL;
  g_auto (GStrv) words = NULL;

  if (!g_str_has_prefix (line, "DATA "))
    return FALSE;
  for (const char *p = line + 5; g_ascii_isxdigit (p[0]) && g_ascii_isxdigit (p[1]); p += 2)
    g_string_append_c (plain, (char) (g_ascii_xdigit_value (p[0]) << 4 | g_ascii_xdigit_value (p[1])));
  words = g_strsplit (plain->str, " ", -1);
  if (g_strv_length (words) != 2)
    return FALSE;
  joined = g_strconcat (CHALLENGE ":", words[0], ":" COOKIE, NULL);
  digest = g_compute_checksum_for_string (G_CHECKSUM_SHA1, joined, -1);
  return g_str_equal (digest, words[1]);
}

static gpointer
serve (gpointer data)
{
  Fixture *f = data;
  g_autoptr (GString) line = g_string_new (NULL);
  gboolean agreed = FALSE;
  char nul = 'x';

  if (f->nul)
    g_assert_true (read (f->peer, &nul, 1) == 1 && nul == '\0');
  for (guint i = 0; f->script[i] != NULL && read_line (f->peer, line); i++)
    {
      const char *answer = f->script[i];

      g_string_append (f->heard, line->str);
      agreed = g_str_has_prefix (answer, "AGREE");
      if (g_str_equal (answer, judge))
        answer = is_right (line->str) ? ACCEPTANCE : "REJECTED\r\n";
      /* The client may go in the middle of a long answer. */
      for (gsize sent = 0, length = strlen (answer); sent < length;)
        {
          gssize n = send (f->peer, answer + sent, length - sent, MSG_NOSIGNAL);

          if (n < 0)
            break;
          sent += n;
        }
    }
  if (f->stay)
    return NULL;
  /* Who agreed is still told BEGIN; all others hang up. */
  if (agreed && read_line (f->peer, line))
    g_string_append (f->heard, line->str);
  shutdown (f->peer, SHUT_RDWR);
  return NULL;
}

static char *
authenticate (Fixture *f, int keyring, const char **script, GError **error)
{
  /* A copy: the server may look at it when the test's own is gone. */
  f->script = g_strdupv ((char **) script);
  f->thread = g_thread_new ("server", serve, f);
  return lodge_sasl_authenticate (f->socket, keyring, NULL, error);
}

static void
put_cookies (Fixture *f, const char *text)
{
  g_autofree char *file = g_build_filename (f->folder, "context", NULL);

  g_assert_true (g_file_set_contents (file, text, -1, NULL));
}

static void
test_external (Fixture *f, gconstpointer data)
{
  const char *script[] = { ACCEPTANCE, "AGREE_UNIX_FD\r\n", NULL };
  g_autofree char *uid = g_strdup_printf ("%u", (guint) geteuid ());
  g_autofree char *uid_hex = hex (uid);
  g_autofree char *expected = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *guid = authenticate (f, f->keyring, script, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (guid, ==, GUID);
  g_clear_pointer (&f->thread, g_thread_join);
  expected = g_strdup_printf ("AUTH EXTERNAL %s\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", uid_hex);
  g_assert_cmpstr (f->heard->str, ==, expected);
}

/* Not a byte behind the dialogue is swallowed. */
static void
test_nothing_swallowed (Fixture *f, gconstpointer data)
{
  const char *script[] = { ACCEPTANCE, "AGREE_UNIX_FD\r\nlmessage", NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *guid = authenticate (f, -1, script, &error);
  char rest[16] = "";

  g_assert_no_error (error);
  g_assert_nonnull (guid);
  g_assert_cmpint (g_socket_receive (f->socket, rest, sizeof rest - 1, NULL, &error), ==, 8);
  g_assert_cmpstr (rest, ==, "lmessage");
}

static void
test_cookie (Fixture *f, gconstpointer data)
{
  g_autofree char *asks = question ("context", "7");
  const char *script[] = { REFUSAL, asks, judge, "AGREE_UNIX_FD\r\n", NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *guid = NULL;

  put_cookies (f, "6 1700000000 0000\n7 1700000000 " COOKIE "\n8 1700000000 1111\n");
  guid = authenticate (f, f->keyring, script, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (guid, ==, GUID);
}

static void
test_wrong_cookie (Fixture *f, gconstpointer data)
{
  g_autofree char *asks = question ("context", "7");
  const char *script[] = { REFUSAL, asks, judge, NULL };
  g_autoptr (GError) error = NULL;

  put_cookies (f, "7 1700000000 0000\n");
  g_assert_null (authenticate (f, f->keyring, script, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

/* Without a keyring there is no second try. */
static void
test_no_keyring (Fixture *f, gconstpointer data)
{
  const char *script[] = { REFUSAL, ACCEPTANCE, "AGREE_UNIX_FD\r\n", NULL };
  g_autoptr (GError) error = NULL;

  g_assert_null (authenticate (f, -1, script, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED);
}

static void
expect_no_cookie (Fixture *f, const char *context, const char *id)
{
  g_autofree char *asks = question (context, id);
  const char *script[] = { REFUSAL, asks, ACCEPTANCE, "AGREE_UNIX_FD\r\n", NULL };
  g_autoptr (GError) error = NULL;

  g_assert_null (authenticate (f, f->keyring, script, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
}

static void
test_missing_file (Fixture *f, gconstpointer data)
{
  expect_no_cookie (f, "context", "7");
}

static void
test_missing_id (Fixture *f, gconstpointer data)
{
  put_cookies (f, "70 1700000000 " COOKIE "\n7 " COOKIE "\n7\n\n7 1 2 3\n");
  expect_no_cookie (f, "context", "7");
}

static void
test_fifo (Fixture *f, gconstpointer data)
{
  /* Nobody writes into it: to wait would be to wait for ever. */
  g_assert_cmpint (mkfifoat (f->keyring, "context", 0600), ==, 0);
  expect_no_cookie (f, "context", "7");
}

static void
test_symlink (Fixture *f, gconstpointer data)
{
  g_autofree char *target = g_strconcat (f->folder, ".outside", NULL);

  g_assert_true (g_file_set_contents (target, "7 1 " COOKIE "\n", -1, NULL));
  g_assert_cmpint (symlinkat (target, f->keyring, "context"), ==, 0);
  expect_no_cookie (f, "context", "7");
  g_unlink (target);
}

static void
test_folder (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->folder, "context", NULL);

  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  expect_no_cookie (f, "context", "7");
  g_assert_cmpint (g_rmdir (path), ==, 0);
}

static void
test_huge_file (Fixture *f, gconstpointer data)
{
  int fd;

  put_cookies (f, "7 1700000000 " COOKIE "\n");
  fd = openat (f->keyring, "context", O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (ftruncate (fd, G_GINT64_CONSTANT (1) << 40), ==, 0);
  close (fd);
  expect_no_cookie (f, "context", "7");
}

/* A name that would lead elsewhere is none. */
static void
test_path_as_context (Fixture *f, gconstpointer data)
{
  g_autofree char *base = g_path_get_basename (f->folder);
  g_autofree char *context = g_strdup_printf ("../%s/context", base);

  put_cookies (f, "7 1700000000 " COOKIE "\n");
  expect_no_cookie (f, context, "7");
}

static const struct
{
  const char *name;
  const char *script[5];
  int code;
} strangers[] = {
  { "garbage", { "\x01\x02\xff\x7fGET / HTTP/1.0\r\n" }, G_IO_ERROR_INVALID_DATA },
  { "newline-alone", { "OK " GUID "\n" }, G_IO_ERROR_INVALID_DATA },
  { "refused", { "REJECTED\r\n" }, G_IO_ERROR_PERMISSION_DENIED },
  { "refused-otherwise", { "REJECTED ANONYMOUS KERBEROS_V4\r\n" }, G_IO_ERROR_PERMISSION_DENIED },
  { "error", { "ERROR \"no\"\r\n" }, G_IO_ERROR_PERMISSION_DENIED },
  { "data-unasked", { "DATA 00\r\n" }, G_IO_ERROR_PERMISSION_DENIED },
  { "empty-line", { "\r\n" }, G_IO_ERROR_PERMISSION_DENIED },
  { "no-guid", { "OK \r\n" }, G_IO_ERROR_INVALID_DATA },
  { "bad-guid", { "OK 0123456789abcdef0123456789abcdeX\r\n" }, G_IO_ERROR_INVALID_DATA },
  { "long-guid", { "OK " GUID GUID "\r\n" }, G_IO_ERROR_INVALID_DATA },
  { "no-descriptors", { ACCEPTANCE, "ERROR\r\n" }, G_IO_ERROR_INVALID_DATA },
  { "refused-twice", { REFUSAL, REFUSAL }, G_IO_ERROR_PERMISSION_DENIED },
  { "no-hexadecimal", { REFUSAL, "DATA zz\r\n" }, G_IO_ERROR_INVALID_DATA },
  { "half-hexadecimal", { REFUSAL, "DATA 636\r\n" }, G_IO_ERROR_INVALID_DATA },
  { "hexadecimal-nul", { REFUSAL, "DATA 63002037203030\r\n" }, G_IO_ERROR_INVALID_DATA },
  { "no-words", { REFUSAL, "DATA \r\n" }, G_IO_ERROR_INVALID_DATA },
  { "hangs-up-at-once", { NULL }, G_IO_ERROR_CLOSED },
  { "hangs-up-in-line", { "OK 0123" }, G_IO_ERROR_CLOSED },
  { "hangs-up-after-refusal", { REFUSAL }, G_IO_ERROR_CLOSED },
  { "hangs-up-after-ok", { ACCEPTANCE }, G_IO_ERROR_CLOSED },
};

static void
test_stranger (Fixture *f, gconstpointer data)
{
  const guint i = GPOINTER_TO_UINT (data);
  g_autoptr (GError) error = NULL;

  put_cookies (f, "7 1700000000 " COOKIE "\n");
  g_assert_null (authenticate (f, f->keyring, (const char **) strangers[i].script, &error));
  /* A peer that is gone may show when it is spoken to, or when it is listened to. */
  if (strangers[i].code == G_IO_ERROR_CLOSED && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE))
    return;
  g_assert_error (error, G_IO_ERROR, strangers[i].code);
}

static void
test_endless_line (Fixture *f, gconstpointer data)
{
  g_autofree char *line = g_strnfill (1 << 20, 'A');
  const char *script[] = { line, NULL };
  g_autoptr (GError) error = NULL;

  g_assert_null (authenticate (f, f->keyring, script, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_socket_close (f->socket, NULL);
}

static void
handshake_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

/* The whole way: GDBus believes that it has authenticated, and the connection passes descriptors. */
static GDBusConnection *
shake_hands (Fixture *f, const char **script, guint timeout_ms, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  /* A copy: the server may look at it when the test's own is gone. */
  f->script = g_strdupv ((char **) script);
  f->stay = TRUE;
  f->nul = TRUE;
  f->thread = g_thread_new ("server", serve, f);
  lodge_handshake_async (dup (g_socket_get_fd (f->socket)), f->keyring, timeout_ms, NULL, handshake_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return lodge_handshake_finish (result, error);
}

static void
test_connection (Fixture *f, gconstpointer data)
{
  g_autofree char *asks = question ("context", "7");
  const char *script[] = { REFUSAL, asks, judge, "AGREE_UNIX_FD\r\n", NULL };
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GError) error = NULL;

  put_cookies (f, "7 1700000000 " COOKIE "\n");
  connection = shake_hands (f, script, 20000, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_dbus_connection_get_guid (connection), ==, GUID);
  g_assert_true (g_dbus_connection_get_capabilities (connection) & G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING);
  g_dbus_connection_close_sync (connection, NULL, NULL);
}

static void
test_connection_refused (Fixture *f, gconstpointer data)
{
  const char *script[] = { "REJECTED\r\n", NULL };
  g_autoptr (GError) error = NULL;

  g_assert_null (shake_hands (f, script, 20000, &error));
  g_assert_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_FAILED);
}

static void
test_connection_silent (Fixture *f, gconstpointer data)
{
  /* It takes the first line and then says nothing. */
  const char *script[] = { "", NULL };
  g_autoptr (GError) error = NULL;

  g_assert_null (shake_hands (f, script, 50, &error));
  g_assert_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_NOT_RESPONDING);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(name, function) g_test_add ("/sasl/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("external", test_external);
  ADD ("nothing-swallowed", test_nothing_swallowed);
  ADD ("cookie", test_cookie);
  ADD ("wrong-cookie", test_wrong_cookie);
  ADD ("no-keyring", test_no_keyring);
  ADD ("missing-file", test_missing_file);
  ADD ("missing-id", test_missing_id);
  ADD ("fifo", test_fifo);
  ADD ("symlink", test_symlink);
  ADD ("folder", test_folder);
  ADD ("huge-file", test_huge_file);
  ADD ("path-as-context", test_path_as_context);
  for (guint i = 0; i < G_N_ELEMENTS (strangers); i++)
    {
      g_autofree char *path = g_strdup_printf ("/sasl/stranger/%s", strangers[i].name);

      g_test_add (path, Fixture, GUINT_TO_POINTER (i), set_up, test_stranger, tear_down);
    }
  ADD ("endless-line", test_endless_line);
  ADD ("connection", test_connection);
  ADD ("connection-refused", test_connection_refused);
  ADD ("connection-silent", test_connection_silent);
#undef ADD

  return g_test_run ();
}
