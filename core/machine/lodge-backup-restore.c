/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 *   thread     manifest and machine.json are read; its settings are kept, but every path in it becomes one of ours
 *   main loop  a new machine: a hidden folder beside the others; in place: a snapshot of the present, and restore.new/ in the machine's folder
 *   thread     the small files are written there
 *   each disk  an empty image is made, a confined qemu-nbd opens it for writing, and a thread gives it each block that is not zeros,
 *              after it was compared with its hash
 *   main loop  the folder is renamed into place: the commit
 *
 * In place what follows the commit is what follows it when a snapshot is restored (lodge_machine_finish_restore): renames that can be
 * done again. Nothing of the present is overwritten: it is in the snapshot. */

#include "config.h"

#include "core/machine/lodge-backup-restore.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-backup-plan.h"
#include "core/machine/lodge-backups.h"
#include "core/machine/lodge-machine-backup.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-machine-family.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/qemu/lodge-command-line.h"
#include "core/qemu/lodge-nbd-client.h"
#include "core/qemu/lodge-nbd-export.h"
#include "core/storage/lodge-disk-image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SPACE_BESIDES (16 * 1024 * 1024)

typedef struct
{
  LodgeEngine     *engine;   /* (owned) */
  LodgeMachineSet *machines; /* (owned) */
  LodgeMeter       meter;
  int              folder;
  char            *id;       /* (owned) SET/ID */
  char            *name;     /* (owned) (nullable) */
  gboolean         start;
  gboolean         disposable;

  LodgeBackupSet  *set;      /* (owned) (nullable) */
  LodgeBackup     *backup;   /* (owned) (nullable) */
  LodgeProfile    *profile;  /* (owned) (nullable) */
  guint64          data;     /* bytes of the disks that are not zeros */
  LodgeMachine    *target;   /* (owned) (nullable) in place */
  gboolean         occupied; /* @target */
  char            *place;    /* (owned) (nullable) where all is put together */
  LodgeBackupPlan *plan;     /* (owned) (nullable) */
  GString         *left;     /* (owned) in place: the disks' files of the present, one a line */
  guint            next;     /* disk */
  LodgeNbdExport  *export;   /* (owned) (nullable) */
  int              fd;       /* of @export */
} Restore;

static void next_disk (GTask *task);

static void
restore_free (gpointer data)
{
  Restore *restore = data;

  lodge_meter_end (&restore->meter);
  if (restore->folder >= 0)
    close (restore->folder);
  if (restore->fd >= 0)
    close (restore->fd);
  g_clear_pointer (&restore->export, lodge_nbd_export_free);
  g_clear_object (&restore->target);
  lodge_backup_set_free (restore->set);
  lodge_backup_free (restore->backup);
  g_clear_pointer (&restore->profile, lodge_profile_free);
  g_clear_pointer (&restore->plan, lodge_backup_plan_free);
  g_string_free (restore->left, TRUE);
  g_free (restore->place);
  g_free (restore->id);
  g_free (restore->name);
  g_object_unref (restore->engine);
  g_object_unref (restore->machines);
  g_free (restore);
}

/* ---- The end ---- */

static void
undo_thread (GTask *thread, gpointer source, gpointer data, GCancellable *cancellable)
{
  lodge_file_tree_remove (data, NULL, NULL);
  g_task_return_boolean (thread, TRUE);
}

static void
undone_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;

  g_task_return_error (task, g_object_steal_data (G_OBJECT (task), "error"));
}

/* @task: taken; @error: (nullable): taken. Whoever is told that it failed finds nothing of it. */
static void
finish (GTask *owned_task, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  Restore *restore = g_task_get_task_data (task);

  lodge_meter_end (&restore->meter);
  g_clear_pointer (&restore->export, lodge_nbd_export_free);
  if (restore->occupied)
    lodge_machine_release (restore->target);
  restore->occupied = FALSE;
  if (error != NULL && restore->place != NULL)
    {
      g_autoptr (GTask) thread = NULL;

      g_object_set_data (G_OBJECT (task), "error", error);
      thread = g_task_new (NULL, NULL, undone_cb, g_steal_pointer (&task));
      g_task_set_task_data (thread, g_strdup (restore->place), g_free);
      g_task_run_in_thread (thread, undo_thread);
    }
  else if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, g_strdup (restore->profile->id), g_free);
}

static void
started_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LodgeMachine *machine = LODGE_MACHINE (source);
  GError *error = NULL;

  machine->opening = FALSE;
  if (!lodge_machine_call_finish (machine, result, &error))
    lodge_machine_discard_if_over (machine);
  finish (data, error);
}

