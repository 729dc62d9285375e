/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * The guest agent can start a program and say how it ended, but gives what it wrote only then. To have it while it runs, the
 * output goes to two files, which the agent opens first and reads from as they grow. A shell puts them under the command and
 * takes their names away before it becomes the command, so nothing stays behind in the guest:
 *
 *   ping until an agent answers -> guest-file-open (2) -> guest-exec sh -> [guest-file-read (2), guest-exec-status] again and
 *   again -> when it has ended and both files are read to their end: guest-file-close (2), the status line
 *
 * setsid, where the guest has it, makes the command the leader of a group, so the number that the agent gives is that of the whole
 * group, and ending the command means to kill that group. A caller who closed the status pipe wants just that. One who reads slowly is waited for: nothing is
 * read from the guest while a pipe is full.
 *
 * Windows has no such shell: the agent keeps the output and gives it at the end. So it does for what Lodge itself runs, which
 * spares half of the questions.
 *
 * All commands to one guest's agent go through one connection, since its channel takes one client. */

#include "core/machine/lodge-machine-execute.h"

#include "core/machine/lodge-machine-identity.h"
#include "core/machine/lodge-machine-private.h"
#include "core/qemu/lodge-guest-agent.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (128 * 1024)
#define POLL_FIRST_MS 10
#define POLL_MAX_MS 200
/* An agent of a busy guest takes its time. */
#define ANSWER_MS 30000
#define WAIT_DEFAULT 5
#define WAIT_MAX 3600
/* For the identity, when the agent answers; a guest in software on a busy host takes its time. */
#define SETTLE_MS 180000

/* $1 and $2: the files; $3: the folder or nothing. */
static const char script[] = "exec >>\"$1\" 2>>\"$2\"; rm -f -- \"$1\" \"$2\"; if [ -n \"$3\" ]; then cd -- \"$3\" || exit 126; fi; "
                             "shift 3; command -v setsid >/dev/null && exec setsid \"$@\"; exec \"$@\"";

typedef struct
{
  int     fd;      /* the pipe's writing end, or -1: nobody reads */
  gint64  handle;  /* of the agent, or -1 */
  char   *path;    /* (owned) in the guest */
  GBytes *pending; /* (owned) (nullable) that does not fit into the pipe yet */
  gsize   written; /* of @pending */
  gboolean end;    /* the last read found the end of the file */
} Stream;

typedef struct
{
  LodgeMachine    *machine;  /* (owned) */
  LodgeGuestAgent *agent;    /* (owned) */
  GTask           *task;     /* (owned) (nullable) until the command has begun */
  LodgeExecution  *reading;  /* (owned) (nullable) the caller's ends */
  GStrv            argv;     /* (owned) */
  GStrv            environment; /* (owned) (nullable) */
  char            *folder;   /* (owned) (nullable) */
  GBytes          *input;    /* (owned) (nullable) */
  Stream           streams[2];
  int              status_fd;
  gboolean         shell;    /* the guest has one */
  gboolean         captured; /* the agent keeps what it writes until its end */
  gboolean         second;   /* the guest gets its identity first */
  gint64           until;    /* and that is waited for; microseconds */
  GCancellable    *waiting;  /* (owned) ends the wait for an agent */
  guint            wait;     /* source: that wait is over */
  guint            timeout;  /* seconds, 0: none */
  guint            timer;    /* source: the next look */
  guint            limit;    /* source: its time is over */
  guint            pause_ms;
  guint            next;     /* stream to open, read or close */
  gint64           pid;
  gboolean         ended;
  gboolean         killed;
  gboolean         timed_out;
  gboolean         busy;     /* something came since the last look */
  char            *last;     /* (owned) (nullable) the status line */
} Execution;

static void look (Execution *execution);
static void ping (Execution *execution);
static void open_next (Execution *execution);
static void begin_second (Execution *execution);

