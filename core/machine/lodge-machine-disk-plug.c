/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Disks of a guest that runs. What is plugged is told to the run-time record too, so that the next core knows the guest as
 * it is. A guest lets go of a disk when it likes, or never: whoever asks is told after a while that it has not, and when it
 * does, be it later, QEMU closes all that the disk consists of: live snapshots have put layers on it. */

#include "core/machine/lodge-machine-disks-private.h"

#include "core/machine/lodge-block-nodes.h"
#include "core/machine/lodge-launch.h"
#include "core/qemu/lodge-command-line.h"

#include <string.h>

typedef struct
{
  LodgeMachine *machine; /* (owned) */
  LodgeQmpClient *qmp;   /* (owned) */
  LodgeDisk *disk;       /* (owned) */
  JsonObject *image;     /* (owned) (nullable) */
  JsonObject *device;    /* (owned) (nullable) */
  LodgeDiskLock *lock;   /* (owned) (nullable) until it is the guest's */
  GError *error;         /* (owned) (nullable) why it is taken back */
  guint64 size;
  guint timeout_id;
} Plug;

static void
plug_free (Plug *plug)
{
  g_clear_handle_id (&plug->timeout_id, g_source_remove);
  g_clear_pointer (&plug->disk, lodge_disk_free);
  g_clear_pointer (&plug->image, json_object_unref);
  g_clear_pointer (&plug->device, json_object_unref);
  g_clear_pointer (&plug->lock, lodge_disk_lock_free);
  g_clear_error (&plug->error);
  g_object_unref (plug->qmp);
  g_object_unref (plug->machine);
  g_free (plug);
}

static GTask *
plug_new (LodgeMachine *self, const LodgeDisk *disk, gpointer tag, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, NULL, callback, data);
  Plug *plug = g_new0 (Plug, 1);

  plug->machine = g_object_ref (self);
  plug->qmp = g_object_ref (self->guest->qmp);
  plug->disk = disk != NULL ? lodge_disk_copy (disk) : NULL;
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, plug, (GDestroyNotify) plug_free);
  return task;
}

/* Whether the guest is still the one that was spoken to. */
static gboolean
is_current (const Plug *plug)
{
  return plug->machine->guest != NULL && plug->machine->guest->qmp == plug->qmp && plug->machine->guest->record != NULL;
}

static void
forget_nodes (Plug *plug)
{
  g_autofree char *file = g_strdup_printf ("%s-file", plug->disk->id);
  g_autoptr (JsonObject) image_node = lodge_qmp_args_new ("{'node-name': <%s>}", plug->disk->id);
  g_autoptr (JsonObject) file_node = lodge_qmp_args_new ("{'node-name': <%s>}", file);

  /* In this order; one that is not there is an error that nobody hears. */
  lodge_qmp_client_execute_async (plug->qmp, "blockdev-del", image_node, -1, NULL, NULL, NULL);
  lodge_qmp_client_execute_async (plug->qmp, "blockdev-del", file_node, -1, NULL, NULL, NULL);
}

/* ---- In ---- */

static void
device_added_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Plug *plug = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (plug->qmp, result, &error);

  if (answer == NULL)
    {
      forget_nodes (plug);
      g_task_return_error (task, error);
      return;
    }
  if (is_current (plug))
    {
      LodgeGuest *guest = plug->machine->guest;

      if (guest->locks != NULL)
        g_ptr_array_add (guest->locks, g_steal_pointer (&plug->lock));
      g_ptr_array_add (guest->profile->disks, g_steal_pointer (&plug->disk));
      lodge_guest_write_record (plug->machine);
    }
  g_task_return_boolean (task, TRUE);
}

static void
image_added_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Plug *plug = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (plug->qmp, result, &error);

  if (answer == NULL)
    {
      forget_nodes (plug);
      g_task_return_error (task, error);
      return;
    }
  lodge_qmp_client_execute_async (plug->qmp, "device_add", plug->device, -1, NULL, device_added_cb, g_steal_pointer (&task));
}

static void
file_added_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Plug *plug = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (plug->qmp, result, &error);

  if (answer == NULL)
    g_task_return_error (task, error);
  else
    lodge_qmp_client_execute_async (plug->qmp, "blockdev-add", plug->image, -1, NULL, image_added_cb,
                                    g_steal_pointer (&task));
}

