/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A D-Bus server knows its client by EXTERNAL: the kernel tells who sent the first byte. A confined
 * QEMU has a process namespace of its own; our process does not exist there and reads as pid 0, which
 * GLib takes for no credentials at all, so it refuses EXTERNAL. What remains is DBUS_COOKIE_SHA1: the
 * server writes a cookie into a folder, and who can read the folder may come in. GDBus knows that
 * mechanism too, but with one folder for the whole process, named in the environment, and it trusts
 * what lies there. Here every guest has a folder of its own, which its QEMU can fill with anything:
 * so the file is opened without following or waiting, and read with a bound.
 *
 * The dialogue (D-Bus specification, "Authentication Protocol"), one line each, after the NUL byte:
 *
 *   AUTH EXTERNAL <uid>             OK <guid>      or   REJECTED …
 *   AUTH DBUS_COOKIE_SHA1 <uid>     DATA <context, cookie id, challenge>
 *   DATA <our challenge, digest>    OK <guid>      or   REJECTED …
 *   NEGOTIATE_UNIX_FD               AGREE_UNIX_FD
 *   BEGIN
 *
 * Answers are read byte by byte, so that nothing of the messages that follow is swallowed. */

#include "display/lodge-sasl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LINE    4096
#define MAX_KEYRING (64 * 1024)
#define MAX_CONTEXT 64

static gboolean
say (GSocket *socket, GCancellable *cancellable, GError **error, const char *format, ...)
{
  g_autofree char *line = NULL;
  gsize length, sent = 0;
  va_list arguments;

  va_start (arguments, format);
  line = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  for (length = strlen (line); sent < length;)
    {
      gssize n = g_socket_send_with_blocking (socket, line + sent, length - sent, TRUE, cancellable, error);

      if (n < 0)
        return FALSE;
      sent += n;
    }
  return TRUE;
}

/* (transfer full) (nullable): the next line without its end */
static char *
hear (GSocket *socket, GCancellable *cancellable, GError **error)
{
  g_autoptr (GString) line = g_string_new (NULL);

  while (line->len < MAX_LINE)
    {
      char byte;
      gssize n = g_socket_receive_with_blocking (socket, &byte, 1, TRUE, cancellable, error);

      if (n < 0)
        return NULL;
      if (n == 0)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the peer hung up");
          return NULL;
        }
      if (byte == '\n' && line->len > 0 && line->str[line->len - 1] == '\r')
        {
          g_string_truncate (line, line->len - 1);
          return g_string_free (g_steal_pointer (&line), FALSE);
        }
      if ((byte < 0x20 && byte != '\r') || byte == 0x7f || (byte & 0x80) != 0)
        break;
      g_string_append_c (line, byte);
    }

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the peer does not speak D-Bus");
  return NULL;
}

static char *
hex_encode (const char *text)
{
  GString *hex = g_string_new (NULL);

  for (const guchar *p = (const guchar *) text; *p != '\0'; p++)
    g_string_append_printf (hex, "%02x", *p);
  return g_string_free (hex, FALSE);
}

/* (transfer full) (nullable): printable ASCII, or nothing */
static char *
hex_decode (const char *hex)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (; g_ascii_isxdigit (hex[0]) && g_ascii_isxdigit (hex[1]); hex += 2)
    {
      char c = (char) (g_ascii_xdigit_value (hex[0]) << 4 | g_ascii_xdigit_value (hex[1]));

      if (c < 0x20 || c > 0x7e)
        return NULL;
      g_string_append_c (text, c);
    }
  return *hex == '\0' ? g_string_free (g_steal_pointer (&text), FALSE) : NULL;
}

