/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Most keys are fields of machine.json by the same name, and are read and written through the table
 * of lodge-profile-json.c. The others speak of the first network card, CD drive or disk and have a
 * pair of functions. Applying works on a copy: first each value by itself, then the copy as a
 * whole; only a copy without any fault replaces the profile.
 */

#include "config.h"

#include "core/config/lodge-settings.h"

#include "core/config/lodge-profile-private.h"
#include "core/config/lodge-settings-value.h"

#include <string.h>

typedef GVariant *(*Getter) (const LodgeProfile *profile);
/* @value has the setting's type; the path of a fault is the key */
typedef void (*Setter) (LodgeProfile *profile, GVariant *value, LodgeFaults *faults);

static const char *const boot_words[] = { "disk", "cd", NULL };

/* The first network card */

static LodgeNic *
first_nic (LodgeProfile *profile)
{
  if (profile->nics->len == 0)
    {
      LodgeNic *nic = lodge_nic_new ("net0");

      nic->kind = LODGE_NETWORK_NONE;
      g_ptr_array_add (profile->nics, nic);
    }

  return profile->nics->pdata[0];
}

static GVariant *
get_network (const LodgeProfile *profile)
{
  const LodgeNic *nic = profile->nics->len > 0 ? profile->nics->pdata[0] : NULL;

  return g_variant_new_string (lodge_network_words[nic != NULL ? nic->kind : LODGE_NETWORK_NONE]);
}

static void
set_network (LodgeProfile *profile, GVariant *value, LodgeFaults *faults)
{
  guint kind = LODGE_NETWORK_NONE;

  lodge_word_parse (lodge_network_words, g_variant_get_string (value, NULL), &kind);
  first_nic (profile)->kind = kind;
}

static GVariant *
get_nic_model (const LodgeProfile *profile)
{
  const LodgeNic *nic = profile->nics->len > 0 ? profile->nics->pdata[0] : NULL;

  return g_variant_new_string (lodge_nic_model_words[nic != NULL ? nic->model : LODGE_NIC_VIRTIO]);
}

static void
set_nic_model (LodgeProfile *profile, GVariant *value, LodgeFaults *faults)
{
  guint model = LODGE_NIC_VIRTIO;

  lodge_word_parse (lodge_nic_model_words, g_variant_get_string (value, NULL), &model);
  first_nic (profile)->model = model;
}

static GVariant *
get_mac (const LodgeProfile *profile)
{
  const LodgeNic *nic = profile->nics->len > 0 ? profile->nics->pdata[0] : NULL;

  return g_variant_new_string (nic != NULL && nic->mac != NULL ? nic->mac : "");
}

/* Written as people write it; what is wrong with it the profile's own check says. */
static void
set_mac (LodgeProfile *profile, GVariant *value, LodgeFaults *faults)
{
  LodgeNic *nic = first_nic (profile);
  char *mac = g_ascii_strdown (g_variant_get_string (value, NULL), -1);

  g_strdelimit (mac, "-", ':');
  g_free (nic->mac);
  nic->mac = *mac != '\0' ? mac : NULL;
  if (nic->mac == NULL)
    g_free (mac);
}

/* The first drive of a kind */

static LodgeDisk *
first_drive (const LodgeProfile *profile, gboolean cdrom)
{
  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = profile->disks->pdata[i];

      if (disk->cdrom == cdrom)
        return disk;
    }

  return NULL;
}

static GVariant *
get_boot (const LodgeProfile *profile)
{
  const LodgeDisk *first = NULL;

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = profile->disks->pdata[i];

      if (disk->boot_order > 0 && (first == NULL || disk->boot_order < first->boot_order))
        first = disk;
    }

  return g_variant_new_string (boot_words[first != NULL && first->cdrom]);
}

static void
set_boot (LodgeProfile *profile, GVariant *value, LodgeFaults *faults)
{
  gboolean cd_first = g_str_equal (g_variant_get_string (value, NULL), "cd");
  guint order = 1;

  if (first_drive (profile, cd_first) == NULL)
    {
      /* A machine without any disk has "disk" already. */
      if (cd_first)
        lodge_faults_add (faults, LODGE_ERROR_NOT_SUPPORTED, "boot", "the machine has no CD drive");
      return;
    }

  for (int pass = 0; pass < 2; pass++)
    for (guint i = 0; i < profile->disks->len; i++)
      {
        LodgeDisk *disk = profile->disks->pdata[i];

        if (disk->cdrom == (pass == 0 ? cd_first : !cd_first))
          disk->boot_order = order++;
      }
  for (guint i = 0; i < profile->nics->len; i++)
    {
      LodgeNic *nic = profile->nics->pdata[i];

      if (nic->boot_order > 0)
        nic->boot_order = order++;
    }
}

