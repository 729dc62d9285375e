/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/lodge-qmp-peer.h"

#include <gio/gunixfdmessage.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/qemu/lodge-qmp-parser.h"
#include "core/qemu/lodge-qmp-value.h"
#include "tests/unit/lodge-qapi-schema.h"

#define GREETING \
  "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}, \"package\": \"\"}, " \
  "\"capabilities\": [\"oob\"]}}\r\n"

typedef struct
{
  char *command;
  char *arguments; /* (nullable) */
  char *reply;     /* (nullable) */
} Expectation;

struct _LodgeQmpPeer
{
  GSocket         *socket; /* (owned) (nullable) */
  LodgeQapiSchema *schema; /* (owned) (nullable) */
  LodgeQmpParser  *parser; /* (owned) */
  GSource         *reader; /* (owned) (nullable) */
  GQueue           script; /* (element-type Expectation) */
  GHashTable      *allowed; /* command → reply */
  GHashTable      *seen;    /* commands */
  gint64           last_id; /* of the last expectation that was met */
  gboolean         negotiated;
  GArray          *fds; /* (element-type int) (owned) not taken yet */
};

static void
expectation_free (Expectation *expectation)
{
  g_free (expectation->command);
  g_free (expectation->arguments);
  g_free (expectation->reply);
  g_free (expectation);
}

static void
send_reply (LodgeQmpPeer *self, const char *reply, gint64 id)
{
  g_autofree char *line = g_strdup_printf ("{%s, \"id\": %" G_GINT64_FORMAT "}\r\n", reply, id);

  lodge_qmp_peer_raw (self, line, -1);
}

static void
check_arguments (const Expectation *expectation, JsonObject *arguments)
{
  g_autoptr (JsonNode) wanted = json_from_string (expectation->arguments, NULL);
  g_autoptr (JsonNode) got = json_node_alloc ();
  g_autoptr (JsonObject) empty = json_object_new ();

  g_assert_nonnull (wanted);
  json_node_init_object (got, arguments != NULL ? arguments : empty);
  if (!json_node_equal (wanted, got))
    {
      g_autofree char *text = json_to_string (got, FALSE);

      g_error ("%s came with %s, expected %s", expectation->command, text, expectation->arguments);
    }
}

static void
handle_command (LodgeQmpPeer *self, JsonObject *message)
{
  const char *command = lodge_qmp_string (message, "execute");
  JsonObject *arguments = lodge_qmp_object (message, "arguments");
  gint64 id = lodge_qmp_integer (message, "id", -1);
  Expectation *expectation = g_queue_peek_head (&self->script);

  g_assert_nonnull (command);
  g_hash_table_add (self->seen, g_strdup (command));
  if (self->schema != NULL)
    {
      g_autofree char *fault = lodge_qapi_schema_check (self->schema, command, arguments);

      if (fault != NULL)
        g_error ("the schema refuses a command: %s", fault);
    }

  if (!self->negotiated)
    {
      g_assert_cmpstr (command, ==, "qmp_capabilities");
      self->negotiated = TRUE;
      send_reply (self, "\"return\": {}", id);
      return;
    }

  if (expectation != NULL && g_str_equal (expectation->command, command))
    {
      g_queue_pop_head (&self->script);
      self->last_id = id;
      if (expectation->arguments != NULL)
        check_arguments (expectation, arguments);
      if (expectation->reply != NULL)
        send_reply (self, expectation->reply, id);
      expectation_free (expectation);
    }
  else if (g_hash_table_contains (self->allowed, command))
    send_reply (self, g_hash_table_lookup (self->allowed, command), id);
  else
    g_error ("%s came, expected %s", command,
             expectation != NULL ? expectation->command : "nothing more");
}

static void
take_descriptors (LodgeQmpPeer *self, GSocketControlMessage **messages, int n)
{
  for (int i = 0; i < n; i++)
    {
      if (G_IS_UNIX_FD_MESSAGE (messages[i]))
        {
          int count;
          g_autofree int *fds = g_unix_fd_message_steal_fds (G_UNIX_FD_MESSAGE (messages[i]), &count);

          g_assert_cmpint (count, ==, 1);
          g_array_append_val (self->fds, fds[0]);
        }
      g_object_unref (messages[i]);
    }
  g_free (messages);
}