/* (transfer full) (nullable): the cookie @id of the file @context; lines are "id time cookie" */
static char *
read_cookie (int keyring_fd, const char *context, const char *id)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  struct stat st;
  gssize length = -1;
  int fd;

  if (context[0] == '\0' || strlen (context) > MAX_CONTEXT
      || context[strspn (context, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] != '\0')
    return NULL;
  fd = openat (keyring_fd, context, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return NULL;
  if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && st.st_size <= MAX_KEYRING)
    {
      text = g_malloc0 (MAX_KEYRING + 1);
      length = pread (fd, text, MAX_KEYRING, 0);
    }
  close (fd);
  if (length <= 0)
    return NULL;

  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], " ", 4);

      if (g_strv_length (fields) == 3 && strcmp (fields[0], id) == 0)
        return g_strdup (fields[2]);
    }
  return NULL;
}

/* (transfer full) (nullable): what to send for the server's DATA */
static char *
answer_challenge (int keyring_fd, const char *hex, GError **error)
{
  g_autofree char *data = hex_decode (hex);
  g_auto (GStrv) words = g_strsplit (data != NULL ? data : "", " ", 4);
  g_autofree char *cookie = NULL;
  g_autofree char *ours = NULL;
  g_autofree char *joined = NULL;
  g_autofree char *digest = NULL;
  g_autofree char *plain = NULL;

  if (g_strv_length (words) == 3)
    cookie = read_cookie (keyring_fd, words[0], words[1]);
  if (cookie == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                           "the peer asks for a cookie that is not in its keyring");
      return NULL;
    }
  /* It only has to differ from time to time; the folder is the secret. */
  ours = g_strdup_printf ("%08x%08x", g_random_int (), g_random_int ());
  joined = g_strconcat (words[2], ":", ours, ":", cookie, NULL);
  digest = g_compute_checksum_for_string (G_CHECKSUM_SHA1, joined, -1);
  plain = g_strconcat (ours, " ", digest, NULL);
  return hex_encode (plain);
}

char *
lodge_sasl_authenticate (GSocket *socket, int keyring_fd, GCancellable *cancellable, GError **error)
{
  g_autofree char *uid = g_strdup_printf ("%u", (guint) geteuid ());
  g_autofree char *uid_hex = hex_encode (uid);
  g_autofree char *line = NULL;
  g_autofree char *guid = NULL;

  if (!say (socket, cancellable, error, "AUTH EXTERNAL %s\r\n", uid_hex)
      || (line = hear (socket, cancellable, error)) == NULL)
    return NULL;

  if (keyring_fd >= 0 && g_str_has_prefix (line, "REJECTED") && strstr (line, "DBUS_COOKIE_SHA1") != NULL)
    {
      g_autofree char *answer = NULL;

      g_clear_pointer (&line, g_free);
      if (!say (socket, cancellable, error, "AUTH DBUS_COOKIE_SHA1 %s\r\n", uid_hex)
          || (line = hear (socket, cancellable, error)) == NULL)
        return NULL;
      if (g_str_has_prefix (line, "DATA "))
        {
          answer = answer_challenge (keyring_fd, line + strlen ("DATA "), error);
          g_clear_pointer (&line, g_free);
          if (answer == NULL || !say (socket, cancellable, error, "DATA %s\r\n", answer)
              || (line = hear (socket, cancellable, error)) == NULL)
            return NULL;
        }
    }
  if (!g_str_has_prefix (line, "OK "))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED, "the peer refuses us: %.80s", line);
      return NULL;
    }
  guid = g_strdup (line + strlen ("OK "));
  if (!g_dbus_is_guid (guid))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the peer has no valid GUID");
      return NULL;
    }

  g_clear_pointer (&line, g_free);
  if (!say (socket, cancellable, error, "NEGOTIATE_UNIX_FD\r\n")
      || (line = hear (socket, cancellable, error)) == NULL)
    return NULL;
  if (strcmp (line, "AGREE_UNIX_FD") != 0)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "the peer passes no descriptors");
      return NULL;
    }
  return say (socket, cancellable, error, "BEGIN\r\n") ? g_steal_pointer (&guid) : NULL;
}
