/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Clones are made of a moment of a machine: disks that hold still and, for instant clones, the memory of that moment, mapped.
 *
 *   a snapshot           is one; its memory is mapped when the first instant clone is made of it, and stays so
 *   a template           its files are written by nobody, and saved/ is its memory
 *   off                  the disks are frozen (lodge-machine-freeze.c); there is no memory
 *   running, paused      a transient snapshot is taken, which stops a guest that runs as little as any snapshot does, its memory is
 *                        mapped, and it goes when the clones are there. They keep what they need: the files that the snapshot froze are
 *                        below their disks, and the memory has a second name in each.
 *   saved                its memory is mapped where it is, once for all, and a transient snapshot freezes the disks. Further clones find
 *                        the layers of the first still empty, and take what is below.
 *
 * A killed core leaves at most the transient snapshot; the next one takes it away. */

#include "core/machine/lodge-machine-family-private.h"

#include "core/machine/lodge-fork.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/storage/lodge-layers.h"

#include <string.h>
#include <sys/stat.h>

#define GENERATIONS 4

typedef struct
{
  char *snapshot;      /* (owned) (nullable) */
  LodgeJob *job;       /* (owned) */
  LodgeFrozen *frozen; /* (owned) (nullable) */
  gboolean memory;
} Hold;

static void
hold_free (Hold *hold)
{
  g_free (hold->snapshot);
  g_object_unref (hold->job);
  g_clear_pointer (&hold->frozen, lodge_frozen_free);
  g_free (hold);
}

/* A transient snapshot is not the one that the machine came from, for whoever asks meanwhile. */
static void
show_snapshot (LodgeMachine *self, gboolean former)
{
  const LodgeProfile *profile = self->entry != NULL ? self->entry->profile : NULL;

  g_clear_pointer (&self->shown_snapshot, g_free);
  if (former && profile != NULL)
    self->shown_snapshot = g_strdup (profile->snapshot != NULL ? profile->snapshot : "");
}

/* @task: taken; @error: taken, (nullable) */
static void
finish (GTask *owned_task, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  Hold *hold = g_task_get_task_data (task);

  if (error == NULL)
    {
      g_task_return_pointer (task, g_steal_pointer (&hold->frozen), (GDestroyNotify) lodge_frozen_free);
      return;
    }
  if (hold->frozen != NULL)
    lodge_machine_let_go (g_task_get_source_object (task), hold->frozen);
  else
    show_snapshot (g_task_get_source_object (task), FALSE);
  g_task_return_error (task, error);
}

static void
mapped_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  lodge_fork_map_finish (result, &error);
  finish (data, error);
}

/* @task: taken; @folder: of the memory */
static void
map (GTask *task, const char *folder)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Hold *hold = g_task_get_task_data (task);

  hold->frozen->memory = g_strdup (folder);
  lodge_fork_map_async (self->engine, self->folder, folder, hold->job, mapped_cb, task);
}

/* The disks as @profile names them, in files that nobody writes to any more. */
static LodgeFrozen *
frozen_of (LodgeMachine *self, const LodgeProfile *profile, GError **error)
{
  g_autoptr (LodgeFrozen) frozen = lodge_frozen_new ();

  frozen->profile = lodge_profile_copy (profile);
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *path = disk->cdrom ? NULL : lodge_launch_disk_path (disk, self->folder);
      g_autoptr (LodgeLayer) layer = NULL;
      struct stat st;

      if (path == NULL)
        continue;
      layer = lodge_layers_read (path, error);
      if (layer == NULL)
        return NULL;
      lodge_frozen_add (frozen, disk->id, path, disk->format,
                        layer->virtual_size != 0 ? layer->virtual_size
                        : g_str_equal (disk->format, "raw") && stat (path, &st) == 0 ? (guint64) st.st_size : disk->size);
    }
  return g_steal_pointer (&frozen);
}

/* @task: taken */
static void
hold_snapshot (GTask *task, const char *id, gboolean transient)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Hold *hold = g_task_get_task_data (task);
  g_autoptr (LodgeSnapshot) snapshot = NULL;
  g_autoptr (LodgeProfile) profile = NULL;
  g_autofree char *folder = NULL;
  GError *error = NULL;

  snapshot = lodge_snapshot_read (self->folder, id, &error);
  folder = snapshot != NULL ? lodge_snapshot_folder (self->folder, snapshot->id) : NULL;
  profile = folder != NULL ? lodge_snapshot_read_profile (folder, &error) : NULL;
  hold->frozen = profile != NULL ? frozen_of (self, profile, &error) : NULL;
  if (hold->frozen != NULL)
    {
      hold->frozen->firmware = g_strdup (folder);
      hold->frozen->transient = transient ? g_strdup (id) : NULL;
      if (hold->memory && snapshot->memory)
        {
          map (task, folder);
          return;
        }
      if (hold->memory)
        error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "the snapshot is without memory; a linked clone starts from its disks");
    }
  if (hold->frozen == NULL && transient)
    lodge_machine_drop_snapshot (self, id, NULL);
  finish (task, error);
}

static void
taken_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autofree char *id = lodge_machine_take_snapshot_finish (LODGE_MACHINE (source), result, &error);

  if (id != NULL)
    hold_snapshot (data, id, TRUE);
  else
    finish (data, error);
}

static void
frozen_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Hold *hold = g_task_get_task_data (data);
  GError *error = NULL;

  hold->frozen = lodge_machine_freeze_finish (LODGE_MACHINE (source), result, &error);
  finish (data, error);
}

