/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 *   GREETING ──{"QMP": …}──► CAPABILITIES ──{"return": {}}──► RUNNING
 *       └──────────────────────────┴── end, fault, close() ──────┴────► CLOSED
 *
 * The queue holds every command that was not answered yet, in the order of the calls. Before RUNNING nothing of it
 * is written. Then each command is written by a sendmsg() of its own, because its descriptor has to
 * travel with its first byte: QEMU takes the descriptors that came last when it runs the command, and reads no
 * further before that. Answers are matched by id; an id that was given out but is not in the queue
 * belongs to a command that was cancelled or timed out, and its answer is dropped.
 *
 * A failed write does not close the connection: the last words of a QEMU that ends (the SHUTDOWN event) may still be
 * unread. The read side finds the end.
 *
 * Everything that calls back runs from the main loop, never from inside a call of the owner, but for close().
 */

#include "core/qemu/lodge-qmp-client.h"

#include "core/qemu/lodge-qmp-parser.h"

#include <gio/gunixfdmessage.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 10000
#define READ_CHUNK         (64 * 1024)
#define READS_PER_DISPATCH 16 /* then other sources of the main loop get their turn */
#define MAX_DESC_CHARS     4096

typedef enum
{
  STATE_GREETING,
  STATE_CAPABILITIES,
  STATE_RUNNING,
  STATE_CLOSED,
} State;

typedef struct
{
  guint64                id;       /* 0: waits for RUNNING, nothing is sent */
  GBytes                *line;     /* (owned) (nullable) */
  gsize                  written;
  GSocketControlMessage *fds;      /* (owned) (nullable) goes with the first byte */
  GTask                 *task;     /* (owned) (nullable) NULL when cancelled or timed out half written */
  GSource               *cancel;   /* (owned) (nullable) */
  gint64                 deadline; /* monotonic µs, G_MAXINT64: never */
} Command;

struct _LodgeQmpClient
{
  GObject         parent_instance;

  State           state;
  GSocket        *socket;  /* (owned) */
  LodgeQmpParser *parser;  /* (owned) */
  GQueue          queue;   /* (element-type Command) (owned) */
  Command        *handshake; /* (owned) (nullable) qmp_capabilities; outside the queue because it goes first */
  guint64         next_id;
  guint           timeout_ms;
  GSource        *reader;  /* (owned) (nullable) */
  GSource        *writer;  /* (owned) (nullable) only while something is to be written */
  GSource        *timer;   /* (owned) ready at the earliest deadline */
  gboolean        write_failed;
  GError         *close_error; /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (LodgeQmpClient, lodge_qmp_client, G_TYPE_OBJECT)

enum
{
  SIGNAL_EVENT,
  SIGNAL_CLOSED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

static void update_writer (LodgeQmpClient *self);

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
command_free (Command *command)
{
  g_clear_pointer (&command->line, g_bytes_unref);
  g_clear_object (&command->fds);
  g_clear_object (&command->task);
  clear_source (&command->cancel);
  g_free (command);
}

static gsize
command_get_unwritten (Command *command)
{
  return command->line != NULL ? g_bytes_get_size (command->line) - command->written : 0;
}

static Command *
command_new (guint64 id, const char *name, JsonObject *arguments)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_alloc ();
  g_autoptr (GString) line = g_string_new (NULL);
  g_autofree char *text = NULL;
  Command *command = g_new0 (Command, 1);

  json_object_set_string_member (object, "execute", name);
  if (arguments != NULL)
    json_object_set_object_member (object, "arguments", json_object_ref (arguments));
  json_object_set_int_member (object, "id", id);
  json_node_init_object (node, object);
  text = json_to_string (node, FALSE);
  g_string_append (line, text);
  g_string_append (line, "\r\n");

  command->id = id;
  command->line = g_string_free_to_bytes (g_steal_pointer (&line));
  command->deadline = G_MAXINT64;

