/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-profile-private.h"

#include "core/config/lodge-size.h"

#include <string.h>

static const char *const disk_formats[] = { "qcow2", "raw", "vmdk", "vdi", "vhdx", "vpc", NULL };

static gboolean
made_of (const char *text, gsize max, const char *characters)
{
  gsize length = strspn (text, characters);

  return length > 0 && length <= max && text[length] == '\0';
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static gboolean
is_id (const char *text)
{
  return g_ascii_islower (*text) && made_of (text, 32, LOWER DIGITS "-");
}

static gboolean
is_lower_uuid (const char *text)
{
  return g_uuid_string_is_valid (text) && strspn (text, "abcdef" DIGITS "-") == strlen (text);
}

/* Six octets in lower case, of one station (not of a group). */
static gboolean
is_mac (const char *text)
{
  if (strlen (text) != 17)
    return FALSE;
  for (int i = 0; i < 17; i++)
    if (i % 3 == 2 ? text[i] != ':' : strchr ("abcdef" DIGITS, text[i]) == NULL)
      return FALSE;

  return (g_ascii_xdigit_value (text[1]) & 1) == 0;
}

static gboolean
has_control (const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    if (g_ascii_iscntrl (*p))
      return TRUE;

  return FALSE;
}

/* No part that is empty, "." or "..", so that no reader has to resolve anything. */
static gboolean
is_plain_path (const char *relative)
{
  g_auto (GStrv) parts = g_strsplit (relative, "/", -1);

  for (guint i = 0; parts[i] != NULL; i++)
    if (*parts[i] == '\0' || g_str_equal (parts[i], ".") || g_str_equal (parts[i], ".."))
      return FALSE;

  return parts[0] != NULL;
}

static void
check_path (const char *file, gboolean may_be_absolute, const char *path, LodgeFaults *faults)
{
  g_autofree char *quoted = lodge_quote (file);
  gboolean absolute = g_path_is_absolute (file);

  /* machine.json is UTF-8, so a name that is not could not be written down. */
  if (strlen (file) >= 4096 || has_control (file) || !g_utf8_validate (file, -1, NULL))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "%s is not a usable file name",
                      quoted);
  else if (absolute && !may_be_absolute)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path,
                      "%s must be a file in the machine's own folder", quoted);
  else if (!is_plain_path (absolute ? file + 1 : file))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path,
                      absolute ? "%s must be a full path without “.” and “..”"
                               : "%s leads out of the machine's folder",
                      quoted);
}

void
lodge_field_check_range (const LodgeField *field, guint64 value, const char *path,
                         LodgeFaults *faults)
{
  if (value >= field->min && value <= field->max)
    return;

  if (field->is_size)
    {
      g_autofree char *found = lodge_size_format (value);
      g_autofree char *min = lodge_size_format (field->min);
      g_autofree char *max = lodge_size_format (field->max);

      lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, path, "%s is out of range: %s to %s",
                        found, min, max);
    }
  else
    {
      lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, path,
                        "%" G_GUINT64_FORMAT " is out of range: %" G_GUINT64_FORMAT
                        " to %" G_GUINT64_FORMAT,
                        value, field->min, field->max);
    }
}

/* What the tables alone can say: ranges, and that what must be there is. */
static void
check_fields (const LodgeField *fields, gconstpointer structure, const char *prefix,
              LodgeFaults *faults)
{
  for (const LodgeField *field = fields; field->key != NULL; field++)
    {
      gconstpointer at = (const guint8 *) structure + field->offset;
      g_autofree char *path = g_strconcat (prefix, field->key, NULL);

      if (field->type == LODGE_FIELD_STRING && field->required && *(char *const *) at == NULL)
        lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "is missing");
      else if (field->type == LODGE_FIELD_UINT && !lodge_faults_has (faults, path))
        lodge_field_check_range (field, *(const guint *) at, path, faults);
      else if (field->type == LODGE_FIELD_UINT64 && !lodge_faults_has (faults, path))
        lodge_field_check_range (field, *(const guint64 *) at, path, faults);
      else if (field->type == LODGE_FIELD_WORD &&
               lodge_word_name (field->words, *(const guint *) at) == NULL)
        lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "%u is not a known choice",
                          *(const guint *) at);
    }
}

/* @seen: (element-type utf8 utf8) value to the path that has it */
static void
check_unique (GHashTable *seen, const char *value, const char *path, LodgeFaults *faults)
{
  const char *first = g_hash_table_lookup (seen, value);
  g_autofree char *quoted = lodge_quote (value);

  if (first != NULL)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, path, "%s is that of %s already",
                      quoted, first);
  else
    g_hash_table_insert (seen, g_strdup (value), g_strdup (path));
}

typedef struct
{
  GHashTable *ids;
  GHashTable *addresses;
  GHashTable *macs;
  GHashTable *orders;
  GHashTable *files;
} Seen;