/* The files below the disks' layers, where those are empty all; else NULL. */
static LodgeFrozen *
frozen_below (LodgeMachine *self)
{
  g_autoptr (LodgeProfile) profile = lodge_profile_copy (self->entry->profile);

  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *path = disk->cdrom ? NULL : lodge_launch_disk_path (disk, self->folder);
      g_autofree char *parent = NULL;
      g_autoptr (LodgeLayer) layer = NULL;

      if (path == NULL)
        continue;
      layer = lodge_layers_read (path, NULL);
      parent = g_path_get_dirname (path);
      if (layer == NULL || !layer->empty || !g_str_has_prefix (layer->backing, parent))
        return NULL;
      g_free (disk->file);
      disk->file = g_strdup (layer->backing);
      g_free (disk->format);
      disk->format = g_strdup (layer->backing_format);
    }
  return frozen_of (self, profile, NULL);
}

static void
take (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Hold *hold = g_task_get_task_data (task);

  show_snapshot (self, TRUE);
  lodge_machine_take_transient_async (self, hold->memory, hold->job, taken_cb, task);
}

static void
saved_mapped_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Hold *hold = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_fork_map_finish (result, &error) || self->state != LODGE_STATE_SAVED)
    {
      finish (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the machine was started"));
      return;
    }
  hold->frozen = frozen_below (self);
  if (hold->frozen == NULL)
    {
      take (task);
      return;
    }
  g_clear_pointer (&hold->frozen->profile, lodge_profile_free);
  hold->frozen->memory = g_build_filename (self->folder, LODGE_SAVED_DIR, NULL);
  finish (task, NULL);
}

static void
hold_template (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Hold *hold = g_task_get_task_data (task);
  g_autofree char *saved = g_build_filename (self->folder, LODGE_SAVED_DIR, NULL);
  GError *error = NULL;

  hold->frozen = frozen_of (self, self->entry->profile, &error);
  if (hold->frozen != NULL && hold->memory)
    map (task, saved);
  else
    finish (task, error);
}

void
lodge_machine_hold_async (LodgeMachine *self, const char *snapshot, gboolean memory, LodgeJob *job, GAsyncReadyCallback callback,
                          gpointer data)
{
  GTask *task = g_task_new (self, NULL, callback, data);
  Hold *hold = g_new0 (Hold, 1);
  g_autofree char *saved = g_build_filename (lodge_machine_get_folder (self), LODGE_SAVED_DIR, NULL);

  g_task_set_source_tag (task, lodge_machine_hold_async);
  g_task_set_task_data (task, hold, (GDestroyNotify) hold_free);
  hold->snapshot = g_strdup (snapshot);
  hold->job = g_object_ref (job);
  hold->memory = memory;
  if (self->entry == NULL || self->entry->profile == NULL)
    finish (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone"));
  else if (snapshot != NULL)
    hold_snapshot (task, snapshot, FALSE);
  else if (self->entry->profile->template)
    hold_template (task);
  else if (self->state == LODGE_STATE_OFF)
    lodge_machine_freeze_async (self, frozen_cb, task);
  else if (self->state == LODGE_STATE_SAVED && memory)
    lodge_fork_map_async (self->engine, self->folder, saved, job, saved_mapped_cb, task);
  else
    take (task);
}

LodgeFrozen *
lodge_machine_hold_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

void
lodge_machine_let_go (LodgeMachine *self, LodgeFrozen *frozen)
{
  g_autofree char *transient = g_steal_pointer (&frozen->transient);

  show_snapshot (self, FALSE);
  if (transient != NULL && self->entry != NULL && self->entry->profile != NULL)
    lodge_machine_drop_snapshot (self, transient, NULL);
}

gboolean
lodge_machine_has_memory (LodgeMachine *self, const char *snapshot)
{
  if (snapshot != NULL)
    {
      g_autoptr (LodgeSnapshot) found = lodge_snapshot_read (self->folder, snapshot, NULL);

      return found != NULL && found->memory;
    }
  return self->guest != NULL || self->state == LODGE_STATE_SAVED;
}

void
lodge_machine_recover_forks (LodgeMachine *self)
{
  const char *current = self->entry != NULL && self->entry->profile != NULL ? self->entry->profile->snapshot : NULL;
  g_autofree char *id = g_strdup (current);

  if (self->folder == NULL)
    return;
  lodge_fork_recover (self->folder);
  /* It is the present's, or that of a snapshot that was taken while the clones were made. */
  for (guint i = 0; i < GENERATIONS && id != NULL; i++)
    {
      g_autoptr (LodgeSnapshot) snapshot = lodge_snapshot_read (self->folder, id, NULL);

      g_free (id);
      id = snapshot != NULL ? g_strdup (snapshot->parent) : NULL;
      if (snapshot != NULL && snapshot->transient)
        lodge_machine_drop_snapshot (self, snapshot->id, NULL);
    }
  /* One that was just going: nothing leads to it any more. */
  if (self->entry != NULL && self->entry->profile != NULL && lodge_machine_has_nameless (self->folder))
    {
      g_autoptr (GPtrArray) list = lodge_snapshot_list (self->folder);

      for (guint i = 0; i < list->len; i++)
        {
          const LodgeSnapshot *snapshot = g_ptr_array_index (list, i);

          if (snapshot->transient)
            lodge_machine_drop_snapshot (self, snapshot->id, NULL);
        }
    }
}