/* @task: taken. All of it is a machine now. */
static void
restored (GTask *task)
{
  Restore *restore = g_task_get_task_data (task);
  LodgeMachine *machine = lodge_machine_set_lookup (restore->machines, restore->profile->id);

  g_clear_pointer (&restore->place, g_free);
  if (restore->occupied)
    lodge_machine_release (restore->target);
  restore->occupied = FALSE;
  if (machine == NULL || (!restore->start && !restore->disposable))
    {
      finish (task, NULL);
      return;
    }
  machine->opening = restore->disposable;
  lodge_machine_call_async (machine, LODGE_METHOD_START, NULL, NULL, NULL, started_cb, task);
}

/* ---- The commit ---- */

static void
named_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Restore *restore = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      finish (task, error);
      return;
    }
  lodge_machine_finish_restore (restore->target);
  lodge_machine_emit_snapshots (restore->target);
  restored (task);
}

static void
name_thread (GTask *thread, gpointer source, gpointer data, GCancellable *cancellable)
{
  Restore *restore = data;
  g_autofree char *machine = g_path_get_dirname (restore->place);
  g_autofree char *json = g_build_filename (restore->place, "machine.json", NULL);
  g_autofree char *final = g_build_filename (machine, LODGE_RESTORE_DIR, NULL);
  g_autofree char *text = NULL;
  GError *error = NULL;
  gsize length;

  text = lodge_profile_to_json (restore->profile, &length);
  if (lodge_machine_note_nameless (machine, restore->left->str, &error) && lodge_atomic_file_write (json, text, length, &error)
      && lodge_folder_sync (restore->place, &error) && rename (restore->place, final) != 0)
    lodge_error_set_errno (&error, errno, "renaming", restore->place);
  if (error != NULL)
    g_task_return_error (thread, error);
  else
    {
      lodge_folder_sync (machine, NULL);
      g_task_return_boolean (thread, TRUE);
    }
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Restore *restore = g_task_get_task_data (task);
  g_autoptr (LodgeCapabilities) capabilities = lodge_engine_prepare_finish (LODGE_ENGINE (source), result, NULL);
  g_autoptr (LodgeProfile) profile = lodge_profile_copy (restore->profile);
  GError *error = NULL;

  /* Without a QEMU it gets its MAC addresses at its first start. */
  if (capabilities != NULL)
    lodge_command_line_assign (profile, capabilities);
  if (!lodge_profile_validate (profile, &error)
      || lodge_store_commit (lodge_engine_get_store (restore->engine), restore->place, profile, &error) == NULL)
    {
      finish (task, error);
      return;
    }
  g_steal_pointer (&profile);
  restored (task);
}

static void
flushed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Restore *restore = g_task_get_task_data (task);
  g_autoptr (GTask) thread = NULL;
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    finish (task, error);
  else if (restore->target == NULL)
    lodge_engine_prepare_async (restore->engine, restore->profile->arch, NULL, prepared_cb, task);
  else if (restore->target->guest != NULL || restore->target->entry == NULL || restore->target->entry->fault != NULL)
    finish (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the machine was started or removed meanwhile"));
  else
    {
      thread = g_task_new (NULL, NULL, named_cb, task);
      g_task_set_task_data (thread, restore, NULL);
      g_task_run_in_thread (thread, name_thread);
    }
}

static void
flush_thread (GTask *thread, gpointer source, gpointer data, GCancellable *cancellable)
{
  Restore *restore = data;
  GError *error = NULL;
  gboolean good = lodge_meter_check (&restore->meter, &error);

  for (guint i = 0; good && i < restore->plan->disks->len; i++)
    {
      g_autofree char *path = g_build_filename (restore->place, ((LodgeBackupPart *) g_ptr_array_index (restore->plan->disks, i))->file, NULL);

      good = lodge_disk_image_flush (path, &error);
    }
  if (good)
    g_task_return_boolean (thread, TRUE);
  else
    g_task_return_error (thread, error);
}

/* ---- The disks ---- */

static void
ended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Restore *restore = g_task_get_task_data (task);
  GError *written = g_object_steal_data (G_OBJECT (task), "written");
  GError *error = NULL;

  /* What the tool says of its end is why it could not be written to. */
  if (!lodge_nbd_export_end_finish (result, &error) && (written == NULL || g_error_matches (written, LODGE_ERROR, LODGE_ERROR_IO)))
    {
      g_clear_error (&written);
      written = g_steal_pointer (&error);
    }
  g_clear_error (&error);
  g_clear_pointer (&restore->export, lodge_nbd_export_free);
  if (written != NULL)
    {
      finish (task, written);
      return;
    }
  restore->next++;
  next_disk (task);
}

