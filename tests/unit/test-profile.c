/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-profile-private.h"

#include <string.h>

/* The smallest good document; a test replaces a part of it. */
#define MINIMAL                                                                                    \
  "{\"schema\": 1, \"id\": \"6f0c5a52-7c1e-4d3a-9b52-0a4de1a3c0de\", \"name\": \"m\","             \
  " \"family\": \"linux\", \"arch\": \"x86_64\", \"chipset\": \"q35\", \"cores\": 2,"              \
  " \"memory\": 536870912, \"firmware\": \"bios\","                                                \
  " \"disks\": [{\"id\": \"disk0\", \"file\": \"d.qcow2\", \"format\": \"qcow2\", \"bus\": \"sata\"}]," \
  " \"nics\": [{\"id\": \"net0\", \"network\": \"user\"}]}"

static char *
with (const char *find, const char *replace)
{
  g_autoptr (GString) text = g_string_new (MINIMAL);

  g_assert_cmpuint (g_string_replace (text, find, replace, 1), ==, 1);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
assert_faults (const char *json, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeProfile) profile = lodge_profile_from_json (json, strlen (json), &error);

  g_assert_null (profile);
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE);
  g_assert_cmpstr (error->message, ==, expected);
}

static LodgeProfile *
read_minimal (void)
{
  g_autoptr (GError) error = NULL;
  LodgeProfile *profile = lodge_profile_from_json (MINIMAL, strlen (MINIMAL), &error);

  g_assert_no_error (error);
  return profile;
}

/* Every key of the schema has a value that is not its default, and keys that nobody knows are on
 * every level: all of it comes back byte for byte. */
static void
test_golden (void)
{
  g_autofree char *file = g_test_build_filename (G_TEST_DIST, "data", "profiles", "schema-1.json", NULL);
  g_autofree char *golden = NULL;
  gsize length;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (file, &golden, &length, &error);
  g_assert_no_error (error);

  for (int copied = 0; copied < 2; copied++)
    {
      g_autoptr (LodgeProfile) profile = lodge_profile_from_json (golden, length, &error);
      g_autoptr (LodgeProfile) copy = NULL;
      g_autofree char *written = NULL;

      g_assert_no_error (error);
      copy = lodge_profile_copy (profile);
      written = lodge_profile_to_json (copied ? copy : profile, NULL);
      g_assert_cmpstr (written, ==, golden);
    }
}

static void
test_values (void)
{
  g_autofree char *file = g_test_build_filename (G_TEST_DIST, "data", "profiles", "schema-1.json", NULL);
  g_autofree char *golden = NULL;
  gsize length;
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeProfile) profile = NULL;
  const LodgeDisk *cd;

  g_file_get_contents (file, &golden, &length, &error);
  g_assert_no_error (error);
  profile = lodge_profile_from_json (golden, length, &error);
  g_assert_no_error (error);

  g_assert_cmpstr (profile->name, ==, "Bücher & Röntgen 🩻");
  g_assert_cmpint (profile->created, ==, 1750000000);
  g_assert_cmpuint (profile->memory, ==, 4 * LODGE_GIB);
  g_assert_cmpint (profile->firmware, ==, LODGE_FIRMWARE_UEFI);
  g_assert_cmpint (profile->cpu_model, ==, LODGE_CPU_PORTABLE);
  g_assert_true (profile->accel_3d);
  g_assert_cmpuint (profile->disks->len, ==, 2);
  cd = profile->disks->pdata[1];
  g_assert_true (cd->cdrom);
  g_assert_cmpint (cd->bus, ==, LODGE_BUS_SATA);
  g_assert_null (cd->address);
  g_assert_null (cd->unknown);
  g_assert_cmpint (cd->mtime, ==, 1740000000);
}

static void
test_minimal (void)
{
  g_autoptr (LodgeProfile) profile = read_minimal ();
  g_autofree char *first = lodge_profile_to_json (profile, NULL);
  g_autoptr (LodgeProfile) again = lodge_profile_from_json (first, strlen (first), NULL);
  g_autofree char *second = lodge_profile_to_json (again, NULL);

  g_assert_null (profile->unknown);
  g_assert_null (profile->machine_type);
  g_assert_cmpint (profile->sound, ==, LODGE_SOUND_NONE);
  g_assert_cmpuint (profile->spare_ports, ==, 0);
  g_assert_cmpstr (first, ==, second);
}

