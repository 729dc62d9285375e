/* SPDX-License-Identifier: GPL-3.0-or-later */

/* DetachDisk: the guest lets go of it first, where it runs and can; then machine.json forgets it. The file stays where it is,
 * or goes to the trash (core/config/lodge-disk-trash.h), which only a file can that nobody uses any more. */

#include "core/machine/lodge-machine-disks-private.h"

#include "core/config/lodge-disk-trash.h"
#include "core/storage/lodge-disk-intent.h"

#include <string.h>
#include <unistd.h>

/* How long the guest may take to let go: of a file that is to be deleted that must be known, of another it can come later. */
#define DELETE_SECONDS 15
#define DETACH_SECONDS 3

static gboolean
deletes (GTask *task)
{
  LodgeDiskWork *work = g_task_get_task_data (task);
  gboolean delete_file = FALSE;

  if (work->options != NULL)
    g_variant_lookup (work->options, "delete-file", "b", &delete_file);
  return delete_file;
}

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

/* ---- To the trash ---- */

typedef struct
{
  char *folder;          /* (owned) */
  char *place;           /* (owned) relative: the folder that goes to the trash */
  LodgeProfile *profile; /* (owned) */
  char *id;              /* (owned) */
} Prepare;

static void
prepare_free (Prepare *prepare)
{
  g_free (prepare->folder);
  g_free (prepare->place);
  lodge_profile_free (prepare->profile);
  g_free (prepare->id);
  g_free (prepare);
}

static void
prepare_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  static const char *const none[] = { NULL };
  Prepare *prepare = data;
  g_autofree char *dir = g_build_filename (prepare->folder, prepare->place, NULL);
  GError *error = NULL;

  if (lodge_disk_intent_write (prepare->folder, none, NULL, prepare->place, &error)
      && lodge_disk_trash_prepare (dir, prepare->profile, lodge_machine_get_disk (prepare->profile, prepare->id), &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeDiskWork *work = g_task_get_task_data (task);
  GError *error = NULL;

  work->intent = TRUE;
  if (g_task_propagate_boolean (G_TASK (result), &error))
    forget (task);
  else
    fail (task, error);
}

static char *
free_place (LodgeMachine *self, const char *id)
{
  g_autofree char *base = g_path_get_basename (self->folder);

  for (guint n = 1;; n++)
    {
      g_autofree char *place = n == 1 ? g_strdup_printf ("disks/%s-%s", base, id)
                                      : g_strdup_printf ("disks/%s-%s-%u", base, id, n);
      g_autofree char *path = g_build_filename (self->folder, place, NULL);

      if (access (path, F_OK) != 0)
        return g_steal_pointer (&place);
    }
}

static void
prepare_trash (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autoptr (GTask) preparing = NULL;
  Prepare *prepare;

  if (self->entry == NULL || self->entry->profile == NULL
      || lodge_machine_get_disk (self->entry->profile, work->id) == NULL)
    {
      fail (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine or its disk is gone"));
      return;
    }
  prepare = g_new0 (Prepare, 1);
  prepare->folder = g_strdup (self->folder);
  prepare->place = free_place (self, work->id);
  prepare->profile = lodge_profile_copy (self->entry->profile);
  prepare->id = g_strdup (work->id);
  preparing = g_task_new (NULL, NULL, prepared_cb, task);
  g_task_set_task_data (preparing, prepare, (GDestroyNotify) prepare_free);
  g_task_run_in_thread (preparing, prepare_thread);
}

/* ---- Out of the guest ---- */

static void
unplugged_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  gboolean unplugged = lodge_machine_plug_finish (result, &error);

  if (!unplugged && deletes (task))
    fail (task, g_error_new (LODGE_ERROR, LODGE_ERROR_IN_USE, "the guest does not let go of it: %s", error->message));
  else if (deletes (task))
    prepare_trash (task);
  else
    {
      /* It has the disk until it lets go of it or ends; the machine has it no more. */
      if (!unplugged)
        g_debug ("the disk “%s” goes at the next start: %s", work->id, error->message);
      forget (task);
    }
}

static void
unplug (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  const LodgeDisk *disk = lodge_machine_get_disk (self->entry->profile, work->id);

  if (disk != NULL && self->guest != NULL && self->guest->qmp != NULL && lodge_machine_disk_is_in_guest (self, disk))
    lodge_machine_unplug_disk_async (self, work->id, deletes (task) ? DELETE_SECONDS : DETACH_SECONDS, unplugged_cb, task);
  else if (deletes (task))
    prepare_trash (task);
  else
    forget (task);
}

static void
looked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GError *error = NULL;

  if (!lodge_disk_work_look_finish (task, result, &error) || !lodge_disk_work_check_alone (task, &error))
    fail (task, error);
  else
    unplug (task);
}

void
lodge_machine_detach_disk_async (LodgeMachine *self, const char *id, GVariant *options, GAsyncReadyCallback callback,
                                 gpointer data)
{
  static const char *const known[] = { "delete-file", "b", NULL };
  GTask *task = lodge_disk_work_begin (self, LODGE_METHOD_DETACH_DISK, options, known, NULL,
                                       lodge_machine_detach_disk_async, callback, data);
  const LodgeDisk *disk;
  LodgeDiskWork *work;
  GError *error = NULL;

  if (task == NULL)
    return;
  work = g_task_get_task_data (task);
  if (deletes (task))
    {
      if (!lodge_disk_work_find (task, id, &error))
        fail (task, error);
      else if (g_path_is_absolute (work->file))
        fail (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                                         "the image lies outside of the machine's folder; what is there is not deleted here"));
      else
        lodge_disk_work_look_async (task, looked_cb);
      return;
    }
  disk = lodge_machine_get_disk (self->entry->profile, id);
  if (disk == NULL)
    {
      fail (task, g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine has no disk or drive “%s”", id));
      return;
    }
  work->id = g_strdup (disk->id);
  unplug (task);
}