void
lodge_machine_plug_disk_async (LodgeMachine *self, const LodgeDisk *disk, LodgeCapabilities *capabilities,
                               GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = plug_new (self, disk, lodge_machine_plug_disk_async, callback, data);
  Plug *plug = g_task_get_task_data (task);
  const LodgeHost *host = lodge_engine_get_host (self->engine);
  gboolean io_uring = host != NULL && host->io_uring && capabilities != NULL
                      && lodge_capabilities_has_io_uring (capabilities);
  g_autofree char *path = lodge_launch_disk_path (disk, self->folder);
  g_autoptr (JsonObject) file = NULL;
  GError *error = NULL;

  plug->device = lodge_command_line_plug_device (self->guest->profile, disk);
  /* The confined QEMU sees the machine's folder and what it was started with. */
  if (plug->device == NULL || g_path_is_absolute (disk->file) || lodge_machine_get_disk (self->guest->profile, disk->id) != NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "the guest can have this disk at its next start only");
      return;
    }
  plug->lock = lodge_disk_lock_take (path, FALSE, &error);
  if (plug->lock == NULL && error != NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  plug->image = lodge_command_line_plug_image (disk);
  file = lodge_command_line_plug_file (disk, path, io_uring ? "io_uring" : "threads");
  lodge_qmp_client_execute_async (plug->qmp, "blockdev-add", file, -1, NULL, file_added_cb, g_steal_pointer (&task));
}

/* ---- Out ---- */

typedef struct
{
  LodgeMachine *machine; /* (owned) */
  LodgeQmpClient *qmp;   /* (owned) */
  char *id;              /* (owned) */
  GPtrArray *files;      /* (element-type utf8) from the top of the disk down */
} Closing;

static void
closing_free (Closing *closing)
{
  g_object_unref (closing->machine);
  g_object_unref (closing->qmp);
  g_free (closing->id);
  g_ptr_array_unref (closing->files);
  g_free (closing);
}

/* @error: (nullable): taken. Whoever waits for @task to let go */
static void
answer (LodgeGuest *guest, GTask *task, GError *error)
{
  Plug *plug = g_task_get_task_data (task);

  g_clear_handle_id (&plug->timeout_id, g_source_remove);
  g_object_ref (task);
  g_ptr_array_remove (guest->unplugging, task);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
closed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Closing *closing = data;
  LodgeGuest *guest = closing->machine->guest;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (closing->qmp, result, NULL);

  if (value == NULL)
    g_debug ("%s: not all of the disk “%s” is closed", closing->machine->id, closing->id);
  for (guint i = guest != NULL && guest->qmp == closing->qmp ? guest->unplugging->len : 0; i > 0; i--)
    {
      GTask *task = guest->unplugging->pdata[i - 1];

      if (g_str_equal (((Plug *) g_task_get_task_data (task))->disk->id, closing->id))
        answer (guest, task, NULL);
    }
  closing_free (closing);
}

static void
nodes_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Closing *closing = data;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (closing->qmp, result, NULL);
  g_autoptr (GPtrArray) names = lodge_block_named (lodge_qmp_node_array (value), closing->files);
  static const char *const ends[] = { "", "-file" };

  /* What was plugged, whatever QEMU calls its file. */
  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++)
    {
      g_autofree char *name = g_strconcat (closing->id, ends[i], NULL);

      if (!g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
        g_ptr_array_add (names, g_steal_pointer (&name));
    }
  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'node-name': <%s>}", (char *) names->pdata[i]);
      gboolean last = i + 1 == names->len;

      lodge_qmp_client_execute_async (closing->qmp, "blockdev-del", arguments, -1, NULL, last ? closed_cb : NULL, last ? closing : NULL);
    }
}

