/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A snapshot freezes the files that the disks are and lets the machine go on in new, empty layers over them. An empty layer reads
 * as what is below it, so machine.json may name it before anything is written to it, and that is what makes each step
 * harmless to be killed in:
 *
 *   snapshots/.new-ID/  description, profile, picture    a killed core's is deleted
 *   snapshots/.layers   names the layers to be           empty ones that machine.json does not name are deleted
 *   the layers are made; a running QEMU opens them
 *   memory, most of it while the guest runs (lodge-ram.c; else as a stream)
 *   machine.json names the layers
 *   the guest stands still; what is left of its memory; QEMU puts them on all disks, in one transaction
 *   the rest of the stream, UEFI variables, TPM          the guest goes on
 *   all is flushed; .new-ID renamed to ID                the commit: before, it is no snapshot
 *
 * Undone after the transaction, the frozen files stay below as layers without a name until they are merged. A guest that outlives the
 * core has it undone by the next one (lodge-machine-undo.c).
 * Of a machine that is off the same without QEMU; of a saved one the memory gets a second name, and saved/ the new files. */

#include "core/machine/lodge-machine-snapshot.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-layers.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-machine-take.h"
#include "core/machine/lodge-machine-wait.h"
#include "core/machine/lodge-picture.h"
#include "core/storage/lodge-disk-image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPACE_FOR_LAYERS (16 * 1024 * 1024)

/* ---- One that is off or saved ---- */

static gboolean
keep_saved (LodgeMachine *self, LodgeTake *take, GError **error)
{
  g_autofree char *saved = g_build_filename (self->folder, LODGE_SAVED_DIR, NULL);
  static const char *const files[] = { LODGE_SAVED_LAUNCH, LODGE_SAVED_PROFILE };
  g_autoptr (LodgeSaved) moved = lodge_saved_read (saved, error);

  if (moved == NULL || !lodge_saved_share (moved, saved, take->folder, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *from = g_build_filename (saved, files[i], NULL);
      g_autofree char *to = g_build_filename (take->folder, files[i], NULL);

      if (!lodge_file_duplicate (from, to, error))
        return FALSE;
    }
  /* It goes on in the new layers, too, which nobody has touched. */
  lodge_machine_name_layers (moved->profile, take->layers);
  lodge_saved_stamp (moved, self->folder);
  if (!lodge_saved_write (moved, saved, error))
    return FALSE;
  lodge_saved_free (self->saved);
  self->saved = g_steal_pointer (&moved);
  return TRUE;
}

/* @task: taken */
static void
freeze_without_guest (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);
  LodgeProfile *profile = lodge_profile_copy (take->before);
  GError *error = NULL;

  lodge_machine_name_layers (profile, take->layers);
  g_free (profile->snapshot);
  profile->snapshot = g_strdup (take->snapshot->id);
  if (!lodge_machine_copy_firmware (take->before, take->machine_folder, take->folder, &error))
    {
      lodge_profile_free (profile);
      lodge_take_fail (task, error);
    }
  else if (!lodge_machine_save_profile (self, profile, &error)
           || (self->state == LODGE_STATE_SAVED && !keep_saved (self, take, &error)))
    lodge_take_fail (task, error);
  else
    {
      take->switched = TRUE;
      lodge_take_commit (task);
    }
}

static void
layers_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeTake *take = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error) || (take->serial != 0 && !lodge_take_guest_is_there (task)))
    lodge_take_fail (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
  else if (take->serial != 0)
    lodge_take_freeze_guest (task);
  else
    freeze_without_guest (task);
}

static void
layers_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  LodgeTake *take = data;
  GError *error = NULL;

  if (lodge_machine_write_layers (take->layers, take->machine_folder, &error))
    g_task_return_boolean (work, TRUE);
  else
    g_task_return_error (work, error);
}

/* @task: taken */
static void
make_layers (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  g_autoptr (GTask) work = g_task_new (self, NULL, layers_cb, task);

  g_task_set_task_data (work, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (work, layers_thread);
}

static void
pictured_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeTake *take = g_task_get_task_data (task);
  g_autofree char *path = g_build_filename (take->folder, LODGE_SAVED_PICTURE, NULL);
  int fd = (int) g_task_propagate_int (G_TASK (result), NULL);

  if (fd >= 0)
    {
      lodge_picture_keep (fd, path);
      close (fd);
    }
  make_layers (task);
}

static gboolean
write_profile (LodgeTake *take, GError **error)
{
  g_autofree char *path = g_build_filename (take->folder, "machine.json", NULL);
  g_autofree char *text = NULL;
  gsize length;

  if (take->saved != NULL)
    return lodge_saved_write (take->saved, take->folder, error);
  text = lodge_profile_to_json (take->before, &length);
  return lodge_atomic_file_write (path, text, length, error);
}

