/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * One layer is given up below a guest that runs. QEMU copies from the frozen file what its child does not hold itself (block-stream),
 * at a rate that leaves the disk to the guest, and waits then:
 *
 *   block-stream      the child comes to hold all that it reads in the file; it reads the same at each moment
 *   pending           all is copied, and nobody has been told: may be cancelled up to here
 *   flush             what was copied and the tables that name it are on the disk
 *   job-finalize      the child's header names the file below; only now may the file go
 *
 * Without the flush a QEMU that is killed just then leaves a header without the tables, so a child that reads nothing in the place
 * of what was copied. The child's name of the file below is given as it must be in the image, relative; by itself QEMU would write
 * the path that it knows. A job of a killed core is cancelled by the next.
 *
 * A job that has ended must be gone at once (auto-dismiss): as long as it is there its filter is a node without a child, and
 * QEMU 7.2 ends at the next query-named-block-nodes. How it ended the child's header says. */

#include "core/machine/lodge-machine-merge-live.h"

#include "core/config/lodge-json.h"
#include "core/machine/lodge-block-nodes.h"
#include "core/qemu/lodge-qmp-value.h"
#include "core/storage/lodge-layers.h"

#include <errno.h>
#include <string.h>

#define JOB "lodge-merge"
#define RATE (64 * 1024 * 1024)
#define LOOK_MS 100

typedef struct
{
  guint serial;        /* of the guest */
  char *child;         /* (owned) (nullable) as QEMU was told it */
  char *below;         /* (owned) (nullable) likewise */
  char *backing;       /* (owned) (nullable) how the child is to name @below */
  char *node;          /* (owned) (nullable) the child's */
  char *path;          /* (owned) (nullable) the child, where it is now */
  char *parent;        /* (owned) (nullable) the file below, where it is now */
  GError *error;       /* (owned) (nullable) why it is being cancelled */
  gboolean cancelled;  /* QEMU was told */
  gboolean finalized;
  LodgeMergeProgress progress;
  gpointer progress_data;
} Live;

static void look (GTask *task);

static void
live_free (gpointer data)
{
  Live *live = data;

  g_free (live->child);
  g_free (live->below);
  g_free (live->backing);
  g_free (live->node);
  g_free (live->path);
  g_free (live->parent);
  g_clear_error (&live->error);
  g_free (live);
}

static gboolean
guest_is_there (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Live *live = g_task_get_task_data (task);

  return self->guest != NULL && self->guest->serial == live->serial && self->guest->qmp != NULL;
}

/* @task: taken; @error: taken, (nullable) */
static void
finish (GTask *owned_task, GError *error)
{
  g_autoptr (GTask) task = owned_task;

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static GError *
gone (void)
{
  return g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "the guest ended");
}

/* @task: taken */
static void
run (GTask *task, const char *command, JsonObject *arguments, GAsyncReadyCallback callback)
{
  LodgeMachine *self = g_task_get_source_object (task);

  if (guest_is_there (task))
    lodge_qmp_client_execute_async (self->guest->qmp, command, arguments, -1, NULL, callback, task);
  else
    finish (task, gone ());
}

static void
run_for_job (GTask *task, const char *command, GAsyncReadyCallback callback)
{
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'id': <'" JOB "'>}");

  run (task, command, arguments, callback);
}

static gboolean
look_cb (gpointer data)
{
  look (data);
  return G_SOURCE_REMOVE;
}

/* @task: taken */
static void
look_later (GTask *task)
{
  g_timeout_add (LOOK_MS, look_cb, task);
}

/* What it answers, the job's state says as well. */
static void
told_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  JsonNode *value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  g_clear_pointer (&value, json_node_unref);
  look_later (data);
}

static void
dismissed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Live *live = g_task_get_task_data (task);
  JsonNode *value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  g_clear_pointer (&value, json_node_unref);
  finish (task, g_steal_pointer (&live->error));
}

/* @task: taken; @error: taken */
static void
cancel (GTask *task, GError *error)
{
  Live *live = g_task_get_task_data (task);

  live->cancelled = TRUE;
  if (live->error == NULL)
    live->error = error;
  else
    g_error_free (error);
  run_for_job (task, "job-cancel", told_cb);
}

static void
flushed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Live *live = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (value != NULL && JSON_NODE_HOLDS_VALUE (value) && json_node_get_value_type (value) == G_TYPE_STRING
      && *json_node_get_string (value) != '\0')
    error = g_error_new (LODGE_ERROR, LODGE_ERROR_IO, "QEMU could not flush “%s”: %s", live->child, json_node_get_string (value));
  if (error != NULL)
    {
      cancel (task, error);
      return;
    }
  live->finalized = TRUE;
  run_for_job (task, "job-finalize", told_cb);
}

/* The job is gone: whether the child goes on in the file below by now, as its header says. */
static gboolean
has_new_parent (Live *live, GError **error)
{
  g_autoptr (LodgeLayer) layer = lodge_layers_read (live->path, error);

  if (layer == NULL || g_strcmp0 (layer->backing, live->parent) == 0)
    return layer != NULL;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "QEMU could not write the header of “%s”", live->child);
  return FALSE;
}

