/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Restore builds all that the machine is to be in restore.new/, over new layers on the snapshot's frozen files, while the present guest
 * ends, and then renames it to restore/: the commit. What follows is renames that can be done again, by the next core if need be:
 *
 *   the old saved/ goes; UEFI variables and TPM come; machine.json is saved; the snapshot's memory becomes saved/
 *
 * so a machine that is restored with its memory is a saved one, and Start resumes it as it does any.
 *
 * Delete: the children of the snapshot get its parent, its frozen files are noted as being without a name, its folder goes. What
 * becomes of those files is the business of lodge-machine-merge.c. */

#include "core/machine/lodge-machine-snapshot.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-layers.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-machine-wait.h"
#include "core/machine/lodge-ram.h"
#include "core/qemu/lodge-process-tree.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-layers.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPACE_FOR_LAYERS (16 * 1024 * 1024)
#define MEMORY_LEFT (512 * 1024 * 1024)

typedef struct
{
  LodgeJob *job;          /* (owned) */
  char *id;               /* (owned) of the snapshot */
  char *from;             /* (owned) its folder */
  char *machine_folder;   /* (owned) */
  LodgeProfile *profile;  /* (owned) (nullable) what machine.json becomes */
  GPtrArray *layers;      /* (owned) (nullable) */
  LodgeSaved *saved;      /* (owned) (nullable) */
  GString *left;          /* (owned) files of the present state, one a line */
  GError *error;          /* (owned) (nullable) */
  guint awaited;          /* of the end of the guest and of restore.new/, what is to come yet */
  int memory;             /* the present guest's, where it is in a file; or -1 */
  int inner;              /* pidfd of the QEMU that has it, or -1 */
  gboolean start;
} Restore;

static void
restore_free (Restore *restore)
{
  g_object_unref (restore->job);
  g_free (restore->id);
  g_free (restore->from);
  g_free (restore->machine_folder);
  lodge_profile_free (restore->profile);
  g_clear_pointer (&restore->layers, g_ptr_array_unref);
  lodge_saved_free (restore->saved);
  g_string_free (restore->left, TRUE);
  g_clear_error (&restore->error);
  lodge_ram_let_go (restore->memory);
  if (restore->inner >= 0)
    close (restore->inner);
  g_free (restore);
}

/* ---- Restore ---- */

static void
finish (GTask *owned_task, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  Restore *restore = g_task_get_task_data (task);

  self->busy = NULL;
  self->restoring = FALSE;
  g_clear_pointer (&self->fill, lodge_ram_fill_free);
  lodge_job_end (restore->job, error);
  if (error != NULL || !restore->start)
    lodge_machine_merge (self);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  lodge_machine_emit_snapshots (self);
}

static void
replace (const char *folder, const char *from, const char *to)
{
  g_autofree char *source = g_build_filename (folder, LODGE_RESTORE_DIR, from, NULL);
  g_autofree char *target = g_build_filename (folder, to, NULL);

  if (access (source, F_OK) != 0)
    return;
  lodge_machine_remove_folder (folder, to);
  if (rename (source, target) != 0)
    g_debug ("cannot rename %s: %s", source, g_strerror (errno));
}

/* What came with a backup; the names are free ones. */
static void
bring (const char *folder, const char *part)
{
  g_autofree char *from = g_build_filename (folder, LODGE_RESTORE_DIR, part, NULL);
  g_autofree char *to = g_build_filename (folder, part, NULL);
  g_autoptr (GDir) dir = g_dir_open (from, 0, NULL);
  const char *name;

  if (dir == NULL || g_mkdir_with_parents (to, 0700) != 0)
    return;
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *source = g_build_filename (from, name, NULL);
      g_autofree char *target = g_build_filename (to, name, NULL);

      if (lodge_rename_new (source, target) != 0)
        g_debug ("cannot rename %s: %s", source, g_strerror (errno));
    }
  lodge_folder_sync (to, NULL);
}