/* What is booted from, in order */

typedef struct
{
  const char *id;
  guint      *order;
} BootDevice;

static GArray *
boot_devices (const LodgeProfile *profile)
{
  GArray *devices = g_array_new (FALSE, FALSE, sizeof (BootDevice));

  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = profile->disks->pdata[i];
      BootDevice device = { disk->id, &disk->boot_order };

      g_array_append_val (devices, device);
    }
  for (guint i = 0; i < profile->nics->len; i++)
    {
      LodgeNic *nic = profile->nics->pdata[i];
      BootDevice device = { nic->id, &nic->boot_order };

      g_array_append_val (devices, device);
    }

  return devices;
}

static int
compare_orders (gconstpointer a, gconstpointer b)
{
  guint first = *((const BootDevice *) a)->order, second = *((const BootDevice *) b)->order;

  return first < second ? -1 : first > second;
}

static GVariant *
get_boot_order (const LodgeProfile *profile)
{
  g_autoptr (GArray) devices = boot_devices (profile);
  g_autoptr (GString) ids = g_string_new (NULL);

  g_array_sort (devices, compare_orders);
  for (guint i = 0; i < devices->len; i++)
    {
      const BootDevice *device = &g_array_index (devices, BootDevice, i);

      if (*device->order > 0)
        g_string_append_printf (ids, "%s%s", ids->len > 0 ? "," : "", device->id);
    }

  return g_variant_new_string (ids->str);
}

static void
refuse_boot_device (GArray *devices, const char *id, LodgeFaults *faults)
{
  g_autoptr (GString) known = g_string_new (NULL);
  g_autofree char *quoted = lodge_quote (id);

  for (guint i = 0; i < devices->len; i++)
    g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", g_array_index (devices, BootDevice, i).id);
  lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "boot-order",
                    "%s is no drive or network card of the machine, which has %s", quoted,
                    known->len > 0 ? known->str : "none");
}

static void
set_boot_order (LodgeProfile *profile, GVariant *value, LodgeFaults *faults)
{
  g_autoptr (GArray) devices = boot_devices (profile);
  g_auto (GStrv) ids = g_strsplit (g_variant_get_string (value, NULL), ",", LODGE_DISKS_MAX + LODGE_NICS_MAX + 1);
  guint order = 1;

  for (guint i = 0; i < devices->len; i++)
    *g_array_index (devices, BootDevice, i).order = 0;
  for (guint n = 0; ids[n] != NULL; n++)
    {
      const char *id = g_strstrip (ids[n]);
      BootDevice *device = NULL;

      for (guint i = 0; i < devices->len && device == NULL; i++)
        if (g_strcmp0 (g_array_index (devices, BootDevice, i).id, id) == 0)
          device = &g_array_index (devices, BootDevice, i);
      if (device == NULL)
        {
          refuse_boot_device (devices, id, faults);
          return;
        }
      if (*device->order > 0)
        {
          lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "boot-order", "%s is in it twice", id);
          return;
        }
      *device->order = order++;
    }
}

/* Each kind of UEFI variables in a file of its own, so that what is switched back is as it was. */
static void
set_secure_boot (LodgeProfile *profile, GVariant *value, LodgeFaults *faults)
{
  gboolean secure = g_variant_get_boolean (value);

  if (profile->secure_boot == secure)
    return;
  profile->secure_boot = secure;
  if (profile->vars != NULL)
    g_clear_pointer (&profile->vars, g_free);
  else
    profile->vars = g_strdup (secure ? "firmware/vars-secure.qcow2" : "firmware/vars-plain.qcow2");
}


static GVariant *
get_cd (const LodgeProfile *profile)
{
  const LodgeDisk *drive = first_drive (profile, TRUE);

  return g_variant_new_string (drive != NULL && drive->file != NULL ? drive->file : "");
}

