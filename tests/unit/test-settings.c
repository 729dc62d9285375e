/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-profile-private.h"
#include "core/config/lodge-settings.h"
#include "core/ipc/lodge-settings-text.h"

#include <string.h>

static LodgeProfile *
new_machine (void)
{
  LodgeProfile *profile = lodge_profile_new ("m", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);

  lodge_profile_add_disk (profile, "disks/disk0.qcow2", "qcow2")->size = 8 * LODGE_GIB;
  lodge_profile_add_cd (profile, "/srv/a.iso");
  return profile;
}

static gboolean
apply (LodgeProfile *profile, const char *settings, gboolean creating, GError **error)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (
      g_variant_parse (G_VARIANT_TYPE_VARDICT, settings, NULL, NULL, NULL));

  return lodge_settings_apply (profile, value, creating, error);
}

static void
test_values (void)
{
  g_autoptr (LodgeProfile) profile = new_machine ();
  g_autoptr (GVariant) settings = NULL;
  g_autofree char *printed = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (apply (profile,
                        "{'name': <'neu'>, 'cores': <uint32 3>, 'memory': <uint64 1073741824>,"
                        " 'firmware': <'bios'>, 'video': <'vga'>, 'sound': <'ac97'>, 'network': <'none'>,"
                        " 'nic-model': <'e1000'>, 'clock': <'localtime'>, 'cpu': <'portable'>, 'boot': <'cd'>,"
                        " 'os': <'debian12'>, 'balloon': <false>, 'hyperv': <true>, 'cd': <''>}",
                        FALSE, &error));
  g_assert_no_error (error);
  settings = g_variant_ref_sink (lodge_settings_from_profile (profile));
  printed = g_variant_print (settings, FALSE);
  g_assert_cmpstr (printed, ==,
                   "{'name': <'neu'>, 'os': <'debian12'>, 'cores': <uint32 3>, 'memory': <uint64 1073741824>, 'cpu': <'portable'>,"
                   " 'firmware': <'bios'>, 'secure-boot': <false>, 'tpm': <false>, 'boot': <'cd'>, 'boot-order': <'cd0,disk0'>, 'video': <'vga'>,"
                   " '3d': <false>, 'sound': <'ac97'>, 'network': <'none'>, 'nic-model': <'e1000'>,"
                   " 'mac': <''>, 'pointer': <'tablet'>, 'clock': <'localtime'>, 'hyperv': <true>, 'balloon': <false>, 'append': <''>, 'cd': <''>,"
                   " 'snapshot-every': <uint32 0>, 'snapshot-before-start': <false>, 'backup-every': <uint32 0>, 'backup-folder': <''>,"
                   " 'family': <'linux'>, 'arch': <'x86_64'>, 'demo': <false>, 'disk-size': <uint64 8589934592>,"
                   " 'disk': <'disks/disk0.qcow2'>, 'kernel': <''>, 'initrd': <''>}");
  g_assert_cmpuint (((LodgeDisk *) profile->disks->pdata[1])->boot_order, ==, 1);
  g_assert_cmpuint (((LodgeDisk *) profile->disks->pdata[0])->boot_order, ==, 2);
  g_assert_null (((LodgeDisk *) profile->disks->pdata[1])->file);
}

/* What is read can be written: each value is accepted as it was told. */
static void
test_round_trip (void)
{
  g_autoptr (LodgeProfile) profile = new_machine ();
  g_autoptr (GVariant) before = g_variant_ref_sink (lodge_settings_from_profile (profile));
  g_autoptr (GVariant) after = NULL;
  static const char *const read_only[] = { "disk", "kernel", "initrd" };
  GVariantDict dict;
  g_autoptr (GVariant) writable = NULL;
  g_autoptr (GError) error = NULL;

  g_variant_dict_init (&dict, before);
  for (gsize i = 0; i < G_N_ELEMENTS (read_only); i++)
    g_variant_dict_remove (&dict, read_only[i]);
  writable = g_variant_ref_sink (g_variant_dict_end (&dict));
  g_assert_true (lodge_settings_apply (profile, writable, TRUE, &error));
  g_assert_no_error (error);
  after = g_variant_ref_sink (lodge_settings_from_profile (profile));
  g_assert_true (g_variant_equal (before, after));
}

