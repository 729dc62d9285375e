/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-file-tree.h"
#include "core/config/lodge-os-profile.h"
#include "core/config/lodge-profile-private.h"

#include <glib/gstdio.h>

static LodgeOsDatabase *
read_own (void)
{
  g_autofree char *share = g_test_build_filename (G_TEST_DIST, "..", "..", "data", NULL);
  g_autoptr (GError) error = NULL;
  LodgeOsDatabase *database = lodge_os_database_new (share, &error);

  g_assert_no_error (error);
  return database;
}

/* Reading checks every entry on every architecture already; here: sorted, no id twice, families as guessed. */
static void
test_own_data (void)
{
  g_autoptr (LodgeOsDatabase) database = read_own ();
  GPtrArray *list = lodge_os_database_list (database);

  g_assert_cmpuint (list->len, >, 20);
  for (guint i = 0; i < list->len; i++)
    {
      const LodgeOs *os = list->pdata[i];

      if (i > 0)
        g_assert_cmpstr (((LodgeOs *) list->pdata[i - 1])->id, <, os->id);
      g_assert_cmpint (lodge_os_guess_family (os->id), ==, os->family);
      g_assert_true (lodge_os_database_lookup (database, os->id) == os);
    }
  g_assert_null (lodge_os_database_lookup (database, "plan9"));
}

static void
test_new_profile (void)
{
  g_autoptr (LodgeOsDatabase) database = read_own ();
  LodgeFamily other = LODGE_FAMILY_OTHER;
  g_autoptr (LodgeProfile) win11 = NULL;
  g_autoptr (LodgeProfile) win98 = NULL;
  g_autoptr (LodgeProfile) arm = NULL;
  g_autoptr (LodgeProfile) unknown = NULL;
  g_autoptr (LodgeProfile) insisted = NULL;
  g_autoptr (LodgeProfile) bare = NULL;
  LodgeOsNeeds needs;

  win11 = lodge_os_database_new_profile (database, "m", "win11", NULL, LODGE_ARCH_X86_64, &needs);
  g_assert_true (win11->tpm && win11->secure_boot && win11->hyperv);
  g_assert_cmpint (win11->firmware, ==, LODGE_FIRMWARE_UEFI);
  g_assert_cmpint (win11->clock, ==, LODGE_CLOCK_LOCALTIME);
  g_assert_cmpuint (win11->memory, ==, 8 * LODGE_GIB);
  g_assert_cmpuint (needs.disk_size, ==, 96 * LODGE_GIB);
  g_assert_cmpstr (win11->os, ==, "win11");

  win98 = lodge_os_database_new_profile (database, "m", "win98", NULL, LODGE_ARCH_X86_64, &needs);
  g_assert_cmpint (win98->chipset, ==, LODGE_CHIPSET_I440FX);
  g_assert_cmpint (win98->sound, ==, LODGE_SOUND_SB16);
  g_assert_cmpint (lodge_profile_add_disk (win98, "d", "qcow2")->bus, ==, LODGE_BUS_IDE);

  arm = lodge_os_database_new_profile (database, "m", "debian12", NULL, LODGE_ARCH_AARCH64, &needs);
  g_assert_cmpint (arm->chipset, ==, LODGE_CHIPSET_VIRT);
  g_assert_cmpint (arm->firmware, ==, LODGE_FIRMWARE_UEFI);
  g_assert_cmpuint (needs.disk_size, ==, 20 * LODGE_GIB);

  unknown = lodge_os_database_new_profile (database, "m", "win12", NULL, LODGE_ARCH_X86_64, &needs);
  g_assert_cmpint (unknown->family, ==, LODGE_FAMILY_WINDOWS);

  insisted = lodge_os_database_new_profile (database, "m", "win11", &other, LODGE_ARCH_X86_64, &needs);
  g_assert_cmpint (insisted->family, ==, LODGE_FAMILY_OTHER);
  g_assert_false (insisted->tpm);

  bare = lodge_os_database_new_profile (NULL, "m", NULL, NULL, LODGE_ARCH_X86_64, &needs);
  g_assert_cmpint (bare->family, ==, LODGE_FAMILY_LINUX);
}