static void
set_cd (LodgeProfile *profile, GVariant *value, LodgeFaults *faults)
{
  LodgeDisk *drive = first_drive (profile, TRUE);
  const char *file = g_variant_get_string (value, NULL);

  if (drive == NULL && *file != '\0')
    lodge_faults_add (faults, LODGE_ERROR_NOT_SUPPORTED, "cd", "the machine has no CD drive");
  else if (*file != '\0' && !g_path_is_absolute (file))
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, "cd", "must be a full path");
  else if (drive != NULL && g_strcmp0 (drive->file, *file != '\0' ? file : NULL) != 0)
    {
      g_free (drive->file);
      drive->file = *file != '\0' ? g_strdup (file) : NULL;
      drive->size = 0;
      drive->mtime = 0;
    }
}

static GVariant *
get_disk (const LodgeProfile *profile)
{
  const LodgeDisk *disk = first_drive (profile, FALSE);

  return g_variant_new_string (disk != NULL && disk->file != NULL ? disk->file : "");
}

static GVariant *
get_disk_size (const LodgeProfile *profile)
{
  const LodgeDisk *disk = first_drive (profile, FALSE);

  return g_variant_new_uint64 (disk != NULL ? disk->size : 0);
}

static void
set_disk_size (LodgeProfile *profile, GVariant *value, LodgeFaults *faults)
{
  static const LodgeField range = { .min = LODGE_DISK_SIZE_MIN, .max = LODGE_DISK_SIZE_MAX, .is_size = TRUE };
  LodgeDisk *disk = first_drive (profile, FALSE);
  guint64 size = g_variant_get_uint64 (value);

  if (size == 0) /* no new disk */
    return;

  lodge_field_check_range (&range, size, "disk-size", faults);
  if (disk == NULL)
    disk = lodge_profile_add_disk (profile, "disks/disk0.qcow2", "qcow2");
  disk->size = size;
}

static const struct
{
  LodgeSetting setting;
  Getter       get; /* NULL: the field of machine.json of the same name */
  Setter       set;
} table[] = {
  { { "name", "s", LODGE_SETTING_NOW, NULL }, NULL, NULL },
  { { "os", "s", LODGE_SETTING_NOW, NULL }, NULL, NULL },
  { { "cores", "u", LODGE_SETTING_NEXT_START, NULL }, NULL, NULL },
  { { "memory", "t", LODGE_SETTING_NEXT_START, NULL }, NULL, NULL },
  { { "cpu", "s", LODGE_SETTING_NEXT_START, lodge_cpu_words }, NULL, NULL },
  { { "firmware", "s", LODGE_SETTING_NEXT_START, lodge_firmware_words }, NULL, NULL },
  { { "secure-boot", "b", LODGE_SETTING_NEXT_START, NULL }, NULL, set_secure_boot },
  { { "tpm", "b", LODGE_SETTING_NEXT_START, NULL }, NULL, NULL },
  { { "boot", "s", LODGE_SETTING_NEXT_START, boot_words }, get_boot, set_boot },
  { { "boot-order", "s", LODGE_SETTING_NEXT_START, NULL }, get_boot_order, set_boot_order },
  { { "video", "s", LODGE_SETTING_NEXT_START, lodge_video_words }, NULL, NULL },
  { { "3d", "b", LODGE_SETTING_NEXT_START, NULL }, NULL, NULL },
  { { "sound", "s", LODGE_SETTING_NEXT_START, lodge_sound_words }, NULL, NULL },
  { { "network", "s", LODGE_SETTING_NEXT_START, lodge_network_words }, get_network, set_network },
  { { "nic-model", "s", LODGE_SETTING_NEXT_START, lodge_nic_model_words }, get_nic_model, set_nic_model },
  { { "mac", "s", LODGE_SETTING_NEXT_START, NULL }, get_mac, set_mac },
  { { "pointer", "s", LODGE_SETTING_NEXT_START, lodge_pointer_words }, NULL, NULL },
  { { "clock", "s", LODGE_SETTING_NEXT_START, lodge_clock_words }, NULL, NULL },
  { { "hyperv", "b", LODGE_SETTING_NEXT_START, NULL }, NULL, NULL },
  { { "balloon", "b", LODGE_SETTING_NEXT_START, NULL }, NULL, NULL },
  { { "append", "s", LODGE_SETTING_NEXT_START, NULL }, NULL, NULL },
  { { "cd", "s", LODGE_SETTING_NOW, NULL }, get_cd, set_cd },
  { { "snapshot-every", "u", LODGE_SETTING_NOW, NULL }, NULL, NULL },
  { { "snapshot-before-start", "b", LODGE_SETTING_NOW, NULL }, NULL, NULL },
  { { "backup-every", "u", LODGE_SETTING_NOW, NULL }, NULL, NULL },
  { { "backup-folder", "s", LODGE_SETTING_NOW, NULL }, NULL, NULL },
  { { "family", "s", LODGE_SETTING_CREATION, lodge_family_words }, NULL, NULL },
  { { "arch", "s", LODGE_SETTING_CREATION, lodge_arch_words }, NULL, NULL },
  { { "demo", "b", LODGE_SETTING_CREATION, NULL }, NULL, NULL },
  { { "disk-size", "t", LODGE_SETTING_CREATION, NULL }, get_disk_size, set_disk_size },
  { { "disk", "s", LODGE_SETTING_READ_ONLY, NULL }, get_disk, NULL },
  { { "kernel", "s", LODGE_SETTING_READ_ONLY, NULL }, NULL, NULL },
  { { "initrd", "s", LODGE_SETTING_READ_ONLY, NULL }, NULL, NULL },
};

