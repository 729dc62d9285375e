/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/machine/lodge-machine-view.h"

#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-save.h"
#include "core/storage/lodge-layers.h"

#include <string.h>
#include <unistd.h>

static void
view_disk_free (gpointer data)
{
  LodgeViewDisk *disk = data;

  if (disk->fd >= 0)
    close (disk->fd);
  g_clear_pointer (&disk->export, lodge_nbd_export_free);
  g_free (disk->id);
  g_free (disk->name);
  g_free (disk->node);
  g_free (disk);
}

static void
view_file_free (gpointer data)
{
  LodgeViewFile *file = data;

  g_free (file->role);
  g_free (file->path);
  g_clear_pointer (&file->contents, g_bytes_unref);
  g_free (file);
}

static void
view_free (gpointer data)
{
  LodgeMachineView *view = data;

  g_ptr_array_unref (view->disks);
  g_ptr_array_unref (view->files);
  g_clear_pointer (&view->locks, g_ptr_array_unref);
  lodge_profile_free (view->profile);
  g_free (view->folder);
  g_object_unref (view->machine);
  g_free (view);
}

static LodgeMachineView *
view_new (LodgeMachine *self, const LodgeProfile *profile, const char *folder)
{
  LodgeMachineView *view = g_new0 (LodgeMachineView, 1);

  view->machine = g_object_ref (self);
  view->profile = lodge_profile_copy (profile);
  view->folder = g_strdup (folder);
  view->disks = g_ptr_array_new_with_free_func (view_disk_free);
  view->files = g_ptr_array_new_with_free_func (view_file_free);
  /* The disks of a saved machine are those of one that runs. */
  view->kind = self->guest != NULL || self->state == LODGE_STATE_SAVED ? LODGE_BACKUP_RUNNING : LODGE_BACKUP_OFF;
  view->serial = self->guest != NULL ? self->guest->serial : 0;
  view->was_running = self->guest != NULL && self->state != LODGE_STATE_PAUSED;
  return view;
}

LodgeMachineView *
lodge_machine_view_left (LodgeMachine *self)
{
  LodgeMachineView *view = view_new (self, self->guest->profile, self->guest->record->folder);

  view->opened = TRUE;
  for (guint i = 0; i < LODGE_BACKUP_DISKS_MAX; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/" LODGE_VIEW_DIR "/%u.qcow2", view->folder, i);
      LodgeViewDisk *disk;

      if (access (path, F_OK) != 0)
        break;
      disk = g_new0 (LodgeViewDisk, 1);
      disk->fd = -1;
      g_ptr_array_add (view->disks, disk);
    }
  return view;
}

/* ---- Without a guest ---- */

static void
add_file (LodgeMachineView *view, const char *role, const char *file)
{
  g_autofree char *path = g_build_filename (view->folder, file, NULL);
  LodgeViewFile *entry;

  if (access (path, F_OK) != 0 || !lodge_backup_is_role (role))
    return;
  entry = g_new0 (LodgeViewFile, 1);
  entry->role = g_strdup (role);
  entry->path = g_steal_pointer (&path);
  g_ptr_array_add (view->files, entry);
}

/* Which files belong to the machine and are no disks. Those of firmware and TPM change while a guest runs. */
static void
find_files (LodgeMachineView *view)
{
  const LodgeProfile *profile = view->profile;
  g_autofree char *tpm = g_build_filename (view->folder, "tpm", NULL);
  g_autoptr (GDir) dir = profile->tpm ? g_dir_open (tpm, 0, NULL) : NULL;
  const char *name;

  if (profile->kernel != NULL)
    add_file (view, "kernel", profile->kernel);
  if (profile->initrd != NULL)
    add_file (view, "initrd", profile->initrd);
  if (profile->firmware == LODGE_FIRMWARE_UEFI)
    add_file (view, "vars", lodge_profile_get_vars (profile));
  while (dir != NULL && view->files->len < LODGE_BACKUP_FILES_MAX - 1 && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *role = g_strconcat ("tpm/", name, NULL);

      if (*name != '.' && !g_str_has_suffix (name, ".lock") && !g_str_has_suffix (name, ".sock"))
        add_file (view, role, role);
    }
}

