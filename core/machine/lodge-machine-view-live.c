/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A running guest's disks as they were at one moment, without touching them:
 *
 *   view/N.qcow2        an empty image for each disk; QEMU opens it with the disk itself as what it reads on in
 *   guest-fsfreeze      where an agent answers: the guest has written all that it holds
 *   stop                nothing moves while firmware and TPM are read
 *   transaction         blockdev-backup, sync none: from now on QEMU copies what is about to be overwritten into view/N.qcow2
 *   cont, thaw          some milliseconds after stop
 *   nbd-server-start    only now, since QEMU drops a client that does not begin to talk within ten seconds
 *   block-export-add    view/N.qcow2 reads as the disk did then
 *
 * and back again: the exports go, the jobs are cancelled, the images are closed and deleted. The disks' own files are written by
 * the guest alone all the time, so whatever dies on the way costs the view and nothing else. A core that was killed leaves
 * view/ behind, by which the next one knows; view/held says that the guest may still stand still for it. */

#include "config.h"

#include "core/machine/lodge-machine-view.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-machine-execute.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-machine-save.h"
#include "core/qemu/lodge-qmp-value.h"
#include "core/storage/lodge-overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELD LODGE_VIEW_DIR "/held"
#define PREFIX "view-"
#define SOCKET_NAME "view"
#define FIRMWARE_MAX (64 * 1024 * 1024)
/* Whether there is an agent shows by its answer alone. */
#define PING_MS 1500
#define FREEZE_MS 20000
#define GONE_RETRY_MS 20
#define GONE_TRIES 500
#define PATIENCE_MS 60000

typedef struct
{
  LodgeGuestAgent *agent;  /* (owned) (nullable) */
  gboolean         frozen;
  gboolean         held;   /* it may stand still for us */
  GError          *error;  /* (owned) (nullable) why it is given up */
  guint            tries;
} Live;

static void add_next (GTask *task);
static void job_look (GTask *task);

static void
live_free (gpointer data)
{
  Live *live = data;

  g_clear_object (&live->agent);
  g_clear_error (&live->error);
  g_free (live);
}

static Live *
live_of (GTask *task)
{
  return g_object_get_data (G_OBJECT (task), "live");
}

static void
run (GTask *task, const char *command, JsonObject *arguments, GAsyncReadyCallback callback)
{
  LodgeMachineView *view = g_task_get_task_data (task);

  lodge_qmp_client_execute_async (view->machine->guest->qmp, command, arguments, -1, NULL, callback, task);
}

static char *
image_path (LodgeMachineView *view, guint number)
{
  return g_strdup_printf ("%s/" LODGE_VIEW_DIR "/%u.qcow2", view->folder, number);
}

static char *
node_name (guint number)
{
  return g_strdup_printf (PREFIX "%u", number);
}

/* ---- Giving up ---- */

static void
undone_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Live *live = live_of (task);

  lodge_machine_view_close_finish (result, NULL);
  g_task_return_error (task, g_steal_pointer (&live->error));
}

/* @task: taken; @error: taken */
static void
give_up (GTask *task, GError *error)
{
  LodgeMachineView *view = g_task_get_task_data (task);
  Live *live = live_of (task);

  if (error == NULL)
    error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended");
  live->error = error;
  lodge_machine_view_close_async (view, undone_cb, task);
}

/* The answer to a command; without one the task is given up, and NULL comes back. */
static JsonNode *
take (GObject *source, GAsyncResult *result, GTask *task)
{
  LodgeMachineView *view = g_task_get_task_data (task);
  GError *error = NULL;
  JsonNode *value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (value != NULL && lodge_machine_view_is_there (view))
    return value;
  g_clear_pointer (&value, json_node_unref);
  give_up (task, error);
  return NULL;
}

/* ---- The exports ---- */