static GVariant *
get_value (gsize row, const LodgeProfile *profile)
{
  const LodgeField *field;
  gconstpointer at;

  if (table[row].get != NULL)
    return table[row].get (profile);

  field = lodge_profile_field (table[row].setting.key);
  at = (const guint8 *) profile + field->offset;
  switch (field->type)
    {
    case LODGE_FIELD_BOOL:
      return g_variant_new_boolean (*(const gboolean *) at);
    case LODGE_FIELD_UINT:
      return g_variant_new_uint32 (*(const guint *) at);
    case LODGE_FIELD_WORD:
      return g_variant_new_string (lodge_word_name (field->words, *(const guint *) at));
    case LODGE_FIELD_STRING:
      return g_variant_new_string (*(char *const *) at != NULL ? *(char *const *) at : "");
    default:
      return g_variant_new_uint64 (*(const guint64 *) at);
    }
}

static void
set_value (gsize row, LodgeProfile *profile, GVariant *value, LodgeFaults *faults)
{
  const LodgeField *field;
  gpointer at;
  const char *text;

  if (table[row].set != NULL)
    {
      table[row].set (profile, value, faults);
      return;
    }

  field = lodge_profile_field (table[row].setting.key);
  at = (guint8 *) profile + field->offset;
  switch (field->type)
    {
    case LODGE_FIELD_BOOL:
      *(gboolean *) at = g_variant_get_boolean (value);
      break;
    case LODGE_FIELD_UINT:
      *(guint *) at = g_variant_get_uint32 (value);
      break;
    case LODGE_FIELD_WORD:
      lodge_word_parse (field->words, g_variant_get_string (value, NULL), at);
      break;
    case LODGE_FIELD_STRING:
      text = g_variant_get_string (value, NULL);
      g_free (*(char **) at);
      *(char **) at = *text != '\0' || field->required ? g_strdup (text) : NULL;
      break;
    default:
      *(guint64 *) at = g_variant_get_uint64 (value);
      break;
    }
}

static void
add_unknown_key (const char *key, LodgeFaults *faults)
{
  g_autofree char *lower = g_ascii_strdown (key, MIN (strlen (key), 32));
  g_autofree char *quoted = lodge_quote (key);
  guint best = 3;
  const char *nearest = NULL;

  g_strdelimit (lower, "_", '-');
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      const char *known = table[i].setting.key;
      /* "mem" and "secure" are meant, not mistyped. */
      guint d = strlen (lower) >= 3 && g_str_has_prefix (known, lower) ? 1 : lodge_text_distance (lower, known);

      if (d < best && d < strlen (known))
        {
          best = d;
          nearest = known;
        }
    }

  if (nearest != NULL)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, quoted,
                      "there is no such setting; did you mean “%s”?", nearest);
  else
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, quoted, "there is no such setting");
}

