/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 *   out:  what stands against it? -> capabilities, no limit of speed -> getfd -> migrate fd:
 *         -> (hold: pre-switchover, migrate-continue) -> completed -> the guest may be let go
 *   in:   capabilities -> getfd -> migrate-incoming fd: -> completed
 *
 * QEMU writes and reads the descriptor itself; nothing of it passes the core. MIGRATION events tell
 * at once what has come; while somebody waits, query-migrate is asked five times a second too, for the
 * progress, for the words of an error, and because an event may have been before a core that took the guest over.
 *
 * "pause-before-switchover" is the one moment at which the guest stands still while its disks are
 * still open, so that layers can be put on them; after the end of a stream they are closed until "cont".
 *
 * A guest that dirties its memory faster than the disk takes it would never end: after a few rounds it
 * is stopped for the rest. */

#include "core/machine/lodge-stream.h"

#include "core/machine/lodge-machine-private.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLL_MS 200
#define SETTLE_MS 2
#define MAX_ROUNDS 4
/* In bytes a second: none in practice. A small share of it decides when the guest is stopped for the rest. */
#define NO_LIMIT (G_GINT64_CONSTANT (1) << 40)
#define DOWNTIME_MS 20

typedef enum { WANT_HOLD, WANT_DONE, WANT_IDLE, WANT_IN } Want;

typedef struct
{
  Want want;
  LodgeJob *job;    /* (owned) (nullable) */
  int fd;           /* a duplicate, or -1 */
  guint poll_id;
  gboolean asking;  /* query-migrate is under way */
  gboolean stopped; /* by us, after many rounds */
  gboolean cancelling;
  gboolean devices; /* the memory itself is elsewhere */
  char *name;       /* (owned) (nullable) of the descriptor in QEMU */
} Stream;

static void
stream_free (Stream *stream)
{
  g_clear_handle_id (&stream->poll_id, g_source_remove);
  g_clear_object (&stream->job);
  if (stream->fd >= 0)
    close (stream->fd);
  g_free (stream->name);
  g_free (stream);
}

/* Whether @task is still the one that is waited for. */
static gboolean
is_current (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);

  return self->guest != NULL && self->guest->stream == task;
}

static void
answer (GTask *task, GError *error)
{
  LodgeMachine *self = g_task_get_source_object (task);
  g_autoptr (GTask) owned = g_steal_pointer (&self->guest->stream);
  Stream *stream = g_task_get_task_data (owned);

  g_clear_handle_id (&stream->poll_id, g_source_remove);
  if (error != NULL)
    g_task_return_error (owned, error);
  else
    g_task_return_boolean (owned, TRUE);
}

/* The words are QEMU's, from which the reason has to be told. */
static GError *
make_error (const char *words)
{
  LodgeError code = LODGE_ERROR_QEMU_FAILED;

  if (words == NULL || *words == '\0')
    words = "QEMU could not write the guest's memory";
  if (strstr (words, "No space left") != NULL || strstr (words, "quota exceeded") != NULL || strstr (words, "File too large") != NULL)
    code = LODGE_ERROR_NO_SPACE;
  else if (strstr (words, "Input/output error") != NULL)
    code = LODGE_ERROR_IO;
  else if (strstr (words, "locked") != NULL || strstr (words, "igrat") != NULL)
    code = LODGE_ERROR_NOT_SUPPORTED;
  return g_error_new (LODGE_ERROR, code, "%.500s", words);
}

static gboolean settle_cb (gpointer data);

/* "completed" is said a moment before the guest may be let go. */
static void
status_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);
  const char *status = lodge_qmp_string (lodge_qmp_node_object (value), "status");

  if (!is_current (task))
    return;
  if (status == NULL)
    answer (task, error != NULL ? g_steal_pointer (&error) : make_error (NULL));
  else if (strcmp (status, "finish-migrate") == 0)
    g_timeout_add (SETTLE_MS, settle_cb, g_steal_pointer (&task));
  else
    answer (task, NULL);
}

