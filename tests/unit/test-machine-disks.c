/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Disks of a guest that runs: what QEMU is told, and what is so when it or the guest does not want to. */

#include "core/ipc/lodge-disk-text.h"
#include "core/machine/lodge-machine-disks.h"
#include "core/storage/lodge-disk-facts.h"
#include "core/storage/lodge-disk-intent.h"
#include "tests/unit/lodge-fake-guest.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MIB (1024 * 1024)

typedef struct
{
  LodgeFakeGuest guest;
  char          *id;    /* (owned) (nullable) of AddDisk */
  GVariant      *disks; /* (owned) (nullable) */
} Fixture;

static const char *const versions[] = { "7.2", "10.0" };

static void
add_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_clear_error (&f->guest.error);
  g_clear_pointer (&f->id, g_free);
  f->id = lodge_machine_add_disk_finish (LODGE_MACHINE (source), result, &f->guest.error);
  f->guest.answers++;
}

static void
disk_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_clear_error (&f->guest.error);
  lodge_machine_disk_finish (LODGE_MACHINE (source), result, NULL, &f->guest.error);
  f->guest.answers++;
}

static void
list_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_clear_pointer (&f->disks, g_variant_unref);
  f->disks = lodge_machine_list_disks_finish (LODGE_MACHINE (source), result, NULL);
  f->guest.answers++;
}

static void
wait_answer (Fixture *f)
{
  lodge_fake_until (f->guest.answers == 1);
  f->guest.answers = 0;
}

static void
make_image (Fixture *f, const char *name, goffset size)
{
  g_autofree char *path = g_build_filename (lodge_machine_get_folder (f->guest.machine), "disks", name, NULL);

  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  g_assert_cmpint (truncate (path, size), ==, 0);
}

/* The member @key of the disk @id as text, "" when there is no such disk. */
static char *
look (Fixture *f, const char *id, const char *key)
{
  GVariantIter iter;
  GVariant *disk;
  char *text = NULL;

  lodge_machine_list_disks_async (f->guest.machine, NULL, list_cb, f);
  wait_answer (f);
  g_variant_iter_init (&iter, f->disks);
  while ((disk = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (disk, key, NULL);
      const char *name = NULL;

      g_variant_lookup (disk, "id", "&s", &name);
      if (g_strcmp0 (name, id) == 0 && text == NULL)
        text = g_variant_print (value, FALSE);
      g_variant_unref (disk);
    }
  return text != NULL ? text : g_strdup ("");
}

#define assert_disk(f, id, key, value) \
  G_STMT_START { \
    g_autofree char *found_ = look (f, id, key); \
    g_assert_cmpstr (found_, ==, value); \
  } G_STMT_END

static void
add_file (Fixture *f, const char *file)
{
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'file': <%s>}", file));

  lodge_machine_add_disk_async (f->guest.machine, -1, options, add_cb, f);
}

static void
set_up (Fixture *f, gconstpointer version)
{
  lodge_fake_guest_set_up (&f->guest, version);
  f->guest.answers = 0;
  make_image (f, "data.img", 4 * MIB);
}

static void
tear_down (Fixture *f, gconstpointer version)
{
  g_clear_pointer (&f->id, g_free);
  g_clear_pointer (&f->disks, g_variant_unref);
  lodge_fake_guest_tear_down (&f->guest, version);
}

static void
plug (Fixture *f)
{
  lodge_qmp_peer_expect_ok (f->guest.peer, "blockdev-add", NULL);
  lodge_qmp_peer_expect_ok (f->guest.peer, "blockdev-add",
                            "{\"driver\": \"raw\", \"node-name\": \"disk0\", \"file\": \"disk0-file\", \"discard\": \"unmap\", "
                            "\"detect-zeroes\": \"unmap\"}");
  lodge_qmp_peer_expect_ok (f->guest.peer, "device_add",
                            "{\"driver\": \"virtio-blk-pci\", \"id\": \"disk0\", \"bus\": \"rp2\", \"addr\": \"00.0\", "
                            "\"drive\": \"disk0\", \"serial\": \"disk0\", \"werror\": \"stop\", \"rerror\": \"stop\"}");
  add_file (f, "disks/data.img");
  wait_answer (f);
  g_assert_no_error (f->guest.error);
  g_assert_cmpstr (f->id, ==, "disk0");
  assert_disk (f, "disk0", "waits", "false");
}

