/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Every method is one LodgeDiskWork: checks -> a look at the image and at who is built on it, in a thread -> the work ->
 * machine.json -> what the running guest can take of it. While it lasts the machine is occupied, so that nobody starts
 * it or changes the same disks. A file that is made or that goes is written down before (core/storage/lodge-disk-intent.h), and
 * whatever the end is, the same function that a new core calls after a kill settles it. */

#include "core/machine/lodge-machine-disks-private.h"

#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/storage/lodge-disk-intent.h"

#include <string.h>
#include <unistd.h>

#define NAMES_MAX 5

/* ---- One work ---- */

static void
work_free (LodgeDiskWork *work)
{
  g_free (work->id);
  g_free (work->file);
  g_free (work->path);
  g_free (work->old_file);
  g_free (work->temporary);
  g_free (work->format);
  g_free (work->wanted);
  g_clear_pointer (&work->layers, lodge_layers_free);
  g_clear_object (&work->job);
  g_clear_pointer (&work->lock, lodge_disk_lock_free);
  g_clear_pointer (&work->options, g_variant_unref);
  g_free (work);
}

GTask *
lodge_disk_work_begin (LodgeMachine *self, LodgeMethod method, GVariant *options, const char *const *known,
                       const char *kind, gpointer tag, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  LodgeDiskWork *work = g_new0 (LodgeDiskWork, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);
  if (lodge_machine_check (self, method, &error) && lodge_machine_check_options (options, known, &error))
    {
      if (self->entry == NULL || self->entry->profile == NULL)
        g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_IO, "the machine's folder cannot be used");
      else if (self->n_occupied > 0)
        g_set_error (&error, LODGE_ERROR, LODGE_ERROR_IN_USE, "the machine is %s", self->doing);
    }
  if (error != NULL)
    {
      g_task_return_error (task, error);
      return NULL;
    }

  if (options != NULL)
    work->options = g_variant_ref (options);
  if (kind != NULL)
    work->job = lodge_job_new (kind, self->id);
  lodge_machine_occupy (self, "having its disks changed");
  work->occupied = TRUE;
  return g_steal_pointer (&task);
}

gboolean
lodge_disk_work_find (GTask *task, const char *id, GError **error)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  const LodgeDisk *disk = lodge_machine_get_disk (self->entry->profile, id);

  if (disk == NULL || disk->cdrom || disk->file == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine has no disk “%s”", id);
      return FALSE;
    }
  work->id = g_strdup (disk->id);
  work->file = g_strdup (disk->file);
  work->path = lodge_launch_disk_path (disk, self->folder);
  work->format = g_strdup (disk->format);
  return TRUE;
}

static GError *
as_ours (GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_error_free (error);
      return g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "the work on the disk was cancelled");
    }
  return error;
}

static void
settle_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  char **paths = data;

  lodge_disk_intent_settle (paths[0], paths[1]);
  g_task_return_boolean (task, TRUE);
}

typedef struct
{
  GTask *task; /* (owned) */
  GError *error; /* (owned) (nullable) */
  gpointer value;
  GDestroyNotify free_value;
} End;

static void
end_now (End *end)
{
  g_autoptr (GTask) task = end->task;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);

  g_clear_pointer (&work->lock, lodge_disk_lock_free);
  if (work->occupied)
    lodge_machine_release (self);
  if (work->job != NULL)
    lodge_job_end (work->job, end->error);
  if (end->error != NULL)
    {
      if (end->value != NULL && end->free_value != NULL)
        end->free_value (end->value);
      g_task_return_error (task, end->error);
    }
  else if (end->value != NULL)
    g_task_return_pointer (task, end->value, end->free_value);
  else
    g_task_return_pointer (task, g_new0 (guint64, 1), g_free);
  g_free (end);
}

static void
settled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  end_now (data);
}

void
lodge_disk_work_end (GTask *task, GError *error, gpointer value, GDestroyNotify free_value)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autoptr (GTask) settling = NULL;
  char **paths;
  End *end = g_new0 (End, 1);

  end->task = task;
  end->error = error != NULL ? as_ours (error) : NULL;
  end->value = value;
  end->free_value = free_value;
  if (!work->intent || self->folder == NULL)
    {
      end_now (end);
      return;
    }
  settling = g_task_new (NULL, NULL, settled_cb, end);
  paths = g_new0 (char *, 3);
  paths[0] = g_strdup (self->folder);
  paths[1] = g_strdup (lodge_engine_get_paths (self->engine)->trash_dir);
  g_task_set_task_data (settling, paths, (GDestroyNotify) g_strfreev);
  g_task_run_in_thread (settling, settle_thread);
}