static gboolean
readable_cb (GSocket *socket, GIOCondition condition, gpointer data)
{
  LodgeQmpPeer *self = data;
  char chunk[4096];
  GInputVector vector = { chunk, sizeof chunk };
  GSocketControlMessage **messages = NULL;
  int n_messages = 0, flags = 0;
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_receive_message (socket, NULL, &vector, 1, &messages, &n_messages, &flags, NULL,
                                       &error);

  if (n <= 0)
    {
      g_clear_pointer (&self->reader, g_source_unref);
      return G_SOURCE_REMOVE;
    }
  take_descriptors (self, messages, n_messages);

  lodge_qmp_parser_feed (self->parser, chunk, n);
  for (;;)
    {
      g_autoptr (JsonObject) message = lodge_qmp_parser_next (self->parser, &error);

      g_assert_no_error (error);
      if (message == NULL)
        break;
      handle_command (self, message);
    }

  return G_SOURCE_CONTINUE;
}

static LodgeQmpPeer *
new_silent (const char *version, GSocket *socket)
{
  LodgeQmpPeer *self = g_new0 (LodgeQmpPeer, 1);

  self->socket = g_object_ref (socket);
  self->schema = version != NULL ? lodge_qapi_schema_load (version) : NULL;
  self->parser = lodge_qmp_parser_new (64 * 1024 * 1024);
  self->allowed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_queue_init (&self->script);
  lodge_qmp_peer_hold (self, FALSE);

  return self;
}

static GSocket *
make_pair (GSocket **client)
{
  int fds[2];
  g_autoptr (GError) error = NULL;
  GSocket *socket;

  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  *client = g_socket_new_from_fd (fds[0], &error);
  g_assert_no_error (error);
  socket = g_socket_new_from_fd (fds[1], &error);
  g_assert_no_error (error);

  return socket;
}

LodgeQmpPeer *
lodge_qmp_peer_new_for_socket (const char *version, GSocket *socket)
{
  LodgeQmpPeer *self = new_silent (version, socket);

  lodge_qmp_peer_raw (self, GREETING, -1);

  return self;
}

LodgeQmpPeer *
lodge_qmp_peer_new (const char *version, GSocket **client)
{
  g_autoptr (GSocket) socket = make_pair (client);

  return lodge_qmp_peer_new_for_socket (version, socket);
}

LodgeQmpPeer *
lodge_qmp_peer_new_silent (const char *version, GSocket **client)
{
  g_autoptr (GSocket) socket = make_pair (client);

  return new_silent (version, socket);
}

void
lodge_qmp_peer_free (LodgeQmpPeer *self)
{
  if (self == NULL)
    return;
  g_assert_cmpuint (g_queue_get_length (&self->script), ==, 0);
  lodge_qmp_peer_close (self);
  for (guint i = 0; i < self->fds->len; i++)
    close (g_array_index (self->fds, int, i));
  g_array_unref (self->fds);
  g_clear_pointer (&self->schema, lodge_qapi_schema_free);
  lodge_qmp_parser_free (self->parser);
  g_hash_table_unref (self->allowed);
  g_hash_table_unref (self->seen);
  g_free (self);
}

void
lodge_qmp_peer_expect (LodgeQmpPeer *self, const char *command, const char *arguments, const char *reply)
{
  Expectation *expectation = g_new0 (Expectation, 1);

  expectation->command = g_strdup (command);
  expectation->arguments = g_strdup (arguments);
  expectation->reply = g_strdup (reply);
  g_queue_push_tail (&self->script, expectation);
}

void
lodge_qmp_peer_expect_ok (LodgeQmpPeer *self, const char *command, const char *arguments)
{
  lodge_qmp_peer_expect (self, command, arguments, "\"return\": {}");
}