static gboolean
settle_cb (gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);

  if (is_current (task) && self->guest->qmp != NULL)
    lodge_qmp_client_execute_async (self->guest->qmp, "query-status", NULL, -1, NULL, status_cb, g_steal_pointer (&task));
  return G_SOURCE_REMOVE;
}

static gboolean
is_one_of (const char *status, const char *const *words)
{
  return g_strv_contains (words, status);
}

/* What QEMU says it is doing; @words: (nullable) of an error */
static void
judge (GTask *task, const char *status, const char *words)
{
  static const char *const busy[] = { "setup", "active", "cancelling", "pre-switchover", "device", "postcopy-active",
                                      "wait-unplug", "colo", NULL };
  Stream *stream = g_task_get_task_data (task);
  gboolean is_busy = is_one_of (status, busy);

  if (stream->want == WANT_IDLE)
    {
      if (!is_busy)
        settle_cb (g_object_ref (task));
    }
  else if (stream->want == WANT_HOLD && strcmp (status, "pre-switchover") == 0)
    answer (task, NULL);
  else if (strcmp (status, "completed") == 0)
    settle_cb (g_object_ref (task));
  else if (strcmp (status, "cancelled") == 0)
    answer (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "it was cancelled"));
  else if (strcmp (status, "failed") == 0)
    answer (task, make_error (words));
}

static void
tell_progress (Stream *stream, JsonObject *ram)
{
  gint64 total = lodge_qmp_integer (ram, "total", 0), remaining = lodge_qmp_integer (ram, "remaining", 0);
  struct stat st;

  if (stream->job == NULL)
    return;
  /* QEMU reads the file through the same open description, so its place is known here. */
  if (stream->want == WANT_IN && stream->fd >= 0 && fstat (stream->fd, &st) == 0)
    {
      total = st.st_size;
      remaining = total - lseek (stream->fd, 0, SEEK_CUR);
    }
  if (total > 0 && remaining >= 0 && remaining <= total)
    lodge_job_progress (stream->job, (guint64) (total - remaining), (guint64) total, g_get_monotonic_time ());
}

static void
asked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Stream *stream = g_task_get_task_data (task);
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);
  JsonObject *object = lodge_qmp_node_object (value);
  JsonObject *ram = lodge_qmp_object (object, "ram");
  const char *status = lodge_qmp_string (object, "status");

  stream->asking = FALSE;
  if (!is_current (task) || object == NULL)
    return;

  tell_progress (stream, ram);
  if (!stream->stopped && (stream->want == WANT_HOLD || stream->want == WANT_DONE)
      && lodge_qmp_integer (ram, "dirty-sync-count", 0) > MAX_ROUNDS)
    {
      stream->stopped = TRUE;
      lodge_qmp_client_execute_async (self->guest->qmp, "stop", NULL, -1, NULL, NULL, NULL);
    }
  judge (task, status != NULL ? status : "none", lodge_qmp_string (object, "error-desc"));
}

static gboolean
poll_cb (gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Stream *stream = g_task_get_task_data (task);

  if (!is_current (task) || self->guest->qmp == NULL)
    return G_SOURCE_CONTINUE;
  if (stream->job != NULL && stream->want != WANT_IDLE && stream->want != WANT_IN && !stream->cancelling
      && g_cancellable_is_cancelled (lodge_job_get_cancellable (stream->job)))
    {
      stream->cancelling = TRUE;
      lodge_qmp_client_execute_async (self->guest->qmp, "migrate_cancel", NULL, -1, NULL, NULL, NULL);
    }
  if (!stream->asking)
    {
      stream->asking = TRUE;
      lodge_qmp_client_execute_async (self->guest->qmp, "query-migrate", NULL, -1, NULL, asked_cb, g_object_ref (task));
    }
  return G_SOURCE_CONTINUE;
}

static void
begin_waiting (GTask *task)
{
  Stream *stream = g_task_get_task_data (task);

  stream->poll_id = g_timeout_add (POLL_MS, poll_cb, task);
}

