/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/machine/lodge-backup-plan.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-machine-private.h"
#include "core/storage/lodge-layers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define VARS_MAX (64 * 1024 * 1024)

typedef struct
{
  const LodgeBackup *backup;
  LodgeProfile      *profile;
  LodgeMachine      *target; /* (nullable) */
  LodgeBackupPlan   *plan;
} Work;

static void
part_free (gpointer data)
{
  LodgeBackupPart *part = data;

  g_free (part->file);
  g_free (part);
}

static void
add_part (GPtrArray *parts, int number, char *file, guint64 size)
{
  LodgeBackupPart *part = g_new0 (LodgeBackupPart, 1);

  part->number = (guint) number;
  part->file = file;
  part->size = size;
  g_ptr_array_add (parts, part);
}

/* In place no file of the present is replaced. */
static char *
free_name (LodgeMachine *target, const char *folder, const char *name, const char *suffix)
{
  char *file = g_strdup_printf ("%s/%s%s", folder, name, suffix);

  for (guint n = 1; target != NULL; n++)
    {
      g_autofree char *path = g_build_filename (target->folder, file, NULL);

      if (access (path, F_OK) != 0)
        break;
      g_free (file);
      file = g_strdup_printf ("%s/%s-%u%s", folder, name, n, suffix);
    }
  return file;
}

static gboolean
refuse (GError **error, const char *what)
{
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "the backup is not whole: %s is not in it", what);
  return FALSE;
}

static gboolean
take_boot_file (const Work *work, char **file, const char *role, GError **error)
{
  int number = lodge_backup_find_file (work->backup, role);

  if (*file == NULL)
    return TRUE;
  if (number < 0)
    return refuse (error, role);
  g_free (*file);
  *file = free_name (work->target, "boot", role, "");
  add_part (work->plan->files, number, g_strdup (*file), ((LodgeBackupFile *) g_ptr_array_index (work->backup->files, (guint) number))->size);
  return TRUE;
}

static const LodgeDisk *
find_drive (const LodgeProfile *profile, const char *id)
{
  for (guint i = 0; profile != NULL && i < profile->disks->len; i++)
    if (strcmp (((const LodgeDisk *) g_ptr_array_index (profile->disks, i))->id, id) == 0)
      return g_ptr_array_index (profile->disks, i);
  return NULL;
}

/* A disc is what the machine has in that drive now, or none: a path that a backup names may be anything of this host's. */
static void
take_disc (const Work *work, LodgeDisk *disk)
{
  const LodgeDisk *now = work->target != NULL ? find_drive (work->target->entry->profile, disk->id) : NULL;

  if (now != NULL && now->cdrom && g_strcmp0 (now->file, disk->file) == 0)
    return;
  g_clear_pointer (&disk->file, g_free);
  disk->size = 0;
  disk->mtime = 0;
}

static gboolean
take_disks (const Work *work, GError **error)
{
  for (guint i = 0; i < work->profile->disks->len; i++)
    {
      LodgeDisk *disk = g_ptr_array_index (work->profile->disks, i);
      int number = lodge_backup_find_disk (work->backup, disk->id);

      if (disk->cdrom)
        take_disc (work, disk);
      else if (disk->file != NULL && number < 0)
        return refuse (error, disk->id);
      else if (disk->file != NULL)
        {
          disk->size = ((LodgeBackupDisk *) g_ptr_array_index (work->backup->disks, (guint) number))->size;
          disk->mtime = 0;
          g_free (disk->file);
          disk->file = free_name (work->target, "disks", disk->id, ".qcow2");
          g_free (disk->format);
          disk->format = g_strdup ("qcow2");
          add_part (work->plan->disks, number, g_strdup (disk->file), disk->size);
        }
    }
  return TRUE;
}

static void
take_firmware (const Work *work)
{
  LodgeProfile *profile = work->profile;

  if (profile->vars != NULL && (!g_str_has_prefix (profile->vars, "firmware/") || strchr (profile->vars + strlen ("firmware/"), '/') != NULL))
    g_clear_pointer (&profile->vars, g_free);
  for (guint i = 0; i < work->backup->files->len; i++)
    {
      const LodgeBackupFile *file = g_ptr_array_index (work->backup->files, i);

      if (strcmp (file->role, "vars") == 0 && profile->firmware == LODGE_FIRMWARE_UEFI)
        add_part (work->plan->files, (int) i, g_strdup (work->target != NULL ? "vars.qcow2" : lodge_profile_get_vars (profile)), file->size);
      else if (g_str_has_prefix (file->role, "tpm/") && profile->tpm)
        add_part (work->plan->files, (int) i, g_strdup (file->role), file->size);
    }
}

/* The one file of a backup that QEMU opens as an image. */
static gboolean
check_vars (const char *path, GError **error)
{
  g_autoptr (LodgeLayer) layer = lodge_layers_read (path, error);

  if (layer == NULL)
    return FALSE;
  if (layer->backing == NULL && layer->virtual_size > 0 && layer->virtual_size <= VARS_MAX)
    return TRUE;
  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "the UEFI variables of the backup are none");
  return FALSE;
}

/* ---- Public ---- */

LodgeBackupPlan *
lodge_backup_plan_new (const LodgeBackup *backup, LodgeProfile *profile, LodgeMachine *target, GError **error)
{
  g_autoptr (LodgeBackupPlan) plan = g_new0 (LodgeBackupPlan, 1);
  Work work = { backup, profile, target, plan };

  plan->disks = g_ptr_array_new_with_free_func (part_free);
  plan->files = g_ptr_array_new_with_free_func (part_free);
  if (!take_boot_file (&work, &profile->kernel, "kernel", error) || !take_boot_file (&work, &profile->initrd, "initrd", error)
      || !take_disks (&work, error))
    return NULL;
  take_firmware (&work);
  return lodge_profile_validate (profile, error) ? g_steal_pointer (&plan) : NULL;
}

void
lodge_backup_plan_free (LodgeBackupPlan *plan)
{
  g_ptr_array_unref (plan->disks);
  g_ptr_array_unref (plan->files);
  g_free (plan);
}

gboolean
lodge_backup_plan_extract (const LodgeBackupPart *part, LodgeBackupSet *set, const LodgeBackup *backup, const char *place, GError **error)
{
  const LodgeBackupFile *file = g_ptr_array_index (backup->files, part->number);
  g_autofree char *path = g_build_filename (place, part->file, NULL);
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = g_mkdir_with_parents (folder, 0700) == 0 ? open (path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
  gboolean good;

  if (fd < 0)
    return lodge_error_set_errno (error, errno, "making", path);
  good = lodge_backup_extract (set, backup, part->number, fd, error);
  if (good && fsync (fd) != 0)
    good = lodge_error_set_errno (error, errno, "writing", path);
  close (fd);
  return good && lodge_folder_sync (folder, error) && (strcmp (file->role, "vars") != 0 || check_vars (path, error));
}