static gboolean
prepare (LodgeMachine *self, LodgeTake *take, gboolean wants_memory, GError **error)
{
  g_autofree char *name = g_strconcat (LODGE_SNAPSHOTS_NEW_PREFIX, take->snapshot->id, NULL);
  g_autofree char *mark = NULL;
  guint64 space = SPACE_FOR_LAYERS;

  take->folder = lodge_snapshot_folder (self->folder, name);
  mark = g_build_filename (take->folder, LODGE_SNAPSHOT_RUNNING, NULL);
  take->layers = lodge_machine_plan_layers (take->before, self->folder, error);
  if (take->layers == NULL)
    return FALSE;
  /* A template's own clones may run: they read what nobody writes. */
  if (self->guest == NULL && !take->before->template && (take->locks = lodge_launch_lock_disks (take->before, self->folder, FALSE, error)) == NULL)
    return FALSE;
  for (guint i = 0; i < take->layers->len; i++)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (take->layers, i);

      g_ptr_array_add (take->snapshot->disks, g_strdup (layer->disk));
      g_ptr_array_add (take->snapshot->disks, g_strdup (layer->frozen));
    }
  take->snapshot->memory = (self->guest != NULL && wants_memory) || self->state == LODGE_STATE_SAVED;
  if (self->guest != NULL && wants_memory)
    {
      space += lodge_machine_guess_memory (self);
      take->saved = lodge_machine_describe (self, error);
      if (take->saved == NULL)
        return FALSE;
      take->saved->running = self->state != LODGE_STATE_PAUSED;
    }
  else if (self->guest != NULL)
    take->snapshot->reason = g_strdup ("asked");
  if (!lodge_disk_image_check_space (self->folder, space, error))
    return FALSE;
  if (g_mkdir_with_parents (take->folder, 0700) != 0)
    return lodge_error_set_errno (error, errno, "making", take->folder);
  if (take->saved != NULL && (take->fd = lodge_machine_create_memory (self, take->folder, &take->ram, error)) < 0)
    return FALSE;
  /* Before there is anything to be undone. */
  return (!take->was_running || lodge_atomic_file_write (mark, "", 0, error))
         && lodge_snapshot_write (take->snapshot, take->folder, error) && write_profile (take, error);
}

static GTask *
task_new (LodgeMachine *self, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, NULL, callback, data);

  g_task_set_source_tag (task, lodge_machine_take_snapshot_async);
  g_task_set_task_data (task, lodge_take_new (self, job), (GDestroyNotify) lodge_take_free);
  return task;
}

/* @task: taken; @error: taken, (nullable) what stands against it already */
static void
begin (GTask *owned_task, gboolean memory, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);

  if (error == NULL && (self->entry == NULL || self->entry->profile == NULL))
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
  if (error == NULL)
    {
      take->snapshot->parent = g_strdup (self->entry->profile->snapshot);
      take->machine_folder = g_strdup (self->folder);
      take->before = lodge_profile_copy (self->entry->profile);
      take->was_running = self->guest != NULL && self->state != LODGE_STATE_PAUSED;
      take->serial = self->guest != NULL ? self->guest->serial : 0;
      prepare (self, take, memory, &error);
    }
  if (error != NULL)
    {
      if (take->folder != NULL)
        lodge_file_tree_remove (take->folder, NULL, NULL);
      g_task_return_error (task, error);
      return;
    }

  self->busy = take->snapshot->transient ? "a clone is being made" : "a snapshot is being taken";
  if (!take->borrowed)
    lodge_machine_emit_job (self, take->job);
  if (self->guest == NULL)
    {
      make_layers (g_steal_pointer (&task));
      return;
    }
  self->guest->held = TRUE;
  lodge_broker_screenshot (self, g_task_new (self, NULL, pictured_cb, g_steal_pointer (&task)));
}

void
lodge_machine_take_snapshot_async (LodgeMachine *self, GVariant *options, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "name", "s", "note", "s", "memory", "b", "automatic", "b", NULL };
  GTask *task;
  LodgeSnapshot *snapshot;
  const char *name = NULL, *note = NULL;
  gboolean memory = TRUE;
  GError *error = NULL;

  if (lodge_machine_put_off (self, LODGE_METHOD_TAKE_SNAPSHOT, NULL, options, -1, callback, data))
    return;
  task = task_new (self, NULL, callback, data);
  snapshot = ((LodgeTake *) g_task_get_task_data (task))->snapshot;
  if (lodge_machine_check (self, LODGE_METHOD_TAKE_SNAPSHOT, &error) && lodge_machine_check_options (options, known, &error)
      && options != NULL)
    {
      g_variant_lookup (options, "name", "&s", &name);
      g_variant_lookup (options, "note", "&s", &note);
      g_variant_lookup (options, "memory", "b", &memory);
      g_variant_lookup (options, "automatic", "b", &snapshot->automatic);
    }
  if (error == NULL && lodge_snapshot_check_text (name != NULL && *name != '\0' ? name : NULL, note, &error))
    {
      g_autoptr (GDateTime) now = g_date_time_new_now_local ();

      g_free (snapshot->name);
      snapshot->name = name != NULL && *name != '\0' ? g_strdup (name) : g_date_time_format (now, "%F %T");
      g_free (snapshot->note);
      snapshot->note = g_strdup (note != NULL ? note : "");
    }
  begin (task, memory, error);
}

void
lodge_machine_take_transient_async (LodgeMachine *self, gboolean memory, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = task_new (self, job, callback, data);
  LodgeSnapshot *snapshot = ((LodgeTake *) g_task_get_task_data (task))->snapshot;
  GError *error = NULL;

  g_free (snapshot->name);
  snapshot->name = g_strdup ("Clone");
  g_free (snapshot->note);
  snapshot->note = g_strdup ("");
  snapshot->automatic = snapshot->transient = TRUE;
  if (lodge_machine_state_check (self->state, LODGE_METHOD_TAKE_SNAPSHOT, &error))
    {
      if (self->busy != NULL)
        g_set_error (&error, LODGE_ERROR, LODGE_ERROR_IN_USE, "%s", self->busy);
      else if (self->guest != NULL && self->guest->qmp == NULL)
        g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "there is no connection to QEMU");
    }
  begin (task, memory, error);
}

char *
lodge_machine_take_snapshot_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