static void
exported_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachineView *view = g_task_get_task_data (task);
  g_autoptr (JsonNode) value = take (source, result, task);

  if (value == NULL)
    return;
  if (++view->step < view->disks->len)
    {
      add_next (task);
      return;
    }
  g_task_return_pointer (task, view, NULL);
  g_object_unref (task);
}

/* @task: taken. One export after the other. */
static void
add_next (GTask *task)
{
  LodgeMachineView *view = g_task_get_task_data (task);
  LodgeViewDisk *disk = g_ptr_array_index (view->disks, view->step);
  g_autofree char *node = node_name (view->step);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'type': <'nbd'>, 'id': <%s>, 'node-name': <%s>, 'name': <%s>, 'writable': <false>}",
                                                         node, node, disk->name);

  run (task, "block-export-add", arguments, exported_cb);
}

static void
serving_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  g_autoptr (JsonNode) value = take (source, result, task);

  if (value != NULL)
    add_next (task);
}

static void
passed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  g_autoptr (JsonNode) value = take (source, result, task);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'addr': <{'type': <'fd'>, 'data': <{'str': <'" SOCKET_NAME "'>}>}>}");

  if (value != NULL)
    run (task, "nbd-server-start", arguments, serving_cb);
}

/* @task: taken */
static void
serve (GTask *task)
{
  LodgeMachineView *view = g_task_get_task_data (task);
  g_autofree int *clients = g_new0 (int, view->disks->len + 1);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'fdname': <'" SOCKET_NAME "'>}");
  GError *error = NULL;
  int server = lodge_nbd_listen (view->machine->guest->record->dir, clients, view->disks->len, &error);

  if (server < 0)
    {
      give_up (task, error);
      return;
    }
  for (guint i = 0; i < view->disks->len; i++)
    ((LodgeViewDisk *) g_ptr_array_index (view->disks, i))->fd = clients[i];
  lodge_qmp_client_execute_async (view->machine->guest->qmp, "getfd", arguments, server, NULL, passed_cb, task);
  close (server);
}

/* ---- The moment ---- */

static void
ignored_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (JsonNode) value = LODGE_IS_QMP_CLIENT (source) ? lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL)
                                                            : lodge_guest_agent_execute_finish (LODGE_GUEST_AGENT (source), result, NULL);

  if (value == NULL)
    g_debug ("a command to let the guest go on was not answered");
}

/* The guest goes on, whatever came of the moment. */
static void
let_go (LodgeMachineView *view, Live *live)
{
  LodgeMachine *self = view->machine;
  g_autofree char *held = g_build_filename (view->folder, HELD, NULL);

  if (!live->held)
    return;
  live->held = FALSE;
  if (lodge_machine_view_is_there (view))
    {
      if (view->was_running)
        lodge_qmp_client_execute_async (self->guest->qmp, "cont", NULL, -1, NULL, ignored_cb, NULL);
      self->guest->held = FALSE;
      lodge_machine_query_status (self);
      if (live->frozen)
        lodge_guest_agent_execute_async (live->agent, "guest-fsfreeze-thaw", NULL, NULL, ignored_cb, NULL);
    }
  unlink (held);
}

static gboolean
read_firmware (LodgeMachineView *view, GError **error)
{
  for (guint i = 0; i < view->files->len; i++)
    {
      LodgeViewFile *file = g_ptr_array_index (view->files, i);
      gsize length;
      char *data;

      if (strcmp (file->role, "vars") != 0 && !g_str_has_prefix (file->role, "tpm/"))
        continue;
      data = lodge_file_read (file->path, FIRMWARE_MAX, &length, error);
      if (data == NULL)
        return FALSE;
      file->contents = g_bytes_new_take (data, length);
      g_clear_pointer (&file->path, g_free);
    }
  return TRUE;
}

