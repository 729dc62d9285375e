/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * The channel is a serial line: it has no beginning and no end, and may hold answers to a question of an earlier core. So
 * before the first command, and again after one that was given up, both ends are brought into step:
 * 0xff (which makes the agent forget half a line) and guest-sync-delimited with a number. Everything is
 * dropped until a 0xff comes back with that number. 0xff is in no JSON.
 *
 *   OUT_OF_STEP ──0xff, sync──► SYNCING ──0xff, number──► IN_STEP
 *        ▲─────────── time-out, cancel, garbage ─────────────┘
 */

#include "core/qemu/lodge-guest-agent.h"

#include <string.h>

#include "core/qemu/lodge-qmp-parser.h"

#define DEFAULT_TIMEOUT_MS 5000
#define EXEC_POLL_MS       100
#define DELIMITER          0xff
#define MAX_DESC_CHARS     1024

typedef enum
{
  STATE_OUT_OF_STEP,
  STATE_SYNCING,
  STATE_IN_STEP,
  STATE_CLOSED,
} State;

typedef struct
{
  char    *line;      /* (owned) the command, with its end of line */
  gboolean no_answer;
  GTask   *task;      /* (owned) */
  GSource *cancel;    /* (owned) (nullable) */
} Command;

struct _LodgeGuestAgent
{
  GObject         parent_instance;

  State           state;
  GSocket        *socket;     /* (owned) */
  LodgeQmpParser *parser;     /* (owned) */
  GQueue          queue;      /* (element-type Command) (owned) waiting */
  Command        *current;    /* (owned) (nullable) */
  GByteArray     *output;     /* (owned) not written yet */
  gint64          sync;       /* the number of the last sync */
  gboolean        delimited;  /* SYNCING: 0xff has come */
  guint           timeout_ms;
  guint           timer;
  GSource        *reader;     /* (owned) (nullable) */
  GSource        *writer;     /* (owned) (nullable) only while something is to be written */
};

G_DEFINE_FINAL_TYPE (LodgeGuestAgent, lodge_guest_agent, G_TYPE_OBJECT)

static void start_next (LodgeGuestAgent *self);

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
  g_free (command->line);
  g_clear_object (&command->task);
  clear_source (&command->cancel);
  g_free (command);
}

static void
reset_parser (LodgeGuestAgent *self)
{
  lodge_qmp_parser_free (self->parser);
  self->parser = lodge_qmp_parser_new (LODGE_GUEST_AGENT_MAX_LINE);
}

/* Takes @command, which is out of the queue, and @value or @error. May call back. */
static void
finish_command (LodgeGuestAgent *self, Command *command, JsonNode *value, GError *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&command->task);

  if (command == self->current)
    {
      self->current = NULL;
      g_clear_handle_id (&self->timer, g_source_remove);
    }
  command_free (command);

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, value, (GDestroyNotify) json_node_unref);
}

static void
close_because (LodgeGuestAgent *self, const char *reason)
{
  g_autoptr (LodgeGuestAgent) hold G_GNUC_UNUSED = g_object_ref (self);
  Command *command;

  if (self->state == STATE_CLOSED)
    return;
  self->state = STATE_CLOSED;
  clear_source (&self->reader);
  clear_source (&self->writer);
  g_socket_close (self->socket, NULL);

  while ((command = self->current != NULL ? self->current : g_queue_pop_head (&self->queue)) != NULL)
    finish_command (self, command, NULL,
                    g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, reason));
}

/* Gives the command up that is under way; the next one starts with a sync. */
static void
give_up (LodgeGuestAgent *self, GError *error)
{
  self->state = STATE_OUT_OF_STEP;
  finish_command (self, self->current, NULL, error);
  start_next (self);
}