static void
check_device (Seen *seen, const char *id, const char *address, const char *prefix,
              LodgeFaults *faults)
{
  g_autofree char *id_path = g_strconcat (prefix, "id", NULL);
  g_autofree char *address_path = g_strconcat (prefix, "address", NULL);

  if (id != NULL && !is_id (id))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, id_path,
                      "must be 1 to 32 of a-z, 0-9 and “-”, a letter first");
  else if (id != NULL)
    check_unique (seen->ids, id, id_path, faults);

  if (address != NULL && !made_of (address, 32, LOWER UPPER DIGITS ".:_-"))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, address_path, "is not a device address");
  else if (address != NULL)
    check_unique (seen->addresses, address, address_path, faults);
}

static void
check_order (Seen *seen, guint boot_order, const char *prefix, LodgeFaults *faults)
{
  g_autofree char *path = g_strconcat (prefix, "boot-order", NULL);
  g_autofree char *order = g_strdup_printf ("%u", boot_order);

  if (boot_order > 99 && !lodge_faults_has (faults, path))
    lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, path, "%u is out of range: 0 to 99", boot_order);
  else if (boot_order > 0 && boot_order <= 99)
    check_unique (seen->orders, order, path, faults);
}

static void
check_disk_bus (const LodgeProfile *profile, const LodgeDisk *disk, const char *path,
                LodgeFaults *faults)
{
  if (disk->cdrom && (disk->bus == LODGE_BUS_VIRTIO || disk->bus == LODGE_BUS_NVME))
    lodge_faults_add (faults, LODGE_ERROR_NOT_SUPPORTED, path, "%s has no CD drives",
                      lodge_bus_name (disk->bus));
  else if (disk->bus == LODGE_BUS_IDE && profile->chipset != LODGE_CHIPSET_I440FX)
    lodge_faults_add (faults, LODGE_ERROR_NOT_SUPPORTED, path,
                      "ide needs the chipset i440fx; here sata takes its place");
}

static void
check_disk (const LodgeProfile *profile, guint index, Seen *seen, LodgeFaults *faults)
{
  const LodgeDisk *disk = profile->disks->pdata[index];
  g_autofree char *prefix = g_strdup_printf ("disks[%u].", index);
  g_autofree char *format_path = g_strconcat (prefix, "format", NULL);
  g_autofree char *file_path = g_strconcat (prefix, "file", NULL);
  g_autofree char *bus_path = g_strconcat (prefix, "bus", NULL);

  check_fields (lodge_disk_fields, disk, prefix, faults);
  check_device (seen, disk->id, disk->address, prefix, faults);

  if (disk->format != NULL && !g_strv_contains (disk_formats, disk->format))
    lodge_faults_add (faults, LODGE_ERROR_NOT_SUPPORTED, format_path,
                      "must be one of qcow2, raw, vmdk, vdi, vhdx, vpc");
  else if (disk->cdrom && g_strcmp0 (disk->format, "raw") != 0)
    lodge_faults_add (faults, LODGE_ERROR_NOT_SUPPORTED, format_path, "must be raw for a CD drive");

  if (disk->file != NULL)
    check_path (disk->file, TRUE, file_path, faults);
  else if (!disk->cdrom)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, file_path, "is missing");
  /* The same CD may be in two drives; the same disk would destroy itself. */
  if (disk->file != NULL && !disk->cdrom)
    check_unique (seen->files, disk->file, file_path, faults);

  if (!lodge_faults_has (faults, bus_path))
    check_disk_bus (profile, disk, bus_path, faults);

  check_order (seen, disk->boot_order, prefix, faults);
}

static void
check_nic (const LodgeProfile *profile, guint index, Seen *seen, LodgeFaults *faults)
{
  const LodgeNic *nic = profile->nics->pdata[index];
  g_autofree char *prefix = g_strdup_printf ("nics[%u].", index);
  g_autofree char *mac_path = g_strconcat (prefix, "mac", NULL);

  check_fields (lodge_nic_fields, nic, prefix, faults);
  check_device (seen, nic->id, nic->address, prefix, faults);

  if (nic->mac != NULL && !is_mac (nic->mac))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, mac_path,
                      "must be six pairs of 0-9 and a-f with “:” between, not of a group");
  else if (nic->mac != NULL)
    check_unique (seen->macs, nic->mac, mac_path, faults);
  check_order (seen, nic->boot_order, prefix, faults);
}

static void
check_devices (const LodgeProfile *profile, LodgeFaults *faults)
{
  g_autoptr (GHashTable) ids = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) addresses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) macs = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) orders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GHashTable) files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  Seen seen = { ids, addresses, macs, orders, files };

  if (profile->disks->len > LODGE_DISKS_MAX)
    lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, "disks", "at most %u can be used",
                      LODGE_DISKS_MAX);
  if (profile->nics->len > LODGE_NICS_MAX)
    lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, "nics", "at most %u can be used",
                      LODGE_NICS_MAX);

  for (guint i = 0; i < profile->disks->len; i++)
    check_disk (profile, i, &seen, faults);
  for (guint i = 0; i < profile->nics->len; i++)
    check_nic (profile, i, &seen, faults);
}