  return command;
}

static void
update_timer (LodgeQmpClient *self)
{
  gint64 earliest = G_MAXINT64;

  for (GList *l = self->queue.head; l != NULL; l = l->next)
    earliest = MIN (earliest, ((Command *) l->data)->deadline);

  g_source_set_ready_time (self->timer, earliest != G_MAXINT64 ? earliest : -1);
}

/* Ends @command: with @value, @error (both taken), or with neither for ready_async(). May call back. */
static void
finish_command (LodgeQmpClient *self, Command *command, JsonNode *value, GError *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&command->task);

  command->deadline = G_MAXINT64;
  clear_source (&command->cancel);
  /* Of a line that QEMU has the beginning of, it must get the rest. */
  if (command->written == 0 || command_get_unwritten (command) == 0 || self->state == STATE_CLOSED)
    {
      g_queue_remove (&self->queue, command);
      command_free (command);
    }
  update_timer (self);

  if (error != NULL)
    g_task_return_error (task, error);
  else if (value != NULL)
    g_task_return_pointer (task, value, (GDestroyNotify) json_node_unref);
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
emit_closed_cb (gpointer data)
{
  LodgeQmpClient *self = data;

  g_signal_emit (self, signals[SIGNAL_CLOSED], 0, self->close_error);

  return G_SOURCE_REMOVE;
}

static void
close_with (LodgeQmpClient *self, const GError *error)
{
  g_autoptr (LodgeQmpClient) hold G_GNUC_UNUSED = g_object_ref (self);
  g_autoptr (GSource) idle = NULL;

  if (self->state == STATE_CLOSED)
    return;

  self->state = STATE_CLOSED;
  self->close_error = g_error_copy (error);
  clear_source (&self->reader);
  clear_source (&self->writer);
  g_clear_pointer (&self->handshake, command_free);
  g_socket_close (self->socket, NULL);

  while (!g_queue_is_empty (&self->queue))
    {
      Command *command = g_queue_peek_head (&self->queue);

      if (command->task != NULL)
        finish_command (self, command, NULL, g_error_copy (error));
      else
        command_free (g_queue_pop_head (&self->queue));
    }

  /* A GTask that was made in this turn of the main loop calls back from an idle source of default priority; one
   * that is attached now comes after all of them. */
  idle = g_idle_source_new ();
  g_source_set_priority (idle, G_PRIORITY_DEFAULT);
  g_source_set_callback (idle, emit_closed_cb, g_object_ref (self), g_object_unref);
  g_source_attach (idle, g_main_context_get_thread_default ());
}

static void
close_because (LodgeQmpClient *self, const char *reason)
{
  g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, reason);

  close_with (self, error);
}

static void
enter_running (LodgeQmpClient *self)
{
  GList *l;

  self->state = STATE_RUNNING;
  g_clear_pointer (&self->handshake, command_free);
  update_writer (self);

  l = self->queue.head;
  while (l != NULL && self->state == STATE_RUNNING)
    {
      Command *command = l->data;

      if (command->id != 0)
        {
          l = l->next;
          continue;
        }
      finish_command (self, command, NULL, NULL);
      l = self->queue.head; /* the callback may have changed the queue */
    }
}

static GError *
error_from_reply (JsonObject *reply)
{
  const char *desc = lodge_qmp_string (lodge_qmp_object (reply, "error"), "desc");
  g_autofree char *bounded = g_utf8_substring (
      desc != NULL ? desc : "", 0, MIN (MAX_DESC_CHARS, desc != NULL ? g_utf8_strlen (desc, -1) : 0));

  return g_error_new_literal (LODGE_ERROR, LODGE_ERROR_QEMU_FAILED,
                              *bounded != '\0' ? bounded : "QEMU gave no reason");
}

static void
handle_reply (LodgeQmpClient *self, JsonObject *reply)
{
  gint64 id = lodge_qmp_integer (reply, "id", -1);
  JsonNode *value = json_object_get_member (reply, "return");
  gboolean failed = lodge_qmp_object (reply, "error") != NULL;

  if ((value == NULL) != failed || id <= 0 || (guint64) id >= self->next_id)
    {
      close_because (self, "QEMU sent an answer that belongs to no command");
      return;
    }

  if (self->handshake != NULL && self->handshake->id == (guint64) id)
    {
      if (!failed)
        enter_running (self);
      else
        close_because (self, "QEMU refused to negotiate capabilities");
      return;
    }

  for (GList *l = self->queue.head; l != NULL; l = l->next)
    {
      Command *command = l->data;

      if (command->id != (guint64) id || command->task == NULL)
        continue;
      if (command_get_unwritten (command) > 0)
        close_because (self, "QEMU answered a command that it was not sent");
      else if (failed)
        finish_command (self, command, NULL, error_from_reply (reply));
      else
        finish_command (self, command, json_node_copy (value), NULL);
      return;
    }
}