void
lodge_qmp_peer_expect_error (LodgeQmpPeer *self, const char *command, const char *arguments,
                             const char *desc)
{
  g_autofree char *reply =
      g_strdup_printf ("\"error\": {\"class\": \"GenericError\", \"desc\": \"%s\"}", desc);

  lodge_qmp_peer_expect (self, command, arguments, reply);
}

void
lodge_qmp_peer_allow (LodgeQmpPeer *self, const char *command, const char *reply)
{
  g_hash_table_insert (self->allowed, g_strdup (command), g_strdup (reply));
}

void
lodge_qmp_peer_event (LodgeQmpPeer *self, const char *event, const char *data)
{
  g_autofree char *line = g_strdup_printf (
      "{\"timestamp\": {\"seconds\": 1700000000, \"microseconds\": 250000}, \"event\": \"%s\"%s%s}\r\n",
      event, data != NULL ? ", \"data\": " : "", data != NULL ? data : "");

  lodge_qmp_peer_raw (self, line, -1);
}

void
lodge_qmp_peer_raw (LodgeQmpPeer *self, const char *bytes, gssize length)
{
  gsize left = length >= 0 ? (gsize) length : strlen (bytes);

  g_assert_nonnull (self->socket);
  while (left > 0)
    {
      g_autoptr (GError) error = NULL;
      gssize n = g_socket_send_with_blocking (self->socket, bytes, left, FALSE, NULL, &error);

      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          g_main_context_iteration (NULL, FALSE); /* the client reads in this very thread */
          continue;
        }
      /* A client may leave in the middle of what it does not like. */
      if (n < 0)
        return;
      bytes += n;
      left -= n;
    }
}

void
lodge_qmp_peer_hold (LodgeQmpPeer *self, gboolean hold)
{
  if (hold)
    {
      if (self->reader != NULL)
        g_source_destroy (self->reader);
      g_clear_pointer (&self->reader, g_source_unref);
    }
  else if (self->reader == NULL)
    {
      self->reader = g_socket_create_source (self->socket, G_IO_IN, NULL);
      g_source_set_callback (self->reader, G_SOURCE_FUNC (readable_cb), self, NULL);
      g_source_attach (self->reader, NULL);
    }
}

void
lodge_qmp_peer_close (LodgeQmpPeer *self)
{
  lodge_qmp_peer_hold (self, TRUE);
  if (self->socket != NULL)
    g_socket_close (self->socket, NULL);
  g_clear_object (&self->socket);
}

guint
lodge_qmp_peer_get_left (LodgeQmpPeer *self)
{
  return g_queue_get_length (&self->script);
}

void
lodge_qmp_peer_answer_last (LodgeQmpPeer *self, const char *reply)
{
  send_reply (self, reply, self->last_id);
}

void
lodge_qmp_peer_add_seen (LodgeQmpPeer *self, GHashTable *set)
{
  GHashTableIter iter;
  gpointer command;

  g_hash_table_iter_init (&iter, self->seen);
  while (g_hash_table_iter_next (&iter, &command, NULL))
    g_hash_table_add (set, g_strdup (command));
}

int
lodge_qmp_peer_take_fd (LodgeQmpPeer *self)
{
  int fd;

  if (self->fds->len == 0)
    return -1;
  fd = g_array_index (self->fds, int, 0);
  g_array_remove_index (self->fds, 0);

  return fd;
}

static gboolean
too_late_cb (gpointer data)
{
  g_error ("the script was not played to its end; next: %s", (const char *) data);

  return G_SOURCE_REMOVE;
}

void
lodge_qmp_peer_run (LodgeQmpPeer *self)
{
  while (!g_queue_is_empty (&self->script))
    {
      Expectation *next = g_queue_peek_head (&self->script);
      guint id = g_timeout_add_seconds (20, too_late_cb, next->command);

      while (g_queue_peek_head (&self->script) == next)
        g_main_context_iteration (NULL, TRUE);
      g_source_remove (id);
    }
}
