/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The empty images in which a machine goes on over files that are frozen, and what a snapshot keeps beside the disks. */

#include "core/machine/lodge-machine-layers.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-launch.h"
#include "core/storage/lodge-layers.h"
#include "core/storage/lodge-overlay.h"
#include "core/storage/lodge-snapshot.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYERS_NOTE LODGE_SNAPSHOTS_DIR "/.layers"
#define NOTE_MAX 65536
#define MAX_DEPTH 64

static void
layer_free (gpointer data)
{
  LodgeNewLayer *layer = data;

  g_free (layer->disk);
  g_free (layer->file);
  g_free (layer->frozen);
  g_free (layer->format);
  g_free (layer);
}

static char *
free_name (const char *folder, const char *id)
{
  for (guint n = 1;; n++)
    {
      g_autofree char *file = g_strdup_printf ("disks/%s-%u.qcow2", id, n);
      g_autofree char *path = g_build_filename (folder, file, NULL);

      if (access (path, F_OK) != 0)
        return g_steal_pointer (&file);
    }
}

GPtrArray *
lodge_machine_plan_layers (const LodgeProfile *profile, const char *folder, GError **error)
{
  g_autoptr (GPtrArray) layers = g_ptr_array_new_with_free_func (layer_free);

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *path = disk->cdrom ? NULL : lodge_launch_disk_path (disk, folder);
      g_autoptr (LodgeLayer) layer = NULL;
      g_autoptr (GPtrArray) chain = NULL;
      LodgeNewLayer *fresh;
      struct stat st;

      if (path == NULL)
        continue;
      if (g_path_is_absolute (disk->file))
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                       "the disk “%s” lies outside of the machine's folder, where a snapshot would freeze it for others, too", disk->id);
          return NULL;
        }
      layer = lodge_layers_read (path, error);
      chain = layer != NULL ? lodge_layers_chain (path, error) : NULL;
      if (chain == NULL)
        return NULL;
      if (chain->len >= MAX_DEPTH)
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                       "the disk “%s” has %u layers already; delete some snapshots first", disk->id, chain->len);
          return NULL;
        }
      fresh = g_new0 (LodgeNewLayer, 1);
      fresh->disk = g_strdup (disk->id);
      fresh->file = free_name (folder, disk->id);
      fresh->frozen = g_strdup (disk->file);
      fresh->format = g_strdup (disk->format);
      fresh->size = layer->virtual_size != 0 ? layer->virtual_size : disk->size;
      if (layer->virtual_size == 0 && strcmp (disk->format, "raw") == 0 && stat (path, &st) == 0)
        fresh->size = (guint64) st.st_size;
      g_ptr_array_add (layers, fresh);
    }
  return g_steal_pointer (&layers);
}

gboolean
lodge_machine_write_layers (GPtrArray *layers, const char *folder, GError **error)
{
  g_autofree char *note = g_build_filename (folder, LAYERS_NOTE, NULL);
  g_autofree char *disks = g_build_filename (folder, "disks", NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < layers->len; i++)
    g_string_append_printf (text, "%s\n", ((LodgeNewLayer *) g_ptr_array_index (layers, i))->file);
  if (!lodge_atomic_file_write (note, text->str, text->len, error))
    return FALSE;
  for (guint i = 0; i < layers->len; i++)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (layers, i);
      g_autofree char *path = g_build_filename (folder, layer->file, NULL);
      g_autofree char *below = g_build_filename (folder, layer->frozen, NULL);
      g_autofree char *backing = lodge_layers_relative (path, below);

      if (!lodge_overlay_write (path, layer->size, backing, layer->format, error))
        return FALSE;
    }
  return lodge_folder_sync (disks, error);
}

void
lodge_machine_recover_new_layers (const char *folder)
{
  g_autofree char *note = g_build_filename (folder, LAYERS_NOTE, NULL);
  gsize length;
  g_autofree char *text = lodge_file_read (note, NOTE_MAX, &length, NULL);
  g_autoptr (LodgeProfile) profile = text != NULL ? lodge_snapshot_read_profile (folder, NULL) : NULL;
  g_auto (GStrv) files = NULL;

  /* Without a machine.json that can be read nobody knows what is the machine's. */
  if (profile == NULL)
    return;
  files = g_strsplit (text, "\n", -1);
  for (gsize i = 0; files[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (folder, files[i], NULL);
      g_autofree char *half = g_strconcat (path, ".new", NULL);
      g_autofree char *parent = g_path_get_dirname (files[i]);
      g_autoptr (LodgeLayer) layer = NULL;

      if (strcmp (parent, "disks") != 0)
        continue;
      unlink (half);
      layer = lodge_profile_has_disk (profile, files[i]) ? NULL : lodge_layers_read (path, NULL);
      if (layer != NULL && layer->empty)
        unlink (path);
    }
  unlink (note);
}

void
lodge_machine_name_layers (LodgeProfile *profile, GPtrArray *layers)
{
  for (guint i = 0; i < layers->len; i++)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (layers, i);

      for (guint d = 0; d < profile->disks->len; d++)
        {
          LodgeDisk *disk = g_ptr_array_index (profile->disks, d);

          if (strcmp (disk->id, layer->disk) != 0)
            continue;
          g_free (disk->file);
          disk->file = g_strdup (layer->file);
          g_free (disk->format);
          disk->format = g_strdup ("qcow2");
        }
    }
}

gboolean
lodge_machine_save_profile (LodgeMachine *self, LodgeProfile *profile, GError **error)
{
  if (self->entry == NULL)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
  else if (lodge_store_save (lodge_engine_get_store (self->engine), self->id, profile, error))
    {
      lodge_machine_follow_entry (self);
      return TRUE;
    }
  lodge_profile_free (profile);
  return FALSE;
}

gboolean
lodge_machine_copy_firmware (const LodgeProfile *profile, const char *machine_folder, const char *snapshot_folder, GError **error)
{
  g_autofree char *vars = g_build_filename (machine_folder, lodge_profile_get_vars (profile), NULL);
  g_autofree char *kept_vars = g_build_filename (snapshot_folder, "vars.qcow2", NULL);
  g_autofree char *tpm = g_build_filename (machine_folder, "tpm", NULL);
  g_autofree char *kept_tpm = g_build_filename (snapshot_folder, "tpm", NULL);

  return (profile->firmware != LODGE_FIRMWARE_UEFI || access (vars, F_OK) != 0 || lodge_file_duplicate (vars, kept_vars, error))
         && (!profile->tpm || lodge_folder_duplicate (tpm, kept_tpm, error));
}