void
lodge_execution_free (LodgeExecution *execution)
{
  int fds[] = { execution->output, execution->errors, execution->status };

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    if (fds[i] >= 0)
      close (fds[i]);
  g_free (execution);
}

static void
stream_close (Stream *stream)
{
  if (stream->fd >= 0)
    close (stream->fd);
  stream->fd = -1;
  g_clear_pointer (&stream->pending, g_bytes_unref);
}

static void
execution_free (Execution *execution)
{
  g_clear_handle_id (&execution->timer, g_source_remove);
  g_clear_handle_id (&execution->limit, g_source_remove);
  g_clear_handle_id (&execution->wait, g_source_remove);
  g_object_unref (execution->waiting);
  for (gsize i = 0; i < G_N_ELEMENTS (execution->streams); i++)
    {
      stream_close (&execution->streams[i]);
      g_free (execution->streams[i].path);
    }
  if (execution->status_fd >= 0)
    close (execution->status_fd);
  g_clear_pointer (&execution->reading, lodge_execution_free);
  g_clear_object (&execution->task);
  g_object_unref (execution->machine);
  g_clear_object (&execution->agent);
  g_strfreev (execution->argv);
  g_strfreev (execution->environment);
  g_free (execution->folder);
  g_clear_pointer (&execution->input, g_bytes_unref);
  g_free (execution->last);
  g_free (execution);
}

/* The one end of each execution. @error: (transfer full) (nullable) */
static void
finish (Execution *execution, GError *error)
{
  g_autoptr (GError) owned = error;
  g_autofree char *line = NULL;

  if (execution->task != NULL)
    {
      g_task_return_error (execution->task, g_steal_pointer (&owned));
      execution_free (execution);
      return;
    }
  if (execution->timed_out)
    line = g_strdup ("timeout\n");
  else if (execution->last != NULL)
    line = g_strconcat (execution->last, "\n", NULL);
  else
    line = g_strconcat ("lost ", owned != NULL ? g_strdelimit (owned->message, "\n", ' ') : "", "\n", NULL);
  /* It is the first thing in this pipe, so it fits; and nobody may read any more. */
  if (write (execution->status_fd, line, strlen (line)) < 0)
    g_debug ("the status of a command: %s", g_strerror (errno));
  execution_free (execution);
}

/* ---- The agent ---- */

LodgeGuestAgent *
lodge_machine_get_agent (LodgeMachine *self, GError **error)
{
  g_autoptr (GSocket) socket = NULL;
  GError *local = NULL;
  int fd;

  if (self->guest->agent != NULL && !lodge_guest_agent_is_closed (self->guest->agent))
    {
      lodge_guest_agent_set_timeout (self->guest->agent, ANSWER_MS); /* a backup has less patience */
      return g_object_ref (self->guest->agent);
    }

  g_clear_object (&self->guest->agent);
  fd = lodge_runtime_connect (self->guest->record->dir, LODGE_SOCKET_AGENT, error);
  if (fd < 0)
    return NULL;
  socket = g_socket_new_from_fd (fd, &local);
  if (socket == NULL)
    {
      close (fd);
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "the agent's channel: %s", local->message);
      g_error_free (local);
      return NULL;
    }
  self->guest->agent = lodge_guest_agent_new (socket);
  lodge_guest_agent_set_timeout (self->guest->agent, ANSWER_MS);
  return g_object_ref (self->guest->agent);
}

static void
ask (Execution *execution, const char *command, JsonObject *arguments, GAsyncReadyCallback callback)
{
  lodge_guest_agent_execute_async (execution->agent, command, arguments, NULL, callback, execution);
}

static JsonNode *
answer (Execution *execution, GAsyncResult *result, GError **error)
{
  return lodge_guest_agent_execute_finish (execution->agent, result, error);
}

/* ---- While it runs ---- */

