/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Disks and CD drives. For a disk with the id "disk0" the image's file is the node "disk0-file", its format the node
 * "disk0", and the device is "disk0"; events and jobs are told apart by these names.
 */
#include "config.h"
#include "core/qemu/lodge-command-line-private.h"

#include <string.h>

void
lodge_command_line_add_root_ports (LodgeCommandLine *self)
{
  LodgeArgs *args = &self->args;
  guint n_ports = lodge_layout_root_ports (self->profile);

  for (guint i = 0; i < n_ports; i++)
    {
      guint slot = LODGE_ROOT_PORT_SLOT + i / 8, function = i % 8;

      lodge_args_begin (args, "-device", "pcie-root-port");
      lodge_args_optionf (args, "id", "rp%u", i + 1);
      lodge_args_option (args, "bus", lodge_layout_get (self->profile->chipset)->bus);
      lodge_args_optionf (args, "chassis", "%u", i + 1);
      lodge_args_optionf (args, "addr", "%02x.%u", slot, function);
      if (function == 0)
        lodge_args_option (args, "multifunction", "on");
    }
}

static void
add_pci_controller (LodgeCommandLine *self, const char *type, const char *id, guint slot)
{
  lodge_args_begin (&self->args, "-device", type);
  lodge_args_option (&self->args, "id", id);
  lodge_args_option (&self->args, "bus", lodge_layout_get (self->profile->chipset)->bus);
  lodge_args_optionf (&self->args, "addr", "%02x.0", slot);
}

static void
add_controllers (LodgeCommandLine *self)
{
  const LodgeProfile *profile = self->profile;
  const LodgeLayout *layout = lodge_layout_get (profile->chipset);
  gboolean scsi = FALSE, ahci = FALSE;

  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeBus bus = lodge_disk_effective_bus (profile->disks->pdata[i], profile->chipset);

      scsi = scsi || bus == LODGE_BUS_SCSI;
      ahci = ahci || (bus == LODGE_BUS_SATA && profile->chipset != LODGE_CHIPSET_Q35);
    }
  if (scsi)
    add_pci_controller (self, "virtio-scsi-pci", "scsi0", layout->scsi);
  if (ahci)
    add_pci_controller (self, "ich9-ahci", "ahci0", layout->ahci);
}

static void
add_nodes (LodgeCommandLine *self, const LodgeDisk *disk)
{
  LodgeArgs *args = &self->args;
  g_autofree char *path = lodge_command_line_path (self, disk->file);
  const char *aio = self->host->io_uring && lodge_capabilities_has_io_uring (self->capabilities) ? "io_uring" : "threads";

  lodge_args_begin (args, "-blockdev", NULL);
  lodge_args_option (args, "driver", "file");
  lodge_args_optionf (args, "node-name", "%s-file", disk->id);
  lodge_args_option (args, "filename", path);
  lodge_args_option (args, "aio", aio);
  lodge_args_option (args, disk->cdrom ? "read-only" : "discard", disk->cdrom ? "on" : "unmap");
  lodge_args_begin (args, "-blockdev", NULL);
  /* Always the format that was decided when the image was added: one that QEMU guesses can be chosen by the guest. */
  lodge_args_option (args, "driver", disk->format);
  lodge_args_option (args, "node-name", disk->id);
  lodge_args_optionf (args, "file", "%s-file", disk->id);
  if (disk->cdrom)
    lodge_args_option (args, "read-only", "on");
  else
    {
      lodge_args_option (args, "discard", "unmap");
      lodge_args_option (args, "detect-zeroes", "unmap");
    }
}

/* "disk0-file" must be a node name, and those have at most 31 bytes. */
#define MAX_DRIVE_ID 26

static const char *
device_type (const LodgeDisk *disk, LodgeBus bus)
{
  switch (bus)
    {
    case LODGE_BUS_NVME:
      return "nvme";
    case LODGE_BUS_SATA:
    case LODGE_BUS_IDE:
      return disk->cdrom ? "ide-cd" : "ide-hd";
    case LODGE_BUS_SCSI:
      return disk->cdrom ? "scsi-cd" : "scsi-hd";
    case LODGE_BUS_USB:
      return "usb-storage";
    case LODGE_BUS_VIRTIO:
    default:
      return "virtio-blk-pci";
    }
}

/* Where it is plugged in; the address has been split into its parts. */
static void
add_place (LodgeCommandLine *self, LodgeBus bus, const char *parent, const char *place)
{
  LodgeArgs *args = &self->args;

  switch (bus)
    {
    case LODGE_BUS_SATA:
    case LODGE_BUS_IDE:
      lodge_args_option (args, "bus", parent);
      lodge_args_option (args, "unit", place);
      break;
    case LODGE_BUS_SCSI:
      lodge_args_optionf (args, "bus", "%s.0", parent);
      lodge_args_option (args, "scsi-id", place);
      break;
    case LODGE_BUS_USB:
      lodge_args_optionf (args, "bus", "%s.0", parent);
      lodge_args_option (args, "port", place);
      break;
    case LODGE_BUS_VIRTIO:
    case LODGE_BUS_NVME:
    default:
      lodge_args_option (args, "bus", parent);
      lodge_args_option (args, "addr", place);
      break;
    }
}

static gboolean
add_disk (LodgeCommandLine *self, const LodgeDisk *disk, GError **error)
{
  LodgeArgs *args = &self->args;
  LodgeBus bus = lodge_disk_effective_bus (disk, self->profile->chipset);
  const char *type = device_type (disk, bus);
  g_autofree char *parent = NULL;
  g_autofree char *place = NULL;

  if (!lodge_address_split (disk->address, &parent, &place))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "there is no free place for the drive \"%s\" on its bus (%s)",
                   disk->id, lodge_bus_name (bus));
      return FALSE;
    }
  if (strlen (disk->id) > MAX_DRIVE_ID)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "the drive's id \"%s\" is longer than QEMU allows (%u characters)",
                   disk->id, MAX_DRIVE_ID);
      return FALSE;
    }
  if (!lodge_capabilities_has_device (self->capabilities, type))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "QEMU %s has no \"%s\" device",
                   lodge_capabilities_get_version (self->capabilities), type);
      return FALSE;
    }
  if (disk->file != NULL)
    add_nodes (self, disk);
  else if (!disk->cdrom)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "the disk \"%s\" has no file", disk->id);
      return FALSE;
    }
  lodge_args_begin (args, "-device", type);
  lodge_args_option (args, "id", disk->id);
  add_place (self, bus, parent, place);
  if (disk->file != NULL)
    lodge_args_option (args, "drive", disk->id);
  if (disk->boot_order > 0)
    lodge_args_optionf (args, "bootindex", "%u", disk->boot_order);
  /* Gives the guest a name for it that does not depend on the order (/dev/disk/by-id). */
  if (!disk->cdrom || bus == LODGE_BUS_NVME)
    lodge_args_option (args, "serial", disk->id);
  /* A full host disk pauses the guest instead of telling it that its disk is broken; NVMe knows no such thing. */
  if (!disk->cdrom && bus != LODGE_BUS_NVME)
    {
      lodge_args_option (args, "werror", "stop");
      lodge_args_option (args, "rerror", "stop");
    }
  return TRUE;
}

gboolean
lodge_command_line_add_storage (LodgeCommandLine *self, GError **error)
{
  add_controllers (self);
  for (guint i = 0; i < self->profile->disks->len; i++)
    if (!add_disk (self, self->profile->disks->pdata[i], error))
      return FALSE;
  return TRUE;
}