static gboolean
writable_cb (GSocket *socket, GIOCondition condition, gpointer data)
{
  g_autoptr (LodgeGuestAgent) self = g_object_ref (data);
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_send (socket, (const char *) self->output->data, self->output->len, NULL, &error);

  if (n > 0)
    g_byte_array_remove_range (self->output, 0, n);
  else if (n < 0 && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    g_byte_array_set_size (self->output, 0); /* the reader finds the end */
  if (self->output->len > 0)
    return G_SOURCE_CONTINUE;

  g_clear_pointer (&self->writer, g_source_unref);
  if (self->current != NULL && self->current->no_answer && self->state == STATE_IN_STEP && n > 0)
    {
      finish_command (self, self->current, json_node_new (JSON_NODE_NULL), NULL);
      start_next (self);
    }

  return G_SOURCE_REMOVE;
}

static void
write_text (LodgeGuestAgent *self, const char *text)
{
  g_byte_array_append (self->output, (const guint8 *) text, strlen (text));
  if (self->writer != NULL)
    return;
  self->writer = g_socket_create_source (self->socket, G_IO_OUT, NULL);
  g_source_set_callback (self->writer, G_SOURCE_FUNC (writable_cb), self, NULL);
  g_source_attach (self->writer, g_main_context_get_thread_default ());
}

static gboolean
timeout_cb (gpointer data)
{
  g_autoptr (LodgeGuestAgent) self = g_object_ref (data);

  self->timer = 0;
  give_up (self, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "the guest agent does not answer"));

  return G_SOURCE_REMOVE;
}

static void
start_next (LodgeGuestAgent *self)
{
  if (self->state == STATE_CLOSED || self->current != NULL || g_queue_is_empty (&self->queue))
    return;

  self->current = g_queue_pop_head (&self->queue);
  self->timer = g_timeout_add (self->timeout_ms, timeout_cb, self);
  if (self->state == STATE_IN_STEP)
    {
      write_text (self, self->current->line);
      return;
    }

  /* What was not written of the one before is dropped: the agent forgets the rest at 0xff. */
  g_byte_array_set_size (self->output, 0);
  reset_parser (self);
  self->state = STATE_SYNCING;
  self->delimited = FALSE;
  self->sync = g_random_int_range (1, G_MAXINT32);
  {
    g_autofree char *line =
        g_strdup_printf ("\xff{\"execute\": \"guest-sync-delimited\", \"arguments\": {\"id\": %d}}\n", (int) self->sync);

    write_text (self, line);
  }
}

static void
handle_message (LodgeGuestAgent *self, JsonObject *message)
{
  JsonNode *value = json_object_get_member (message, "return");
  JsonObject *failure = lodge_qmp_object (message, "error");
  const char *desc = lodge_qmp_string (failure, "desc");

  if (self->state == STATE_SYNCING)
    {
      if (!self->delimited || lodge_qmp_integer (message, "return", -1) != self->sync)
        return;
      self->state = STATE_IN_STEP;
      write_text (self, self->current->line);
    }
  else if (self->state == STATE_IN_STEP && self->current != NULL)
    {
      if (value != NULL)
        finish_command (self, self->current, json_node_copy (value), NULL);
      else
        {
          g_autofree char *bounded =
              desc != NULL ? g_utf8_substring (desc, 0, MIN (MAX_DESC_CHARS, g_utf8_strlen (desc, -1))) : NULL;

          finish_command (self, self->current, NULL,
                          g_error_new_literal (LODGE_ERROR, LODGE_ERROR_FAILED,
                                               bounded != NULL ? bounded : "the guest agent gave no reason"));
        }
      start_next (self);
    }
}

/* The bytes of @data up to a delimiter or the end. */
static void
handle_piece (LodgeGuestAgent *self, const char *data, gsize length)
{
  if (self->state == STATE_OUT_OF_STEP || (self->state == STATE_SYNCING && !self->delimited))
    return;

  lodge_qmp_parser_feed (self->parser, data, length);
  while (self->state == STATE_SYNCING || self->state == STATE_IN_STEP)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonObject) message = lodge_qmp_parser_next (self->parser, &error);

      if (message != NULL)
        handle_message (self, message);
      else if (error == NULL)
        return;
      else if (self->state == STATE_SYNCING)
        {
          self->delimited = FALSE;
          reset_parser (self);
          return;
        }
      else if (self->current != NULL)
        give_up (self, g_steal_pointer (&error));
      else
        self->state = STATE_OUT_OF_STEP;
    }
}