static void
handle_event (LodgeQmpClient *self, const char *name, JsonObject *message)
{
  JsonObject *stamp = lodge_qmp_object (message, "timestamp");
  gint64 seconds = lodge_qmp_integer (stamp, "seconds", 0);
  gint64 microseconds = lodge_qmp_integer (stamp, "microseconds", 0);

  /* QEMU writes -1 when the host's clock cannot be read. */
  seconds = CLAMP (seconds, 0, G_MAXINT64 / G_USEC_PER_SEC - 1);
  microseconds = CLAMP (microseconds, 0, G_USEC_PER_SEC - 1);

  g_signal_emit (self, signals[SIGNAL_EVENT], 0, name, lodge_qmp_object (message, "data"),
                 seconds * G_USEC_PER_SEC + microseconds);
}

static void
handle_message (LodgeQmpClient *self, JsonObject *message)
{
  const char *event = lodge_qmp_string (message, "event");

  if (self->state == STATE_GREETING)
    {
      if (lodge_qmp_object (message, "QMP") == NULL)
        {
          close_because (self, "there is no QMP greeting");
          return;
        }
      self->state = STATE_CAPABILITIES;
      self->handshake = command_new (self->next_id++, "qmp_capabilities", NULL);
      update_writer (self);
    }
  else if (event != NULL)
    handle_event (self, event, message);
  else
    handle_reply (self, message);
}

static void
handle_input (LodgeQmpClient *self)
{
  while (self->state != STATE_CLOSED)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonObject) message = lodge_qmp_parser_next (self->parser, &error);

      if (message != NULL)
        handle_message (self, message);
      else if (error != NULL)
        close_with (self, error);
      else
        return;
    }
}

static gboolean
readable_cb (GSocket *socket, GIOCondition condition, gpointer data)
{
  g_autoptr (LodgeQmpClient) self = g_object_ref (data);
  g_autofree char *chunk = g_malloc (READ_CHUNK);

  for (guint i = 0; i < READS_PER_DISPATCH && self->state != STATE_CLOSED; i++)
    {
      g_autoptr (GError) error = NULL;
      gssize n = g_socket_receive (socket, chunk, READ_CHUNK, NULL, &error);

      if (n > 0)
        {
          lodge_qmp_parser_feed (self->parser, chunk, n);
          handle_input (self);
        }
      else if (n == 0)
        close_because (self, "QEMU closed the connection");
      else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        break;
      else
        close_because (self, error->message);
    }

  return self->state != STATE_CLOSED;
}

static Command *
get_next_to_write (LodgeQmpClient *self)
{
  if (self->state == STATE_CLOSED || self->write_failed)
    return NULL;
  if (self->handshake != NULL && command_get_unwritten (self->handshake) > 0)
    return self->handshake;
  if (self->state != STATE_RUNNING)
    return NULL;

  for (GList *l = self->queue.head; l != NULL; l = l->next)
    {
      Command *command = l->data;

      if (command_get_unwritten (command) == 0)
        continue;
      /* Its cancellation is on the way through the main loop. */
      if (command->written == 0 && g_cancellable_is_cancelled (g_task_get_cancellable (command->task)))
        continue;
      return command;
    }

  return NULL;
}

