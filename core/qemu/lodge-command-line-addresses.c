/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation
 *
 * Where a device sits is part of what a guest sees: Windows asks for a driver again when a card has moved, Linux
 * names its network after the slot, and a saved state can only be read into the same places. So
 * the devices that every machine has sit at fixed slots of the root bus, and disks and NICs get an address of their
 * own once, which is kept in machine.json. On a PCI Express chipset such an address is a root port ("rp3:00.0"),
 * because only there can a device be plugged at run time; the ports are functions of the slots from LODGE_ROOT_PORT_SLOT
 * on. Drives on a shared controller have its unit: "ide.1:0", "ahci0.2:0", "scsi0:1", "usb0:4".
 */
#include "config.h"
#include "core/qemu/lodge-command-line-private.h"

#include <string.h>

static const LodgeLayout q35_layout = {
  .bus = "pcie.0", .video = 0x01, .channels = 0x08, .rng = 0x09, .balloon = 0x0a, .usb = 0x0b, .scsi = 0x0c,
  .ahci = 0x0d, .sound = 0x1b, .panic = 0x0e, .root_ports = TRUE,
};

static const LodgeLayout virt_layout = {
  .bus = "pcie.0", .video = 0x01, .channels = 0x08, .rng = 0x09, .balloon = 0x0a, .usb = 0x0b, .scsi = 0x0c,
  .ahci = 0x0d, .sound = 0x1b, .panic = 0x0e, .root_ports = TRUE,
};

static const LodgeLayout i440fx_layout = {
  .bus = "pci.0", .video = 0x02, .channels = 0x08, .rng = 0x09, .balloon = 0x0a, .usb = 0x0b, .scsi = 0x0c,
  .ahci = 0x0d, .sound = 0x04, .panic = 0x0e, .first_slot = 0x10, .last_slot = 0x1f,
};

/* USB ports 1 to 3 belong to the pointer, the keyboard and one more of Lodge's own. */
#define FIRST_USB_PORT 4
#define LAST_USB_PORT 8
#define MAX_SATA_UNITS 6
#define MAX_SCSI_UNITS 64

const LodgeLayout *
lodge_layout_get (LodgeChipset chipset)
{
  switch (chipset)
    {
    case LODGE_CHIPSET_I440FX:
      return &i440fx_layout;
    case LODGE_CHIPSET_VIRT:
      return &virt_layout;
    case LODGE_CHIPSET_Q35:
    default:
      return &q35_layout;
    }
}

gboolean
lodge_address_split (const char *address, char **bus, char **place)
{
  const char *colon = address != NULL ? strrchr (address, ':') : NULL;

  if (colon == NULL || colon == address || colon[1] == '\0')
    return FALSE;
  *bus = g_strndup (address, colon - address);
  *place = g_strdup (colon + 1);
  return TRUE;
}

LodgeBus
lodge_disk_effective_bus (const LodgeDisk *disk, LodgeChipset chipset)
{
  LodgeBus bus = disk->bus;

  /* A CD drive needs a bus that has CD drives. */
  if (disk->cdrom && (bus == LODGE_BUS_VIRTIO || bus == LODGE_BUS_NVME))
    bus = LODGE_BUS_SATA;
  switch (chipset)
    {
    case LODGE_CHIPSET_Q35:
      return bus == LODGE_BUS_IDE ? LODGE_BUS_SATA : bus;
    case LODGE_CHIPSET_I440FX:
      return bus == LODGE_BUS_SATA && disk->cdrom ? LODGE_BUS_IDE : bus;
    case LODGE_CHIPSET_VIRT:
    default:
      return bus == LODGE_BUS_IDE || bus == LODGE_BUS_SATA ? LODGE_BUS_SCSI : bus;
    }
}

static guint
root_port_of (const char *address)
{
  if (address == NULL || !g_str_has_prefix (address, "rp"))
    return 0;
  return MIN (g_ascii_strtoull (address + 2, NULL, 10), LODGE_MAX_ROOT_PORTS);
}

guint
lodge_layout_root_ports (const LodgeProfile *profile)
{
  guint used = 0, highest = 0;

  if (!lodge_layout_get (profile->chipset)->root_ports)
    return 0;
  for (guint i = 0; i < profile->disks->len; i++)
    {
      guint port = root_port_of (((LodgeDisk *) profile->disks->pdata[i])->address);

      used += port != 0;
      highest = MAX (highest, port);
    }
  for (guint i = 0; i < profile->nics->len; i++)
    {
      guint port = root_port_of (((LodgeNic *) profile->nics->pdata[i])->address);

      used += port != 0;
      highest = MAX (highest, port);
    }
  return MIN (MAX (highest, used + profile->spare_ports), LODGE_MAX_ROOT_PORTS);
}

/* What addresses on this bus look like up to the number that is chosen, what follows it, and which numbers there are. */
typedef struct
{
  const char *prefix;
  const char *suffix;
  const char *format; /* of the number */
  guint       first;
  guint       last;
} AddressRange;

static AddressRange
range_of_pci (LodgeChipset chipset)
{
  const LodgeLayout *layout = lodge_layout_get (chipset);

  if (layout->root_ports)
    return (AddressRange) { "rp", ":00.0", "%u", 1, LODGE_MAX_ROOT_PORTS };
  return (AddressRange) { "pci.0:", ".0", "%02x", layout->first_slot, layout->last_slot };
}