void
lodge_machine_unplugged (LodgeMachine *self, const char *id)
{
  LodgeDisk *disk = lodge_machine_get_disk (self->guest->profile, id);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'flat': <%b>}", TRUE);
  g_autofree char *path = NULL;
  g_autoptr (GPtrArray) below = NULL;
  Closing *closing;

  if (disk == NULL || disk->cdrom || disk->file == NULL || self->guest->qmp == NULL)
    return;
  path = lodge_launch_disk_path (disk, self->folder);
  below = lodge_layers_chain (path, NULL);
  closing = g_new0 (Closing, 1);
  closing->machine = g_object_ref (self);
  closing->qmp = g_object_ref (self->guest->qmp);
  closing->id = g_strdup (id);
  closing->files = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (closing->files, g_steal_pointer (&path));
  for (guint i = 0; below != NULL && i < below->len; i++)
    g_ptr_array_add (closing->files, g_strdup (below->pdata[i]));

  g_ptr_array_remove (self->guest->profile->disks, disk);
  lodge_guest_write_record (self);
  lodge_qmp_client_execute_async (closing->qmp, "query-named-block-nodes", arguments, -1, NULL, nodes_cb, closing);
}

void
lodge_machine_unplug_ended (LodgeMachine *self)
{
  while (self->guest->unplugging->len > 0)
    answer (self->guest, self->guest->unplugging->pdata[0], g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
}

static gboolean
waited_cb (gpointer user_data)
{
  GTask *task = user_data;
  LodgeMachine *self = g_task_get_source_object (task);
  Plug *plug = g_task_get_task_data (task);

  plug->timeout_id = 0;
  answer (self->guest, task,
          g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "the guest has not let go of the disk yet"));
  return G_SOURCE_REMOVE;
}

static void
device_deleted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Plug *plug = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (plug->qmp, result, &error);

  /* Accepted: the event, which may have come first, or the time tells the rest. */
  if (value == NULL && is_current (plug) && plug->timeout_id != 0)
    answer (plug->machine->guest, task, error);
  else
    g_clear_error (&error);
}

void
lodge_machine_unplug_disk_async (LodgeMachine *self, const char *id, guint seconds, GAsyncReadyCallback callback, gpointer data)
{
  const LodgeDisk *disk = lodge_machine_get_disk (self->guest->profile, id);
  g_autoptr (GTask) task = plug_new (self, disk, lodge_machine_unplug_disk_async, callback, data);
  Plug *plug = g_task_get_task_data (task);
  g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'id': <%s>}", id);

  if (!lodge_command_line_can_plug (self->guest->profile, disk))
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "the guest keeps this disk until it ends");
      return;
    }
  g_ptr_array_add (self->guest->unplugging, g_object_ref (task));
  plug->timeout_id = g_timeout_add_seconds (seconds, waited_cb, task);
  lodge_qmp_client_execute_async (plug->qmp, "device_del", arguments, -1, NULL, device_deleted_cb, g_object_ref (task));
}

/* ---- Larger ---- */

static void
resized_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Plug *plug = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (plug->qmp, result, &error);
  LodgeDisk *disk;

  if (answer == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  disk = is_current (plug) ? lodge_machine_get_disk (plug->machine->guest->profile, plug->disk->id) : NULL;
  if (disk != NULL)
    {
      disk->size = plug->size;
      lodge_guest_write_record (plug->machine);
    }
  g_task_return_boolean (task, TRUE);
}

static void
queried_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Plug *plug = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (plug->qmp, result, &error);
  const char *node = answer != NULL ? lodge_block_top (lodge_qmp_node_array (answer), plug->disk->id, NULL) : NULL;
  g_autoptr (JsonObject) arguments = NULL;

  if (error == NULL && node == NULL)
    error = g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "QEMU does not know the disk “%s”", plug->disk->id);
  if (error != NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  arguments = lodge_qmp_args_new ("{'node-name': <%s>, 'size': <%t>}", node, plug->size);
  lodge_qmp_client_execute_async (plug->qmp, "block_resize", arguments, -1, NULL, resized_cb, g_steal_pointer (&task));
}

void
lodge_machine_resize_in_guest_async (LodgeMachine *self, const char *id, guint64 size, GAsyncReadyCallback callback,
                                     gpointer data)
{
  GTask *task = plug_new (self, lodge_machine_get_disk (self->guest->profile, id), lodge_machine_resize_in_guest_async,
                          callback, data);
  Plug *plug = g_task_get_task_data (task);

  plug->size = size;
  lodge_qmp_client_execute_async (plug->qmp, "query-block", NULL, -1, NULL, queried_cb, task);
}

gboolean
lodge_machine_plug_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