static const struct
{
  const char *find;
  const char *replace;
  const char *message;
} faults[] = {
  { "536870912", "\"lots\"", "memory: “lots” is not a number of bytes" },
  { "536870912", "1.5", "memory: a fraction is not a number of bytes" },
  { "536870912", "-1", "memory: -1 is negative" },
  { "536870912", "1048576", "memory: 1 MiB is out of range: 16 MiB to 4 TiB" },
  { "536870912", "536870913", "memory: must be a multiple of 1 MiB" },
  { "536870912", "9223372036854775808", "line 1, column 151: this number is beyond 64 bits" },
  { "\"cores\": 2", "\"cores\": 0", "cores: 0 is out of range: 1 to 288" },
  { "\"cores\": 2", "\"cores\": 4294967298", "cores: 4294967295 is out of range: 1 to 288" },
  { "\"cores\": 2", "\"cores\": true", "cores: true or false is not a number" },
  { "\"cores\": 2,", "", "cores: is missing" },
  { "\"bios\"", "\"efi\"", "firmware: “efi” is not one of bios, uefi, none" },
  { "\"bios\"", "[]", "firmware: a list is not one of bios, uefi, none" },
  { "\"bios\"", "\"bios\", \"tpm\": \"yes\"", "tpm: “yes” is not true or false" },
  { "\"bios\"", "\"bios\", \"tpm\": true", "tpm: needs firmware=uefi" },
  { "\"bios\"", "\"none\"", "firmware: “none” is not one of bios, uefi" },
  { "\"bios\"", "\"bios\", \"secure-boot\": true", "secure-boot: needs firmware=uefi, chipset=q35" },
  { "\"bios\"", "\"bios\", \"append\": \"quiet\"", "append: needs kernel" },
  { "\"bios\"", "\"bios\", \"kernel\": \"/boot/vmlinuz\"",
    "kernel: “/boot/vmlinuz” must be a file in the machine's own folder" },
  { "\"bios\"", "\"bios\", \"kernel\": \"boot/../../k\"", "kernel: “boot/../../k” leads out of the machine's folder" },
  { "\"x86_64\"", "\"aarch64\"",
    "chipset: q35 is not one of aarch64 machines\nfirmware: “bios” is not one of uefi, none" },
  { "\"schema\": 1", "\"schema\": 0", "schema: 0 is not the number of a schema" },
  { "\"schema\": 1", "\"schema\": \"1\"", "schema: “1” is not the number of a schema" },
  { "\"schema\": 1,", "", "schema: is missing" },
  { "\"name\": \"m\"", "\"name\": \"a/b\"", "name: the name contains “/”" },
  { "\"name\": \"m\"", "\"name\": null", "name: null is not a text" },
  { "\"name\": \"m\"", "\"name\": \"m\", \"name\": \"n\"",
    "line 1, column 74: this key stands here for the second time" },
  { "6f0c5a52", "6F0C5A52", "id: is not a UUID in lower case" },
  { "d.qcow2", "../d.qcow2", "disks[0].file: “../d.qcow2” leads out of the machine's folder" },
  { "d.qcow2", "/a/../d", "disks[0].file: “/a/../d” must be a full path without “.” and “..”" },
  { "d.qcow2", "d\\u000a", "disks[0].file: “d�” is not a usable file name" },
  { "\"file\": \"d.qcow2\",", "", "disks[0].file: is missing" },
  { "\"sata\"", "\"ide\"", "disks[0].bus: ide needs the chipset i440fx; here sata takes its place" },
  { "\"sata\"", "\"floppy\"", "disks[0].bus: “floppy” is not one of virtio, sata, nvme, ide, scsi, usb" },
  { "\"qcow2\", \"bus\": \"sata\"", "\"raw\", \"bus\": \"nvme\", \"cdrom\": true",
    "disks[0].bus: nvme has no CD drives" },
  { "\"qcow2\", \"bus\"", "\"qcow\", \"bus\"",
    "disks[0].format: must be one of qcow2, raw, vmdk, vdi, vhdx, vpc" },
  { "{\"id\": \"net0\", \"network\": \"user\"}", "7", "nics[0]: 7 is not an object" },
  { "\"id\": \"net0\"", "\"id\": \"disk0\"", "nics[0].id: “disk0” is that of disks[0].id already" },
  { "\"user\"", "\"user\", \"mac\": \"01:00:5e:00:00:01\"",
    "nics[0].mac: must be six pairs of 0-9 and a-f with “:” between, not of a group" },
  { "[{\"id\": \"net0\", \"network\": \"user\"}]", "{}", "nics: an object is not a list" },
};