static gboolean
writable_cb (GSocket *socket, GIOCondition condition, gpointer data)
{
  g_autoptr (LodgeQmpClient) self = g_object_ref (data);
  Command *command;

  while ((command = get_next_to_write (self)) != NULL)
    {
      g_autoptr (GError) error = NULL;
      gsize length;
      const char *bytes = g_bytes_get_data (command->line, &length);
      GOutputVector vector = { bytes + command->written, length - command->written };
      gssize n = g_socket_send_message (socket, NULL, &vector, 1, &command->fds,
                                        command->fds != NULL ? 1 : 0, G_SOCKET_MSG_NONE, NULL, &error);

      if (n < 0)
        {
          if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
            return G_SOURCE_CONTINUE;
          self->write_failed = TRUE;
          break;
        }

      command->written += n;
      if (command->written > 0)
        g_clear_object (&command->fds);
      if (command->task == NULL && command != self->handshake && command_get_unwritten (command) == 0)
        {
          g_queue_remove (&self->queue, command);
          command_free (command);
        }
    }

  g_clear_pointer (&self->writer, g_source_unref);

  return G_SOURCE_REMOVE;
}

static void
update_writer (LodgeQmpClient *self)
{
  if (self->writer != NULL || get_next_to_write (self) == NULL)
    return;

  self->writer = g_socket_create_source (self->socket, G_IO_OUT, NULL);
  g_source_set_callback (self->writer, G_SOURCE_FUNC (writable_cb), self, NULL);
  g_source_attach (self->writer, g_main_context_get_thread_default ());
}

static gboolean
timer_cb (gpointer data)
{
  g_autoptr (LodgeQmpClient) self = g_object_ref (data);
  gint64 now = g_get_monotonic_time ();
  GList *l = self->queue.head;

  while (l != NULL)
    {
      Command *command = l->data;

      if (command->deadline > now)
        {
          l = l->next;
          continue;
        }
      finish_command (self, command, NULL,
                      g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING,
                                           "QEMU does not answer"));
      l = self->queue.head; /* the callback may have changed the queue */
    }
  update_timer (self);

  return G_SOURCE_CONTINUE;
}

static gboolean
timer_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  return callback (data);
}

static GSourceFuncs timer_funcs = { NULL, NULL, timer_dispatch, NULL, NULL, NULL };

static gboolean
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  Command *command = data;
  g_autoptr (LodgeQmpClient) self = g_object_ref (g_task_get_source_object (command->task));

  finish_command (self, command, NULL,
                  g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "the command was cancelled"));

  return G_SOURCE_REMOVE;
}

static void
lodge_qmp_client_dispose (GObject *object)
{
  LodgeQmpClient *self = LODGE_QMP_CLIENT (object);

  clear_source (&self->reader);
  clear_source (&self->writer);
  clear_source (&self->timer);
  g_clear_pointer (&self->handshake, command_free);
  g_queue_clear_full (&self->queue, (GDestroyNotify) command_free);
  g_clear_object (&self->socket);

  G_OBJECT_CLASS (lodge_qmp_client_parent_class)->dispose (object);
}

static void
lodge_qmp_client_finalize (GObject *object)
{
  LodgeQmpClient *self = LODGE_QMP_CLIENT (object);

  lodge_qmp_parser_free (self->parser);
  g_clear_error (&self->close_error);

  G_OBJECT_CLASS (lodge_qmp_client_parent_class)->finalize (object);
}