static void
written_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Restore *restore = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    g_object_set_data (G_OBJECT (task), "written", error);
  lodge_nbd_export_end_async (restore->export, ended_cb, task);
}

static gboolean
write_disk (Restore *restore, const LodgeBackupPart *part, GError **error)
{
  g_autoptr (LodgeNbdClient) client = lodge_nbd_client_new (g_steal_fd (&restore->fd), LODGE_NBD_EXPORT_NAME, error);
  g_autoptr (LodgeBackupReader) reader = client != NULL ? lodge_backup_reader_new (restore->set, restore->backup, part->number, error) : NULL;
  g_autofree guint8 *block = g_malloc (LODGE_BACKUP_BLOCK);
  gboolean zero;

  if (reader == NULL)
    return FALSE;
  for (guint64 offset = 0; offset < part->size; offset += LODGE_BACKUP_BLOCK)
    {
      guint32 length = (guint32) MIN (LODGE_BACKUP_BLOCK, part->size - offset);

      if (!lodge_meter_check (&restore->meter, error) || !lodge_backup_reader_next (reader, block, &zero, error))
        return FALSE;
      if (zero)
        continue;
      if (!lodge_nbd_client_write (client, offset, block, length, error))
        return FALSE;
      lodge_meter_add (&restore->meter, LODGE_BACKUP_BLOCK);
    }
  return lodge_nbd_client_flush (client, error);
}

static void
write_thread (GTask *thread, gpointer source, gpointer data, GCancellable *cancellable)
{
  Restore *restore = data;
  GError *error = NULL;

  if (write_disk (restore, g_ptr_array_index (restore->plan->disks, restore->next), &error))
    g_task_return_boolean (thread, TRUE);
  else
    g_task_return_error (thread, error);
}

static void
made_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Restore *restore = g_task_get_task_data (task);
  const LodgeBackupPart *part = g_ptr_array_index (restore->plan->disks, restore->next);
  g_autofree char *path = g_build_filename (restore->place, part->file, NULL);
  g_autoptr (GTask) thread = NULL;
  GError *error = NULL;

  if (lodge_disk_image_finish (result, &error))
    restore->export = lodge_nbd_export_new (lodge_engine_get_sandbox (restore->engine), lodge_engine_get_paths (restore->engine)->runtime_dir,
                                            path, "qcow2", NULL, TRUE, &restore->fd, &error);
  if (restore->export == NULL)
    {
      finish (task, error);
      return;
    }
  thread = g_task_new (NULL, NULL, written_cb, task);
  g_task_set_task_data (thread, restore, NULL);
  g_task_run_in_thread (thread, write_thread);
}

/* @task: taken */
static void
next_disk (GTask *task)
{
  Restore *restore = g_task_get_task_data (task);

  if (restore->next < restore->plan->disks->len)
    {
      const LodgeBackupPart *part = g_ptr_array_index (restore->plan->disks, restore->next);
      g_autofree char *path = g_build_filename (restore->place, part->file, NULL);

      lodge_disk_image_create_async (lodge_engine_get_sandbox (restore->engine), path, "qcow2", part->size,
                                     lodge_job_get_cancellable (restore->meter.job), made_cb, task);
    }
  else
    {
      g_autoptr (GTask) thread = g_task_new (NULL, NULL, flushed_cb, task);

      g_task_set_task_data (thread, restore, NULL);
      g_task_run_in_thread (thread, flush_thread);
    }
}

/* ---- The small files ---- */

static void
sandbox_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeSandbox) sandbox = lodge_engine_wait_sandbox_finish (LODGE_ENGINE (source), result, NULL);

  if (sandbox != NULL)
    next_disk (data);
  else
    finish (data, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "the core is ending"));
}

static void
files_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Restore *restore = g_task_get_task_data (task);
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    lodge_engine_wait_sandbox_async (restore->engine, NULL, sandbox_cb, task);
  else
    finish (task, error);
}

static void
files_thread (GTask *thread, gpointer source, gpointer data, GCancellable *cancellable)
{
  Restore *restore = data;
  GError *error = NULL;
  gboolean good = restore->target == NULL || lodge_file_tree_remove (restore->place, NULL, &error);

  if (good && g_mkdir_with_parents (restore->place, 0700) != 0)
    good = lodge_error_set_errno (&error, errno, "making", restore->place);
  for (guint i = 0; good && i < restore->plan->files->len; i++)
    good = lodge_meter_check (&restore->meter, &error)
           && lodge_backup_plan_extract (g_ptr_array_index (restore->plan->files, i), restore->set, restore->backup, restore->place, &error);
  if (good)
    {
      lodge_meter_set_total (&restore->meter, restore->data);
      g_task_return_boolean (thread, TRUE);
    }
  else
    g_task_return_error (thread, error);
}

