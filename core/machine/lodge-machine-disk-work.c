/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Growing, compacting, converting. Compacting and converting write a new file beside the old one and swap them by one
 * rename or one machine.json: whatever happens before leaves the old disk as it was. */

#include "core/machine/lodge-machine-disks-private.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-launch.h"
#include "core/qemu/lodge-qemu-img.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-disk-intent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define SIZE_MAX_BYTES (64ull << 40)

static const char *const no_options[] = { NULL };

static void
fail (GTask *task, GError *error)
{
  lodge_disk_work_end (task, error, NULL, NULL);
}

static void
fail_with (GTask *task, LodgeError code, const char *words)
{
  fail (task, g_error_new_literal (LODGE_ERROR, code, words));
}

/* machine.json with what the work has made of the disk. */
static gboolean
save (GTask *task, GError **error)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  LodgeProfile *profile;
  LodgeDisk *disk;

  if (self->entry == NULL || self->entry->profile == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
      return FALSE;
    }
  profile = lodge_profile_copy (self->entry->profile);
  disk = lodge_machine_get_disk (profile, work->id);
  if (disk == NULL)
    {
      lodge_profile_free (profile);
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine has no disk “%s” any more", work->id);
      return FALSE;
    }
  disk->size = work->size;
  if (work->wanted != NULL)
    {
      g_free (disk->file);
      disk->file = g_strdup (work->file);
      g_free (disk->format);
      disk->format = g_strdup (work->wanted);
      disk->mtime = 0;
    }
  return lodge_machine_save_disks (self, profile, error);
}

/* ---- Grow ---- */

static void
grown (GTask *task, gboolean good, GError *error)
{
  if (good)
    save (task, &error);
  lodge_disk_work_end (task, error, NULL, NULL);
}

static void
grown_in_guest_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  gboolean good = lodge_machine_plug_finish (result, &error);

  grown (data, good, error);
}

static void
grown_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  gboolean good = lodge_qemu_img_resize_finish (result, &error);

  grown (data, good, error);
}

static void
grow_looked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  const LodgeDisk *disk;
  GError *error = NULL;

  if (!lodge_disk_work_look_finish (task, result, &error) || !lodge_disk_work_check_alone (task, &error))
    {
      fail (task, error);
      return;
    }
  if (work->size < work->facts.size)
    {
      fail_with (task, LODGE_ERROR_OUT_OF_RANGE, "a disk can only become larger, since nobody knows what lies at its end");
      return;
    }

  disk = lodge_machine_get_disk (self->entry->profile, work->id);
  if (disk != NULL && self->guest != NULL && lodge_machine_disk_is_in_guest (self, disk))
    {
      if (self->guest->qmp == NULL)
        fail_with (task, LODGE_ERROR_NOT_RESPONDING, "there is no connection to QEMU");
      else
        lodge_machine_resize_in_guest_async (self, work->id, work->size, grown_in_guest_cb, task);
      return;
    }
  work->lock = lodge_disk_lock_take (work->path, FALSE, &error);
  if (error != NULL)
    fail (task, error);
  else
    lodge_qemu_img_resize_async (lodge_engine_get_sandbox (self->engine), work->path, work->format, work->size, NULL,
                                 grown_cb, task);
}

void
lodge_machine_grow_disk_async (LodgeMachine *self, const char *id, guint64 size, GVariant *options,
                               GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = lodge_disk_work_begin (self, LODGE_METHOD_GROW_DISK, options, no_options, NULL,
                                       lodge_machine_grow_disk_async, callback, data);
  LodgeDiskWork *work;
  g_auto (GStrv) costs = NULL;
  GError *error = NULL;

  if (task == NULL)
    return;
  work = g_task_get_task_data (task);
  work->size = (size + SECTOR - 1) / SECTOR * SECTOR;
  if (!lodge_disk_work_find (task, id, &error))
    {
      fail (task, error);
      return;
    }
  costs = lodge_disk_format_costs (work->format);
  if (g_strv_contains ((const char *const *) costs, "no-growing"))
    fail (task, g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "a disk in the format %s cannot grow; convert it to qcow2 first",
                             work->format));
  else if (size > SIZE_MAX_BYTES)
    fail_with (task, LODGE_ERROR_OUT_OF_RANGE, "size: that is out of range: 1 MiB to 64 TiB");
  else
    lodge_disk_work_look_async (task, grow_looked_cb);
}

