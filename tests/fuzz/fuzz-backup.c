/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/storage/lodge-backup.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* A manifest from anywhere: what is accepted is within its bounds, names nothing that leads elsewhere, and is written and read again as the same. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeBackup) backup = lodge_backup_parse ((const char *) data, size, &error);
  g_autoptr (LodgeBackup) again = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  gsize length;

  g_assert ((backup == NULL) == (error != NULL));
  if (backup == NULL)
    return 0;

#ifdef LODGE_PLANTED_BUG
  {
    char line[24];

    strcpy (line, backup->name);
    g_assert (strlen (line) < 4096);
  }
#endif

  g_assert (backup->disks->len <= LODGE_BACKUP_DISKS_MAX && backup->files->len <= LODGE_BACKUP_FILES_MAX);
  g_assert (backup->sources->len >= 1 && backup->sources->len <= LODGE_BACKUP_SOURCES_MAX);
  for (guint i = 0; i < backup->sources->len; i++)
    g_assert (lodge_backup_is_id (g_ptr_array_index (backup->sources, i)));
  for (guint i = 0; i < backup->files->len; i++)
    {
      const LodgeBackupFile *file = g_ptr_array_index (backup->files, i);

      g_assert (file->size <= LODGE_BACKUP_FILE_MAX && strstr (file->role, "..") != file->role && strstr (file->role, "/..") == NULL);
      g_assert (lodge_backup_find_file (backup, file->role) == (int) i);
    }
  for (guint i = 0; i < backup->disks->len; i++)
    {
      const LodgeBackupDisk *disk = g_ptr_array_index (backup->disks, i);

      g_assert (disk->size <= LODGE_BACKUP_DISK_MAX && strpbrk (disk->id, "/.") == NULL);
      g_assert (lodge_backup_find_disk (backup, disk->id) == (int) i);
    }

  first = lodge_backup_print (backup, &length);
  if (length > LODGE_BACKUP_MANIFEST_MAX)
    return 0;
  again = lodge_backup_parse (first, length, &error);
  g_assert_no_error (error);
  second = lodge_backup_print (again, &length);
  g_assert_cmpstr (first, ==, second);
  return 0;
}