static void
caught_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachineView *view = g_task_get_task_data (task);
  Live *live = live_of (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);
  gboolean good = value != NULL && lodge_machine_view_is_there (view) && read_firmware (view, &error);

  let_go (view, live);
  if (live->frozen)
    view->kind = LODGE_BACKUP_FROZEN;
  view->step = 0;
  if (!good)
    give_up (task, error);
  else if (view->disks->len > 0)
    serve (task);
  else
    {
      g_task_return_pointer (task, view, NULL);
      g_object_unref (task);
    }
}

static void
stands_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachineView *view = g_task_get_task_data (task);
  Live *live = live_of (task);
  g_autoptr (JsonObject) arguments = json_object_new ();
  JsonArray *actions = json_array_new ();
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  for (guint i = 0; i < view->disks->len; i++)
    {
      const LodgeViewDisk *disk = g_ptr_array_index (view->disks, i);
      g_autofree char *node = node_name (i);

      json_array_add_object_element (actions, lodge_qmp_args_new ("{'type': <'blockdev-backup'>, 'data': <{'job-id': <%s>,"
                                                                  " 'device': <%s>, 'target': <%s>, 'sync': <'none'>}>}",
                                                                  node, disk->node, node));
    }
  json_object_set_array_member (arguments, "actions", actions);
  if (value == NULL || !lodge_machine_view_is_there (view))
    {
      let_go (view, live);
      give_up (task, error);
    }
  else
    run (task, "transaction", arguments, caught_cb);
}

/* @task: taken */
static void
stand_still (GTask *task)
{
  LodgeMachineView *view = g_task_get_task_data (task);
  Live *live = live_of (task);
  g_autofree char *path = g_build_filename (view->folder, HELD, NULL);
  int fd;

  if (!lodge_machine_view_is_there (view))
    {
      give_up (task, NULL);
      return;
    }
  /* So that a core that comes after a killed one lets the guest go. */
  if (view->was_running && (fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0)
    close (fd);
  live->held = TRUE;
  view->machine->guest->held = TRUE;
  run (task, view->was_running ? "stop" : "query-status", NULL, stands_cb);
}

static void
frozen_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachineView *view = g_task_get_task_data (task);
  Live *live = live_of (task);
  g_autoptr (JsonNode) value = lodge_guest_agent_execute_finish (LODGE_GUEST_AGENT (source), result, NULL);

  live->frozen = value != NULL;
  /* One that did not answer may do it later. */
  if (value == NULL && lodge_machine_view_is_there (view))
    lodge_guest_agent_execute_async (live->agent, "guest-fsfreeze-thaw", NULL, NULL, ignored_cb, NULL);
  if (live->agent != NULL)
    lodge_guest_agent_set_timeout (live->agent, FREEZE_MS);
  stand_still (task);
}

static void
pinged_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Live *live = live_of (task);
  g_autoptr (JsonNode) value = lodge_guest_agent_execute_finish (LODGE_GUEST_AGENT (source), result, NULL);

  lodge_guest_agent_set_timeout (live->agent, FREEZE_MS);
  if (value != NULL)
    lodge_guest_agent_execute_async (live->agent, "guest-fsfreeze-freeze", NULL, NULL, frozen_cb, task);
  else
    stand_still (task);
}

/* @task: taken */
static void
freeze (GTask *task)
{
  LodgeMachineView *view = g_task_get_task_data (task);
  Live *live = live_of (task);

  if (view->was_running && view->disks->len > 0)
    live->agent = lodge_machine_get_agent (view->machine, NULL);
  if (live->agent == NULL)
    {
      stand_still (task);
      return;
    }
  lodge_guest_agent_set_timeout (live->agent, PING_MS);
  lodge_guest_agent_execute_async (live->agent, "guest-ping", NULL, NULL, pinged_cb, task);
}

/* ---- Before the moment ---- */

static void added_cb (GObject *source, GAsyncResult *result, gpointer data);