static gboolean
look_cb (gpointer data)
{
  Execution *execution = data;

  execution->timer = 0;
  look (execution);
  return G_SOURCE_REMOVE;
}

static void
look_later (Execution *execution)
{
  execution->pause_ms = execution->busy ? POLL_FIRST_MS : MIN (execution->pause_ms * 2, POLL_MAX_MS);
  execution->busy = FALSE;
  execution->timer = g_timeout_add (execution->pause_ms, look_cb, execution);
}

static void
kill_group (Execution *execution)
{
  g_autofree char *pid = g_strdup_printf ("%" G_GINT64_FORMAT, execution->pid);
  const char *unix_words[] = { "-c", "kill -9 \"-$1\" 2>/dev/null || kill -9 \"$1\"", "sh", pid, NULL };
  const char *windows_words[] = { "/T", "/F", "/PID", pid, NULL };
  g_autoptr (GVariant) words = g_variant_ref_sink (g_variant_new_strv (execution->shell ? unix_words : windows_words, -1));
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'path': <%s>, 'arg': <%@as>}",
                                                         execution->shell ? "/bin/sh" : "taskkill.exe", words);

  if (execution->killed)
    return;
  execution->killed = TRUE;
  lodge_guest_agent_execute_async (execution->agent, "guest-exec", arguments, NULL, NULL, NULL);
}

static gboolean
limit_cb (gpointer data)
{
  Execution *execution = data;

  execution->limit = 0;
  execution->timed_out = TRUE;
  kill_group (execution);
  return G_SOURCE_REMOVE;
}

/* Whether the pipe took all that was pending. */
static gboolean
pour (Stream *stream)
{
  while (stream->pending != NULL)
    {
      gsize length;
      const char *bytes = g_bytes_get_data (stream->pending, &length);
      gssize n = stream->fd >= 0 ? write (stream->fd, bytes + stream->written, length - stream->written) : -1;

      if (n < 0 && stream->fd >= 0 && errno == EINTR)
        continue;
      if (n < 0 && stream->fd >= 0 && errno == EAGAIN)
        return FALSE;
      if (n < 0)
        {
          /* As after "head": what nobody reads is dropped. */
          stream_close (stream);
          return TRUE;
        }
      stream->written += (gsize) n;
      if (stream->written == length)
        g_clear_pointer (&stream->pending, g_bytes_unref);
    }
  return TRUE;
}

static void
give (Stream *stream, const char *encoded)
{
  gsize length = 0;
  guchar *bytes = encoded != NULL && *encoded != '\0' ? g_base64_decode (encoded, &length) : NULL;

  if (length == 0)
    {
      g_free (bytes);
      return;
    }
  stream->pending = g_bytes_new_take (bytes, length);
  stream->written = 0;
}

/* Nobody waits for the agent to close the files. */
static void
all_read (Execution *execution)
{
  for (gsize i = 0; i < G_N_ELEMENTS (execution->streams) && !execution->captured; i++)
    {
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'handle': <%x>}", execution->streams[i].handle);

      lodge_guest_agent_execute_async (execution->agent, "guest-file-close", arguments, NULL, NULL, NULL);
    }
  finish (execution, NULL);
}