static AddressRange
range_of_bus (LodgeBus bus, LodgeChipset chipset)
{
  switch (bus)
    {
    case LODGE_BUS_SATA:
      /* q35 has the controller on board, its ports are called ide.N. */
      return (AddressRange) { chipset == LODGE_CHIPSET_Q35 ? "ide." : "ahci0.", ":0", "%u", 0, MAX_SATA_UNITS - 1 };
    case LODGE_BUS_IDE:
      return (AddressRange) { "ide.", "", NULL, 0, 3 };
    case LODGE_BUS_SCSI:
      return (AddressRange) { "scsi0:", "", "%u", 0, MAX_SCSI_UNITS - 1 };
    case LODGE_BUS_USB:
      return (AddressRange) { "usb0:", "", "%u", FIRST_USB_PORT, LAST_USB_PORT };
    case LODGE_BUS_VIRTIO:
    case LODGE_BUS_NVME:
    default:
      return range_of_pci (chipset);
    }
}

static char *
make_address (const AddressRange *range, guint number)
{
  g_autofree char *text = NULL;

  /* The two channels of the PIIX have two units each. */
  if (range->format == NULL)
    return g_strdup_printf ("%s%u:%u", range->prefix, number / 2, number % 2);
  text = g_strdup_printf (range->format, number);
  return g_strconcat (range->prefix, text, range->suffix, NULL);
}

/* Whether @address is one of the range; an address of another bus is left from before the bus was changed. */
static gboolean
in_range (const AddressRange *range, const char *address)
{
  for (guint number = range->first; number <= range->last; number++)
    {
      g_autofree char *candidate = make_address (range, number);

      if (g_strcmp0 (candidate, address) == 0)
        return TRUE;
    }
  return FALSE;
}

/* Gives @address the first free one; leaves it NULL when the bus is full, and building then says so. */
static gboolean
assign_address (GHashTable *taken, const AddressRange *range, char **address)
{
  for (guint number = range->first; number <= range->last; number++)
    {
      g_autofree char *candidate = make_address (range, number);

      if (g_hash_table_contains (taken, candidate))
        continue;
      *address = g_strdup (candidate);
      g_hash_table_add (taken, g_steal_pointer (&candidate));
      return TRUE;
    }
  return FALSE;
}

static char *
make_mac (void)
{
  guint32 random = g_random_int ();

  /* 52:54:00 is locally administered and what people know as that of QEMU. */
  return g_strdup_printf ("52:54:00:%02x:%02x:%02x", random & 0xff, (random >> 8) & 0xff, (random >> 16) & 0xff);
}

/* Addresses that are in use and stay must be known before the first new one is given out. */
static void
collect_kept (GHashTable *taken, const LodgeProfile *profile)
{
  AddressRange pci = range_of_pci (profile->chipset);

  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = profile->disks->pdata[i];
      AddressRange range = range_of_bus (lodge_disk_effective_bus (disk, profile->chipset), profile->chipset);

      if (disk->address != NULL && in_range (&range, disk->address))
        g_hash_table_add (taken, g_strdup (disk->address));
    }
  for (guint i = 0; i < profile->nics->len; i++)
    {
      LodgeNic *nic = profile->nics->pdata[i];

      if (nic->address != NULL && in_range (&pci, nic->address))
        g_hash_table_add (taken, g_strdup (nic->address));
    }
}

char *
lodge_layout_last_free (const LodgeProfile *profile)
{
  g_autoptr (GHashTable) kept = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  AddressRange pci = range_of_pci (profile->chipset);
  guint last = lodge_layout_get (profile->chipset)->root_ports ? lodge_layout_root_ports (profile) : pci.last;

  collect_kept (kept, profile);
  for (guint number = last; number >= pci.first; number--)
    {
      g_autofree char *candidate = make_address (&pci, number);

      if (!g_hash_table_contains (kept, candidate))
        return g_steal_pointer (&candidate);
    }
  return NULL;
}

/* The first device that holds an address keeps it; a second one with the same gets another. */
static gboolean
keep_or_assign (GHashTable *kept, GHashTable *taken, const AddressRange *range, char **address)
{
  gboolean had = *address != NULL;

  if (had && in_range (range, *address) && g_hash_table_remove (kept, *address))
    return FALSE;
  g_clear_pointer (address, g_free);
  return assign_address (taken, range, address) || had;
}

gboolean
lodge_command_line_assign (LodgeProfile *profile, LodgeCapabilities *capabilities)
{
  static const char *const aliases[]
      = { [LODGE_CHIPSET_Q35] = "q35", [LODGE_CHIPSET_I440FX] = "pc", [LODGE_CHIPSET_VIRT] = "virt" };
  g_autoptr (GHashTable) kept = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) taken = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  AddressRange pci = range_of_pci (profile->chipset);
  gboolean changed = FALSE;

  if (profile->machine_type == NULL)
    {
      profile->machine_type = g_strdup (lodge_capabilities_get_machine (capabilities, aliases[profile->chipset]));
      changed = profile->machine_type != NULL;
    }
  collect_kept (kept, profile);
  collect_kept (taken, profile);
  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = profile->disks->pdata[i];
      AddressRange range = range_of_bus (lodge_disk_effective_bus (disk, profile->chipset), profile->chipset);

      changed = keep_or_assign (kept, taken, &range, &disk->address) || changed;
    }
  for (guint i = 0; i < profile->nics->len; i++)
    {
      LodgeNic *nic = profile->nics->pdata[i];

      changed = keep_or_assign (kept, taken, &pci, &nic->address) || changed;
      if (nic->mac == NULL)
        {
          nic->mac = make_mac ();
          changed = TRUE;
        }
    }
  return changed;
}