void
lodge_machine_finish_restore (LodgeMachine *self)
{
  g_autofree char *place = g_build_filename (self->folder, LODGE_RESTORE_DIR, NULL);
  g_autofree char *json = g_build_filename (place, "machine.json", NULL);
  g_autofree char *vars = g_build_filename (place, "vars.qcow2", NULL);
  LodgeProfile *profile;

  if (access (place, F_OK) != 0 || self->entry == NULL || self->entry->fault != NULL)
    return;
  profile = lodge_snapshot_read_profile (place, NULL);
  if (profile != NULL)
    {
      g_autofree char *to = g_build_filename (self->folder, lodge_profile_get_vars (profile), NULL);

      bring (self->folder, "disks");
      bring (self->folder, "boot");
      lodge_machine_remove_folder (self->folder, LODGE_SAVED_DIR);
      if (access (vars, F_OK) == 0 && rename (vars, to) != 0)
        g_debug ("cannot rename %s: %s", vars, g_strerror (errno));
      replace (self->folder, "tpm", "tpm");
      if (!lodge_machine_save_profile (self, profile, NULL))
        return; /* again by the next core */
      unlink (json);
    }
  replace (self->folder, LODGE_SAVED_DIR, LODGE_SAVED_DIR);
  lodge_folder_sync (self->folder, NULL);
  lodge_machine_remove_folder (self->folder, LODGE_RESTORE_DIR);
  lodge_machine_recover_new_layers (self->folder);
  lodge_machine_look_for_saved (self);
}

static void
started_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  lodge_machine_call_finish (LODGE_MACHINE (source), result, &error);
  finish (data, error);
}

/* The layers before the folder, which says to the next core that there are some, also below a guest that lives. */
static void
forget (const char *machine_folder)
{
  lodge_machine_recover_new_layers (machine_folder);
  lodge_machine_remove_folder (machine_folder, LODGE_RESTORE_NEW_DIR);
}

/* @task: taken; @error: taken */
static void
give_up (GTask *task, GError *error)
{
  Restore *restore = g_task_get_task_data (task);

  forget (restore->machine_folder);
  finish (task, error);
}

static void
committed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  Restore *restore = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      give_up (task, error);
      return;
    }
  lodge_machine_finish_restore (self);
  self->busy = NULL;
  if (restore->start)
    {
      lodge_machine_call_async (self, LODGE_METHOD_START, NULL, NULL, NULL, started_cb, task);
      return;
    }
  finish (task, NULL);
}

static void
commit_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  Restore *restore = data;
  g_autofree char *place = g_build_filename (restore->machine_folder, LODGE_RESTORE_NEW_DIR, NULL);
  g_autofree char *final = g_build_filename (restore->machine_folder, LODGE_RESTORE_DIR, NULL);
  GError *error = NULL;

  if (lodge_machine_note_nameless (restore->machine_folder, restore->left->str, &error) && rename (place, final) != 0)
    lodge_error_set_errno (&error, errno, "renaming", place);
  if (error != NULL)
    g_task_return_error (work, error);
  else
    {
      lodge_folder_sync (restore->machine_folder, NULL);
      g_task_return_boolean (work, TRUE);
    }
}

