/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-disk-trash.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/config/lodge-trash.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

#define DISK_FILE "disk.json"
#define MAX_NAMES 1000

gboolean
lodge_disk_trash_prepare (const char *dir, const LodgeProfile *profile, const LodgeDisk *disk, GError **error)
{
  g_autoptr (LodgeProfile) document = lodge_profile_copy (profile);
  g_autofree char *path = g_build_filename (dir, DISK_FILE, NULL);
  g_autofree char *text = NULL;
  gsize length;

  g_ptr_array_set_size (document->nics, 0);
  g_ptr_array_set_size (document->disks, 0);
  g_ptr_array_add (document->disks, lodge_disk_copy (disk));
  text = lodge_profile_to_json (document, &length);
  if (g_mkdir (dir, 0700) != 0)
    return lodge_error_set_errno (error, errno, "making", dir);
  if (lodge_atomic_file_write (path, text, length, error))
    return TRUE;
  g_rmdir (dir);
  return FALSE;
}

gboolean
lodge_disk_trash_is_disk (const char *dir)
{
  g_autofree char *path = g_build_filename (dir, DISK_FILE, NULL);

  return access (path, F_OK) == 0;
}

LodgeProfile *
lodge_disk_trash_read (const char *dir, GError **error)
{
  g_autofree char *path = g_build_filename (dir, DISK_FILE, NULL);
  gsize length;
  g_autofree char *text = lodge_file_read (path, LODGE_PROFILE_MAX_BYTES, &length, error);
  g_autoptr (LodgeProfile) document = text != NULL ? lodge_profile_from_json (text, length, error) : NULL;
  const LodgeDisk *disk = document != NULL && document->disks->len == 1 ? document->disks->pdata[0] : NULL;

  if (document == NULL)
    return NULL;
  if (disk != NULL && disk->file != NULL && !g_path_is_absolute (disk->file))
    return g_steal_pointer (&document);
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE, "%s is of no disk", path);
  return NULL;
}

static gboolean
names (const LodgeProfile *profile, const char *file)
{
  for (guint i = 0; i < profile->disks->len; i++)
    if (g_strcmp0 (((const LodgeDisk *) profile->disks->pdata[i])->file, file) == 0)
      return TRUE;

  return FALSE;
}

void
lodge_disk_trash_settle (const char *trash_dir, const char *folder, const char *dir, const LodgeProfile *profile)
{
  g_autoptr (LodgeProfile) document = lodge_disk_trash_read (dir, NULL);
  const LodgeDisk *disk = document != NULL ? document->disks->pdata[0] : NULL;
  g_autofree char *from = disk != NULL ? g_build_filename (folder, disk->file, NULL) : NULL;
  g_autofree char *base = disk != NULL ? g_path_get_basename (disk->file) : NULL;
  g_autofree char *to = disk != NULL ? g_build_filename (dir, base, NULL) : NULL;
  g_autofree char *id = g_uuid_string_random ();
  g_autofree char *name = NULL;
  g_autoptr (GError) error = NULL;

  if (disk == NULL)
    {
      g_autofree char *half = g_build_filename (dir, DISK_FILE ".new", NULL);

      /* Nothing was written into it yet, or half. */
      g_unlink (half);
      g_rmdir (dir);
      return;
    }
  if (names (profile, disk->file))
    {
      if (access (to, F_OK) == 0)
        lodge_rename_new (to, from);
      if (access (to, F_OK) != 0)
        lodge_file_tree_remove (dir, NULL, NULL);
      return;
    }
  if (lodge_rename_new (from, to) != 0 && errno != ENOENT)
    return;
  name = g_strdup_printf ("%s (%s)", document->name, disk->id);
  if (!lodge_trash_put (trash_dir, dir, id, name, &error))
    g_debug ("%s", error->message);
}

/* "disks/disk1.qcow2", or "disks/disk1-2.qcow2", … where that is taken. */
static char *
put_image (const char *dir, const char *folder, const char *file, char **path, GError **error)
{
  g_autofree char *base = g_path_get_basename (file);
  g_autofree char *from = g_build_filename (dir, base, NULL);
  const char *dot = strrchr (base, '.');
  int stem = dot != NULL ? (int) (dot - base) : (int) strlen (base);

  for (guint n = 1; n < MAX_NAMES; n++)
    {
      g_autofree char *name = n == 1 ? g_strdup_printf ("disks/%s", base)
                                     : g_strdup_printf ("disks/%.*s-%u%s", stem, base, n, dot != NULL ? dot : "");
      g_autofree char *to = g_build_filename (folder, name, NULL);

      if (lodge_rename_new (from, to) == 0)
        {
          *path = g_steal_pointer (&to);
          return g_steal_pointer (&name);
        }
      if (errno != EEXIST)
        break;
    }
  lodge_error_set_errno (error, errno, "moving", from);
  return NULL;
}

static gboolean
is_taken (const LodgeProfile *profile, const char *id)
{
  for (guint i = 0; i < profile->disks->len; i++)
    if (g_strcmp0 (((const LodgeDisk *) profile->disks->pdata[i])->id, id) == 0)
      return TRUE;

  return FALSE;
}

/* Its place on the bus and in the boot order, where they are free still. */
static void
fit (const LodgeProfile *profile, LodgeDisk *disk)
{
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *other = profile->disks->pdata[i];

      if (g_strcmp0 (other->address, disk->address) == 0)
        g_clear_pointer (&disk->address, g_free);
      if (other->boot_order == disk->boot_order)
        disk->boot_order = 0;
    }
  for (guint i = 0; i < profile->nics->len; i++)
    {
      const LodgeNic *other = profile->nics->pdata[i];

      if (g_strcmp0 (other->address, disk->address) == 0)
        g_clear_pointer (&disk->address, g_free);
      if (other->boot_order == disk->boot_order)
        disk->boot_order = 0;
    }
}

char *
lodge_disk_trash_take (const char *dir, const char *folder, LodgeProfile *profile, GError **error)
{
  g_autoptr (LodgeProfile) document = lodge_disk_trash_read (dir, error);
  LodgeDisk *disk;
  char *path = NULL;
  g_autofree char *file = NULL;

  if (document == NULL)
    return NULL;
  disk = lodge_disk_copy (document->disks->pdata[0]);
  file = put_image (dir, folder, disk->file, &path, error);
  if (file == NULL)
    {
      lodge_disk_free (disk);
      return NULL;
    }
  g_free (disk->file);
  disk->file = g_steal_pointer (&file);
  for (guint n = 0; is_taken (profile, disk->id); n++)
    {
      g_free (disk->id);
      disk->id = g_strdup_printf ("disk%u", n);
    }
  fit (profile, disk);
  g_ptr_array_add (profile->disks, disk);
  return path;
}
