/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A running or paused guest's part of a snapshot, from its layers to the moment at which it goes on; lodge-machine-snapshot.c has
 * the whole order. What can be done before the guest stands still, or after it has gone on, is done then. */

#include "core/machine/lodge-machine-take.h"

#include "core/config/lodge-json.h"
#include "core/machine/lodge-block-nodes.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-disks-private.h"
#include "core/machine/lodge-machine-layers.h"
#include "core/machine/lodge-ram.h"
#include "core/machine/lodge-stream.h"

#include <string.h>

/* Less than this changed during a pass over the memory: another one would hardly make the stand-still shorter. */
#define LITTLE (16 * 1024 * 1024)
#define MOST_PASSES 4

static void next_node (GTask *task);

static void
released_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeTake *take = g_task_get_task_data (task);
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  /* One that could not be let go is a snapshot still. */
  take->snapshot->pause = take->was_running && value != NULL ? (double) (g_get_monotonic_time () - take->stood) / G_USEC_PER_SEC : 0;
  /* Who made a clone sees no snapshot that could say so. */
  if (take->snapshot->pause > 0 && lodge_take_guest_is_there (task))
    {
      LodgeMachine *self = g_task_get_source_object (task);

      self->guest->stood = take->snapshot->pause;
      lodge_machine_notify (self);
    }
  lodge_take_commit (task);
}

/* @task: taken. All is frozen, and the guest stands still for the last small files. */
static void
copy_firmware (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_machine_copy_firmware (self->guest->profile, take->machine_folder, take->folder, &error))
    {
      lodge_take_fail (task, error);
      return;
    }
  lodge_qmp_client_execute_async (self->guest->qmp, take->was_running ? "cont" : "query-status", NULL, -1, NULL, released_cb, task);
}

static void
streamed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GError *error = NULL;

  if (lodge_stream_finish (result, &error) && lodge_take_guest_is_there (task))
    copy_firmware (task);
  else
    lodge_take_fail (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
}

static void
switched_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (value == NULL || !lodge_take_guest_is_there (task))
    {
      lodge_take_fail (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
      return;
    }
  take->switched = TRUE;
  lodge_machine_name_layers (self->guest->profile, take->layers);
  lodge_guest_write_record (self);
  /* Clones read on in what was frozen, which this guest does not write to any more. */
  g_clear_pointer (&self->guest->locks, g_ptr_array_unref);
  self->guest->locks = lodge_launch_lock_disks (self->guest->profile, self->folder, TRUE, NULL);
  if (take->fd >= 0)
    lodge_stream_go_on_async (self, streamed_cb, task);
  else
    copy_firmware (task);
}

/* An empty layer reads as what is below it, so machine.json names them before QEMU has them. */
static gboolean
name_layers (GTask *task, GError **error)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);
  LodgeProfile *profile;

  if (!lodge_take_guest_is_there (task) || self->entry == NULL || self->entry->profile == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended, or the machine's folder is gone");
      return FALSE;
    }
  profile = lodge_profile_copy (self->entry->profile);
  lodge_machine_name_layers (profile, take->layers);
  g_free (profile->snapshot);
  profile->snapshot = g_strdup (take->snapshot->id);
  return lodge_machine_save_profile (self, profile, error);
}

/* @task: taken. The guest stands still. */
static void
switch_over (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);
  g_autoptr (JsonObject) arguments = json_object_new ();
  JsonArray *actions = json_array_new ();

  for (guint i = 0; i < take->layers->len; i++)
    {
      g_autofree char *node = g_strdup_printf ("l%s-%u", take->snapshot->id, i);

      json_array_add_object_element (actions, lodge_qmp_args_new ("{'type': <'blockdev-snapshot'>, 'data': <{'node': <%s>, 'overlay': <%s>}>}",
                                                                  (char *) g_ptr_array_index (take->nodes, i), node));
    }
  json_object_set_array_member (arguments, "actions", actions);
  lodge_qmp_client_execute_async (self->guest->qmp, "transaction", arguments, -1, NULL, switched_cb, task);
}

/* @task: taken, where it was the last thing that was awaited; @error: taken, (nullable) */
static void
arrived (GTask *task, GError *error)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);

  if (take->error == NULL)
    take->error = g_steal_pointer (&error);
  g_clear_error (&error);
  if (--take->awaited > 0)
    return;
  error = g_steal_pointer (&take->error);
  if (error == NULL && (!lodge_take_guest_is_there (task) || self->entry == NULL || self->entry->profile == NULL
                        || g_cancellable_is_cancelled (lodge_job_get_cancellable (take->job))))
    error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "it was cancelled, or the guest ended");
  if (error == NULL && take->stood == 0)
    {
      take->stood = g_get_monotonic_time ();
      name_layers (task, &error);
    }
  if (error == NULL)
    switch_over (task);
  else
    lodge_take_fail (task, error);
}

