/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Which images read on in which is in their headers, so they are opened, those in the trash too, which may be many and on a disk that
 * sleeps: a thread does that. What it needs is copied before. It says what was so then; whoever asks sees to it that no clone is made in
 * between. */

#include "config.h"

#include "core/machine/lodge-machine-family-private.h"

#include "core/machine/lodge-launch.h"
#include "core/storage/lodge-layers.h"

typedef struct
{
  char      *name;
  GPtrArray *disks; /* (element-type utf8) paths of the images it writes to */
} Reader;

typedef struct
{
  GHashTable *folders;   /* (element-type utf8 utf8) the machine's id to its folder */
  char       *trash_dir;
  GPtrArray  *disks;     /* (element-type utf8) paths of the images that the machine writes to */
  GPtrArray  *readers;   /* (element-type Reader) */
} Look;

static void
reader_free (gpointer data)
{
  Reader *reader = data;

  g_free (reader->name);
  g_ptr_array_unref (reader->disks);
  g_free (reader);
}

static void
look_free (gpointer data)
{
  Look *look = data;

  g_hash_table_unref (look->folders);
  g_free (look->trash_dir);
  g_ptr_array_unref (look->disks);
  g_ptr_array_unref (look->readers);
  g_free (look);
}

/* (transfer full) (element-type utf8) */
static GPtrArray *
disk_paths (const LodgeProfile *profile, const char *folder)
{
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      char *path = disk->cdrom ? NULL : lodge_launch_disk_path (disk, folder);

      if (path != NULL)
        g_ptr_array_add (paths, path);
    }
  return paths;
}

static gboolean
reads_on_in (const Reader *reader, GPtrArray *disks)
{
  for (guint i = 0; i < reader->disks->len; i++)
    {
      g_autoptr (GPtrArray) chain = lodge_layers_chain (g_ptr_array_index (reader->disks, i), NULL);

      for (guint n = 0; chain != NULL && n < chain->len; n++)
        if (g_ptr_array_find_with_equal_func (disks, g_ptr_array_index (chain, n), g_str_equal, NULL))
          return TRUE;
    }
  return FALSE;
}

/* Whether something in the trash does, directly or by way of the machine's own layers. */
static gboolean
is_read_from_trash (const Look *look)
{
  g_autoptr (LodgeLayers) layers = lodge_layers_scan (look->folders, look->trash_dir);
  GPtrArray *list = lodge_layers_list (layers);

  for (guint i = 0; i < list->len; i++)
    {
      const LodgeLayer *layer = list->pdata[i];

      for (guint n = 0; layer->trashed && n < look->disks->len; n++)
        if (lodge_layers_below (layers, layer->path, look->disks->pdata[n]))
          return TRUE;
    }
  return FALSE;
}

static void
look_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Look *look = data;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GError *error = NULL;

  for (guint i = 0; i < look->readers->len; i++)
    {
      const Reader *reader = g_ptr_array_index (look->readers, i);

      if (reads_on_in (reader, look->disks))
        g_ptr_array_add (names, reader->name);
    }
  if (names->len > 0)
    lodge_machine_set_depended (&error, names);
  else if (is_read_from_trash (look))
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_HAS_DEPENDANTS, "something in the trash is built on its disks");

  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

void
lodge_machine_check_disks_unused_async (LodgeMachine *self, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  g_autoptr (GPtrArray) dependants = lodge_machine_find_dependants (self);
  const LodgeProfile *profile = self->saved != NULL ? self->saved->profile : self->entry->profile;
  Look *look = g_new0 (Look, 1);

  look->folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_hash_table_insert (look->folders, g_strdup (self->id), g_strdup (self->folder));
  look->trash_dir = g_strdup (lodge_store_get_trash_dir (lodge_engine_get_store (self->engine)));
  look->disks = disk_paths (profile, self->folder);
  look->readers = g_ptr_array_new_with_free_func (reader_free);
  for (guint i = 0; i < dependants->len; i++)
    {
      const LodgeStoreEntry *entry = dependants->pdata[i];
      Reader *reader = g_new0 (Reader, 1);

      reader->name = g_strdup (entry->profile->name);
      reader->disks = disk_paths (entry->profile, entry->folder);
      g_ptr_array_add (look->readers, reader);
    }
  g_task_set_source_tag (task, lodge_machine_check_disks_unused_async);
  g_task_set_task_data (task, look, look_free);
  g_task_run_in_thread (task, look_thread);
}

gboolean
lodge_machine_check_disks_unused_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  if (!g_task_propagate_boolean (G_TASK (result), error))
    return FALSE;
  if (self->entry != NULL && self->entry->profile != NULL)
    return TRUE;
  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
  return FALSE;
}