/* @task: taken. There is no command of QMP's for that alone. */
static void
flush (GTask *task)
{
  Live *live = g_task_get_task_data (task);
  g_autofree char *line = g_strdup_printf ("qemu-io %s flush", live->node);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'command-line': <%s>}", line);

  run (task, "human-monitor-command", arguments, flushed_cb);
}

/* @task: taken */
static void
judge (GTask *task, JsonObject *job)
{
  Live *live = g_task_get_task_data (task);
  const char *status = lodge_qmp_string (job, "status");
  const char *words = lodge_qmp_string (job, "error");
  gint64 done = lodge_qmp_integer (job, "current-progress", 0), all = lodge_qmp_integer (job, "total-progress", 0);
  GError *error = NULL;

  if (g_strcmp0 (status, "concluded") == 0)
    {
      if (words != NULL && live->error == NULL)
        live->error = g_error_new (LODGE_ERROR, strstr (words, g_strerror (ENOSPC)) != NULL ? LODGE_ERROR_NO_SPACE : LODGE_ERROR_IO,
                                   "merging into “%s”: %s", live->child, words);
      run_for_job (task, "job-dismiss", dismissed_cb);
      return;
    }
  if (live->progress != NULL && all > 0)
    live->progress ((double) done / (double) all, live->progress_data);
  if (!live->cancelled && !live->finalized && g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &error))
    cancel (task, error);
  else if (!live->cancelled && !live->finalized && g_strcmp0 (status, "pending") == 0)
    flush (task);
  else
    look_later (task);
}

static void
jobs_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Live *live = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);
  JsonArray *jobs = lodge_qmp_node_array (value);

  for (guint i = 0; jobs != NULL && i < json_array_get_length (jobs); i++)
    {
      JsonObject *job = lodge_qmp_element (jobs, i);

      if (g_strcmp0 (lodge_qmp_string (job, "id"), JOB) == 0)
        {
          judge (task, job);
          return;
        }
    }
  if (error == NULL && live->error != NULL)
    error = g_steal_pointer (&live->error);
  if (error == NULL && live->finalized)
    has_new_parent (live, &error);
  else if (error == NULL)
    error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_IO, "QEMU does not know the job any more");
  finish (task, error);
}

/* @task: taken */
static void
look (GTask *task)
{
  run (task, "query-jobs", NULL, jobs_cb);
}

static void
started_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (value != NULL)
    look (data);
  else
    finish (data, error);
}

static void
nodes_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Live *live = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);
  JsonArray *nodes = lodge_qmp_node_array (value);
  const char *child = lodge_block_find (nodes, live->child);
  const char *below = live->below != NULL ? lodge_block_find (nodes, live->below) : NULL;
  g_autoptr (JsonObject) arguments = NULL;

  if (error == NULL && (child == NULL || (live->below != NULL && below == NULL)))
    error = g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "QEMU does not have “%s” as it is known", live->child);
  if (error == NULL && g_task_return_error_if_cancelled (task))
    {
      g_object_unref (task);
      return;
    }
  if (error != NULL)
    {
      finish (task, error);
      return;
    }
  live->node = g_strdup (child);
  arguments = lodge_qmp_args_new ("{'job-id': <'" JOB "'>, 'device': <%s>, 'speed': <%x>, 'auto-finalize': <false>, 'auto-dismiss': <true>}",
                                  child, (gint64) RATE);
  if (below != NULL)
    {
      json_object_set_string_member (arguments, "base-node", below);
      json_object_set_string_member (arguments, "backing-file", live->backing);
    }
  run (task, "block-stream", arguments, started_cb);
}

static GTask *
live_new (LodgeMachine *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, cancellable, callback, data);
  Live *live = g_new0 (Live, 1);

  live->serial = self->guest->serial;
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_source_tag (task, lodge_merge_live_async);
  g_task_set_task_data (task, live, live_free);
  return task;
}

/* The folder may have another name now than QEMU knows. */
static char *
known_path (LodgeMachine *self, const char *path)
{
  g_autofree char *inside = g_strconcat (self->folder, "/", NULL);

  return g_str_has_prefix (path, inside) ? g_build_filename (self->guest->record->folder, path + strlen (inside), NULL) : g_strdup (path);
}

void
lodge_merge_live_async (LodgeMachine *self, const char *child, const char *below, GCancellable *cancellable,
                        LodgeMergeProgress progress, gpointer progress_data, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'flat': <true>}");
  GTask *task = live_new (self, cancellable, callback, data);
  Live *live = g_task_get_task_data (task);

  live->path = g_strdup (child);
  live->parent = g_strdup (below);
  live->child = known_path (self, child);
  live->below = below != NULL ? known_path (self, below) : NULL;
  live->backing = below != NULL ? lodge_layers_relative (child, below) : NULL;
  live->progress = progress;
  live->progress_data = progress_data;
  run (task, "query-named-block-nodes", arguments, nodes_cb);
}

gboolean
lodge_merge_live_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
recovered_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  if (!lodge_merge_live_finish (LODGE_MACHINE (source), result, &error))
    g_debug ("a job of an earlier core: %s", error->message);
}

void
lodge_merge_live_recover (LodgeMachine *self)
{
  GTask *task = live_new (self, NULL, recovered_cb, NULL);

  /* Where there is none, that is what it answers. */
  cancel (task, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "the core that had begun it is gone"));
}