static void
status_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Execution *execution = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = answer (execution, result, &error);
  JsonObject *status = lodge_qmp_node_object (node);

  if (node == NULL)
    {
      finish (execution, g_steal_pointer (&error));
      return;
    }
  if (lodge_qmp_boolean (status, "exited", FALSE))
    {
      gint64 number = lodge_qmp_integer (status, "signal", 0);

      execution->ended = TRUE;
      execution->busy = TRUE;
      if (number > 0)
        execution->last = g_strdup_printf ("signal %d", (int) MIN (number, 127));
      else
        execution->last = g_strdup_printf ("exit %u", (guint) lodge_qmp_integer (status, "exitcode", 0) & 0xff);
      if (execution->captured)
        {
          give (&execution->streams[0], lodge_qmp_string (status, "out-data"));
          give (&execution->streams[1], lodge_qmp_string (status, "err-data"));
        }
      /* What it wrote last may have come after the last look. */
      execution->streams[0].end = execution->streams[1].end = execution->captured;
    }
  look_later (execution);
}

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Execution *execution = data;
  Stream *stream = &execution->streams[execution->next];
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = answer (execution, result, &error);
  JsonObject *read = lodge_qmp_node_object (node);

  if (node == NULL)
    {
      finish (execution, g_steal_pointer (&error));
      return;
    }
  stream->end = lodge_qmp_boolean (read, "eof", FALSE);
  give (stream, lodge_qmp_string (read, "buf-b64"));
  execution->busy = execution->busy || stream->pending != NULL;
  pour (stream);
  execution->next++;
  look (execution);
}

/* Whether the caller has gone. */
static gboolean
is_abandoned (Execution *execution)
{
  struct pollfd fd = { .fd = execution->status_fd };

  return poll (&fd, 1, 0) == 1 && (fd.revents & POLLERR) != 0;
}

static void
look (Execution *execution)
{
  g_autoptr (JsonObject) arguments = NULL;

  for (; execution->next < G_N_ELEMENTS (execution->streams); execution->next++)
    {
      Stream *stream = &execution->streams[execution->next];

      if (!pour (stream) || execution->captured || (execution->ended && stream->end))
        continue;
      arguments = lodge_qmp_args_new ("{'handle': <%x>, 'count': <%x>}", stream->handle, (gint64) CHUNK);
      ask (execution, "guest-file-read", arguments, read_cb);
      return;
    }

  execution->next = 0;
  if (is_abandoned (execution))
    kill_group (execution);
  if (execution->ended)
    {
      gboolean done = TRUE;

      for (gsize i = 0; i < G_N_ELEMENTS (execution->streams); i++)
        done = done && execution->streams[i].end && execution->streams[i].pending == NULL;
      if (done)
        all_read (execution);
      else
        look_later (execution);
      return;
    }
  arguments = lodge_qmp_args_new ("{'pid': <%x>}", execution->pid);
  ask (execution, "guest-exec-status", arguments, status_cb);
}

/* ---- The beginning ---- */

static void
begun_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Execution *execution = data;
  g_autoptr (GTask) task = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = answer (execution, result, &error);

  if (node == NULL)
    {
      finish (execution, g_steal_pointer (&error));
      return;
    }
  execution->pid = lodge_qmp_integer (lodge_qmp_node_object (node), "pid", 0);
  if (execution->timeout > 0)
    execution->limit = g_timeout_add_seconds (execution->timeout, limit_cb, execution);
  task = g_steal_pointer (&execution->task);
  g_task_return_pointer (task, g_steal_pointer (&execution->reading), (GDestroyNotify) lodge_execution_free);
  execution->next = 0;
  execution->busy = TRUE;
  look (execution);
}