/* @task: taken. QEMU opens one image after the other. */
static void
open_next (GTask *task)
{
  LodgeMachineView *view = g_task_get_task_data (task);
  g_autofree char *node = node_name (view->step);
  g_autofree char *path = image_path (view, view->step);
  g_autoptr (JsonObject) arguments = NULL;

  if (view->step == view->disks->len)
    {
      freeze (task);
      return;
    }
  arguments = lodge_qmp_args_new ("{'driver': <'qcow2'>, 'node-name': <%s>, 'backing': <%s>,"
                                  " 'file': <{'driver': <'file'>, 'filename': <%s>}>}",
                                  node, ((LodgeViewDisk *) g_ptr_array_index (view->disks, view->step))->node, path);
  run (task, "blockdev-add", arguments, added_cb);
}

static void
added_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachineView *view = g_task_get_task_data (task);
  g_autoptr (JsonNode) value = take (source, result, task);

  if (value == NULL)
    return;
  view->step++;
  open_next (task);
}

static void
made_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachineView *view = g_task_get_task_data (task);
  GError *error = NULL;

  view->step = 0;
  if (g_task_propagate_boolean (G_TASK (result), &error) && lodge_machine_view_is_there (view))
    open_next (task);
  else
    give_up (task, error);
}

static void
make_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  LodgeMachineView *view = data;
  g_autofree char *folder = g_build_filename (view->folder, LODGE_VIEW_DIR, NULL);
  GError *error = NULL;

  if (g_mkdir_with_parents (folder, 0700) != 0)
    lodge_error_set_errno (&error, errno, "making", folder);
  for (guint i = 0; i < view->disks->len && error == NULL; i++)
    {
      g_autofree char *path = image_path (view, i);

      unlink (path);
      /* What it reads on in QEMU is told when it opens it; the name in the image is for nobody. */
      lodge_overlay_write (path, ((LodgeViewDisk *) g_ptr_array_index (view->disks, i))->size, "none", "raw", &error);
    }
  if (error != NULL)
    g_task_return_error (work, error);
  else
    g_task_return_boolean (work, TRUE);
}

/* The block device whose device is @disk. */
static JsonObject *
find_block (JsonArray *blocks, const LodgeViewDisk *disk)
{
  g_autofree char *prefix = g_strdup_printf ("/machine/peripheral/%s/", disk->id);

  for (guint i = 0; blocks != NULL && i < json_array_get_length (blocks); i++)
    {
      JsonObject *block = lodge_qmp_element (blocks, i);
      const char *qdev = lodge_qmp_string (block, "qdev");

      if (qdev != NULL && (strcmp (qdev, disk->id) == 0 || g_str_has_prefix (qdev, prefix)))
        return lodge_qmp_object (block, "inserted");
    }
  return NULL;
}

static void
blocks_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachineView *view = g_task_get_task_data (task);
  g_autoptr (JsonNode) value = take (source, result, task);
  g_autoptr (GTask) work = NULL;

  if (value == NULL)
    return;
  for (guint i = 0; i < view->disks->len; i++)
    {
      LodgeViewDisk *disk = g_ptr_array_index (view->disks, i);
      JsonObject *inserted = find_block (lodge_qmp_node_array (value), disk);
      gint64 size = lodge_qmp_integer (lodge_qmp_object (inserted, "image"), "virtual-size", -1);

      disk->node = g_strdup (lodge_qmp_string (inserted, "node-name"));
      if (disk->node == NULL || size < 0)
        {
          give_up (task, g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                                      "the guest does not have the disk “%s” yet; shut it down first", disk->id));
          return;
        }
      disk->size = (guint64) size;
    }
  view->opened = TRUE;
  work = g_task_new (view->machine, NULL, made_cb, task);
  g_task_set_task_data (work, view, NULL);
  g_task_run_in_thread (work, make_thread);
}

void
lodge_machine_view_open_live (GTask *task)
{
  g_object_set_data_full (G_OBJECT (task), "live", g_new0 (Live, 1), live_free);
  run (task, "query-block", NULL, blocks_cb);
}

/* ---- Back again ---- */

