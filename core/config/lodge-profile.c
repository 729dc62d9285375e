/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-profile-private.h"

LodgeDisk *
lodge_disk_new (const char *id, gboolean cdrom)
{
  LodgeDisk *disk = g_new0 (LodgeDisk, 1);

  disk->id = g_strdup (id);
  disk->format = g_strdup (cdrom ? "raw" : "qcow2");
  disk->cdrom = cdrom;
  disk->bus = cdrom ? LODGE_BUS_SATA : LODGE_BUS_VIRTIO;

  return disk;
}

void
lodge_disk_free (LodgeDisk *disk)
{
  if (disk == NULL)
    return;

  g_free (disk->id);
  g_free (disk->file);
  g_free (disk->format);
  g_free (disk->address);
  g_clear_pointer (&disk->unknown, json_object_unref);
  g_free (disk);
}

gboolean
lodge_profile_has_disk (const LodgeProfile *profile, const char *file)
{
  for (guint i = 0; profile != NULL && i < profile->disks->len; i++)
    if (g_strcmp0 (((const LodgeDisk *) g_ptr_array_index (profile->disks, i))->file, file) == 0)
      return TRUE;
  return FALSE;
}

const char *
lodge_profile_get_vars (const LodgeProfile *profile)
{
  return profile->vars != NULL ? profile->vars : LODGE_FIRMWARE_VARS_FILE;
}

void
lodge_parent_clear (LodgeParent *parent)
{
  g_clear_pointer (&parent->machine, g_free);
  g_clear_pointer (&parent->snapshot, g_free);
  g_clear_pointer (&parent->kind, g_free);
}

LodgeNic *
lodge_nic_new (const char *id)
{
  LodgeNic *nic = g_new0 (LodgeNic, 1);

  nic->id = g_strdup (id);
  nic->kind = LODGE_NETWORK_USER;

  return nic;
}

void
lodge_nic_free (LodgeNic *nic)
{
  if (nic == NULL)
    return;

  g_free (nic->id);
  g_free (nic->mac);
  g_free (nic->address);
  g_clear_pointer (&nic->unknown, json_object_unref);
  g_free (nic);
}

/* What is the same for every family comes first, then what old systems need; what serves a family
 * best beyond that is data (lodge-os-profile.h). */
LodgeProfile *
lodge_profile_new (const char *name, LodgeFamily family, LodgeArch arch)
{
  LodgeProfile *profile = g_new0 (LodgeProfile, 1);
  LodgeNic *nic = lodge_nic_new ("net0");
  gboolean x86 = arch == LODGE_ARCH_X86_64;
  gboolean old = x86 && (family == LODGE_FAMILY_WINDOWS_OLD || family == LODGE_FAMILY_DOS);

  profile->id = g_uuid_string_random ();
  profile->name = g_strdup (name);
  profile->created = g_get_real_time () / G_USEC_PER_SEC;
  profile->family = family;
  profile->arch = arch;
  profile->disks = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_disk_free);
  profile->nics = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_nic_free);
  profile->cores = old ? 1 : 2;
  profile->memory = old ? 512 * LODGE_MIB : 2 * LODGE_GIB;
  profile->chipset = old ? LODGE_CHIPSET_I440FX : x86 ? LODGE_CHIPSET_Q35 : LODGE_CHIPSET_VIRT;
  profile->firmware = old ? LODGE_FIRMWARE_BIOS : LODGE_FIRMWARE_UEFI;
  profile->video = old ? LODGE_VIDEO_VGA : LODGE_VIDEO_VIRTIO;
  profile->sound = old ? LODGE_SOUND_AC97 : LODGE_SOUND_HDA;
  profile->pointer = family == LODGE_FAMILY_DOS && x86 ? LODGE_POINTER_PS2 : LODGE_POINTER_TABLET;
  profile->balloon = !old;
  profile->spare_ports = old ? 0 : 4;
  if (family == LODGE_FAMILY_WINDOWS || old)
    profile->clock = LODGE_CLOCK_LOCALTIME;
  profile->hyperv = family == LODGE_FAMILY_WINDOWS && x86;

  nic->model = old ? LODGE_NIC_RTL8139
                   : family == LODGE_FAMILY_WINDOWS ? LODGE_NIC_E1000E : LODGE_NIC_VIRTIO;
  g_ptr_array_add (profile->nics, nic);

  return profile;
}

static LodgeBus
bus_for (const LodgeProfile *profile, gboolean cdrom)
{
  if (profile->chipset == LODGE_CHIPSET_I440FX)
    return LODGE_BUS_IDE;
  if (profile->chipset == LODGE_CHIPSET_VIRT)
    return cdrom ? LODGE_BUS_SCSI : LODGE_BUS_VIRTIO;

  /* Windows has no virtio driver until its guest tools are in. */
  return cdrom || profile->family == LODGE_FAMILY_WINDOWS ? LODGE_BUS_SATA : LODGE_BUS_VIRTIO;
}

