/* SPDX-License-Identifier: GPL-3.0-or-later */

/* DetachDisk: the guest lets go of it first, where it runs and can; then machine.json forgets it. The file stays where it is. */

#include "core/machine/lodge-machine-disks-private.h"

#include <string.h>

static void
fail (GTask *task, GError *error)
{
  lodge_disk_work_end (task, error, NULL, NULL);
}

static void
forget (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  LodgeProfile *profile;
  LodgeDisk *disk;
  GError *error = NULL;

  if (self->entry == NULL || self->entry->profile == NULL)
    {
      fail (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone"));
      return;
    }
  profile = lodge_profile_copy (self->entry->profile);
  disk = lodge_machine_get_disk (profile, work->id);
  if (disk != NULL)
    g_ptr_array_remove (profile->disks, disk);
  if (lodge_profile_validate (profile, &error))
    lodge_machine_save_disks (self, g_steal_pointer (&profile), &error);
  g_clear_pointer (&profile, lodge_profile_free);
  lodge_disk_work_end (task, error, NULL, NULL);
}

static void
unplugged_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LodgeDiskWork *work = g_task_get_task_data (data);
  g_autoptr (GError) error = NULL;

  /* It keeps the disk until it ends; the machine has it no more. */
  if (!lodge_machine_plug_finish (result, &error))
    g_debug ("the disk “%s” goes at the next start: %s", work->id, error->message);
  forget (data);
}

void
lodge_machine_detach_disk_async (LodgeMachine *self, const char *id, GVariant *options, GAsyncReadyCallback callback,
                                 gpointer data)
{
  static const char *const known[] = { NULL };
  GTask *task = lodge_disk_work_begin (self, LODGE_METHOD_DETACH_DISK, options, known, NULL,
                                       lodge_machine_detach_disk_async, callback, data);
  const LodgeDisk *disk;
  LodgeDiskWork *work;

  if (task == NULL)
    return;
  work = g_task_get_task_data (task);
  disk = lodge_machine_get_disk (self->entry->profile, id);
  if (disk == NULL)
    {
      fail (task, g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine has no disk or drive “%s”", id));
      return;
    }
  work->id = g_strdup (disk->id);
  if (self->guest != NULL && self->guest->qmp != NULL && lodge_machine_disk_is_in_guest (self, disk))
    lodge_machine_unplug_disk_async (self, work->id, unplugged_cb, task);
  else
    forget (task);
}