/* @task: taken */
static void
write_files (GTask *task)
{
  Restore *restore = g_task_get_task_data (task);
  g_autoptr (GTask) thread = NULL;
  g_autofree char *beside = g_path_get_dirname (restore->place);
  guint64 needed = restore->data + SPACE_BESIDES;
  GError *error = NULL;

  for (guint i = 0; i < restore->plan->files->len; i++)
    needed += ((LodgeBackupPart *) g_ptr_array_index (restore->plan->files, i))->size;
  if (!lodge_disk_image_check_space (beside, needed, &error))
    {
      finish (task, error);
      return;
    }
  thread = g_task_new (NULL, NULL, files_cb, task);
  g_task_set_task_data (thread, restore, NULL);
  g_task_run_in_thread (thread, files_thread);
}

static gboolean
take_profile (Restore *restore, GError **error)
{
  restore->plan = lodge_backup_plan_new (restore->backup, restore->profile, restore->target, error);
  return restore->plan != NULL;
}

static void
set_text (char **to, const char *text)
{
  char *copy = g_strdup (text);

  g_free (*to);
  *to = copy;
}

/* ---- A new machine ---- */

/* @task: taken */
static void
begin_new (GTask *task)
{
  Restore *restore = g_task_get_task_data (task);
  LodgeProfile *profile = restore->profile;
  LodgeStore *store = lodge_engine_get_store (restore->engine);
  GError *error = NULL;

  profile->template = FALSE;
  profile->disposable = restore->disposable;
  lodge_parent_clear (&profile->parent);
  g_clear_pointer (&profile->snapshot, g_free);
  /* Nothing is written by itself because a backup says so. */
  profile->backup_every = 0;
  g_clear_pointer (&profile->backup_folder, g_free);
  if (restore->name != NULL)
    set_text (&profile->name, restore->name);
  /* The same machine again, where it is not there any more. */
  if (restore->disposable || lodge_store_lookup (store, profile->id) != NULL || lodge_machine_set_lookup (restore->machines, profile->id) != NULL)
    {
      g_free (profile->id);
      profile->id = g_uuid_string_random ();
      profile->created = g_get_real_time () / G_USEC_PER_SEC;
      for (guint i = 0; i < profile->nics->len; i++)
        g_clear_pointer (&((LodgeNic *) g_ptr_array_index (profile->nics, i))->mac, g_free);
    }
  if (take_profile (restore, &error) && (restore->place = lodge_store_prepare (store, profile, &error)) != NULL)
    write_files (task);
  else
    finish (task, error);
}

/* ---- In place ---- */

static void
kept_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Restore *restore = g_task_get_task_data (task);
  LodgeMachine *self = LODGE_MACHINE (source);
  LodgeProfile *profile = restore->profile;
  const LodgeProfile *now;
  GError *error = NULL;
  g_autofree char *snapshot = lodge_machine_take_snapshot_finish (self, result, &error);

  if (snapshot == NULL || self->entry == NULL || self->entry->profile == NULL || self->guest != NULL)
    {
      finish (task, error != NULL ? error
                                  : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the machine was started or removed meanwhile"));
      return;
    }
  lodge_machine_occupy (self, "being restored from a backup");
  restore->occupied = TRUE;
  now = self->entry->profile;
  set_text (&profile->name, restore->name != NULL ? restore->name : now->name);
  profile->created = now->created;
  profile->template = now->template;
  profile->disposable = now->disposable;
  profile->backup_every = now->backup_every;
  set_text (&profile->backup_folder, now->backup_folder);
  lodge_parent_clear (&profile->parent);
  profile->parent.machine = g_strdup (now->parent.machine);
  profile->parent.snapshot = g_strdup (now->parent.snapshot);
  profile->parent.kind = g_strdup (now->parent.kind);
  /* What it was restored from is no snapshot. */
  g_clear_pointer (&profile->snapshot, g_free);
  for (guint i = 0; i < now->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (now->disks, i);

      if (!disk->cdrom && disk->file != NULL && !g_path_is_absolute (disk->file))
        g_string_append_printf (restore->left, "%s\n", disk->file);
    }
  restore->place = g_build_filename (self->folder, LODGE_RESTORE_NEW_DIR, NULL);
  if (take_profile (restore, &error))
    write_files (task);
  else
    finish (task, error);
}