/* In, larger, out: each at once. */
static void
test_hot (Fixture *f, gconstpointer version)
{
  plug (f);

  lodge_qmp_peer_expect (f->guest.peer, "query-block", NULL,
                         "\"return\": [{\"device\": \"\", \"qdev\": \"/machine/peripheral/disk01/virtio-backend\", "
                         "\"inserted\": {\"node-name\": \"other\"}}, {\"device\": \"\", \"qdev\": "
                         "\"/machine/peripheral/disk0/virtio-backend\", \"inserted\": {\"node-name\": \"top\"}}]");
  lodge_qmp_peer_expect_ok (f->guest.peer, "block_resize", "{\"node-name\": \"top\", \"size\": 8388608}");
  lodge_machine_grow_disk_async (f->guest.machine, "disk0", 8 * MIB, NULL, disk_cb, f);
  wait_answer (f);
  g_assert_no_error (f->guest.error);

  lodge_qmp_peer_expect_ok (f->guest.peer, "device_del", "{\"id\": \"disk0\"}");
  lodge_machine_detach_disk_async (f->guest.machine, "disk0", NULL, disk_cb, f);
  lodge_qmp_peer_run (f->guest.peer);
  /* What QEMU named itself goes with what it is of. */
  lodge_qmp_peer_expect (f->guest.peer, "query-named-block-nodes", "{\"flat\": true}",
                         "\"return\": [{\"node-name\": \"disk0-file\", \"drv\": \"file\", \"file\": \"/m/disks/data.img\"}, "
                         "{\"node-name\": \"disk1\", \"drv\": \"raw\", \"file\": \"/m/disks/other.img\"}, "
                         "{\"node-name\": \"disk0\", \"drv\": \"raw\", \"file\": \"/m/disks/data.img\"}, "
                         "{\"node-name\": \"#block1\", \"drv\": \"file\", \"file\": \"/m/disks/data.img\"}]");
  lodge_qmp_peer_expect_ok (f->guest.peer, "blockdev-del", "{\"node-name\": \"disk0\"}");
  lodge_qmp_peer_expect_ok (f->guest.peer, "blockdev-del", "{\"node-name\": \"disk0-file\"}");
  lodge_qmp_peer_event (f->guest.peer, "DEVICE_DELETED", "{\"device\": \"other\", \"path\": \"/machine/peripheral/other\"}");
  lodge_qmp_peer_event (f->guest.peer, "DEVICE_DELETED", "{\"device\": \"disk0\", \"path\": \"/machine/peripheral/disk0\"}");
  wait_answer (f);
  g_assert_no_error (f->guest.error);
  lodge_qmp_peer_run (f->guest.peer);
  assert_disk (f, "disk0", "waits", "");
  assert_disk (f, "", "file", "'disks/data.img'");
}

/* What QEMU does not take the machine has at its next start; nothing half-made stays in QEMU. */
static void
test_refused (Fixture *f, gconstpointer version)
{
  lodge_qmp_peer_expect_ok (f->guest.peer, "blockdev-add", NULL);
  lodge_qmp_peer_expect_ok (f->guest.peer, "blockdev-add", NULL);
  lodge_qmp_peer_expect_error (f->guest.peer, "device_add", NULL, "Bus 'rp2' not found");
  lodge_qmp_peer_expect_ok (f->guest.peer, "blockdev-del", "{\"node-name\": \"disk0\"}");
  lodge_qmp_peer_expect_ok (f->guest.peer, "blockdev-del", "{\"node-name\": \"disk0-file\"}");
  add_file (f, "disks/data.img");
  wait_answer (f);
  lodge_qmp_peer_run (f->guest.peer);
  g_assert_no_error (f->guest.error);
  assert_disk (f, "disk0", "waits", "true");

  /* The guest does not have it, so nobody asks QEMU about it. */
  lodge_machine_detach_disk_async (f->guest.machine, "disk0", NULL, disk_cb, f);
  wait_answer (f);
  g_assert_no_error (f->guest.error);
}

