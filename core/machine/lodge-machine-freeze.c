/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * To freeze a machine that is off is to let it go on in new, empty layers, so that others may read on in what it wrote so far:
 *
 *   disks/.freezing   names the layers that are about to be made
 *   disks/disk0-1.qcow2, ...   are made, each whole or not at all
 *   machine.json      names them: the one step that counts
 *   disks/.freezing   goes
 *
 * An empty layer reads as the file below it does, so whichever step a killed core reached, the machine is what it was: before the
 * one that counts, the layers are of nobody, and the next core takes them away by that list; after it they are the machine's. */

#include "core/machine/lodge-machine-family-private.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-family.h"
#include "core/storage/lodge-disk-lock.h"
#include "core/storage/lodge-layers.h"
#include "core/storage/lodge-overlay.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISKS "disks"
#define INTENT "disks/.freezing"
#define INTENT_MAX 65536

typedef struct
{
  char *id;     /* of the disk */
  char *path;   /* absolute: what it is now */
  char *format;
  char *file;   /* (nullable) the new layer, relative to the folder */
  guint64 size; /* as the machine.json has it */
  LodgeFrozenDisk *frozen; /* (nullable) */
} Disk;

typedef struct
{
  char *folder;     /* (owned) */
  GPtrArray *disks; /* (element-type Disk) */
  GPtrArray *locks; /* (nullable) (element-type LodgeDiskLock) */
} Freeze;

static void
frozen_disk_free (gpointer data)
{
  LodgeFrozenDisk *disk = data;

  if (disk == NULL)
    return;
  g_free (disk->disk);
  g_free (disk->path);
  g_free (disk->format);
  g_free (disk);
}

void
lodge_frozen_free (LodgeFrozen *frozen)
{
  g_ptr_array_unref (frozen->disks);
  lodge_profile_free (frozen->profile);
  g_free (frozen->firmware);
  g_free (frozen->memory);
  g_free (frozen->transient);
  g_free (frozen);
}

LodgeFrozen *
lodge_frozen_new (void)
{
  LodgeFrozen *frozen = g_new0 (LodgeFrozen, 1);

  frozen->disks = g_ptr_array_new_with_free_func (frozen_disk_free);
  return frozen;
}

static void
disk_free (gpointer data)
{
  Disk *disk = data;

  g_free (disk->id);
  g_free (disk->path);
  g_free (disk->format);
  g_free (disk->file);
  frozen_disk_free (disk->frozen);
  g_free (disk);
}

static void
freeze_free (Freeze *freeze)
{
  g_free (freeze->folder);
  g_ptr_array_unref (freeze->disks);
  g_clear_pointer (&freeze->locks, g_ptr_array_unref);
  g_free (freeze);
}

static Freeze *
freeze_new (LodgeMachine *self)
{
  const LodgeProfile *profile = self->entry->profile;
  Freeze *freeze = g_new0 (Freeze, 1);

  freeze->folder = g_strdup (self->folder);
  freeze->disks = g_ptr_array_new_with_free_func (disk_free);
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *source = g_ptr_array_index (profile->disks, i);
      Disk *disk;

      if (source->cdrom || source->file == NULL)
        continue;
      disk = g_new0 (Disk, 1);
      disk->id = g_strdup (source->id);
      disk->path = lodge_launch_disk_path (source, self->folder);
      disk->format = g_strdup (source->format);
      disk->size = source->size;
      g_ptr_array_add (freeze->disks, disk);
    }
  return freeze;
}

static LodgeFrozenDisk *
frozen_disk_new (const char *id, const char *path, const char *format, guint64 size)
{
  LodgeFrozenDisk *disk = g_new0 (LodgeFrozenDisk, 1);

  disk->disk = g_strdup (id);
  disk->path = g_strdup (path);
  disk->format = g_strdup (format);
  disk->size = size;
  return disk;
}

void
lodge_frozen_add (LodgeFrozen *frozen, const char *disk, const char *path, const char *format, guint64 size)
{
  g_ptr_array_add (frozen->disks, frozen_disk_new (disk, path, format, size));
}