/* ---- Compact and convert ---- */

static void
progress_cb (double fraction, gpointer data)
{
  LodgeDiskWork *work = data;
  guint64 total = MAX (work->facts.used, 1);

  lodge_job_progress (work->job, (guint64) (fraction * (double) total), total, g_get_monotonic_time ());
}

typedef struct
{
  char *temporary;    /* (owned) */
  char *path;         /* (owned) */
  gboolean replace;   /* the file at @path, if the new one is smaller */
  guint64 bytes_before;
  guint64 bytes_after;
} Settle;

static void
settle_free (Settle *settle)
{
  g_free (settle->temporary);
  g_free (settle->path);
  g_free (settle);
}

/* The new file into its place, for good. */
static gboolean
put_in_place (Settle *settle, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (settle->path);
  int fd = open (settle->temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  struct stat st, old;
  gboolean good = fd >= 0 && fstat (fd, &st) == 0;

  if (good && settle->replace && stat (settle->path, &old) == 0)
    {
      settle->bytes_before = (guint64) old.st_blocks * 512;
      settle->bytes_after = (guint64) st.st_blocks * 512;
      if (settle->bytes_after >= settle->bytes_before)
        {
          close (fd);
          return TRUE; /* nothing to gain: it goes with the intent */
        }
      good = fchmod (fd, old.st_mode & 07777) == 0;
    }
  else if (good)
    good = fchmod (fd, 0600) == 0;
  good = good && fsync (fd) == 0
         && (settle->replace ? rename (settle->temporary, settle->path) : lodge_rename_new (settle->temporary, settle->path)) == 0;
  if (!good)
    lodge_error_set_errno (error, errno, "making", settle->path);
  if (fd >= 0)
    close (fd);
  return good && lodge_folder_sync (folder, error);
}

static void
place_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (put_in_place (data, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
placed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeDiskWork *work = g_task_get_task_data (task);
  Settle *settle = g_task_get_task_data (G_TASK (result));
  guint64 *freed = NULL;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error) && work->wanted != NULL)
    save (task, &error);
  else if (error == NULL)
    {
      freed = g_new0 (guint64, 1);
      *freed = settle->bytes_before > settle->bytes_after ? settle->bytes_before - settle->bytes_after : 0;
    }
  lodge_disk_work_end (task, error, freed, g_free);
}

static void
converted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autoptr (GTask) placing = NULL;
  Settle *settle;
  GError *error = NULL;

  if (!lodge_qemu_img_convert_finish (result, &error))
    {
      fail (task, error);
      return;
    }
  settle = g_new0 (Settle, 1);
  settle->temporary = g_strdup (work->temporary);
  settle->replace = work->wanted == NULL;
  settle->path = settle->replace ? g_strdup (work->path) : g_build_filename (self->folder, work->file, NULL);
  placing = g_task_new (NULL, NULL, placed_cb, task);
  g_task_set_task_data (placing, settle, (GDestroyNotify) settle_free);
  g_task_run_in_thread (placing, place_thread);
}

static void
measured_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  guint64 needed = 0;
  GError *error = NULL;

  if (!lodge_qemu_img_measure_finish (result, &needed, &error)
      || !lodge_disk_image_check_space (self->folder, needed, &error))
    {
      fail (task, error);
      return;
    }
  lodge_qemu_img_convert_async (lodge_engine_get_sandbox (self->engine), work->path, work->format, NULL, work->temporary,
                                work->wanted != NULL ? work->wanted : work->format, progress_cb, work,
                                lodge_job_get_cancellable (work->job), converted_cb, task);
}

static void
intended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_disk_intent_write_finish (result, &error))
    {
      fail (task, error);
      return;
    }
  work->intent = TRUE;
  lodge_machine_emit_job (self, work->job);
  lodge_qemu_img_measure_async (lodge_engine_get_sandbox (self->engine), work->path, work->format,
                                lodge_job_get_cancellable (work->job), measured_cb, task);
}