static void
lodge_qmp_client_class_init (LodgeQmpClientClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->dispose = lodge_qmp_client_dispose;
  object_class->finalize = lodge_qmp_client_finalize;

  signals[SIGNAL_EVENT] =
      g_signal_new ("event", LODGE_TYPE_QMP_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                    G_TYPE_NONE, 3, G_TYPE_STRING, JSON_TYPE_OBJECT, G_TYPE_INT64);
  signals[SIGNAL_CLOSED] =
      g_signal_new ("closed", LODGE_TYPE_QMP_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                    G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
lodge_qmp_client_init (LodgeQmpClient *self)
{
  self->parser = lodge_qmp_parser_new (LODGE_QMP_MAX_LINE);
  self->next_id = 1;
  self->timeout_ms = DEFAULT_TIMEOUT_MS;
  g_queue_init (&self->queue);

  self->timer = g_source_new (&timer_funcs, sizeof (GSource));
  g_source_set_callback (self->timer, timer_cb, self, NULL);
  g_source_set_ready_time (self->timer, -1);
  g_source_attach (self->timer, g_main_context_get_thread_default ());
}

LodgeQmpClient *
lodge_qmp_client_new (GSocket *socket)
{
  LodgeQmpClient *self = g_object_new (LODGE_TYPE_QMP_CLIENT, NULL);

  self->socket = g_object_ref (socket);
  g_socket_set_blocking (socket, FALSE);

  self->reader = g_socket_create_source (socket, G_IO_IN, NULL);
  g_source_set_callback (self->reader, G_SOURCE_FUNC (readable_cb), self, NULL);
  g_source_attach (self->reader, g_main_context_get_thread_default ());

  return self;
}

LodgeQmpClient *
lodge_qmp_client_connect (const char *path, GError **error)
{
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) local = NULL;

  if (strlen (path) >= 108)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "the socket path is too long: %s", path);
      return NULL;
    }

  socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, &local);
  if (socket == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_IO, local->message);
      return NULL;
    }

  /* Connecting to a unix socket is done or refused at once. What would block (a full backlog) is
   * a QEMU that accepts nobody. */
  g_socket_set_blocking (socket, FALSE);
  address = g_unix_socket_address_new (path);
  if (!g_socket_connect (socket, address, NULL, &local))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "%s: %s", path, local->message);
      return NULL;
    }

  return lodge_qmp_client_new (socket);
}

void
lodge_qmp_client_set_timeout (LodgeQmpClient *self, guint milliseconds)
{
  self->timeout_ms = milliseconds;
}

/* Takes @command. */
static void
enqueue (LodgeQmpClient *self, Command *command, GTask *task)
{
  GCancellable *cancellable = g_task_get_cancellable (task);

  if (g_task_return_error_if_cancelled (task))
    {
      command_free (command);
      return;
    }
  if (self->state == STATE_CLOSED)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING,
                               "the connection to QEMU is closed");
      command_free (command);
      return;
    }

  /* The client says itself what a cancelled command gets; the task must not second-guess an answer that is there. */
  g_task_set_check_cancellable (task, FALSE);
  command->task = g_object_ref (task);
  /* Who waits for the greeting knows how long. */
  if (self->timeout_ms > 0 && command->line != NULL)
    command->deadline = g_get_monotonic_time () + (gint64) self->timeout_ms * 1000;
  if (cancellable != NULL)
    {
      command->cancel = g_cancellable_source_new (cancellable);
      g_source_set_callback (command->cancel, G_SOURCE_FUNC (cancelled_cb), command, NULL);
      g_source_attach (command->cancel, g_task_get_context (task));
    }

  g_queue_push_tail (&self->queue, command);
  update_timer (self);
  update_writer (self);
}

void
lodge_qmp_client_execute_async (LodgeQmpClient *self, const char *command, JsonObject *arguments, int fd,
                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  g_autoptr (GError) error = NULL;
  Command *queued;

  g_task_set_source_tag (task, lodge_qmp_client_execute_async);

  queued = command_new (self->next_id++, command, arguments);
  if (fd >= 0)
    {
      queued->fds = g_unix_fd_message_new ();
      if (!g_unix_fd_message_append_fd (G_UNIX_FD_MESSAGE (queued->fds), fd, &error))
        {
          g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "%s", error->message);
          command_free (queued);
          return;
        }
    }

  enqueue (self, queued, task);
}

JsonNode *
lodge_qmp_client_execute_finish (LodgeQmpClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

void
lodge_qmp_client_ready_async (LodgeQmpClient *self, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  Command *waiter;

  g_task_set_source_tag (task, lodge_qmp_client_ready_async);

  if (self->state == STATE_RUNNING)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }

  waiter = g_new0 (Command, 1);
  waiter->deadline = G_MAXINT64;
  enqueue (self, waiter, task);
}

gboolean
lodge_qmp_client_ready_finish (LodgeQmpClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

gboolean
lodge_qmp_client_is_open (LodgeQmpClient *self)
{
  return self->state != STATE_CLOSED;
}

void
lodge_qmp_client_close (LodgeQmpClient *self)
{
  close_because (self, "the connection was closed");
}