static gboolean
readable_cb (GSocket *socket, GIOCondition condition, gpointer data)
{
  g_autoptr (LodgeGuestAgent) self = g_object_ref (data);
  char chunk[16 * 1024];
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_receive (socket, chunk, sizeof chunk, NULL, &error);
  const char *at = chunk, *end = chunk + MAX (n, 0);

  if (n == 0)
    close_because (self, "the channel to the guest agent was closed");
  else if (n < 0 && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    close_because (self, error->message);

  while (at < end && self->state != STATE_CLOSED)
    {
      const char *delimiter = memchr (at, DELIMITER, end - at);

      handle_piece (self, at, (delimiter != NULL ? delimiter : end) - at);
      if (delimiter == NULL)
        break;
      if (self->state == STATE_SYNCING)
        {
          self->delimited = TRUE;
          reset_parser (self);
        }
      at = delimiter + 1;
    }

  return self->state != STATE_CLOSED;
}

static gboolean
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  Command *command = data;
  g_autoptr (LodgeGuestAgent) self = g_object_ref (g_task_get_source_object (command->task));
  GError *error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "the command was cancelled");

  if (command == self->current)
    give_up (self, error);
  else
    {
      g_queue_remove (&self->queue, command);
      finish_command (self, command, NULL, error);
    }

  return G_SOURCE_REMOVE;
}

static void
lodge_guest_agent_dispose (GObject *object)
{
  LodgeGuestAgent *self = LODGE_GUEST_AGENT (object);

  clear_source (&self->reader);
  clear_source (&self->writer);
  g_clear_handle_id (&self->timer, g_source_remove);
  g_clear_object (&self->socket);

  G_OBJECT_CLASS (lodge_guest_agent_parent_class)->dispose (object);
}

static void
lodge_guest_agent_finalize (GObject *object)
{
  LodgeGuestAgent *self = LODGE_GUEST_AGENT (object);

  lodge_qmp_parser_free (self->parser);
  g_byte_array_unref (self->output);

  G_OBJECT_CLASS (lodge_guest_agent_parent_class)->finalize (object);
}

static void
lodge_guest_agent_class_init (LodgeGuestAgentClass *class)
{
  G_OBJECT_CLASS (class)->dispose = lodge_guest_agent_dispose;
  G_OBJECT_CLASS (class)->finalize = lodge_guest_agent_finalize;
}

static void
lodge_guest_agent_init (LodgeGuestAgent *self)
{
  self->timeout_ms = DEFAULT_TIMEOUT_MS;
  self->output = g_byte_array_new ();
  reset_parser (self);
  g_queue_init (&self->queue);
}

LodgeGuestAgent *
lodge_guest_agent_new (GSocket *socket)
{
  LodgeGuestAgent *self = g_object_new (LODGE_TYPE_GUEST_AGENT, NULL);

  self->socket = g_object_ref (socket);
  g_socket_set_blocking (socket, FALSE);
  self->reader = g_socket_create_source (socket, G_IO_IN, NULL);
  g_source_set_callback (self->reader, G_SOURCE_FUNC (readable_cb), self, NULL);
  g_source_attach (self->reader, g_main_context_get_thread_default ());

  return self;
}

void
lodge_guest_agent_set_timeout (LodgeGuestAgent *self, guint milliseconds)
{
  self->timeout_ms = milliseconds;
}

static void
enqueue (LodgeGuestAgent *self, const char *name, JsonObject *arguments, gboolean no_answer, GTask *task)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autofree char *text = NULL;
  GCancellable *cancellable = g_task_get_cancellable (task);
  Command *command;

  if (g_task_return_error_if_cancelled (task))
    return;
  if (self->state == STATE_CLOSED)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "the channel to the guest agent is closed");
      return;
    }

  json_object_set_string_member (object, "execute", name);
  if (arguments != NULL)
    json_object_set_object_member (object, "arguments", json_object_ref (arguments));
  text = json_to_string (node, FALSE);

  g_task_set_check_cancellable (task, FALSE);
  command = g_new0 (Command, 1);
  command->line = g_strconcat (text, "\n", NULL);
  command->no_answer = no_answer;
  command->task = g_object_ref (task);
  if (cancellable != NULL)
    {
      command->cancel = g_cancellable_source_new (cancellable);
      g_source_set_callback (command->cancel, G_SOURCE_FUNC (cancelled_cb), command, NULL);
      g_source_attach (command->cancel, g_task_get_context (task));
    }
  g_queue_push_tail (&self->queue, command);
  start_next (self);
}