/* "disks/disk0.vdi", or the first of "disks/disk0-2.vdi", … that is free. */
static char *
free_name (LodgeMachine *self, const char *id, const char *format)
{
  for (guint n = 1;; n++)
    {
      g_autofree char *number = n > 1 ? g_strdup_printf ("-%u", n) : g_strdup ("");
      g_autofree char *file = g_strconcat ("disks/", id, number, lodge_disk_format_suffix (format), NULL);
      g_autofree char *path = g_build_filename (self->folder, file, NULL);

      if (access (path, F_OK) != 0)
        return g_steal_pointer (&file);
    }
}

static void
rewrite_looked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  gboolean own = !g_path_is_absolute (work->file);
  g_autofree char *temporary = NULL;
  g_autofree char *old = NULL;
  GError *error = NULL;

  if (!lodge_disk_work_look_finish (task, result, &error) || !lodge_disk_work_check_alone (task, &error))
    {
      fail (task, error);
      return;
    }
  if (work->facts.layered)
    {
      fail_with (task, LODGE_ERROR_NOT_SUPPORTED,
                 "the disk reads on in other files; delete its snapshots, or flatten the machine, first");
      return;
    }
  work->lock = lodge_disk_lock_take (work->path, FALSE, &error);
  if (error != NULL)
    {
      fail (task, error);
      return;
    }

  temporary = g_strdup_printf ("disks/" LODGE_DISK_WORK_PREFIX "%s%s", work->id, lodge_disk_format_suffix (work->wanted != NULL ? work->wanted : work->format));
  work->temporary = g_build_filename (self->folder, temporary, NULL);
  unlink (work->temporary); /* of a core that was killed, when its machine.json could not be read */
  if (work->wanted != NULL)
    {
      work->size = work->facts.size != 0 ? work->facts.size
                                         : lodge_machine_get_disk (self->entry->profile, work->id)->size;
      old = own ? g_strdup (work->file) : NULL;
      g_free (work->file);
      work->file = free_name (self, work->id, work->wanted);
    }
  /* Compacted, it keeps its name. */
  lodge_disk_intent_write_async (self->folder, (const char *[]){ temporary, work->wanted != NULL ? work->file : NULL, NULL }, old, intended_cb, task);
}

void
lodge_machine_compact_disk_async (LodgeMachine *self, const char *id, GVariant *options, GAsyncReadyCallback callback,
                                  gpointer data)
{
  GTask *task = lodge_disk_work_begin (self, LODGE_METHOD_COMPACT_DISK, options, no_options, "compact",
                                       lodge_machine_compact_disk_async, callback, data);
  LodgeDiskWork *work;
  GError *error = NULL;

  if (task == NULL)
    return;
  work = g_task_get_task_data (task);
  if (!lodge_disk_work_find (task, id, &error))
    fail (task, error);
  else if (g_path_is_absolute (work->file))
    fail_with (task, LODGE_ERROR_NOT_SUPPORTED, "the image lies outside of the machine's folder; convert it, which makes a copy inside");
  else
    lodge_disk_work_look_async (task, rewrite_looked_cb);
}

void
lodge_machine_convert_disk_async (LodgeMachine *self, const char *id, const char *format, GVariant *options,
                                  GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = lodge_disk_work_begin (self, LODGE_METHOD_CONVERT_DISK, options, no_options, "convert",
                                       lodge_machine_convert_disk_async, callback, data);
  LodgeDiskWork *work;
  GError *error = NULL;

  if (task == NULL)
    return;
  work = g_task_get_task_data (task);
  if (!lodge_disk_format_is_known (format))
    fail_with (task, LODGE_ERROR_INVALID_ARGUMENT, "the format must be one of qcow2, raw, vmdk, vpc (VHD), vhdx, vdi");
  else if (!lodge_disk_work_find (task, id, &error))
    fail (task, error);
  else if (g_str_equal (format, work->format) && !g_path_is_absolute (work->file))
    lodge_disk_work_end (task, NULL, NULL, NULL);
  else
    {
      work->wanted = g_strdup (format);
      lodge_disk_work_look_async (task, rewrite_looked_cb);
    }
}