static void
test_faults (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      g_autofree char *json = with (faults[i].find, faults[i].replace);

      g_test_message ("%s", faults[i].message);
      assert_faults (json, faults[i].message);
    }
}

/* All at once, each with its path, and no more than can be read. */
static void
test_many_faults (void)
{
  g_autoptr (GString) json = g_string_new (NULL);
  g_autofree char *start = with ("\"bios\"", "7");
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL;

  g_string_append (json, start);
  g_string_replace (json, "\"cores\": 2", "\"cores\": \"two\"", 1);
  g_string_replace (json, "\"network\": \"user\"", "\"network\": 1}, {}, {", 1);
  assert_faults (json->str, "cores: “two” is not a number\n"
                            "firmware: 7 is not one of bios, uefi, none\n"
                            "nics[0].network: 1 is not one of none, user\n"
                            "nics[1].id: is missing\n"
                            "nics[1].network: is missing\n"
                            "nics[2].id: is missing\n"
                            "nics[2].network: is missing");

  g_string_assign (json, "{\"schema\": 1, \"disks\": [");
  for (int i = 0; i < LODGE_DISKS_MAX; i++)
    g_string_append_printf (json, "%s{}", i > 0 ? "," : "");
  g_string_append (json, "]}");
  g_assert_null (lodge_profile_from_json (json->str, json->len, &error));
  lines = g_strsplit (error->message, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, LODGE_FAULTS_MAX + 1);
  g_assert_true (g_str_has_prefix (lines[LODGE_FAULTS_MAX], "(and "));
}

static void
test_newer (void)
{
  static const char *const numbers[] = { "\"schema\": 2, \"cores\": \"another shape\"",
                                         "\"schema\": 9223372036854775807" };

  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autofree char *json = g_strdup_printf ("{%s}", numbers[i]);
      g_autoptr (GError) error = NULL;

      g_assert_null (lodge_profile_from_json (json, strlen (json), &error));
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NEWER_SCHEMA);
    }
}

static void
test_too_large (void)
{
  g_autofree char *json = g_strnfill (LODGE_PROFILE_MAX_BYTES + 1, ' ');

  memcpy (json, MINIMAL, strlen (MINIMAL));
  assert_faults (json, "the file is larger than 1 MiB");
  json[LODGE_PROFILE_MAX_BYTES] = '\0';
  lodge_profile_free (lodge_profile_from_json (json, LODGE_PROFILE_MAX_BYTES, &(GError *) { NULL }));
}

static void
add_one (JsonObject *document)
{
  json_object_set_int_member (document, "steps",
                              json_object_get_int_member_with_default (document, "steps", 0) * 10 + 1);
}

static void
add_two (JsonObject *document)
{
  json_object_set_int_member (document, "steps",
                              json_object_get_int_member_with_default (document, "steps", 0) * 10 + 2);
}

/* Each step once, in order, from any schema on; what the steps do not know stays. */
static void
test_migrate (void)
{
  static const LodgeMigration table[] = { { 1, add_one }, { 2, add_two }, { 0, NULL } };
  static const int steps[] = { 0, 12, 2, 0 };

  for (int from = 1; from <= 3; from++)
    {
      g_autoptr (JsonObject) document = json_object_new ();
      g_autoptr (GError) error = NULL;

      json_object_set_int_member (document, "schema", from);
      json_object_set_string_member (document, "x-kept", "yes");
      g_assert_true (lodge_profile_migrate (document, table, 3, &error));
      g_assert_no_error (error);
      g_assert_cmpint (json_object_get_int_member (document, "schema"), ==, 3);
      g_assert_cmpint (json_object_get_int_member_with_default (document, "steps", 0), ==, steps[from]);
      g_assert_cmpstr (json_object_get_string_member (document, "x-kept"), ==, "yes");
    }
}

/* What a person gets by default is valid for every family on every architecture, and survives the file. */
static void
test_defaults (void)
{
  for (guint arch = 0; lodge_arch_words[arch] != NULL; arch++)
    for (guint family = 0; lodge_family_words[family] != NULL; family++)
      {
        g_autoptr (LodgeProfile) profile = lodge_profile_new ("new", family, arch);
        g_autofree char *json = NULL;
        g_autoptr (GError) error = NULL;
        g_autoptr (LodgeProfile) read = NULL;

        g_assert_true (lodge_profile_validate (profile, &error));
        g_assert_no_error (error);
        json = lodge_profile_to_json (profile, NULL);
        read = lodge_profile_from_json (json, strlen (json), &error);
        g_assert_no_error (error);
        g_assert_cmpstr (read->id, ==, profile->id);
        g_assert_cmpint (read->family, ==, family);
        g_assert_cmpint (read->arch, ==, arch);
      }
}