/* ---- A look at the image ---- */

typedef struct
{
  GHashTable *folders; /* (owned) */
  char *trash_dir;     /* (owned) */
  char *path;          /* (owned) */
  LodgeLayers *layers; /* (owned) (nullable) */
  LodgeDiskFacts facts;
} Look;

static void
look_free (Look *look)
{
  g_hash_table_unref (look->folders);
  g_free (look->trash_dir);
  g_free (look->path);
  g_clear_pointer (&look->layers, lodge_layers_free);
  g_free (look);
}

static GHashTable *
all_folders (LodgeMachine *self)
{
  g_autoptr (GPtrArray) entries = lodge_store_list (lodge_engine_get_store (self->engine));
  GHashTable *folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (guint i = 0; i < entries->len; i++)
    {
      const LodgeStoreEntry *entry = g_ptr_array_index (entries, i);

      g_hash_table_replace (folders, g_strdup (entry->id), g_strdup (entry->folder));
    }
  return folders;
}

static void
look_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Look *look = data;
  GError *error = NULL;

  if (!lodge_disk_facts_read (look->path, &look->facts, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  look->layers = lodge_layers_scan (look->folders, look->trash_dir);
  g_task_return_boolean (task, TRUE);
}

void
lodge_disk_work_look_async (GTask *task, GAsyncReadyCallback callback)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autoptr (GTask) looking = g_task_new (self, NULL, callback, task);
  Look *look = g_new0 (Look, 1);

  look->folders = all_folders (self);
  look->trash_dir = g_strdup (lodge_engine_get_paths (self->engine)->trash_dir);
  look->path = g_strdup (work->path);
  g_task_set_task_data (looking, look, (GDestroyNotify) look_free);
  g_task_run_in_thread (looking, look_thread);
}

gboolean
lodge_disk_work_look_finish (GTask *task, GAsyncResult *result, GError **error)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  Look *look = g_task_get_task_data (G_TASK (result));

  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  work->facts = look->facts;
  work->layers = g_steal_pointer (&look->layers);
  if (self->entry != NULL && self->entry->profile != NULL)
    return TRUE;
  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
  return FALSE;
}

gboolean
lodge_disk_work_check_alone (GTask *task, GError **error)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeDiskWork *work = g_task_get_task_data (task);
  g_autoptr (GPtrArray) children = lodge_layers_children (work->layers, work->path);
  const LodgeLayer *layer = lodge_layers_lookup (work->layers, work->path);
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < MIN (children->len, NAMES_MAX); i++)
    {
      const char *id = ((const LodgeLayer *) g_ptr_array_index (children, i))->machine;
      const LodgeStoreEntry *entry = lodge_store_lookup (lodge_engine_get_store (self->engine), id);

      g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "",
                              g_strcmp0 (id, self->id) == 0 ? "a layer of this machine"
                              : entry != NULL && entry->profile != NULL ? entry->profile->name : id);
    }
  if (layer != NULL && layer->snapshots->len > 0)
    g_string_append_printf (names, "%s%u snapshots", names->len > 0 ? ", " : "", layer->snapshots->len);
  if (names->len == 0)
    return TRUE;

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_HAS_DEPENDANTS, "built on the disk “%s”: %s",
               work->id != NULL ? work->id : work->file, names->str);
  return FALSE;
}

/* ---- The profile ---- */

LodgeDisk *
lodge_machine_get_disk (const LodgeProfile *profile, const char *id)
{
  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (g_strcmp0 (disk->id, id) == 0)
        return disk;
    }
  return NULL;
}

gboolean
lodge_machine_disk_is_in_guest (LodgeMachine *self, const LodgeDisk *disk)
{
  const LodgeDisk *running = self->guest != NULL ? lodge_machine_get_disk (self->guest->profile, disk->id) : NULL;

  return running != NULL && running->cdrom == disk->cdrom
         && (disk->cdrom || g_strcmp0 (running->file, disk->file) == 0);
}

gboolean
lodge_machine_save_disks (LodgeMachine *self, LodgeProfile *profile, GError **error)
{
  if (!lodge_store_save (lodge_engine_get_store (self->engine), self->id, profile, error))
    {
      lodge_profile_free (profile);
      return FALSE;
    }
  lodge_machine_follow_entry (self);
  return TRUE;
}

gboolean
lodge_machine_disk_finish (LodgeMachine *self, GAsyncResult *result, guint64 *bytes, GError **error)
{
  g_autofree guint64 *value = g_task_propagate_pointer (G_TASK (result), error);

  if (value != NULL && bytes != NULL)
    *bytes = *value;
  return value != NULL;
}