static void
check_texts (const LodgeProfile *profile, LodgeFaults *faults)
{
  g_autoptr (GError) error = NULL;

  if (profile->id != NULL && !is_lower_uuid (profile->id))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "id", "is not a UUID in lower case");
  if (profile->name != NULL && !lodge_name_validate (profile->name, &error))
    lodge_faults_add (faults, LODGE_ERROR_NAME_INVALID, "name", "%s", error->message);
  if (profile->os != NULL && !made_of (profile->os, 64, LOWER DIGITS "._+-"))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "os",
                      "must be 1 to 64 of a-z, 0-9 and “._+-”");
  if (profile->machine_type != NULL && !made_of (profile->machine_type, 64, LOWER UPPER DIGITS "._-"))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "machine-type",
                      "is not the name of a QEMU machine type");
  if (profile->kernel != NULL)
    check_path (profile->kernel, FALSE, "kernel", faults);
  if (profile->initrd != NULL)
    check_path (profile->initrd, FALSE, "initrd", faults);
  if (profile->vars != NULL)
    check_path (profile->vars, FALSE, "vars", faults);
  if (profile->backup_folder != NULL
      && (!g_path_is_absolute (profile->backup_folder) || strlen (profile->backup_folder) > 4095 || has_control (profile->backup_folder)))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "backup-folder", "must be the full path of a folder");
  if (profile->append != NULL &&
      (strlen (profile->append) > LODGE_APPEND_MAX || has_control (profile->append)))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "append",
                      "must be one line of at most %u bytes", LODGE_APPEND_MAX);
  if (profile->memory % LODGE_MIB != 0)
    lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, "memory", "must be a multiple of 1 MiB");
}

/* Whether the parts fit together. Only asked where each of them is right by itself, since a
 * sentence about a choice that was not understood would mislead. */
static void
check_combinations (const LodgeProfile *profile, LodgeFaults *faults)
{
  gboolean x86 = profile->arch == LODGE_ARCH_X86_64;
  gboolean uefi = profile->firmware == LODGE_FIRMWARE_UEFI;
  const char *arch = lodge_arch_name (profile->arch);

  if (x86 != (profile->chipset != LODGE_CHIPSET_VIRT))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "chipset", "%s is not one of %s machines",
                      lodge_chipset_words[profile->chipset], arch);
  if (!x86 && profile->firmware == LODGE_FIRMWARE_BIOS)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "firmware", "“bios” is not one of uefi, none");
  if (profile->firmware == LODGE_FIRMWARE_NONE && profile->kernel == NULL &&
      profile->arch != LODGE_ARCH_RISCV64)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "firmware",
                      x86 ? "“none” is not one of bios, uefi" : "“none” is not one of uefi");
  if (profile->secure_boot && !(uefi && profile->chipset == LODGE_CHIPSET_Q35))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "secure-boot", "needs firmware=uefi, chipset=q35");
  if (profile->tpm && !(uefi && profile->arch != LODGE_ARCH_RISCV64))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "tpm",
                      profile->arch == LODGE_ARCH_RISCV64 ? "needs arch=x86_64" : "needs firmware=uefi");
  if (profile->hyperv && !x86)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "hyperv", "needs arch=x86_64");
  if (profile->accel_3d && profile->video != LODGE_VIDEO_VIRTIO)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "3d", "needs video=virtio");
  if (profile->sound == LODGE_SOUND_SB16 && !x86)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "sound", "sb16 is of x86_64 machines only");
  if (profile->pointer == LODGE_POINTER_PS2 && !x86)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "pointer",
                      "ps2 is of x86_64 machines only");
  if (profile->initrd != NULL && profile->kernel == NULL)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "initrd", "needs kernel");
  if (profile->append != NULL && profile->kernel == NULL)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "append", "needs kernel");
}

static void
check_parent (const LodgeProfile *profile, LodgeFaults *faults)
{
  const LodgeParent *parent = &profile->parent;

  if (parent->machine != NULL && !is_lower_uuid (parent->machine))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "parent.machine", "is not the id of a machine");
  if (parent->kind != NULL && !is_id (parent->kind))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "parent.kind", "is not a kind of clone");
  if (profile->backup_every > 0 && profile->backup_folder == NULL)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "backup-every", "needs a backup-folder");
  if (profile->template && profile->disposable)
    lodge_faults_add (faults, LODGE_ERROR_NOT_SUPPORTED, "disposable", "a template stays");
}

void
lodge_profile_find_faults (const LodgeProfile *profile, LodgeFaults *faults)
{
  check_fields (lodge_profile_fields, profile, "", faults);
  check_fields (lodge_keep_fields, profile, "", faults);
  check_texts (profile, faults);
  if (!lodge_faults_has (faults, NULL))
    check_combinations (profile, faults);
  check_devices (profile, faults);
  check_parent (profile, faults);
}

gboolean
lodge_profile_validate (const LodgeProfile *profile, GError **error)
{
  g_auto (LodgeFaults) faults = { 0 };

  lodge_faults_init (&faults);
  lodge_profile_find_faults (profile, &faults);

  return lodge_faults_to_error (&faults, error);
}