static void
test_kept (Fixture *f, gconstpointer version)
{
  plug (f);

  lodge_qmp_peer_expect (f->guest.peer, "query-block", NULL, "\"return\": []");
  lodge_machine_grow_disk_async (f->guest.machine, "disk0", 8 * MIB, NULL, disk_cb, f);
  wait_answer (f);
  g_assert_error (f->guest.error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  lodge_machine_grow_disk_async (f->guest.machine, "disk0", MIB, NULL, disk_cb, f);
  wait_answer (f);
  g_assert_error (f->guest.error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE);
  assert_disk (f, "disk0", "size", "4194304");

  /* It leaves the machine, and the guest keeps it until it ends. */
  lodge_qmp_peer_expect_error (f->guest.peer, "device_del", NULL, "Device 'disk0' cannot be unplugged");
  lodge_machine_detach_disk_async (f->guest.machine, "disk0", NULL, disk_cb, f);
  wait_answer (f);
  g_assert_no_error (f->guest.error);
  assert_disk (f, "disk0", "file", "");
  assert_disk (f, "", "file", "");

  /* Two at a time would not know of each other. */
  make_image (f, "more.img", MIB);
  add_file (f, "disks/more.img");
  lodge_machine_detach_disk_async (f->guest.machine, "disk0", NULL, disk_cb, f);
  lodge_fake_until (f->guest.answers == 2);
  f->guest.answers = 0;
  assert_disk (f, "disk0", "waits", "true");
}

/* ---- What a killed core had begun ---- */

static void
write_profile (const char *folder, const char *disk)
{
  g_autoptr (LodgeProfile) profile = lodge_profile_new ("m", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autofree char *path = g_build_filename (folder, "machine.json", NULL);
  g_autofree char *text = NULL;
  gsize length;

  lodge_profile_add_disk (profile, disk, "qcow2");
  text = lodge_profile_to_json (profile, &length);
  g_assert_true (g_file_set_contents (path, text, (gssize) length, NULL));
}

static gboolean
is_there (const char *folder, const char *file)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static void
test_intent (void)
{
  static const char *const all[] = { "disks/old.vdi", "disks/new.qcow2", "disks/.work-disk0.qcow2", "disks/other.img", "keep" };
  static const char *const files[] = { "disks/new.qcow2", "disks/.work-disk0.qcow2", "disks/../keep", NULL };

  for (int state = 0; state < 3; state++)
    {
      g_autofree char *folder = g_dir_make_tmp ("lodge-test-XXXXXX", NULL);
      g_autofree char *json = g_build_filename (folder, "machine.json", NULL);
      g_autofree char *disks = g_build_filename (folder, "disks", NULL);
      gboolean old_is_named = state == 0;
      g_autoptr (GError) error = NULL;

      g_assert_true (lodge_disk_intent_write (folder, files, "disks/old.vdi", NULL, &error));
      g_assert_no_error (error);
      for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
        {
          g_autofree char *path = g_build_filename (folder, all[i], NULL);

          g_assert_true (g_file_set_contents (path, "x", 1, NULL));
        }
      if (state < 2)
        write_profile (folder, old_is_named ? "disks/old.vdi" : "disks/new.qcow2");
      else
        g_assert_true (g_file_set_contents (json, "{", 1, NULL));
      lodge_disk_intent_settle (folder, "/nowhere");
      lodge_disk_intent_settle (folder, "/nowhere");

      g_assert_true (is_there (folder, "keep") && is_there (folder, "disks/other.img"));
      g_assert_cmpint (is_there (folder, "disks/old.vdi"), ==, state != 1);
      g_assert_cmpint (is_there (folder, "disks/new.qcow2"), ==, state != 0);
      g_assert_cmpint (is_there (folder, "disks/.work-disk0.qcow2"), ==, state == 2);
      /* With a machine.json that nobody can read, nothing is decided. */
      g_assert_cmpint (is_there (folder, "disks/.disk-work"), ==, state == 2);

      for (gsize i = 0; i < G_N_ELEMENTS (all); i++)
        {
          g_autofree char *path = g_build_filename (folder, all[i], NULL);

          g_unlink (path);
        }
      g_unlink (json);
      {
        g_autofree char *work = g_build_filename (disks, ".disk-work", NULL);

        g_unlink (work);
      }
      g_assert_cmpint (g_rmdir (disks), ==, 0);
      g_assert_cmpint (g_rmdir (folder), ==, 0);
    }
}

/* docs/DBUS.md has each reason, and each has a sentence; nothing a format costs is without one. */
static void
test_reasons (void)
{
  static const char *const formats[] = { "qcow2", "raw", "vmdk", "vpc", "vhdx", "vdi" };
  g_autofree char *file = g_test_build_filename (G_TEST_DIST, "..", "..", "docs", "DBUS.md", NULL);
  const char *const *codes = lodge_disk_reason_codes ();
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  for (guint i = 0; codes[i] != NULL; i++)
    {
      g_autofree char *row = g_strdup_printf ("\n| %s | ", codes[i]);

      g_assert_nonnull (strstr (text, row));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_auto (GStrv) costs = lodge_disk_format_costs (formats[i]);

      g_assert_true (lodge_disk_format_is_known (formats[i]));
      g_assert_cmpstr (lodge_disk_format_parse (lodge_disk_format_text (formats[i])), ==, formats[i]);
      for (guint n = 0; costs[n] != NULL; n++)
        g_assert_nonnull (lodge_disk_reason_text (costs[n]));
    }
  g_assert_cmpstr (lodge_disk_format_parse ("VHD"), ==, "vpc");
  g_assert_null (lodge_disk_format_parse ("exe"));
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *name;
    void (*func) (Fixture *, gconstpointer);
  } tests[] = { { "hot", test_hot }, { "refused", test_refused }, { "kept", test_kept } };

  lodge_fake_host_main (argc, argv);
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    for (gsize k = 0; k < G_N_ELEMENTS (tests); k++)
      {
        g_autofree char *path = g_strdup_printf ("/machine-disks/%s/%s", versions[i], tests[k].name);

        g_test_add (path, Fixture, versions[i], set_up, tests[k].func, tear_down);
      }
  g_test_add_func ("/machine-disks/intent", test_intent);
  g_test_add_func ("/machine-disks/reasons", test_reasons);
  return g_test_run ();
}