static void
test_strings (void)
{
  static const struct
  {
    const char *settings;
    const char *key;
    const char *value;
  } cases[] = {
    { "{'memory': <'2G'>}", "memory", "2147483648" },
    { "{'memory': <'4096'>}", "memory", "4294967296" },
    { "{'memory': <int64 33554432>}", "memory", "33554432" },
    { "{'cores': <'4'>}", "cores", "4" },
    { "{'cores': <int32 4>}", "cores", "4" },
    { "{'tpm': <'on'>}", "tpm", "true" },
    { "{'tpm': <'YES'>}", "tpm", "true" },
    { "{'balloon': <'off'>}", "balloon", "false" },
    { "{'3d': <'true'>}", "3d", "true" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (LodgeProfile) profile = new_machine ();
      g_autoptr (GVariant) settings = NULL;
      g_autoptr (GVariant) value = NULL;
      g_autofree char *printed = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (apply (profile, cases[i].settings, FALSE, &error));
      g_assert_no_error (error);
      settings = g_variant_ref_sink (lodge_settings_from_profile (profile));
      value = g_variant_lookup_value (settings, cases[i].key, NULL);
      printed = g_variant_print (value, FALSE);
      g_assert_cmpstr (printed, ==, cases[i].value);
    }
}

static const struct
{
  const char *settings;
  LodgeError  code;
  const char *message;
} faults[] = {
  { "{'boot-order': <'disk0,floppy'>}", LODGE_ERROR_INVALID_ARGUMENT,
    "boot-order: “floppy” is no drive or network card of the machine, which has disk0, cd0, net0" },
  { "{'boot-order': <'cd0,cd0'>}", LODGE_ERROR_INVALID_ARGUMENT, "boot-order: cd0 is in it twice" },
  { "{'mac': <'01:00:5e:00:00:01'>}", LODGE_ERROR_INVALID_ARGUMENT,
    "nics[0].mac: must be six pairs of 0-9 and a-f with “:” between, not of a group" },
  { "{'memroy': <'2G'>}", LODGE_ERROR_INVALID_ARGUMENT, "“memroy”: there is no such setting; did you mean “memory”?" },
  { "{'mem': <'2G'>}", LODGE_ERROR_INVALID_ARGUMENT, "“mem”: there is no such setting; did you mean “memory”?" },
  { "{'Secure_Boot': <true>}", LODGE_ERROR_INVALID_ARGUMENT,
    "“Secure_Boot”: there is no such setting; did you mean “secure-boot”?" },
  { "{'colour': <'red'>}", LODGE_ERROR_INVALID_ARGUMENT, "“colour”: there is no such setting" },
  { "{'': <'red'>}", LODGE_ERROR_INVALID_ARGUMENT, "“”: there is no such setting" },
  { "{'cores': <uint32 0>}", LODGE_ERROR_OUT_OF_RANGE, "cores: 0 is out of range: 1 to 288" },
  { "{'cores': <'0'>}", LODGE_ERROR_OUT_OF_RANGE, "cores: 0 is out of range: 1 to 288" },
  { "{'cores': <'-1'>}", LODGE_ERROR_OUT_OF_RANGE, "cores: a negative number is out of range: 1 to 288" },
  { "{'cores': <'99999999999999999999999'>}", LODGE_ERROR_OUT_OF_RANGE, "cores: 4294967295 is out of range: 1 to 288" },
  { "{'cores': <'many'>}", LODGE_ERROR_INVALID_ARGUMENT, "cores: “many” is not a whole number" },
  { "{'cores': <true>}", LODGE_ERROR_INVALID_ARGUMENT, "cores: “true” is not a whole number" },
  { "{'memory': <'15M'>}", LODGE_ERROR_OUT_OF_RANGE, "memory: 15 MiB is out of range: 16 MiB to 4 TiB" },
  { "{'memory': <'900X'>}", LODGE_ERROR_INVALID_ARGUMENT,
    "memory: “900X” is not a size; write a number and K, M, G or T, as in 512M or 1.5G" },
  { "{'memory': <int64 -5>}", LODGE_ERROR_OUT_OF_RANGE, "memory: a negative size is out of range: 16 MiB to 4 TiB" },
  { "{'memory': <'99999999T'>}", LODGE_ERROR_OUT_OF_RANGE,
    "memory: “99999999T” is out of range: 16 MiB to 4 TiB" },
  { "{'memory': <uint64 18446744073709551615>}", LODGE_ERROR_OUT_OF_RANGE,
    "memory: 9223372036854775807 bytes is out of range: 16 MiB to 4 TiB" },
  { "{'tpm': <'maybe'>}", LODGE_ERROR_INVALID_ARGUMENT, "tpm: “maybe” is not on or off" },
  { "{'firmware': <'efi'>}", LODGE_ERROR_INVALID_ARGUMENT, "firmware: “efi” is not one of bios, uefi, none" },
  { "{'firmware': <7>}", LODGE_ERROR_INVALID_ARGUMENT, "firmware: “7” is not a text" },
  { "{'firmware': <'bios'>, 'secure-boot': <'on'>}", LODGE_ERROR_INVALID_ARGUMENT,
    "secure-boot: needs firmware=uefi, chipset=q35" },
  { "{'name': <'a/b'>}", LODGE_ERROR_NAME_INVALID, "name: the name contains “/”" },
  { "{'name': <''>}", LODGE_ERROR_NAME_INVALID, "name: the name is empty" },
  { "{'arch': <'aarch64'>}", LODGE_ERROR_INVALID_ARGUMENT, "arch: can only be given when the machine is made" },
  { "{'disk': <'/x'>}", LODGE_ERROR_INVALID_ARGUMENT, "disk: can be read only" },
  { "{'cd': <'a.iso'>}", LODGE_ERROR_INVALID_ARGUMENT, "cd: must be a full path" },
  { "{'append': <'quiet'>}", LODGE_ERROR_INVALID_ARGUMENT, "append: needs kernel" },
  { "{'cores': <'0'>, 'tpm': <'x'>}", LODGE_ERROR_INVALID_ARGUMENT, "tpm: “x” is not on or off" },
  { "{'boot': <'floppy'>, 'x': <1>}", LODGE_ERROR_INVALID_ARGUMENT,
    "boot: “floppy” is not one of disk, cd\n“x”: there is no such setting" },
};

/* Told with code and sentence, and nothing is changed, not even by the good part of a call. */
static void
test_faults (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autoptr (LodgeProfile) profile = new_machine ();
      g_autofree char *before = lodge_profile_to_json (profile, NULL);
      g_autofree char *after = NULL;
      g_autofree char *mixed = g_strdup_printf ("{'sound': <'none'>, %s", faults[i].settings + 1);
      g_autoptr (GError) error = NULL;

      g_test_message ("case %" G_GSIZE_FORMAT, i);
      g_assert_false (apply (profile, mixed, FALSE, &error));
      g_assert_error (error, LODGE_ERROR, (int) faults[i].code);
      g_assert_cmpstr (error->message, ==, faults[i].message);
      after = lodge_profile_to_json (profile, NULL);
      g_assert_cmpstr (after, ==, before);
    }
}