static void
begin (Execution *execution)
{
  const LodgeGuest *guest = execution->machine->guest;
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  g_autoptr (GVariant) arg = NULL;
  g_autoptr (JsonObject) arguments = NULL;
  g_autofree char *now = g_strdup_printf ("%" G_GINT64_FORMAT, g_get_real_time () / G_USEC_PER_SEC);
  const char *path = execution->argv[0];

  if (guest != NULL && guest->share_error != NULL)
    {
      finish (execution, g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "the guest has not mounted the shared folder: %s", guest->share_error));
      return;
    }
  if (!execution->captured)
    {
      path = "/bin/sh";
      g_ptr_array_add (words, (gpointer) "-c");
      g_ptr_array_add (words, (gpointer) script);
      g_ptr_array_add (words, (gpointer) "sh");
      g_ptr_array_add (words, execution->streams[0].path);
      g_ptr_array_add (words, execution->streams[1].path);
      g_ptr_array_add (words, (gpointer) (execution->folder != NULL ? execution->folder : ""));
    }
  for (guint i = execution->captured ? 1 : 0; execution->argv[i] != NULL; i++)
    g_ptr_array_add (words, !execution->second && strcmp (execution->argv[i], LODGE_EXECUTE_NOW) == 0 ? now : execution->argv[i]);
  g_ptr_array_add (words, NULL);
  arg = g_variant_ref_sink (g_variant_new_strv ((const char *const *) words->pdata, -1));
  arguments = lodge_qmp_args_new ("{'path': <%s>, 'arg': <%@as>, 'capture-output': <%b>}", path, arg, execution->captured);
  if (execution->environment != NULL)
    {
      JsonArray *list = json_array_new ();

      for (guint i = 0; execution->environment[i] != NULL; i++)
        json_array_add_string_element (list, execution->environment[i]);
      json_object_set_array_member (arguments, "env", list);
    }
  if (execution->input != NULL)
    {
      gsize length;
      gconstpointer bytes = g_bytes_get_data (execution->input, &length);
      g_autofree char *encoded = g_base64_encode (bytes, length);

      json_object_set_string_member (arguments, "input-data", encoded);
    }
  ask (execution, "guest-exec", arguments, begun_cb);
}

static gboolean
is_renewing (Execution *execution)
{
  LodgeGuest *guest = execution->machine->guest;

  return execution->second && guest != NULL && guest->renewing;
}

static gboolean
begin_cb (gpointer data)
{
  Execution *execution = data;

  execution->timer = 0;
  begin_second (execution);
  return G_SOURCE_REMOVE;
}

static void
begin_second (Execution *execution)
{
  if (!is_renewing (execution) || g_get_monotonic_time () >= execution->until)
    {
      begin (execution);
      return;
    }
  execution->pause_ms = CLAMP (execution->pause_ms + 1, POLL_FIRST_MS, POLL_MAX_MS);
  execution->timer = g_timeout_add (execution->pause_ms, begin_cb, execution);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Execution *execution = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = answer (execution, result, &error);

  if (node == NULL)
    {
      finish (execution, g_steal_pointer (&error));
      return;
    }
  execution->streams[execution->next].handle = json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node) : -1;
  execution->next++;
  open_next (execution);
}

static void
open_next (Execution *execution)
{
  g_autoptr (JsonObject) arguments = NULL;
  Stream *stream;

  if (execution->captured || execution->next == G_N_ELEMENTS (execution->streams))
    {
      begin_second (execution);
      return;
    }
  stream = &execution->streams[execution->next];
  arguments = lodge_qmp_args_new ("{'path': <%s>, 'mode': <'w+'>}", stream->path);
  ask (execution, "guest-file-open", arguments, opened_cb);
}

static void
pinged_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Execution *execution = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = answer (execution, result, &error);

  if (node != NULL)
    {
      g_clear_handle_id (&execution->wait, g_source_remove);
      execution->until = g_get_monotonic_time () + SETTLE_MS * G_TIME_SPAN_MILLISECOND;
      if (execution->second)
        lodge_machine_agent_is_there (execution->machine);
      open_next (execution);
    }
  else if (!g_cancellable_is_cancelled (execution->waiting) && !lodge_guest_agent_is_closed (execution->agent))
    ping (execution);
  else
    finish (execution, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "no guest agent answers"));
}

static void
ping (Execution *execution)
{
  /* What an agent has not read yet when it starts, it answers then. */
  lodge_guest_agent_execute_async (execution->agent, "guest-ping", NULL, execution->waiting, pinged_cb, execution);
}

static gboolean
waited_cb (gpointer data)
{
  Execution *execution = data;

  execution->wait = 0;
  g_cancellable_cancel (execution->waiting);
  return G_SOURCE_REMOVE;
}