/* The last command of a beginning: what it sets off is waited for. */
static void
begun_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Stream *stream = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (!is_current (task))
    {
      g_clear_error (&error);
      return;
    }
  if (value != NULL)
    {
      poll_cb (task);
      return;
    }
  if (stream->name != NULL)
    {
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'fdname': <%s>}", stream->name);

      lodge_qmp_client_execute_async (self->guest->qmp, "closefd", arguments, -1, NULL, NULL, NULL);
    }
  /* Refused at once is what cannot be written at all. */
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED) && stream->want != WANT_IN)
    error->code = LODGE_ERROR_NOT_SUPPORTED;
  answer (task, error);
}

static void
send_fd (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Stream *stream = g_task_get_task_data (task);
  gboolean in = stream->want == WANT_IN;
  g_autofree char *uri = NULL;
  g_autoptr (JsonObject) pass = NULL;
  g_autoptr (JsonObject) go = NULL;

  stream->name = g_strdup_printf ("lodge-stream-%u", ++self->guest->fdset);
  uri = g_strconcat ("fd:", stream->name, NULL);
  pass = lodge_qmp_args_new ("{'fdname': <%s>}", stream->name);
  go = lodge_qmp_args_new ("{'uri': <%s>}", uri);
  begin_waiting (task);
  /* In one go: QEMU takes commands in their order, and the second fails when the first did. */
  lodge_qmp_client_execute_async (self->guest->qmp, "getfd", pass, stream->fd, NULL, NULL, NULL);
  lodge_qmp_client_execute_async (self->guest->qmp, in ? "migrate-incoming" : "migrate", go, -1, NULL, begun_cb,
                                  g_object_ref (task));
}

static JsonObject *
make_capabilities (gboolean hold, gboolean devices)
{
  JsonObject *arguments = json_object_new ();
  JsonArray *list = json_array_new ();

  json_array_add_object_element (list, lodge_qmp_args_new ("{'capability': <'events'>, 'state': <true>}"));
  json_array_add_object_element (list, lodge_qmp_args_new ("{'capability': <'pause-before-switchover'>, 'state': <%b>}", hold));
  /* A clone has it on from its start. */
  json_array_add_object_element (list, lodge_qmp_args_new ("{'capability': <'x-ignore-shared'>, 'state': <%b>}", devices));
  json_object_set_array_member (arguments, "capabilities", list);
  return arguments;
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (!is_current (task))
    g_clear_error (&error);
  else if (value == NULL)
    answer (task, error);
  else
    send_fd (task);
}

static void
blockers_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Stream *stream = g_task_get_task_data (task);
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  g_autoptr (JsonObject) capabilities = make_capabilities (stream->want == WANT_HOLD, stream->devices);
  g_autoptr (JsonObject) parameters = lodge_qmp_args_new ("{'max-bandwidth': <%x>, 'downtime-limit': <%x>}",
                                                          NO_LIMIT, (gint64) DOWNTIME_MS);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (qmp, result, &error);
  JsonArray *reasons = lodge_qmp_array (lodge_qmp_node_object (value), "blocked-reasons");
  JsonNode *first = reasons != NULL && json_array_get_length (reasons) > 0 ? json_array_get_element (reasons, 0) : NULL;

  if (!is_current (task))
    {
      g_clear_error (&error);
      return;
    }
  if (value == NULL || (first != NULL && JSON_NODE_HOLDS_VALUE (first)))
    {
      const char *words = first != NULL ? json_node_get_string (first) : NULL;

      answer (task, error != NULL ? error : g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "%.500s", words != NULL ? words : "?"));
      return;
    }
  lodge_qmp_client_execute_async (self->guest->qmp, "migrate-set-parameters", parameters, -1, NULL, NULL, NULL);
  lodge_qmp_client_execute_async (qmp, "migrate-set-capabilities", capabilities, -1, NULL, prepared_cb,
                                  g_steal_pointer (&task));
}