static void
streamed_to_hold_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  lodge_stream_finish (result, &error);
  arrived (data, error);
}

static void
compared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  lodge_ram_copy_pass_finish (result, NULL, &error);
  arrived (data, error);
}

/* It writes to nothing any more, neither its memory nor its disks. */
static void
stands_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeTake *take = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (value != NULL && take->ram != NULL)
    lodge_ram_copy_pass_async (take->ram, 0, NULL, compared_cb, task);
  else
    arrived (task, error);
}

/* @task: taken. All that can be done while the guest runs is done, but for a stream. */
static void
stand_still (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);
  /* What processors in software write while their memory is read is not always noticed: such a guest stands still for all of a stream. */
  gboolean stops = take->fd < 0 || take->ram != NULL || strcmp (take->saved->accelerator, "tcg") == 0;
  LodgeQmpClient *qmp;
  GError *error = NULL;

  if (!lodge_take_guest_is_there (task))
    error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended");
  else if (stops)
    name_layers (task, &error);
  if (error != NULL)
    {
      lodge_take_fail (task, error);
      return;
    }
  qmp = self->guest->qmp;
  take->awaited = (take->fd >= 0) + stops;
  if (stops)
    {
      take->stood = g_get_monotonic_time ();
      lodge_qmp_client_execute_async (qmp, take->was_running ? "stop" : "query-status", NULL, -1, NULL, stands_cb, task);
    }
  if (take->ram != NULL)
    lodge_stream_devices_out_async (self, take->fd, TRUE, NULL, streamed_to_hold_cb, task);
  else if (take->fd >= 0)
    lodge_stream_out_async (self, take->fd, TRUE, take->job, streamed_to_hold_cb, task);
}

static void copy_ahead (GTask *task);

static void
copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeTake *take = g_task_get_task_data (task);
  guint64 written = 0;
  GError *error = NULL;

  if (!lodge_ram_copy_pass_finish (result, &written, &error))
    lodge_take_fail (task, error);
  else if (++take->passes < MOST_PASSES && written > LITTLE)
    copy_ahead (task);
  else
    stand_still (task);
}

/* @task: taken. One thread: the guest has the other processors. */
static void
copy_ahead (GTask *task)
{
  LodgeTake *take = g_task_get_task_data (task);

  lodge_ram_copy_pass_async (take->ram, 1, take->job, copied_cb, task);
}

static void
node_added_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeTake *take = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (value == NULL || !lodge_take_guest_is_there (task))
    {
      lodge_take_fail (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
      return;
    }
  take->added++;
  next_node (task);
}

/* @task: taken */
static void
next_node (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);
  LodgeQmpClient *qmp = self->guest->qmp;

  if (take->added < take->layers->len)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (take->layers, take->added);
      g_autofree char *node = g_strdup_printf ("l%s-%u", take->snapshot->id, take->added);
      g_autofree char *file = g_strconcat (node, LODGE_BLOCK_LAYER_FILE, NULL);
      /* The folder may have another name now than QEMU knows. */
      g_autofree char *path = g_build_filename (self->guest->record->folder, layer->file, NULL);
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new (
        "{'driver': <'qcow2'>, 'node-name': <%s>, 'discard': <'unmap'>, 'detect-zeroes': <'unmap'>,"
        " 'file': <{'driver': <'file'>, 'node-name': <%s>, 'filename': <%s>, 'discard': <'unmap'>}>}", node, file, path);

      json_object_set_null_member (arguments, "backing");
      lodge_qmp_client_execute_async (qmp, "blockdev-add", arguments, -1, NULL, node_added_cb, task);
    }
  else if (take->ram != NULL && take->was_running)
    copy_ahead (task);
  else
    stand_still (task);
}

static void
blocks_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  for (guint i = 0; value != NULL && lodge_take_guest_is_there (task) && i < take->layers->len && error == NULL; i++)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (take->layers, i);
      g_autofree char *name = g_path_get_basename (layer->frozen);
      g_autofree char *file = NULL;
      const char *node = lodge_block_top (lodge_qmp_node_array (value), layer->disk, &file);
      LodgeDisk *own = lodge_machine_get_disk (self->guest->profile, layer->disk);

      /* What QEMU says of a long chain cannot be read; then what it was told counts. */
      if (file == NULL && own != NULL && own->file != NULL)
        file = g_path_get_basename (own->file);
      if (node == NULL || g_strcmp0 (file, name) != 0)
        error = g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                             "the guest's disk “%s” is not the file that its settings name; shut it down first", layer->disk);
      else
        g_ptr_array_add (take->nodes, g_strdup (node));
    }
  if (error == NULL && !lodge_take_guest_is_there (task))
    error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended");
  if (error != NULL)
    lodge_take_fail (task, error);
  else
    next_node (task);
}

void
lodge_take_freeze_guest (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);

  lodge_qmp_client_execute_async (self->guest->qmp, "query-block", NULL, -1, NULL, blocks_cb, task);
}