static void
test_validate_codes (void)
{
  g_autoptr (LodgeProfile) profile = read_minimal ();
  g_autoptr (GError) error = NULL;

  profile->cores = 0;
  g_assert_false (lodge_profile_validate (profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE);
  g_clear_error (&error);

  profile->cores = 1;
  profile->tpm = TRUE;
  g_assert_false (lodge_profile_validate (profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  profile->tpm = FALSE;
  g_free (profile->name);
  profile->name = g_strdup ("");
  g_assert_false (lodge_profile_validate (profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NAME_INVALID);
  g_clear_error (&error);

  g_free (profile->name);
  profile->name = g_strdup ("ok");
  profile->video = 77;
  g_assert_false (lodge_profile_validate (profile, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT);
}

/* A disk in the list twice would be written from two sides. */
static void
test_same_file_twice (void)
{
  g_autoptr (LodgeProfile) profile = read_minimal ();
  LodgeDisk *second = lodge_disk_new ("disk1", FALSE);
  g_autoptr (GError) error = NULL;

  second->file = g_strdup ("d.qcow2");
  g_ptr_array_add (profile->disks, second);
  g_assert_false (lodge_profile_validate (profile, &error));
  g_assert_cmpstr (error->message, ==, "disks[1].file: “d.qcow2” is that of disks[0].file already");
}

static void
test_parent (void)
{
  static const char id[] = "7d444840-9dc0-11d1-b245-5ffdce74fad2";
  g_autoptr (LodgeProfile) profile = read_minimal ();
  g_autoptr (LodgeProfile) copy = NULL;
  g_autoptr (LodgeProfile) again = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *plain = lodge_profile_to_json (profile, NULL);
  g_autofree char *text = NULL;

  g_assert_null (strstr (plain, "template"));
  g_assert_null (strstr (plain, "parent"));
  profile->disposable = profile->renew = TRUE;
  profile->parent.machine = g_strdup (id);
  profile->parent.kind = g_strdup ("linked");
  copy = lodge_profile_copy (profile);
  text = lodge_profile_to_json (copy, NULL);
  again = lodge_profile_from_json (text, strlen (text), &error);
  g_assert_no_error (error);
  g_assert_true (again->disposable && again->renew);
  g_assert_false (again->template);
  g_assert_cmpstr (again->parent.machine, ==, id);
  g_assert_cmpstr (again->parent.kind, ==, "linked");
  g_assert_null (again->parent.snapshot);
  g_assert_null (again->unknown);

  again->template = TRUE;
  g_assert_false (lodge_profile_validate (again, &error));
  g_assert_cmpstr (error->message, ==, "disposable: a template stays");
  g_clear_error (&error);
  again->template = FALSE;
  g_free (again->parent.machine);
  again->parent.machine = g_strdup ("../other");
  g_assert_false (lodge_profile_validate (again, &error));
  g_assert_cmpstr (error->message, ==, "parent.machine: is not the id of a machine");
}

/* Each beginning of a good file is a fault, never a crash. */
static void
test_truncated (void)
{
  for (gsize length = 0; length < strlen (MINIMAL); length++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *exact = g_memdup2 (MINIMAL, length);

      g_assert_null (lodge_profile_from_json (exact != NULL ? exact : "", length, &error));
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/profile/golden", test_golden);
  g_test_add_func ("/profile/values", test_values);
  g_test_add_func ("/profile/minimal", test_minimal);
  g_test_add_func ("/profile/faults", test_faults);
  g_test_add_func ("/profile/many-faults", test_many_faults);
  g_test_add_func ("/profile/newer", test_newer);
  g_test_add_func ("/profile/too-large", test_too_large);
  g_test_add_func ("/profile/migrate", test_migrate);
  g_test_add_func ("/profile/defaults", test_defaults);
  g_test_add_func ("/profile/validate-codes", test_validate_codes);
  g_test_add_func ("/profile/same-file-twice", test_same_file_twice);
  g_test_add_func ("/profile/parent", test_parent);
  g_test_add_func ("/profile/truncated", test_truncated);
  return g_test_run ();
}