static void
apply_one (LodgeProfile *profile, const char *key, GVariant *value, gboolean creating,
           LodgeFaults *faults)
{
  g_autoptr (GVariant) parsed = NULL;
  gsize row = 0;

  while (row < G_N_ELEMENTS (table) && !g_str_equal (table[row].setting.key, key))
    row++;
  if (row == G_N_ELEMENTS (table))
    {
      add_unknown_key (key, faults);
      return;
    }

  if (table[row].setting.effect == LODGE_SETTING_READ_ONLY)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, key, "can be read only");
  else if (table[row].setting.effect == LODGE_SETTING_CREATION && !creating)
    lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, key,
                      "can only be given when the machine is made");
  else
    parsed = lodge_setting_parse (&table[row].setting, value, faults);

  if (parsed != NULL && !lodge_faults_has (faults, key))
    set_value (row, profile, parsed, faults);
}

static gboolean
was_given (GVariant *settings, const char *key)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (settings, key, NULL);

  return value != NULL;
}

const LodgeSetting *
lodge_settings_table (guint *n)
{
  static LodgeSetting settings[G_N_ELEMENTS (table)];

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    settings[i] = table[i].setting;
  *n = G_N_ELEMENTS (table);

  return settings;
}

const LodgeSetting *
lodge_settings_lookup (const char *key)
{
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    if (g_str_equal (table[i].setting.key, key))
      return &table[i].setting;

  return NULL;
}

GVariant *
lodge_settings_from_profile (const LodgeProfile *profile)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    g_variant_builder_add (&builder, "{sv}", table[i].setting.key, get_value (i, profile));

  return g_variant_builder_end (&builder);
}

/* The demo guest's kernel is a plain ELF image: only x86_64 machines can start it, and only without UEFI. Machines
 * that were made otherwise keep their other settings. */
static void
check_demo (const LodgeProfile *profile, GVariant *settings, gboolean creating, LodgeFaults *faults)
{
  if (!profile->demo)
    return;
  if (creating && profile->arch != LODGE_ARCH_X86_64)
    lodge_faults_add (faults, LODGE_ERROR_NOT_SUPPORTED, "arch", "the demo guest is one for x86_64");
  else if (profile->firmware == LODGE_FIRMWARE_UEFI && (creating || was_given (settings, "firmware")))
    lodge_faults_add (faults, LODGE_ERROR_NOT_SUPPORTED, "firmware", "UEFI cannot start the demo guest; it needs bios");
}

gboolean
lodge_settings_apply (LodgeProfile *profile, GVariant *settings, gboolean creating, GError **error)
{
  g_autoptr (LodgeProfile) changed = lodge_profile_copy (profile);
  g_auto (LodgeFaults) faults = { 0 };
  LodgeProfile swap;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  lodge_faults_init (&faults);
  g_variant_iter_init (&iter, settings);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    apply_one (changed, key, value, creating, &faults);

  if (creating)
    g_clear_pointer (&changed->vars, g_free);
  if (creating && was_given (settings, "firmware") && changed->firmware != LODGE_FIRMWARE_UEFI)
    {
      if (!was_given (settings, "secure-boot"))
        changed->secure_boot = FALSE;
      if (!was_given (settings, "tpm"))
        changed->tpm = FALSE;
    }

  /* What does not fit together is only worth saying about values that are right by themselves. */
  if (!lodge_faults_has (&faults, NULL))
    lodge_profile_find_faults (changed, &faults);
  if (!lodge_faults_has (&faults, NULL))
    check_demo (changed, settings, creating, &faults);
  if (!lodge_faults_to_error (&faults, error))
    return FALSE;

  swap = *profile;
  *profile = *changed;
  *changed = swap;
  return TRUE;
}

GStrv
lodge_settings_pending (const LodgeProfile *running, const LodgeProfile *wanted)
{
  g_autoptr (GStrvBuilder) keys = g_strv_builder_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (table); i++)
    {
      g_autoptr (GVariant) now = NULL;
      g_autoptr (GVariant) then = NULL;

      if (table[i].setting.effect != LODGE_SETTING_NEXT_START)
        continue;
      now = g_variant_ref_sink (get_value (i, running));
      then = g_variant_ref_sink (get_value (i, wanted));
      if (!g_variant_equal (now, then))
        g_strv_builder_add (keys, table[i].setting.key);
    }

  return g_strv_builder_end (keys);
}