static gboolean
make_pipes (Execution *execution, GError **error)
{
  int pipes[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
  gboolean good = TRUE;

  for (gsize i = 0; i < G_N_ELEMENTS (pipes) && good; i++)
    good = pipe2 (pipes[i], O_CLOEXEC) == 0 && fcntl (pipes[i][1], F_SETFL, O_NONBLOCK) == 0;
  if (!good)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "no pipe: %s", g_strerror (errno));
  execution->reading = g_new0 (LodgeExecution, 1);
  execution->reading->output = pipes[0][0];
  execution->reading->errors = pipes[1][0];
  execution->reading->status = pipes[2][0];
  execution->streams[0].fd = pipes[0][1];
  execution->streams[1].fd = pipes[1][1];
  execution->status_fd = pipes[2][1];
  return good;
}

static gboolean
check_words (const char *const *argv, GBytes *input, GError **error)
{
  gsize total = 0;
  guint n = 0;

  for (; argv[n] != NULL && n <= LODGE_EXECUTE_ARGS_MAX; n++)
    total += strlen (argv[n]);
  if (n > 0 && n <= LODGE_EXECUTE_ARGS_MAX && total <= LODGE_EXECUTE_BYTES_MAX && *argv[0] != '\0'
      && (input == NULL || g_bytes_get_size (input) <= LODGE_EXECUTE_INPUT_MAX))
    return TRUE;
  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                       n == 0 ? "there is no command" : "the command or its input is too long");
  return FALSE;
}

static void
execute (LodgeMachine *self, const char *const *argv, GBytes *input, GVariant *options, gboolean captured,
         GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "environment", "as", "folder", "s", "timeout", "u", "wait", "u", NULL };
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  Execution *execution;
  guint wait = WAIT_DEFAULT;
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_execute_async);
  if (!lodge_machine_check (self, LODGE_METHOD_EXECUTE, &error) || !lodge_machine_check_options (options, known, &error)
      || !check_words (argv, input, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  execution = g_new0 (Execution, 1);
  execution->machine = g_object_ref (self);
  execution->task = g_steal_pointer (&task);
  execution->argv = g_strdupv ((char **) argv);
  execution->input = input != NULL ? g_bytes_ref (input) : NULL;
  execution->shell = self->guest->profile->family != LODGE_FAMILY_WINDOWS;
  execution->captured = captured || !execution->shell;
  execution->second = !captured;
  execution->status_fd = -1;
  execution->waiting = g_cancellable_new ();
  g_variant_lookup (options, "environment", "^as", &execution->environment);
  g_variant_lookup (options, "folder", "s", &execution->folder);
  g_variant_lookup (options, "timeout", "u", &execution->timeout);
  g_variant_lookup (options, "wait", "u", &wait);
  for (gsize i = 0; i < G_N_ELEMENTS (execution->streams); i++)
    {
      g_autofree char *unique = g_uuid_string_random ();

      execution->streams[i].fd = -1;
      execution->streams[i].handle = -1;
      execution->streams[i].path = g_strdup_printf ("/tmp/.lodge-%s", unique);
    }
  if (!make_pipes (execution, &error) || (execution->agent = lodge_machine_get_agent (self, &error)) == NULL)
    {
      finish (execution, error);
      return;
    }
  execution->wait = g_timeout_add_seconds (MIN (wait, WAIT_MAX), waited_cb, execution);
  ping (execution);
}

void
lodge_machine_execute_async (LodgeMachine *self, const char *const *argv, GBytes *input, GVariant *options,
                             GAsyncReadyCallback callback, gpointer data)
{
  execute (self, argv, input, options, FALSE, callback, data);
}

void
lodge_machine_execute_captured_async (LodgeMachine *self, const char *const *argv, GVariant *options,
                                      GAsyncReadyCallback callback, gpointer data)
{
  execute (self, argv, NULL, options, TRUE, callback, data);
}

LodgeExecution *
lodge_machine_execute_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
