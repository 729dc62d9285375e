/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What is told of snapshots, and what of them can be edited. */

#include "core/machine/lodge-machine-snapshot.h"

#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-picture.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Bytes a second of a disk that is not fast, for forecasts. */
#define GUESSED_RATE (200.0 * 1024 * 1024)
#define GUESSED_PAUSE 0.1
#define LAYER_BYTES (1024 * 1024)

/* Its own folder and the files that it froze, though parts of those may be other snapshots' too. */
static guint64
measure (const char *machine_folder, const LodgeSnapshot *snapshot)
{
  g_autofree char *folder = lodge_snapshot_folder (machine_folder, snapshot->id);
  guint64 size = lodge_file_tree_size (folder);

  for (guint i = 0; i + 1 < snapshot->disks->len; i += 2)
    {
      g_autofree char *path = g_build_filename (machine_folder, g_ptr_array_index (snapshot->disks, i + 1), NULL);
      struct stat st;

      if (lstat (path, &st) == 0)
        size += (guint64) st.st_blocks * 512;
    }
  return size;
}

GVariant *
lodge_machine_list_snapshots (LodgeMachine *self)
{
  const char *current = self->entry != NULL && self->entry->profile != NULL ? self->entry->profile->snapshot : NULL;
  g_autoptr (GPtrArray) list = lodge_snapshot_list (lodge_machine_get_folder (self));
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < list->len; i++)
    {
      const LodgeSnapshot *snapshot = g_ptr_array_index (list, i);
      g_autofree char *picture = g_build_filename (self->folder, LODGE_SNAPSHOTS_DIR, snapshot->id, LODGE_SAVED_PICTURE, NULL);
      gboolean has_parent = lodge_snapshot_find (list, snapshot->parent) != NULL;
      GVariantDict dict;

      if (snapshot->transient)
        continue;
      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "id", "s", snapshot->id);
      g_variant_dict_insert (&dict, "parent", "s", has_parent ? snapshot->parent : "");
      g_variant_dict_insert (&dict, "name", "s", snapshot->name);
      g_variant_dict_insert (&dict, "note", "s", snapshot->note);
      g_variant_dict_insert (&dict, "created", "x", snapshot->created);
      g_variant_dict_insert (&dict, "automatic", "b", snapshot->automatic);
      g_variant_dict_insert (&dict, "memory", "b", snapshot->memory);
      g_variant_dict_insert (&dict, "reason", "s", snapshot->reason != NULL ? snapshot->reason : "");
      g_variant_dict_insert (&dict, "seconds", "d", snapshot->seconds);
      g_variant_dict_insert (&dict, "pause-seconds", "d", snapshot->pause);
      g_variant_dict_insert (&dict, "size", "t", measure (self->folder, snapshot));
      g_variant_dict_insert (&dict, "current", "b", g_strcmp0 (current, snapshot->id) == 0);
      g_variant_dict_insert (&dict, "picture", "b", access (picture, F_OK) == 0);
      g_variant_builder_add_value (&builder, g_variant_dict_end (&dict));
    }
  return g_variant_builder_end (&builder);
}

gboolean
lodge_machine_edit_snapshot (LodgeMachine *self, const char *id, GVariant *options, GError **error)
{
  static const char *const known[] = { "name", "s", "note", "s", NULL };
  g_autoptr (LodgeSnapshot) snapshot = NULL;
  g_autofree char *folder = NULL;
  const char *name = NULL, *note = NULL;

  if (!lodge_machine_check (self, LODGE_METHOD_EDIT_SNAPSHOT, error) || !lodge_machine_check_options (options, known, error)
      || (snapshot = lodge_snapshot_read (self->folder, id, error)) == NULL)
    return FALSE;
  g_variant_lookup (options, "name", "&s", &name);
  g_variant_lookup (options, "note", "&s", &note);
  if (!lodge_snapshot_check_text (name, note, error))
    return FALSE;
  if (name != NULL)
    {
      g_free (snapshot->name);
      snapshot->name = g_strdup (name);
    }
  if (note != NULL)
    {
      g_free (snapshot->note);
      snapshot->note = g_strdup (note);
    }
  folder = lodge_snapshot_folder (self->folder, id);
  if (!lodge_snapshot_write (snapshot, folder, error))
    return FALSE;
  lodge_machine_emit_snapshots (self);
  return TRUE;
}

int
lodge_machine_open_snapshot_picture (LodgeMachine *self, const char *id, GError **error)
{
  g_autoptr (LodgeSnapshot) snapshot = lodge_snapshot_read (lodge_machine_get_folder (self), id, error);
  g_autofree char *path = NULL;

  if (snapshot == NULL)
    return -1;
  path = g_build_filename (self->folder, LODGE_SNAPSHOTS_DIR, id, LODGE_SAVED_PICTURE, NULL);
  return lodge_picture_open (path, error);
}

/* What of the profile stands against saving the guest's memory, as codes. */
static void
add_reasons (const LodgeProfile *profile, GVariantBuilder *reasons)
{
  gboolean nvme = FALSE, format = FALSE, outside = FALSE;

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (disk->cdrom || disk->file == NULL)
        continue;
      nvme = nvme || disk->bus == LODGE_BUS_NVME;
      format = format || (strcmp (disk->format, "qcow2") != 0 && strcmp (disk->format, "raw") != 0);
      outside = outside || g_path_is_absolute (disk->file);
    }
  if (nvme)
    g_variant_builder_add (reasons, "s", "nvme");
  if (format)
    g_variant_builder_add (reasons, "s", "disk-format");
  if (outside)
    g_variant_builder_add (reasons, "s", "disk-outside");
  if (profile->accel_3d)
    g_variant_builder_add (reasons, "s", "3d");
}

GVariant *
lodge_machine_forecast (LodgeMachine *self, const char *what, GVariant *options, GError **error)
{
  static const char *const none[] = { NULL };
  static const char *const words[] = { "save", "snapshot", NULL };
  guint64 bytes = LAYER_BYTES;
  GVariantBuilder reasons;
  GVariantDict dict;
  struct statvfs fs;

  if (!lodge_machine_check_options (options, none, error) || !lodge_machine_check (self, LODGE_METHOD_FORECAST, error))
    return NULL;
  if (!g_strv_contains (words, what) || self->entry == NULL || self->entry->profile == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "a forecast is there for “save” and “snapshot”");
      return NULL;
    }
  if (self->guest != NULL)
    bytes += lodge_machine_guess_memory (self);
  g_variant_builder_init (&reasons, G_VARIANT_TYPE_STRING_ARRAY);
  add_reasons (self->guest != NULL ? self->guest->profile : self->entry->profile, &reasons);
  if (statvfs (self->folder, &fs) == 0 && (guint64) fs.f_bavail * fs.f_frsize < bytes)
    g_variant_builder_add (&reasons, "s", "no-space");
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "bytes", "t", bytes);
  g_variant_dict_insert (&dict, "seconds", "d", (double) bytes / GUESSED_RATE);
  g_variant_dict_insert (&dict, "pause-seconds", "d",
                         self->guest == NULL ? 0.0 : strcmp (what, "save") == 0 ? (double) bytes / GUESSED_RATE : GUESSED_PAUSE);
  g_variant_dict_insert_value (&dict, "reasons", g_variant_builder_end (&reasons));
  return g_variant_dict_end (&dict);
}