static gboolean
export_disk (LodgeMachineView *view, LodgeViewDisk *entry, const LodgeDisk *disk, GError **error)
{
  LodgeEngine *engine = view->machine->engine;
  g_autofree char *path = lodge_launch_disk_path (disk, view->folder);
  g_autoptr (GPtrArray) below = lodge_layers_chain (path, error);

  if (below == NULL)
    return FALSE;
  g_ptr_array_add (below, NULL);
  entry->export = lodge_nbd_export_new (lodge_engine_get_sandbox (engine), lodge_engine_get_paths (engine)->runtime_dir, path,
                                        disk->format, (const char *const *) below->pdata, FALSE, &entry->fd, error);
  return entry->export != NULL;
}

static gboolean
add_disks (LodgeMachineView *view, gboolean exported, GError **error)
{
  for (guint i = 0; i < view->profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (view->profile->disks, i);
      LodgeViewDisk *entry;

      if (disk->cdrom || disk->file == NULL)
        continue;
      entry = g_new0 (LodgeViewDisk, 1);
      entry->id = g_strdup (disk->id);
      entry->name = g_strdup (exported ? LODGE_NBD_EXPORT_NAME : disk->id);
      entry->fd = -1;
      g_ptr_array_add (view->disks, entry);
      if (exported && !export_disk (view, entry, disk, error))
        return FALSE;
    }
  return TRUE;
}

static void
sandbox_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeMachineView *view = g_task_get_task_data (task);
  g_autoptr (LodgeSandbox) sandbox = lodge_engine_wait_sandbox_finish (LODGE_ENGINE (source), result, NULL);
  GError *error = NULL;

  if (self->guest != NULL || sandbox == NULL)
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the machine was started meanwhile");
  /* A template's files are written by nobody, and its clones hold them while they run. */
  else if (view->profile->template
           || (view->locks = lodge_launch_lock_disks (view->profile, view->folder, FALSE, &error)) != NULL)
    add_disks (view, TRUE, &error);
  if (error == NULL)
    {
      g_task_return_pointer (task, view, view_free);
      return;
    }
  view_free (view);
  g_task_return_error (task, error);
}

/* ---- Public ---- */

void
lodge_machine_view_open_async (LodgeMachine *self, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  LodgeMachineView *view;
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_view_open_async);
  if (self->entry == NULL || self->entry->profile == NULL || (self->guest != NULL && self->guest->qmp == NULL))
    {
      g_task_return_new_error (task, LODGE_ERROR, self->guest != NULL ? LODGE_ERROR_NOT_RESPONDING : LODGE_ERROR_NOT_FOUND,
                               self->guest != NULL ? "there is no connection to QEMU" : "the machine's folder is gone");
      return;
    }
  view = view_new (self, self->guest != NULL ? self->guest->profile : self->entry->profile,
                   self->guest != NULL ? self->guest->record->folder : self->folder);
  find_files (view);
  g_task_set_task_data (task, view, NULL);
  if (self->guest == NULL)
    {
      lodge_engine_wait_sandbox_async (self->engine, NULL, sandbox_cb, g_steal_pointer (&task));
      return;
    }
  if (add_disks (view, FALSE, &error))
    lodge_machine_view_open_live (g_steal_pointer (&task));
  else
    {
      view_free (view);
      g_task_return_error (task, error);
    }
}

LodgeMachineView *
lodge_machine_view_open_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
lodge_machine_view_is_there (LodgeMachineView *view)
{
  const LodgeGuest *guest = view->machine->guest;

  return view->serial == 0 || (guest != NULL && guest->serial == view->serial && guest->qmp != NULL);
}

static void close_next (GTask *task);

static void
export_ended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachineView *view = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_nbd_export_end_finish (result, &error))
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  view->step++;
  close_next (task);
}

/* @task: taken */
static void
close_next (GTask *task)
{
  LodgeMachineView *view = g_task_get_task_data (task);
  LodgeViewDisk *disk;

  for (; view->step < view->disks->len; view->step++)
    {
      disk = g_ptr_array_index (view->disks, view->step);
      /* One that nobody has read from would wait for that. */
      if (disk->export != NULL && disk->fd < 0)
        {
          lodge_nbd_export_end_async (disk->export, export_ended_cb, task);
          return;
        }
    }
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

void
lodge_machine_view_close_async (LodgeMachineView *view, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (view->machine, NULL, callback, data);

  g_task_set_source_tag (task, lodge_machine_view_close_async);
  g_task_set_task_data (task, view, view_free);
  view->step = 0;
  if (view->serial != 0)
    lodge_machine_view_close_live (view, task);
  else
    close_next (task);
}

gboolean
lodge_machine_view_close_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