/* @task: taken */
static void
begin_in_place (GTask *task)
{
  Restore *restore = g_task_get_task_data (task);
  LodgeMachine *self = restore->target;
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'automatic': <true>, 'name': <'Before a backup was restored'>}"));
  GError *error = NULL;

  if (self->state != LODGE_STATE_OFF && self->state != LODGE_STATE_SAVED)
    g_set_error (&error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "RestoreBackup is not possible while the machine is %s",
                 lodge_machine_state_name (self->state));
  else if (strcmp (restore->backup->machine, self->id) != 0)
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "the backup is of another machine");
  if (error != NULL)
    finish (task, error);
  else
    lodge_machine_take_snapshot_async (self, options, kept_cb, task);
}

/* ---- The beginning ---- */

static void
read_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Restore *restore = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    finish (task, error);
  else if (restore->target != NULL)
    begin_in_place (task);
  else
    begin_new (task);
}

static gboolean
read_backup (Restore *restore, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;

  restore->set = lodge_backups_open (restore->folder, restore->id, &restore->backup, error);
  if (restore->set == NULL)
    return FALSE;
  text = lodge_backup_read_file (restore->set, restore->backup, "machine.json", LODGE_PROFILE_MAX_BYTES, &length, error);
  restore->profile = text != NULL ? lodge_profile_from_json (text, length, error) : NULL;
  if (restore->profile == NULL)
    return FALSE;
  if (strcmp (restore->profile->id, restore->backup->machine) != 0)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "the backup is not of the machine that it says");
      return FALSE;
    }
  for (guint i = 0; i < restore->backup->disks->len; i++)
    {
      g_autoptr (LodgeBackupReader) reader = lodge_backup_reader_new (restore->set, restore->backup, i, error);

      if (reader == NULL)
        return FALSE;
      restore->data += lodge_backup_reader_get_data (reader);
    }
  return TRUE;
}

static void
read_thread (GTask *thread, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (read_backup (data, &error))
    g_task_return_boolean (thread, TRUE);
  else
    g_task_return_error (thread, error);
}

static gboolean
take_options (Restore *restore, GVariant *options, GError **error)
{
  static const char *const known[] = { "name", "s", "machine", "s", "start", "b", "disposable", "b", NULL };
  const char *machine = NULL;

  if (!lodge_machine_check_options (options, known, error))
    return FALSE;
  g_variant_lookup (options, "name", "s", &restore->name);
  g_variant_lookup (options, "start", "b", &restore->start);
  g_variant_lookup (options, "disposable", "b", &restore->disposable);
  if (restore->name != NULL && !lodge_name_validate (restore->name, error))
    return FALSE;
  if (!g_variant_lookup (options, "machine", "&s", &machine))
    return TRUE;
  restore->target = lodge_machine_set_lookup (restore->machines, machine);
  if (restore->target == NULL || restore->disposable)
    {
      g_set_error (error, LODGE_ERROR, restore->target == NULL ? LODGE_ERROR_NOT_FOUND : LODGE_ERROR_INVALID_ARGUMENT,
                   restore->target == NULL ? "no machine has the id “%s”" : "“%s” cannot be restored as a disposable machine", machine);
      restore->target = NULL;
      return FALSE;
    }
  g_object_ref (restore->target);
  return TRUE;
}

void
lodge_backup_restore_async (LodgeEngine *engine, LodgeMachineSet *machines, int folder, const char *id, GVariant *options, LodgeJob *job,
                            GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  g_autoptr (GTask) thread = NULL;
  Restore *restore = g_new0 (Restore, 1);
  GError *error = NULL;

  restore->engine = g_object_ref (engine);
  restore->machines = g_object_ref (machines);
  restore->id = g_strdup (id);
  restore->folder = restore->fd = -1;
  restore->left = g_string_new (NULL);
  g_task_set_source_tag (task, lodge_backup_restore_async);
  g_task_set_task_data (task, restore, restore_free);
  if (!take_options (restore, options, &error) || (restore->folder = lodge_backup_take_folder (folder, &error)) < 0)
    {
      g_task_return_error (task, error);
      return;
    }
  lodge_meter_begin (&restore->meter, job);
  thread = g_task_new (NULL, NULL, read_cb, g_steal_pointer (&task));
  g_task_set_task_data (thread, restore, NULL);
  g_task_run_in_thread (thread, read_thread);
}

char *
lodge_backup_restore_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