/* A system of tomorrow is served like the newest of its kind, one of yesterday like the oldest. */
static void
test_near (void)
{
  static const char *const pairs[][2] = {
    { "debian14", "debian13" },   { "debian9", "debian10" },         { "ubuntu26.10", "ubuntu26.04" },
    { "fedora50", "fedora44" },   { "alpinelinux3.30", "alpinelinux" }, { "win12", "win11" },
    { "freebsd14.9", "freebsd14.4" }, { "haikur1beta9", "haikur1beta5" }, { "winxp", "winxp" },
  };
  g_autoptr (LodgeOsDatabase) database = read_own ();

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      const LodgeOs *os = lodge_os_database_lookup_near (database, pairs[i][0]);

      g_assert_nonnull (os);
      g_assert_cmpstr (os->id, ==, pairs[i][1]);
    }
  g_assert_null (lodge_os_database_lookup_near (database, "plan9"));
  g_assert_null (lodge_os_database_lookup_near (database, "9"));

  g_assert_cmpstr (lodge_os_database_symbol (database, "debian14", LODGE_FAMILY_LINUX), ==, "debian");
  g_assert_cmpstr (lodge_os_database_symbol (database, "debian14", LODGE_FAMILY_BSD), ==, "bsd");
  g_assert_cmpstr (lodge_os_database_symbol (database, NULL, LODGE_FAMILY_DOS), ==, "dos");
}

static void
test_faults (void)
{
  static const struct
  {
    const char *systems;
    const char *message;
  } cases[] = {
    { "{}", "systems.json: is not a list" },
    { "[7]", "systems.json: an entry lacks id, name or family" },
    { "[{\"id\": \"a\", \"name\": \"A\", \"family\": \"toaster\"}]", "systems.json: an entry lacks id, name or family" },
    { "[{\"id\": \"a\", \"name\": \"A\", \"family\": \"dos\", \"colour\": 1}]", "systems.json: a: colour has no usable value" },
    { "[{\"id\": \"a\", \"name\": \"A\", \"family\": \"dos\", \"memory\": \"lots\"}]", "systems.json: a: memory has no usable value" },
    { "[{\"id\": \"a\", \"name\": \"A\", \"family\": \"dos\", \"cores\": 0}]",
      "systems.json: a: cores: 0 is out of range: 1 to 288" },
    { "[{\"id\": \"a\", \"name\": \"A\", \"family\": \"dos\", \"tpm\": true}]",
      "systems.json: a: tpm: needs firmware=uefi" },
  };
  g_autofree char *base = g_dir_make_tmp ("lodge-os-XXXXXX", NULL);
  g_autofree char *folder = g_build_filename (base, "os", NULL);
  g_autofree char *families = g_build_filename (folder, "families.json", NULL);
  g_autofree char *systems = g_build_filename (folder, "systems.json", NULL);
  g_autofree char *own = g_test_build_filename (G_TEST_DIST, "..", "..", "data", "os", "families.json", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (lodge_os_database_new (base, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_mkdir (folder, 0700);
  g_assert_true (g_file_get_contents (own, &text, NULL, NULL));
  g_assert_true (g_file_set_contents (families, text, -1, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_true (g_file_set_contents (systems, cases[i].systems, -1, NULL));
      g_assert_null (lodge_os_database_new (base, &error));
      g_assert_error (error, LODGE_ERROR, error->code);
      g_assert_cmpstr (error->message, ==, cases[i].message);
      g_clear_error (&error);
    }
  g_assert_true (lodge_file_tree_remove (base, NULL, NULL));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/os-profile/own-data", test_own_data);
  g_test_add_func ("/os-profile/new-profile", test_new_profile);
  g_test_add_func ("/os-profile/near", test_near);
  g_test_add_func ("/os-profile/faults", test_faults);
  return g_test_run ();
}