/* @task: taken. No guest runs, and all is there. */
static void
commit (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  g_autoptr (GTask) work = NULL;

  if (self->guest != NULL || self->entry == NULL || self->entry->profile == NULL)
    {
      give_up (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the machine was started or removed meanwhile"));
      return;
    }
  work = g_task_new (self, NULL, committed_cb, task);
  g_task_set_task_data (work, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (work, commit_thread);
}

static gboolean
build_saved (Restore *restore, const char *place, GError **error)
{
  g_autofree char *saved = g_build_filename (place, LODGE_SAVED_DIR, NULL);

  if (restore->saved == NULL)
    return TRUE;
  if (g_mkdir_with_parents (saved, 0700) != 0)
    return lodge_error_set_errno (error, errno, "making", saved);
  /* The layers, which nobody writes to before it is resumed. */
  lodge_saved_stamp (restore->saved, restore->machine_folder);
  return lodge_saved_share (restore->saved, restore->from, saved, error) && lodge_saved_write (restore->saved, saved, error)
         && lodge_folder_sync (saved, error);
}

static void
build_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  Restore *restore = data;
  g_autofree char *place = g_build_filename (restore->machine_folder, LODGE_RESTORE_NEW_DIR, NULL);
  g_autofree char *json = g_build_filename (place, "machine.json", NULL);
  g_autofree char *vars = g_build_filename (restore->from, "vars.qcow2", NULL);
  g_autofree char *to_vars = g_build_filename (place, "vars.qcow2", NULL);
  g_autofree char *tpm = g_build_filename (restore->from, "tpm", NULL);
  g_autofree char *to_tpm = g_build_filename (place, "tpm", NULL);
  g_autofree char *text = NULL;
  gsize length;
  GError *error = NULL;

  text = lodge_profile_to_json (restore->profile, &length);
  if (lodge_file_tree_remove (place, NULL, &error) && g_mkdir_with_parents (place, 0700) != 0)
    lodge_error_set_errno (&error, errno, "making", place);
  if (error == NULL && lodge_machine_write_layers (restore->layers, restore->machine_folder, &error)
      && (access (vars, F_OK) != 0 || lodge_file_duplicate (vars, to_vars, &error))
      && lodge_folder_duplicate (tpm, to_tpm, &error) && build_saved (restore, place, &error)
      && lodge_atomic_file_write (json, text, length, &error) && lodge_folder_sync (place, &error))
    g_task_return_boolean (work, TRUE);
  else
    g_task_return_error (work, error);
}

/* What the machine is to be. */
static gboolean
plan (LodgeMachine *self, Restore *restore, GError **error)
{
  if (self->entry == NULL || self->entry->profile == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the machine was removed meanwhile");
      return FALSE;
    }
  for (guint i = 0; i < self->entry->profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (self->entry->profile->disks, i);

      if (!disk->cdrom && disk->file != NULL && !g_path_is_absolute (disk->file))
        g_string_append_printf (restore->left, "%s\n", disk->file);
    }
  restore->layers = lodge_machine_plan_layers (restore->profile, self->folder, error);
  if (restore->layers == NULL || !lodge_disk_image_check_space (self->folder, SPACE_FOR_LAYERS, error))
    return FALSE;
  lodge_machine_name_layers (restore->profile, restore->layers);
  if (restore->saved != NULL)
    lodge_machine_name_layers (restore->saved->profile, restore->layers);
  g_free (restore->profile->snapshot);
  restore->profile->snapshot = g_strdup (restore->id);
  g_free (restore->profile->name);
  restore->profile->name = g_strdup (self->entry->profile->name);
  restore->profile->template = self->entry->profile->template;
  return TRUE;
}

/* @task: taken, where it was the last thing that was awaited; @error: taken, (nullable) */
static void
arrived (GTask *task, GError *error)
{
  Restore *restore = g_task_get_task_data (task);

  if (restore->error == NULL)
    restore->error = g_steal_pointer (&error);
  g_clear_error (&error);
  if (--restore->awaited > 0)
    return;
  if (restore->error != NULL)
    give_up (task, g_steal_pointer (&restore->error));
  else
    commit (task);
}

static void
built_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  arrived (data, error);
}

static void
build (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Restore *restore = g_task_get_task_data (task);
  g_autoptr (GTask) work = NULL;

  restore->awaited++;
  work = g_task_new (self, NULL, built_cb, task);
  g_task_set_task_data (work, restore, NULL);
  g_task_run_in_thread (work, build_thread);
}

/* ---- The present guest ---- */

/* The memory of the guest that is about to end, where it is in a file of the right size: it becomes that of the next. Else the snapshot's is read
 * into a new one meanwhile, where there is room for both. */
static void
find_memory (LodgeMachine *self, Restore *restore)
{
  const LodgeHost *host = lodge_engine_get_host (self->engine);
  guint64 size = restore->profile->memory;
  g_autofree char *path = g_build_filename (restore->from, LODGE_SAVED_RAM, NULL);

  if (!restore->start || restore->saved == NULL || !lodge_saved_is_filled (restore->saved))
    return;
  g_clear_pointer (&self->fill, lodge_ram_fill_free);
  if (self->guest != NULL && self->guest->record != NULL)
    {
      GPid inner = lodge_process_innermost (LODGE_PROC, (GPid) self->guest->record->pid);

      restore->inner = (int) syscall (SYS_pidfd_open, inner, 0);
      if (restore->inner >= 0)
        restore->memory = lodge_ram_find (inner, size, O_RDWR);
    }
  if (restore->memory < 0 && host != NULL && host->memory_available >= size + MEMORY_LEFT)
    self->fill = lodge_ram_fill_new (path, size, -1, NULL);
}

