/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A disk for a guest that runs: what lodge-command-line-storage.c would have written, as arguments of QMP. Its place in
 * the boot order is left for the next start, since QEMU would ask for an order without doubles among what it has now. */

#include "config.h"
#include "core/qemu/lodge-command-line-private.h"

JsonObject *
lodge_command_line_plug_file (const LodgeDisk *disk, const char *path, const char *aio)
{
  JsonObject *file = json_object_new ();
  g_autofree char *node = g_strdup_printf ("%s-file", disk->id);

  json_object_set_string_member (file, "driver", "file");
  json_object_set_string_member (file, "node-name", node);
  json_object_set_string_member (file, "filename", path);
  json_object_set_string_member (file, "aio", aio);
  json_object_set_string_member (file, "discard", "unmap");
  return file;
}

JsonObject *
lodge_command_line_plug_image (const LodgeDisk *disk)
{
  JsonObject *image = json_object_new ();
  g_autofree char *file = g_strdup_printf ("%s-file", disk->id);

  json_object_set_string_member (image, "driver", disk->format);
  json_object_set_string_member (image, "node-name", disk->id);
  json_object_set_string_member (image, "file", file);
  json_object_set_string_member (image, "discard", "unmap");
  json_object_set_string_member (image, "detect-zeroes", "unmap");
  return image;
}

JsonObject *
lodge_command_line_plug_share (const LodgeProfile *profile)
{
  g_autofree char *address = lodge_layout_last_free (profile);
  g_autofree char *bus = NULL;
  g_autofree char *place = NULL;
  JsonObject *device;

  if (!lodge_address_split (address, &bus, &place))
    return NULL;
  device = json_object_new ();
  json_object_set_string_member (device, "driver", "virtio-9p-pci");
  json_object_set_string_member (device, "id", "share0");
  json_object_set_string_member (device, "fsdev", "share");
  json_object_set_string_member (device, "mount_tag", LODGE_SHARE_TAG);
  json_object_set_string_member (device, "bus", bus);
  json_object_set_string_member (device, "addr", place);
  return device;
}

static gboolean
set_place (JsonObject *device, LodgeBus bus, const char *parent, const char *place)
{
  g_autofree char *inner = g_strconcat (parent, ".0", NULL);

  switch (bus)
    {
    case LODGE_BUS_VIRTIO:
      json_object_set_string_member (device, "driver", "virtio-blk-pci");
      json_object_set_string_member (device, "bus", parent);
      json_object_set_string_member (device, "addr", place);
      return TRUE;
    case LODGE_BUS_SCSI:
      json_object_set_string_member (device, "driver", "scsi-hd");
      json_object_set_string_member (device, "bus", inner);
      json_object_set_int_member (device, "scsi-id", g_ascii_strtoll (place, NULL, 10));
      return TRUE;
    case LODGE_BUS_USB:
      json_object_set_string_member (device, "driver", "usb-storage");
      json_object_set_string_member (device, "bus", inner);
      json_object_set_string_member (device, "port", place);
      return TRUE;
    default:
      return FALSE;
    }
}

gboolean
lodge_command_line_can_plug (const LodgeProfile *profile, const LodgeDisk *disk)
{
  LodgeBus bus = lodge_disk_effective_bus (disk, profile->chipset);

  return !disk->cdrom && (bus == LODGE_BUS_VIRTIO || bus == LODGE_BUS_SCSI || bus == LODGE_BUS_USB);
}

JsonObject *
lodge_command_line_plug_device (const LodgeProfile *profile, const LodgeDisk *disk)
{
  g_autoptr (JsonObject) device = json_object_new ();
  g_autofree char *parent = NULL;
  g_autofree char *place = NULL;

  if (!lodge_command_line_can_plug (profile, disk) || !lodge_address_split (disk->address, &parent, &place)
      || !set_place (device, lodge_disk_effective_bus (disk, profile->chipset), parent, place))
    return NULL;

  json_object_set_string_member (device, "id", disk->id);
  json_object_set_string_member (device, "drive", disk->id);
  json_object_set_string_member (device, "serial", disk->id);
  json_object_set_string_member (device, "werror", "stop");
  json_object_set_string_member (device, "rerror", "stop");
  return g_steal_pointer (&device);
}