static void
test_no_drive (void)
{
  g_autoptr (LodgeProfile) profile = lodge_profile_new ("m", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autoptr (GError) error = NULL;

  g_assert_false (apply (profile, "{'boot': <'cd'>, 'cd': <'/srv/a.iso'>}", FALSE, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED);
  g_assert_cmpstr (error->message, ==, "boot: the machine has no CD drive\ncd: the machine has no CD drive");
  g_clear_error (&error);

  g_assert_true (apply (profile, "{'boot': <'disk'>, 'cd': <''>}", FALSE, &error));
  g_assert_no_error (error);

  g_ptr_array_set_size (profile->nics, 0);
  g_assert_true (apply (profile, "{'network': <'user'>}", FALSE, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (profile->nics->len, ==, 1);
}

static void
test_creating (void)
{
  g_autoptr (LodgeProfile) profile = lodge_profile_new ("m", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autoptr (GError) error = NULL;
  const LodgeDisk *disk;

  g_assert_true (apply (profile, "{'disk-size': <uint64 0>}", TRUE, &error));
  g_assert_cmpuint (profile->disks->len, ==, 0);

  g_assert_true (apply (profile, "{'disk-size': <'20G'>, 'demo': <true>, 'firmware': <'bios'>}", TRUE, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (profile->disks->len, ==, 1);
  disk = profile->disks->pdata[0];
  g_assert_cmpstr (disk->file, ==, "disks/disk0.qcow2");
  g_assert_cmpuint (disk->size, ==, 20 * LODGE_GIB);
  g_assert_true (profile->demo);

  g_assert_false (apply (profile, "{'disk-size': <'4X'>}", TRUE, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (apply (profile, "{'disk-size': <'100T'>}", TRUE, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE);
  g_clear_error (&error);

  /* BIOS for a family whose default is Secure Boot: what was only a default gives way ... */
  profile->secure_boot = profile->tpm = TRUE;
  g_assert_true (apply (profile, "{'firmware': <'bios'>}", TRUE, &error));
  g_assert_no_error (error);
  g_assert_false (profile->secure_boot || profile->tpm);
  /* ... and what was asked for does not. */
  g_assert_false (apply (profile, "{'firmware': <'bios'>, 'tpm': <true>}", TRUE, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT);
}

/* The demo guest's kernel starts on x86_64 without UEFI alone. */
static void
test_demo (void)
{
  g_autoptr (LodgeProfile) profile = new_machine ();
  g_autoptr (GError) error = NULL;

  g_assert_false (apply (profile, "{'demo': <true>, 'firmware': <'uefi'>}", TRUE, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED);
  g_assert_cmpstr (error->message, ==, "firmware: UEFI cannot start the demo guest; it needs bios");
  g_clear_error (&error);
  g_assert_true (apply (profile, "{'demo': <true>, 'firmware': <'bios'>}", TRUE, &error));
  g_assert_no_error (error);
  g_assert_false (apply (profile, "{'firmware': <'uefi'>}", FALSE, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);

  /* One that was made with UEFI keeps its other settings. */
  profile->firmware = LODGE_FIRMWARE_UEFI;
  g_assert_true (apply (profile, "{'cores': <uint32 2>}", FALSE, &error));
  g_assert_no_error (error);
}

static void
test_pending (void)
{
  g_autoptr (LodgeProfile) running = new_machine ();
  g_autoptr (LodgeProfile) wanted = lodge_profile_copy (running);
  g_auto (GStrv) none = lodge_settings_pending (running, wanted);
  g_auto (GStrv) some = NULL;
  g_autofree char *joined = NULL;

  g_assert_cmpuint (g_strv_length (none), ==, 0);
  g_assert_true (apply (wanted, "{'name': <'n'>, 'cd': <''>, 'cores': <'7'>, 'network': <'none'>}", FALSE, NULL));
  some = lodge_settings_pending (running, wanted);
  joined = g_strjoinv (" ", some);
  g_assert_cmpstr (joined, ==, "cores network");
}

static char *
lookup (const LodgeProfile *profile, const char *key)
{
  g_autoptr (GVariant) settings = g_variant_ref_sink (lodge_settings_from_profile (profile));
  const char *value = NULL;

  g_assert_true (g_variant_lookup (settings, key, "&s", &value));
  return g_strdup (value);
}

/* Disks, CD drives and network cards in one order; what is not in it is not booted from. */
static void
test_boot_order (void)
{
  g_autoptr (LodgeProfile) profile = new_machine ();
  g_autofree char *first = lookup (profile, "boot-order");
  g_autofree char *second = NULL;
  g_autofree char *third = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (first, ==, "disk0,cd0");
  g_assert_true (apply (profile, "{'boot-order': <'net0, cd0'>}", FALSE, &error));
  g_assert_no_error (error);
  second = lookup (profile, "boot-order");
  g_assert_cmpstr (second, ==, "net0,cd0");
  g_assert_cmpuint (((LodgeNic *) profile->nics->pdata[0])->boot_order, ==, 1);
  g_assert_cmpuint (((LodgeDisk *) profile->disks->pdata[0])->boot_order, ==, 0);

  /* The simple key leaves the network where it is: behind what it speaks of. */
  g_assert_true (apply (profile, "{'boot': <'disk'>}", FALSE, &error));
  third = lookup (profile, "boot-order");
  g_assert_cmpstr (third, ==, "disk0,cd0,net0");
  g_assert_true (apply (profile, "{'boot-order': <''>}", FALSE, &error));
  g_assert_no_error (error);
}

/* Either kind of variables has a file, and switching back finds the one from before. */
static void
test_variables (void)
{
  g_autoptr (LodgeProfile) profile = new_machine ();
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (lodge_profile_get_vars (profile), ==, "firmware/vars.qcow2");
  g_assert_true (apply (profile, "{'secure-boot': <true>}", FALSE, &error));
  g_assert_cmpstr (lodge_profile_get_vars (profile), ==, "firmware/vars-secure.qcow2");
  g_assert_true (apply (profile, "{'secure-boot': <true>, 'cores': <'2'>}", FALSE, &error));
  g_assert_cmpstr (lodge_profile_get_vars (profile), ==, "firmware/vars-secure.qcow2");
  g_assert_true (apply (profile, "{'secure-boot': <false>, 'firmware': <'bios'>}", FALSE, &error));
  g_assert_cmpstr (lodge_profile_get_vars (profile), ==, "firmware/vars.qcow2");
  g_assert_true (apply (profile, "{'secure-boot': <true>, 'firmware': <'uefi'>}", TRUE, &error));
  g_assert_cmpstr (lodge_profile_get_vars (profile), ==, "firmware/vars.qcow2");
  g_assert_no_error (error);
}

static void
test_warnings (void)
{
  static const struct
  {
    const char *before, *after, *used, *unused;
  } cases[] = {
    { "{'cores': <'2'>}", "{'cores': <'4'>, 'memory': <'1G'>}", "", "" },
    { "{'firmware': <'uefi'>}", "{'firmware': <'bios'>}", "firmware-installed", "" },
    { "{'secure-boot': <'off'>}", "{'secure-boot': <'on'>}", "secure-boot-unsigned secure-boot-variables", "secure-boot-unsigned" },
    { "{'secure-boot': <'on'>}", "{'secure-boot': <'off'>}", "secure-boot-variables", "" },
    { "{'tpm': <'on'>}", "{'tpm': <'off'>}", "tpm-off", "" },
    { "{'mac': <'52:54:00:00:00:01'>}", "{'mac': <'52-54-00-00-00-AB'>}", "nic-new", "" },
    { "{'network': <'user'>}", "{'network': <'none'>}", "", "" },
    { "{'boot-order': <'disk0'>}", "{'boot-order': <'disk0,net0'>}", "network-boot", "network-boot" },
    { "{'boot-order': <'disk0'>}", "{'boot-order': <''>}", "nothing-to-boot", "nothing-to-boot" },
    { "{'3d': <'off'>}", "{'3d': <'on'>}", "3d-no-memory", "3d-no-memory" },
    { "{'video': <'virtio'>}", "{'video': <'none'>}", "no-screen", "no-screen" },
  };
  const char *const *codes = lodge_settings_warning_codes ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    for (gboolean used = FALSE; used <= TRUE; used++)
      {
        g_autoptr (LodgeProfile) before = new_machine ();
        g_autoptr (LodgeProfile) after = NULL;
        g_auto (GStrv) warnings = NULL;
        g_autofree char *joined = NULL;
        g_autoptr (GError) error = NULL;

        g_assert_true (apply (before, cases[i].before, FALSE, &error));
        after = lodge_profile_copy (before);
        g_assert_true (apply (after, cases[i].after, FALSE, &error));
        warnings = lodge_settings_warnings (before, after, used);
        joined = g_strjoinv (" ", warnings);
        g_assert_cmpstr (joined, ==, used ? cases[i].used : cases[i].unused);
        for (guint n = 0; warnings[n] != NULL; n++)
          g_assert_true (g_strv_contains (codes, warnings[n]));
      }
}

/* docs/DBUS.md has each key with its type, words and effect, and no other. */
static void
test_documented (void)
{
  static const char *const effects[] = { "now", "next start", "creation", "read-only" };
  g_autofree char *file = g_test_build_filename (G_TEST_DIST, "..", "..", "docs", "DBUS.md", NULL);
  g_autofree char *text = NULL;
  const char *section;
  g_auto (GStrv) lines = NULL;
  guint n;
  guint row = 0;
  const LodgeSetting *settings = lodge_settings_table (&n);

  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  section = strstr (text, "\n## Settings\n");
  g_assert_nonnull (section);
  lines = g_strsplit (section + 1, "\n", -1);

  for (guint i = 1; lines[i] != NULL && !g_str_has_prefix (lines[i], "## "); i++)
    {
      g_auto (GStrv) cells = g_strsplit (lines[i], " | ", -1);
      g_autofree char *key = NULL;

      if (!g_str_has_prefix (lines[i], "| `"))
        continue;
      g_assert_cmpuint (row, <, n);
      g_assert_cmpuint (g_strv_length (cells), ==, 5);
      key = g_strdup_printf ("| `%s`", settings[row].key);
      g_assert_cmpstr (cells[0], ==, key);
      g_assert_cmpstr (cells[1], ==, settings[row].type);
      if (settings[row].words != NULL)
        {
          g_autofree char *words = g_strjoinv ("`, `", (char **) settings[row].words);
          g_autofree char *quoted = g_strdup_printf ("`%s`", words);

          g_assert_cmpstr (cells[2], ==, quoted);
        }
      g_assert_cmpstr (g_strstrip (cells[3]), ==, effects[settings[row].effect]);
      row++;
    }
  g_assert_cmpuint (row, ==, n);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/settings/values", test_values);
  g_test_add_func ("/settings/round-trip", test_round_trip);
  g_test_add_func ("/settings/strings", test_strings);
  g_test_add_func ("/settings/faults", test_faults);
  g_test_add_func ("/settings/no-drive", test_no_drive);
  g_test_add_func ("/settings/creating", test_creating);
  g_test_add_func ("/settings/demo", test_demo);
  g_test_add_func ("/settings/pending", test_pending);
  g_test_add_func ("/settings/boot-order", test_boot_order);
  g_test_add_func ("/settings/variables", test_variables);
  g_test_add_func ("/settings/warnings", test_warnings);
  g_test_add_func ("/settings/documented", test_documented);
  return g_test_run ();
}