static void
closed (GTask *task)
{
  LodgeMachineView *view = g_task_get_task_data (task);

  if (view->machine->folder != NULL)
    lodge_machine_remove_folder (view->machine->folder, LODGE_VIEW_DIR);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
nodes_gone_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  JsonNode *value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  /* The last one; those before it were answered before it. */
  g_clear_pointer (&value, json_node_unref);
  closed (task);
}

static gboolean
look_again_cb (gpointer data)
{
  job_look (data);
  return G_SOURCE_REMOVE;
}

static void
jobs_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachineView *view = g_task_get_task_data (task);
  Live *live = live_of (task);
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);
  JsonArray *jobs = lodge_qmp_node_array (value);
  gboolean busy = FALSE;

  for (guint i = 0; jobs != NULL && i < json_array_get_length (jobs); i++)
    {
      const char *id = lodge_qmp_string (lodge_qmp_element (jobs, i), "device");

      busy = busy || (id != NULL && g_str_has_prefix (id, PREFIX));
    }
  if (!lodge_machine_view_is_there (view))
    closed (task);
  else if (busy && live->tries++ < GONE_TRIES)
    g_timeout_add (GONE_RETRY_MS, look_again_cb, task);
  else
    {
      for (guint i = 0; i < view->disks->len; i++)
        {
          g_autofree char *node = node_name (i);
          g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'node-name': <%s>}", node);

          lodge_qmp_client_execute_async (view->machine->guest->qmp, "blockdev-del", arguments, -1, NULL, ignored_cb, NULL);
        }
      run (task, "query-status", NULL, nodes_gone_cb);
    }
}

/* @task: taken. The jobs end when what they have begun is written. */
static void
job_look (GTask *task)
{
  LodgeMachineView *view = g_task_get_task_data (task);

  if (lodge_machine_view_is_there (view))
    run (task, "query-block-jobs", NULL, jobs_cb);
  else
    closed (task);
}

void
lodge_machine_view_close_live (LodgeMachineView *view, GTask *task)
{
  LodgeQmpClient *qmp;

  g_object_set_data_full (G_OBJECT (task), "live", g_new0 (Live, 1), live_free);
  if (!lodge_machine_view_is_there (view) || !view->opened)
    {
      closed (task);
      return;
    }
  /* Those that were never made are not found, which is no matter. */
  qmp = view->machine->guest->qmp;
  lodge_qmp_client_execute_async (qmp, "nbd-server-stop", NULL, -1, NULL, ignored_cb, NULL);
  for (guint i = 0; i < view->disks->len; i++)
    {
      g_autofree char *node = node_name (i);
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'device': <%s>, 'force': <true>}", node);

      lodge_qmp_client_execute_async (qmp, "block-job-cancel", arguments, -1, NULL, ignored_cb, NULL);
    }
  job_look (task);
}

/* ---- After a core that was killed ---- */

static void
recovered_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  lodge_machine_view_close_finish (result, NULL);
  lodge_machine_release (LODGE_MACHINE (source));
}

gboolean
lodge_machine_recover_view (LodgeMachine *self)
{
  g_autofree char *path = g_build_filename (self->folder, LODGE_VIEW_DIR, NULL);
  g_autofree char *held = g_build_filename (self->folder, HELD, NULL);
  gboolean stood = access (held, F_OK) == 0;
  g_autoptr (LodgeGuestAgent) agent = NULL;

  if (access (path, F_OK) != 0)
    return FALSE;
  if (stood)
    {
      lodge_qmp_client_execute_async (self->guest->qmp, "cont", NULL, -1, NULL, ignored_cb, NULL);
      agent = lodge_machine_get_agent (self, NULL);
      if (agent != NULL)
        lodge_guest_agent_execute_async (agent, "guest-fsfreeze-thaw", NULL, NULL, ignored_cb, NULL);
    }
  lodge_machine_occupy (self, "being backed up");
  lodge_machine_view_close_async (lodge_machine_view_left (self), recovered_cb, NULL);
  return stood;
}