static guint64
size_of (const Disk *disk, const LodgeLayer *layer)
{
  struct stat st;

  if (layer->virtual_size != 0)
    return layer->virtual_size;
  if (g_str_equal (disk->format, "raw") && stat (disk->path, &st) == 0)
    return (guint64) st.st_size;
  return disk->size;
}

/* Whether what is below an empty layer is a file of this machine: of another one's a clone must not become a sibling unasked. */
static gboolean
is_own (const Freeze *freeze, const char *path)
{
  return g_str_has_prefix (path, freeze->folder) && path[strlen (freeze->folder)] == '/';
}

static char *
free_name (const Freeze *freeze, const char *id)
{
  for (guint n = 1;; n++)
    {
      g_autofree char *file = g_strdup_printf (DISKS "/%s-%u.qcow2", id, n);
      g_autofree char *path = g_build_filename (freeze->folder, file, NULL);

      if (access (path, F_OK) != 0)
        return g_steal_pointer (&file);
    }
}

static gboolean
plan (Freeze *freeze, GString *intent, GError **error)
{
  for (guint i = 0; i < freeze->disks->len; i++)
    {
      Disk *disk = freeze->disks->pdata[i];
      g_autoptr (LodgeLayer) layer = lodge_layers_read (disk->path, error);

      if (layer == NULL)
        return FALSE;
      if (layer->empty && is_own (freeze, layer->backing) && layer->backing_format != NULL)
        {
          disk->frozen = frozen_disk_new (disk->id, layer->backing, layer->backing_format, layer->virtual_size);
          continue;
        }
      disk->frozen = frozen_disk_new (disk->id, disk->path, disk->format, size_of (disk, layer));
      disk->file = free_name (freeze, disk->id);
      g_string_append_printf (intent, "%s\n", disk->file);
    }
  return TRUE;
}

static void
freeze_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Freeze *freeze = data;
  g_autofree char *intent_path = g_build_filename (freeze->folder, INTENT, NULL);
  g_autofree char *disks = g_build_filename (freeze->folder, DISKS, NULL);
  g_autoptr (GString) intent = g_string_new (NULL);
  GError *error = NULL;

  if (!plan (freeze, intent, &error)
      || (intent->len > 0 && !lodge_atomic_file_write (intent_path, intent->str, intent->len, &error)))
    {
      g_task_return_error (task, error);
      return;
    }
  for (guint i = 0; i < freeze->disks->len && error == NULL; i++)
    {
      const Disk *disk = freeze->disks->pdata[i];
      g_autofree char *path = disk->file != NULL ? g_build_filename (freeze->folder, disk->file, NULL) : NULL;
      g_autofree char *backing = path != NULL ? lodge_layers_relative (path, disk->path) : NULL;

      if (path != NULL)
        lodge_overlay_write (path, disk->frozen->size, backing, disk->frozen->format, &error);
    }
  if (error == NULL && intent->len > 0)
    lodge_folder_sync (disks, &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
save (LodgeMachine *self, const Freeze *freeze, GError **error)
{
  LodgeProfile *profile = lodge_profile_copy (self->entry->profile);
  gboolean changed = FALSE;

  for (guint i = 0; i < freeze->disks->len; i++)
    {
      const Disk *disk = freeze->disks->pdata[i];

      for (guint n = 0; n < profile->disks->len && disk->file != NULL; n++)
        {
          LodgeDisk *target = g_ptr_array_index (profile->disks, n);

          if (!g_str_equal (target->id, disk->id))
            continue;
          g_free (target->file);
          target->file = g_strdup (disk->file);
          g_free (target->format);
          target->format = g_strdup ("qcow2");
          target->size = disk->frozen->size;
          changed = TRUE;
        }
    }
  if (changed && lodge_store_save (lodge_engine_get_store (self->engine), self->id, profile, error))
    return TRUE;
  lodge_profile_free (profile);
  return !changed;
}

static LodgeFrozen *
take_frozen (Freeze *freeze)
{
  LodgeFrozen *frozen = lodge_frozen_new ();

  for (guint i = 0; i < freeze->disks->len; i++)
    g_ptr_array_add (frozen->disks, g_steal_pointer (&((Disk *) freeze->disks->pdata[i])->frozen));
  return frozen;
}

static void
frozen_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  Freeze *freeze = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean good = g_task_propagate_boolean (G_TASK (result), &error);

  if (good && self->entry == NULL)
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
  good = good && error == NULL && save (self, freeze, &error);
  /* Either way: what the list names and the machine does not have goes. */
  lodge_machine_recover_layers (freeze->folder);
  g_clear_pointer (&freeze->locks, g_ptr_array_unref);
  if (good)
    g_task_return_pointer (task, take_frozen (freeze), (GDestroyNotify) lodge_frozen_free);
  else
    g_task_return_error (task, error);
}