void
lodge_guest_agent_execute_async (LodgeGuestAgent *self, const char *command, JsonObject *arguments,
                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);

  g_task_set_source_tag (task, lodge_guest_agent_execute_async);
  enqueue (self, command, arguments, FALSE, task);
}

JsonNode *
lodge_guest_agent_execute_finish (LodgeGuestAgent *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
lodge_guest_agent_shutdown_async (LodgeGuestAgent *self, const char *mode, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'mode': <%s>}", mode);

  g_task_set_source_tag (task, lodge_guest_agent_shutdown_async);
  enqueue (self, "guest-shutdown", arguments, TRUE, task);
}

gboolean
lodge_guest_agent_shutdown_finish (LodgeGuestAgent *self, GAsyncResult *result, GError **error)
{
  g_autoptr (JsonNode) node = g_task_propagate_pointer (G_TASK (result), error);

  return node != NULL;
}

typedef struct
{
  gint64 pid; /* in the guest */
  int    exit_code;
} Exec;

static void ask_status (GTask *task);

static gboolean
ask_again_cb (gpointer data)
{
  ask_status (data);

  return G_SOURCE_REMOVE;
}

static void
status_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Exec *exec = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) node = lodge_guest_agent_execute_finish (LODGE_GUEST_AGENT (source), result, &error);
  JsonObject *status = lodge_qmp_node_object (node);
  const char *encoded = lodge_qmp_string (status, "out-data");
  g_autofree guchar *decoded = NULL;
  gsize length = 0;

  if (node == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  if (!lodge_qmp_boolean (status, "exited", FALSE))
    {
      g_timeout_add (EXEC_POLL_MS, ask_again_cb, g_steal_pointer (&task));
      return;
    }

  exec->exit_code = (int) CLAMP (lodge_qmp_integer (status, "exitcode", -1), -1, 255);
  if (encoded != NULL)
    decoded = g_base64_decode (encoded, &length);
  g_task_return_pointer (task, g_bytes_new (decoded, length), (GDestroyNotify) g_bytes_unref);
}

/* Takes @task on. */
static void
ask_status (GTask *task)
{
  Exec *exec = g_task_get_task_data (task);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'pid': <%x>}", exec->pid);

  lodge_guest_agent_execute_async (g_task_get_source_object (task), "guest-exec-status", arguments,
                                   g_task_get_cancellable (task), status_cb, task);
}

static void
started_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Exec *exec = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) node = lodge_guest_agent_execute_finish (LODGE_GUEST_AGENT (source), result, &error);

  if (node == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  exec->pid = lodge_qmp_integer (lodge_qmp_node_object (node), "pid", 0);
  ask_status (g_steal_pointer (&task));
}

void
lodge_guest_agent_exec_async (LodgeGuestAgent *self, const char *const *argv, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, cancellable, callback, data);
  g_autoptr (GVariant) words = g_variant_ref_sink (g_variant_new_strv (argv + 1, -1));
  g_autoptr (JsonObject) arguments =
      lodge_qmp_args_new ("{'path': <%s>, 'arg': <%@as>, 'capture-output': <true>}", argv[0], words);

  g_task_set_source_tag (task, lodge_guest_agent_exec_async);
  g_task_set_task_data (task, g_new0 (Exec, 1), g_free);
  lodge_guest_agent_execute_async (self, "guest-exec", arguments, cancellable, started_cb, task);
}

GBytes *
lodge_guest_agent_exec_finish (LodgeGuestAgent *self, GAsyncResult *result, int *exit_code, GError **error)
{
  Exec *exec = g_task_get_task_data (G_TASK (result));

  *exit_code = exec->exit_code;

  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
lodge_guest_agent_is_closed (LodgeGuestAgent *self)
{
  return self->state == STATE_CLOSED;
}

void
lodge_guest_agent_close (LodgeGuestAgent *self)
{
  close_because (self, "the channel was closed");
}