static LodgeDisk *
add_drive (LodgeProfile *profile, gboolean cdrom, const char *file)
{
  LodgeDisk *disk = NULL;
  guint number = 0;
  guint order = 0;

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *other = profile->disks->pdata[i];

      order = MAX (order, other->boot_order);
    }
  for (guint i = 0; i < profile->nics->len; i++)
    order = MAX (order, ((const LodgeNic *) profile->nics->pdata[i])->boot_order);

  while (disk == NULL)
    {
      g_autofree char *id = g_strdup_printf ("%s%u", cdrom ? "cd" : "disk", number++);
      gboolean taken = FALSE;

      for (guint i = 0; i < profile->disks->len; i++)
        taken |= g_strcmp0 (((LodgeDisk *) profile->disks->pdata[i])->id, id) == 0;
      if (!taken)
        disk = lodge_disk_new (id, cdrom);
    }

  disk->file = g_strdup (file);
  disk->bus = bus_for (profile, cdrom);
  disk->boot_order = order + 1;
  g_ptr_array_add (profile->disks, disk);

  return disk;
}

LodgeDisk *
lodge_profile_add_disk (LodgeProfile *profile, const char *file, const char *format)
{
  LodgeDisk *disk = add_drive (profile, FALSE, file);

  g_free (disk->format);
  disk->format = g_strdup (format);

  return disk;
}

LodgeDisk *
lodge_profile_add_cd (LodgeProfile *profile, const char *file)
{
  return add_drive (profile, TRUE, file);
}

LodgeDisk *
lodge_disk_copy (const LodgeDisk *disk)
{
  LodgeDisk *copy = g_memdup2 (disk, sizeof *disk);

  copy->id = g_strdup (disk->id);
  copy->file = g_strdup (disk->file);
  copy->format = g_strdup (disk->format);
  copy->address = g_strdup (disk->address);
  if (disk->unknown != NULL)
    copy->unknown = json_object_ref (disk->unknown);

  return copy;
}

static gpointer
copy_disk (gconstpointer source, gpointer data)
{
  return lodge_disk_copy (source);
}

static gpointer
copy_nic (gconstpointer source, gpointer data)
{
  const LodgeNic *nic = source;
  LodgeNic *copy = g_memdup2 (nic, sizeof *nic);

  copy->id = g_strdup (nic->id);
  copy->mac = g_strdup (nic->mac);
  copy->address = g_strdup (nic->address);
  if (nic->unknown != NULL)
    copy->unknown = json_object_ref (nic->unknown);

  return copy;
}

LodgeProfile *
lodge_profile_copy (const LodgeProfile *profile)
{
  LodgeProfile *copy = g_memdup2 (profile, sizeof *profile);

  copy->id = g_strdup (profile->id);
  copy->name = g_strdup (profile->name);
  copy->os = g_strdup (profile->os);
  copy->machine_type = g_strdup (profile->machine_type);
  copy->kernel = g_strdup (profile->kernel);
  copy->initrd = g_strdup (profile->initrd);
  copy->append = g_strdup (profile->append);
  copy->snapshot = g_strdup (profile->snapshot);
  copy->vars = g_strdup (profile->vars);
  copy->backup_folder = g_strdup (profile->backup_folder);
  copy->parent.machine = g_strdup (profile->parent.machine);
  copy->parent.snapshot = g_strdup (profile->parent.snapshot);
  copy->parent.kind = g_strdup (profile->parent.kind);
  copy->disks = g_ptr_array_copy (profile->disks, (GCopyFunc) copy_disk, NULL);
  copy->nics = g_ptr_array_copy (profile->nics, (GCopyFunc) copy_nic, NULL);
  g_ptr_array_set_free_func (copy->disks, (GDestroyNotify) lodge_disk_free);
  g_ptr_array_set_free_func (copy->nics, (GDestroyNotify) lodge_nic_free);
  /* Never changed once read, so the copies share it. */
  if (profile->unknown != NULL)
    copy->unknown = json_object_ref (profile->unknown);

  return copy;
}

void
lodge_profile_free (LodgeProfile *profile)
{
  if (profile == NULL)
    return;

  g_free (profile->id);
  g_free (profile->name);
  g_free (profile->os);
  g_free (profile->machine_type);
  g_free (profile->kernel);
  g_free (profile->initrd);
  g_free (profile->append);
  g_free (profile->snapshot);
  g_free (profile->vars);
  g_free (profile->backup_folder);
  lodge_parent_clear (&profile->parent);
  g_clear_pointer (&profile->disks, g_ptr_array_unref);
  g_clear_pointer (&profile->nics, g_ptr_array_unref);
  g_clear_pointer (&profile->unknown, json_object_unref);
  g_free (profile);
}