void
lodge_machine_freeze_async (LodgeMachine *self, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, NULL, callback, data);
  Freeze *freeze = freeze_new (self);
  g_autoptr (GTask) work = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_freeze_async);
  g_task_set_task_data (task, freeze, (GDestroyNotify) freeze_free);
  /* A template's files are written by nobody, and its clones hold them while they run. */
  if (!self->entry->profile->template)
    freeze->locks = lodge_launch_lock_disks (self->entry->profile, self->folder, FALSE, &error);
  if (error != NULL)
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  work = g_task_new (self, NULL, frozen_cb, task);
  g_task_set_task_data (work, freeze, NULL);
  g_task_run_in_thread (work, freeze_thread);
}

LodgeFrozen *
lodge_machine_freeze_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

LodgeFrozen *
lodge_machine_frozen_now (LodgeMachine *self, GError **error)
{
  Freeze *freeze = freeze_new (self);
  g_autoptr (LodgeFrozen) frozen = lodge_frozen_new ();
  gboolean good = TRUE;

  for (guint i = 0; i < freeze->disks->len && good; i++)
    {
      const Disk *disk = freeze->disks->pdata[i];
      g_autoptr (LodgeLayer) layer = lodge_layers_read (disk->path, error);

      good = layer != NULL;
      if (good)
        g_ptr_array_add (frozen->disks, frozen_disk_new (disk->id, disk->path, disk->format, size_of (disk, layer)));
    }
  freeze_free (freeze);
  return good ? g_steal_pointer (&frozen) : NULL;
}

/* ---- After a core that was killed ---- */

void
lodge_machine_recover_layers (const char *folder)
{
  g_autofree char *intent = g_build_filename (folder, INTENT, NULL);
  g_autofree char *json = g_build_filename (folder, "machine.json", NULL);
  gsize length;
  g_autofree char *text = lodge_file_read (intent, INTENT_MAX, &length, NULL);
  g_autofree char *document = NULL;
  g_autoptr (LodgeProfile) profile = NULL;
  g_auto (GStrv) files = NULL;

  if (text == NULL)
    return;
  document = lodge_file_read (json, LODGE_PROFILE_MAX_BYTES, &length, NULL);
  profile = document != NULL ? lodge_profile_from_json (document, length, NULL) : NULL;
  /* Without a machine.json that can be read nobody knows what is the machine's. */
  if (profile == NULL)
    return;

  files = g_strsplit (text, "\n", -1);
  for (guint i = 0; files[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (folder, files[i], NULL);
      g_autofree char *half = g_strconcat (path, ".new", NULL);
      g_autofree char *parent = g_path_get_dirname (files[i]);
      g_autoptr (LodgeLayer) layer = NULL;

      if (*files[i] == '\0' || !g_str_equal (parent, DISKS))
        continue;
      unlink (half);
      if (lodge_profile_has_disk (profile, files[i]))
        continue;
      layer = lodge_layers_read (path, NULL);
      if (layer != NULL && layer->empty)
        unlink (path);
    }
  unlink (intent);
}
