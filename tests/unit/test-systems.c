/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All that Lodge knows of systems (data/os), entry by entry: each makes a machine whose command line the oldest and a
 * newer QEMU take, each has its symbol, and the list of media speaks of systems that are there.
 */
#include "core/config/lodge-os-profile.h"
#include "core/config/lodge-profile-private.h"
#include "core/qemu/lodge-capabilities-private.h"
#include "core/qemu/lodge-command-line-private.h"
#include "core/storage/lodge-recognise.h"
#include "ui/lodge-system.h"

#include <string.h>

static LodgeOsDatabase *
read_own (void)
{
  g_autofree char *share = g_test_build_filename (G_TEST_DIST, "..", "..", "data", NULL);
  g_autoptr (GError) error = NULL;
  LodgeOsDatabase *database = lodge_os_database_new (share, &error);

  g_assert_no_error (error);
  return database;
}

static LodgeCapabilities *
load_capabilities (const char *version, LodgeArch arch)
{
  g_autofree char *name = g_strdup_printf ("caps-%s-%s.json", version, lodge_arch_name (arch));
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", name, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  LodgeCapabilities *capabilities;
  gsize length;

  g_file_get_contents (path, &text, &length, &error);
  g_assert_no_error (error);
  capabilities = lodge_capabilities_new_from_json (text, length, &error);
  g_assert_no_error (error);
  return capabilities;
}

static LodgeHost *
make_host (void)
{
  LodgeHost *host = lodge_host_new ();

  host->accel = LODGE_ACCEL_KVM;
  host->cores = 8;
  host->memory = 24 * LODGE_GIB;
  host->memory_available = 16 * LODGE_GIB;
  host->ovmf_code = g_strdup ("/usr/share/OVMF/OVMF_CODE_4M.fd");
  host->ovmf_vars = g_strdup ("/usr/share/OVMF/OVMF_VARS_4M.fd");
  host->ovmf_code_secure = g_strdup ("/usr/share/OVMF/OVMF_CODE_4M.ms.fd");
  host->ovmf_vars_secure = g_strdup ("/usr/share/OVMF/OVMF_VARS_4M.ms.fd");
  host->aavmf_code = g_strdup ("/usr/share/AAVMF/AAVMF_CODE.fd");
  host->aavmf_vars = g_strdup ("/usr/share/AAVMF/AAVMF_VARS.fd");
  return host;
}

static void
build_one (LodgeOsDatabase *database, const LodgeOs *os, LodgeArch arch, LodgeCapabilities *capabilities)
{
  g_autoptr (LodgeProfile) profile = NULL;
  g_autoptr (LodgeHost) host = make_host ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) argv = NULL;
  LodgeLaunch launch = { .folder = "/machine", .passt = TRUE, .paused = TRUE, .accel = LODGE_ACCEL_KVM,
                         .gl_backend = "none", .audio = TRUE };
  LodgeOsNeeds needs;

  profile = lodge_os_database_new_profile (database, os->id, os->id, NULL, arch, &needs);
  g_assert_cmpint (profile->family, ==, os->family);
  g_assert_cmpuint (profile->memory, >=, needs.memory_minimum);
  g_assert_cmpuint (profile->cores, >=, needs.cores_minimum);
  g_assert_cmpuint (needs.disk_size, >=, needs.disk_size == 0 ? 0 : needs.disk_size_minimum);
  if (needs.disk_size > 0)
    {
      LodgeDisk *disk = lodge_profile_add_disk (profile, "disks/disk0.qcow2", "qcow2");

      disk->size = needs.disk_size;
      if (needs.disk_bus >= 0)
        disk->bus = (LodgeBus) needs.disk_bus;
    }
  lodge_profile_add_cd (profile, "/media/installer.iso");
  launch.tpm = profile->tpm;

  lodge_profile_validate (profile, &error);
  g_assert_no_error (error);
  g_assert_true (lodge_command_line_assign (profile, capabilities));
  argv = lodge_command_line_build (profile, capabilities, host, &launch, &error);
  if (error != NULL)
    g_error ("%s: %s", os->id, error->message);
}

static void
test_command_lines (void)
{
  static const char *const versions[] = { "7.2", "10.0" };
  static const LodgeArch arches[] = { LODGE_ARCH_X86_64, LODGE_ARCH_AARCH64 };
  g_autoptr (LodgeOsDatabase) database = read_own ();
  GPtrArray *list = lodge_os_database_list (database);

  for (gsize v = 0; v < G_N_ELEMENTS (versions); v++)
    for (gsize a = 0; a < G_N_ELEMENTS (arches); a++)
      {
        g_autoptr (LodgeCapabilities) capabilities = load_capabilities (versions[v], arches[a]);

        for (guint i = 0; i < list->len; i++)
          {
            const LodgeOs *os = list->pdata[i];

            if (arches[a] == LODGE_ARCH_X86_64 || os->family == LODGE_FAMILY_LINUX || os->family == LODGE_FAMILY_BSD)
              build_one (database, os, arches[a], capabilities);
          }
      }
}

static void
assert_icon (const char *symbol)
{
  g_autofree char *coloured = g_strdup_printf ("lodge-os-%s.svg", symbol);
  g_autofree char *symbolic = g_strdup_printf ("lodge-os-%s-symbolic.svg", symbol);
  g_autofree char *first = g_test_build_filename (G_TEST_DIST, "..", "..", "data", "icons", "hicolor", "scalable", "apps", coloured, NULL);
  g_autofree char *second = g_test_build_filename (G_TEST_DIST, "..", "..", "data", "icons", "hicolor", "symbolic", "apps", symbolic, NULL);
  g_autofree char *resources = g_test_build_filename (G_TEST_DIST, "..", "..", "resources", "lodge.gresource.xml", NULL);
  g_autofree char *text = NULL;

  if (!g_file_test (first, G_FILE_TEST_IS_REGULAR) || !g_file_test (second, G_FILE_TEST_IS_REGULAR))
    g_error ("there is no icon for the symbol %s", symbol);
  g_assert_true (g_file_get_contents (resources, &text, NULL, NULL));
  if (strstr (text, coloured) == NULL || strstr (text, symbolic) == NULL)
    g_error ("the icons of %s are not in lodge.gresource.xml", symbol);
}