/* It has ended, and with its process nobody writes to its memory any more. */
static void
take_over_memory (LodgeMachine *self, Restore *restore)
{
  g_autofree char *path = g_build_filename (restore->from, LODGE_SAVED_RAM, NULL);
  struct pollfd ended = { .fd = restore->inner, .events = POLLIN };

  if (restore->memory >= 0 && poll (&ended, 1, 0) == 1 && self->guest == NULL)
    self->fill = lodge_ram_fill_new (path, restore->profile->memory, g_steal_fd (&restore->memory), NULL);
}

static void
off_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    take_over_memory (LODGE_MACHINE (source), g_task_get_task_data (task));
  arrived (task, error);
}

/* @task: taken. What was to be kept of the present is kept. */
static void
begin (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Restore *restore = g_task_get_task_data (task);
  GError *error = NULL;

  if (!plan (self, restore, &error))
    {
      finish (task, error); /* the guest runs on */
      return;
    }
  self->busy = "a snapshot is being restored";
  find_memory (self, restore);
  if (self->guest != NULL)
    {
      restore->awaited++;
      lodge_machine_force_off (self, g_task_new (self, NULL, off_cb, task));
    }
  build (task);
}

static void
kept_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GError *error = NULL;
  g_autofree char *kept = lodge_machine_take_snapshot_finish (LODGE_MACHINE (source), result, &error);

  if (kept == NULL)
    finish (task, error);
  else
    begin (task);
}

/* Whether the present is no more than the snapshot that it came from. */
static gboolean
is_nothing_new (LodgeMachine *self)
{
  const LodgeProfile *profile = self->entry->profile;
  g_autoptr (LodgeSnapshot) from = NULL;

  if (self->state != LODGE_STATE_OFF || profile->snapshot == NULL)
    return FALSE;
  from = lodge_snapshot_read (self->folder, profile->snapshot, NULL);
  for (guint i = 0; from != NULL && i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *path = disk->cdrom ? NULL : lodge_launch_disk_path (disk, self->folder);
      g_autoptr (LodgeLayer) layer = path != NULL ? lodge_layers_read (path, NULL) : NULL;

      if (path != NULL && (layer == NULL || !layer->empty))
        return FALSE;
    }
  return from != NULL;
}