/* Returns: (transfer none) (nullable): the task that is waited for now; NULL when it has failed already */
static GTask *
begin (LodgeMachine *self, Want want, int fd, gboolean devices, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  Stream *stream = g_new0 (Stream, 1);

  stream->want = want;
  stream->devices = devices;
  stream->fd = fd >= 0 ? dup (fd) : -1;
  stream->job = job != NULL ? g_object_ref (job) : NULL;
  g_task_set_source_tag (task, lodge_stream_out_async);
  g_task_set_task_data (task, stream, (GDestroyNotify) stream_free);
  if (self->guest == NULL || self->guest->qmp == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "there is no connection to QEMU");
      return NULL;
    }
  if (self->guest->stream != NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IN_USE, "the guest's memory is being written already");
      return NULL;
    }
  self->guest->stream = g_steal_pointer (&task);
  return self->guest->stream;
}

static void
out (LodgeMachine *machine, Want want, int fd, gboolean devices, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = begin (machine, want, fd, devices, job, callback, data);

  if (task != NULL)
    lodge_qmp_client_execute_async (machine->guest->qmp, "query-migrate", NULL, -1, NULL, blockers_cb, g_object_ref (task));
}

void
lodge_stream_out_async (LodgeMachine *machine, int fd, gboolean hold, LodgeJob *job,
                        GAsyncReadyCallback callback, gpointer data)
{
  out (machine, hold ? WANT_HOLD : WANT_DONE, fd, FALSE, job, callback, data);
}

void
lodge_stream_devices_out_async (LodgeMachine *machine, int fd, gboolean hold, LodgeJob *job, GAsyncReadyCallback callback,
                                gpointer data)
{
  out (machine, hold ? WANT_HOLD : WANT_DONE, fd, TRUE, job, callback, data);
}

void
lodge_stream_go_on_async (LodgeMachine *machine, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = begin (machine, WANT_DONE, -1, FALSE, NULL, callback, data);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'state': <'pre-switchover'>}");

  if (task == NULL)
    return;
  begin_waiting (task);
  lodge_qmp_client_execute_async (machine->guest->qmp, "migrate-continue", arguments, -1, NULL, begun_cb, g_object_ref (task));
}

void
lodge_stream_abandon_async (LodgeMachine *machine, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = begin (machine, WANT_IDLE, -1, FALSE, NULL, callback, data);

  if (task == NULL)
    return;
  begin_waiting (task);
  lodge_qmp_client_execute_async (machine->guest->qmp, "migrate_cancel", NULL, -1, NULL, begun_cb, g_object_ref (task));
}

static void
in (LodgeMachine *machine, int fd, gboolean devices, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (JsonObject) capabilities = make_capabilities (FALSE, devices);
  GTask *task = begin (machine, WANT_IN, fd, devices, job, callback, data);

  if (task != NULL)
    lodge_qmp_client_execute_async (machine->guest->qmp, "migrate-set-capabilities", capabilities, -1, NULL, prepared_cb,
                                    g_object_ref (task));
}

void
lodge_stream_in_async (LodgeMachine *machine, int fd, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  in (machine, fd, FALSE, job, callback, data);
}

void
lodge_stream_devices_in_async (LodgeMachine *machine, int fd, GAsyncReadyCallback callback, gpointer data)
{
  in (machine, fd, TRUE, NULL, callback, data);
}

gboolean
lodge_stream_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
lodge_stream_event (LodgeMachine *machine, const char *status)
{
  GTask *task = machine->guest->stream;

  if (task == NULL || status == NULL)
    return;
  /* An error's words are not in the event. */
  if (strcmp (status, "failed") == 0)
    poll_cb (task);
  else
    judge (task, status, NULL);
}

void
lodge_stream_ended (LodgeMachine *machine)
{
  /* Whoever is told may want to abandon the stream, and waits for that then. */
  while (machine->guest->stream != NULL)
    answer (machine->guest->stream, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
}