static void
test_symbols (void)
{
  g_autoptr (LodgeOsDatabase) database = read_own ();
  GPtrArray *list = lodge_os_database_list (database);

  for (guint i = 0; i < list->len; i++)
    {
      const LodgeOs *os = list->pdata[i];

      assert_icon (lodge_os_database_symbol (database, os->id, os->family));
    }
  for (LodgeFamily family = LODGE_FAMILY_LINUX; family <= LODGE_FAMILY_OTHER; family++)
    assert_icon (lodge_os_database_symbol (database, NULL, family));
}

/* The window knows systems by the beginnings of their ids, without this list: it says the same of each. */
static void
test_window (void)
{
  g_autoptr (LodgeOsDatabase) database = read_own ();
  GPtrArray *list = lodge_os_database_list (database);

  for (guint i = 0; i < list->len; i++)
    {
      const LodgeOs *os = list->pdata[i];
      const char *family = lodge_family_name (os->family);
      g_autofree char *icon = lodge_system_icon (os->id, family);
      g_autofree char *ours = g_strconcat ("lodge-os-", lodge_os_database_symbol (database, os->id, os->family), NULL);

      if (!g_str_equal (icon, ours) || !g_str_equal (lodge_system_family (os->id), family))
        g_error ("%s is %s, %s in data/os, and %s, %s in ui/lodge-system.c", os->id, family, ours,
                 lodge_system_family (os->id), icon);
    }
}

/* Every system that media.json names outright is in the list, and of the same family there. */
static void
test_media (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "..", "data", "os", "media.json", NULL);
  g_autoptr (LodgeOsDatabase) database = read_own ();
  g_autoptr (LodgeOsRules) rules = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  JsonArray *list;
  gsize length;

  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  rules = lodge_os_rules_new (text, length, &error);
  g_assert_no_error (error);
  json_parser_load_from_data (parser, text, (gssize) length, &error);
  g_assert_no_error (error);
  list = json_node_get_array (json_parser_get_root (parser));
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      JsonObject *rule = json_array_get_object_element (list, i);
      const char *os = json_object_get_string_member_with_default (rule, "os", NULL);
      const LodgeOs *known = os != NULL && strchr (os, '\\') == NULL ? lodge_os_database_lookup (database, os) : NULL;

      if (os == NULL || strchr (os, '\\') != NULL)
        continue;
      if (known == NULL)
        g_error ("entry %u of media.json: %s is not in systems.json", i + 1, os);
      g_assert_cmpstr (json_object_get_string_member (rule, "family"), ==, lodge_family_name (known->family));
    }
}

#define SECTOR 2048
#define SECTORS 20

static gssize
read_cb (gpointer data, guint8 *into, gsize length, guint64 offset)
{
  gsize n = offset < SECTORS * SECTOR ? MIN (length, SECTORS * SECTOR - offset) : 0;

  memcpy (into, (guint8 *) data + offset, n);
  return (gssize) n;
}

static void
put (guint8 *descriptor, gsize offset, gsize length, const char *text)
{
  memset (descriptor + offset, ' ', length);
  memcpy (descriptor + offset, text, MIN (strlen (text), length));
}

/* What the makers' discs say of themselves; without libosinfo's database, which may not be there. */
static void
test_labels (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "..", "data", "os", "media.json", NULL);
  g_autofree char *list = g_test_build_filename (G_TEST_DIST, "data", "labels.tsv", NULL);
  g_autoptr (LodgeOsRules) rules = NULL;
  g_autofree char *text = NULL;
  g_autofree char *labels = NULL;
  g_auto (GStrv) lines = NULL;
  gsize length;

  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  rules = lodge_os_rules_new (text, length, NULL);
  g_assert_true (g_file_get_contents (list, &labels, NULL, NULL));
  lines = g_strsplit (labels, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) words = g_strsplit (lines[i], "\t", -1);
      g_autofree guint8 *disc = g_malloc0 (SECTORS * SECTOR);
      guint8 *descriptor = disc + 16 * SECTOR;
      g_autoptr (LodgeRecognition) found = NULL;
      g_autoptr (GError) error = NULL;

      if (g_strv_length (words) != 5)
        continue;
      memcpy (descriptor, "\1CD001\1", 7);
      put (descriptor, 40, 32, words[2]);
      put (descriptor, 8, 32, words[3]);
      put (descriptor, 318, 128, words[4]);
      put (descriptor, 574, 128, "");
      found = lodge_recognise (read_cb, disc, SECTORS * SECTOR, rules, NULL, "x.iso", &error);
      g_assert_no_error (error);
      if (!g_str_equal (found->match->os, words[0]) || !g_str_equal (found->match->arch, words[1]))
        g_error ("“%s” is taken for %s, %s; it is %s, %s", words[2], found->match->os, found->match->arch, words[0], words[1]);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/systems/command-lines", test_command_lines);
  g_test_add_func ("/systems/symbols", test_symbols);
  g_test_add_func ("/systems/window", test_window);
  g_test_add_func ("/systems/media", test_media);
  g_test_add_func ("/systems/labels", test_labels);
  return g_test_run ();
}