void
lodge_machine_restore_snapshot_async (LodgeMachine *self, const char *id, GVariant *options, GAsyncReadyCallback callback,
                                      gpointer data)
{
  static const char *const known[] = { "keep-present", "b", "disks-only", "b", "start", "b", NULL };
  g_autoptr (GTask) task = NULL;
  g_autoptr (LodgeSnapshot) snapshot = NULL;
  Restore *restore;
  gboolean keep = TRUE, disks_only = FALSE;
  GError *error = NULL;

  if (lodge_machine_put_off (self, LODGE_METHOD_RESTORE_SNAPSHOT, id, options, -1, callback, data))
    return;
  task = g_task_new (self, NULL, callback, data);
  restore = g_new0 (Restore, 1);
  restore->job = lodge_job_new ("restore", self->id);
  restore->left = g_string_new (NULL);
  restore->memory = restore->inner = -1;
  g_task_set_source_tag (task, lodge_machine_restore_snapshot_async);
  g_task_set_task_data (task, restore, (GDestroyNotify) restore_free);
  if (!lodge_machine_check (self, LODGE_METHOD_RESTORE_SNAPSHOT, &error) || !lodge_machine_check_options (options, known, &error)
      || (snapshot = lodge_snapshot_read (self->folder, id, &error)) == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  if (options != NULL)
    {
      g_variant_lookup (options, "keep-present", "b", &keep);
      g_variant_lookup (options, "disks-only", "b", &disks_only);
      g_variant_lookup (options, "start", "b", &restore->start);
    }
  restore->id = g_strdup (id);
  restore->machine_folder = g_strdup (self->folder);
  restore->from = lodge_snapshot_folder (self->folder, id);
  restore->profile = lodge_snapshot_read_profile (restore->from, &error);
  if (restore->profile != NULL && strcmp (restore->profile->id, self->id) != 0)
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "the snapshot is of another machine");
  if (error == NULL && snapshot->memory && !disks_only)
    restore->saved = lodge_saved_read (restore->from, &error);
  if (error != NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  self->restoring = TRUE;
  lodge_machine_emit_job (self, restore->job);
  if (keep && !is_nothing_new (self))
    {
      GVariant *automatic = g_variant_ref_sink (g_variant_new_parsed ("{'automatic': <true>}"));

      lodge_machine_take_snapshot_async (self, automatic, kept_cb, g_steal_pointer (&task));
      g_variant_unref (automatic);
    }
  else
    begin (g_steal_pointer (&task));
}

gboolean
lodge_machine_snapshot_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- Delete ---- */

gboolean
lodge_machine_drop_snapshot (LodgeMachine *self, const char *id, GError **error)
{
  g_autoptr (LodgeSnapshot) snapshot = lodge_snapshot_read (self->folder, id, error);
  g_autoptr (GPtrArray) list = NULL;
  g_autoptr (GString) files = g_string_new (NULL);
  g_autofree char *name = NULL;

  if (snapshot == NULL)
    return FALSE;
  /* First: the note tells the core that comes after a killed one to look for what nothing leads to any more. A file that has a name still
   * is not given up. */
  for (guint i = 0; i + 1 < snapshot->disks->len; i += 2)
    g_string_append_printf (files, "%s\n", (char *) g_ptr_array_index (snapshot->disks, i + 1));
  if (!lodge_machine_note_nameless (self->folder, files->str, error))
    return FALSE;
  list = lodge_snapshot_list (self->folder);
  for (guint i = 0; i < list->len; i++)
    {
      LodgeSnapshot *child = g_ptr_array_index (list, i);
      g_autofree char *folder = lodge_snapshot_folder (self->folder, child->id);

      if (g_strcmp0 (child->parent, id) != 0)
        continue;
      g_free (child->parent);
      child->parent = g_strdup (snapshot->parent);
      if (!lodge_snapshot_write (child, folder, error))
        return FALSE;
    }
  if (g_strcmp0 (self->entry->profile->snapshot, id) == 0)
    {
      LodgeProfile *profile = lodge_profile_copy (self->entry->profile);

      g_free (profile->snapshot);
      profile->snapshot = g_strdup (snapshot->parent);
      if (!lodge_machine_save_profile (self, profile, error))
        return FALSE;
    }
  name = g_build_filename (LODGE_SNAPSHOTS_DIR, id, NULL);
  lodge_machine_remove_folder (self->folder, name);
  if (!snapshot->transient)
    lodge_machine_emit_snapshots (self);
  lodge_machine_merge (self);
  return TRUE;
}

void
lodge_machine_delete_snapshot_async (LodgeMachine *self, const char *id, GVariant *options, GAsyncReadyCallback callback,
                                     gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;

  if (lodge_machine_put_off (self, LODGE_METHOD_DELETE_SNAPSHOT, id, options, -1, callback, data))
    return;
  task = g_task_new (self, NULL, callback, data);
  g_task_set_source_tag (task, lodge_machine_delete_snapshot_async);
  if (lodge_machine_check (self, LODGE_METHOD_DELETE_SNAPSHOT, &error) && lodge_machine_check_options (options, none, &error)
      && lodge_machine_drop_snapshot (self, id, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
lodge_machine_forget_restore (LodgeMachine *self)
{
  g_autofree char *place = g_build_filename (self->folder, LODGE_RESTORE_NEW_DIR, NULL);

  if (access (place, F_OK) == 0)
    forget (self->folder);
}

void
lodge_machine_recover_snapshots (LodgeMachine *self)
{
  lodge_machine_remove_folder (self->folder, LODGE_RESTORE_NEW_DIR);
  lodge_machine_finish_restore (self);
  lodge_machine_recover_new_layers (self->folder);
  lodge_machine_forget_half_made (self);
  lodge_machine_merge (self);
}
