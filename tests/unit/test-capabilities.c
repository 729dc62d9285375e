/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The probe against programs that behave as a QEMU should not, and against the QEMU that is installed.
 * Run by hand as "test-capabilities --record BINARY ARCH FILE" it records a QEMU for the tests of the
 * command line (tests/unit/data/record-caps does so for all that are there).
 */
#include "core/qemu/lodge-capabilities-private.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/qemu/lodge-capabilities-schema.h"

#define TIMEOUT 20000

typedef struct
{
  char *dir;   /* (owned) */
  char *cache; /* (owned) below dir */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("lodge-capabilities-XXXXXX", NULL);
  fixture->cache = g_build_filename (fixture->dir, "cache", NULL);
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_all (child);
    }
  g_remove (path);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  remove_all (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->cache);
}

static void
result_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static LodgeCapabilities *
probe (const char *binary, LodgeArch arch, const char *cache, guint timeout, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  lodge_capabilities_probe_full_async (binary, arch, cache, timeout, NULL, result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return lodge_capabilities_probe_finish (result, error);
}

static char *
make_script (Fixture *fixture, const char *name, const char *body)
{
  char *path = g_build_filename (fixture->dir, name, NULL);
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\n%s\n", body);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (g_chmod (path, 0755), ==, 0);
  return path;
}

/* Programs that are no QEMU, and what must be said of them. */
static const struct
{
  const char *name;
  const char *body;
  guint       timeout;
  int         code;
  const char *words;
} bad_programs[] = {
  { "crashes", "kill -SEGV $$", TIMEOUT, LODGE_ERROR_QEMU_FAILED, "signal 11" },
  { "complains", "echo 'no such option' >&2; exit 3", TIMEOUT, LODGE_ERROR_QEMU_FAILED, "ended with code 3: no such option" },
  { "hangs", "exec sleep 600", 300, LODGE_ERROR_QEMU_FAILED, "did not answer in time" },
  { "has-a-child-that-hangs", "sleep 600 & wait", 300, LODGE_ERROR_QEMU_FAILED, "did not answer in time" },
  { "is-something-else", "echo hello", TIMEOUT, LODGE_ERROR_QEMU_FAILED, "cannot be understood" },
  { "says-nothing", "exit 0", TIMEOUT, LODGE_ERROR_QEMU_FAILED, "cannot be understood" },
  { "floods", "exec yes '{\"QMP\": {}}'", TIMEOUT, LODGE_ERROR_QEMU_FAILED, "more than was expected" },
  { "answers-nonsense", "case \"$*\" in *help*) exit 0;; esac; echo '{\"return\": [[[[, \"id\": \"schema\"}'; echo '{\"return\": {}, \"id\": \"the-end\"}'; exec sleep 600",
    TIMEOUT, LODGE_ERROR_QEMU_FAILED, "cannot be understood" },
  { "is-ancient",
    "case \"$*\" in *help*) exit 0;; esac\n"
    "echo '{\"return\": {\"qemu\": {\"major\": 2, \"minor\": 5, \"micro\": 0}}, \"id\": \"version\"}'\n"
    "echo '{\"return\": [{\"name\": \"quit\", \"meta-type\": \"command\"}], \"id\": \"schema\"}'\n"
    "echo '{\"return\": {}, \"id\": \"the-end\"}'; exec sleep 600",
    TIMEOUT, LODGE_ERROR_QEMU_TOO_OLD, "version 2.5.0" },
};

static void
test_bad_programs (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad_programs); i++)
    {
      g_autofree char *path = make_script (fixture, bad_programs[i].name, bad_programs[i].body);
      g_autoptr (GError) error = NULL;

      g_assert_null (probe (path, LODGE_ARCH_X86_64, fixture->cache, bad_programs[i].timeout, &error));
      g_test_message ("%s", error->message);
      g_assert_error (error, LODGE_ERROR, bad_programs[i].code);
      g_assert_nonnull (strstr (error->message, bad_programs[i].words));
      g_assert_nonnull (strstr (error->message, bad_programs[i].name));
    }
  /* Nothing of it is remembered. */
  g_assert_false (g_file_test (fixture->cache, G_FILE_TEST_EXISTS));
}

static void
test_no_program (Fixture *fixture, gconstpointer data)
{
  g_autofree char *missing = g_build_filename (fixture->dir, "missing", NULL);
  g_autofree char *text = g_build_filename (fixture->dir, "text", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (probe (missing, LODGE_ARCH_X86_64, NULL, TIMEOUT, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NO_QEMU);
  g_clear_error (&error);
  g_assert_null (probe (fixture->dir, LODGE_ARCH_X86_64, NULL, TIMEOUT, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NO_QEMU);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (text, "not a program", -1, NULL));
  g_assert_null (probe (text, LODGE_ARCH_X86_64, NULL, TIMEOUT, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED);
}

static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = make_script (fixture, "slow", "exec sleep 600");
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  lodge_capabilities_probe_async (path, LODGE_ARCH_X86_64, NULL, cancellable, result_cb, &result);
  g_main_context_iteration (NULL, FALSE);
  g_cancellable_cancel (cancellable);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_null (lodge_capabilities_probe_finish (result, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_CANCELLED);
}

/* A stand-in that answers as little as is needed and counts how often it was started. */
static char *
make_counting_qemu (Fixture *fixture)
{
  g_autofree char *body = g_strdup_printf (
      "case \"$*\" in *help*) printf 'Available:\\ndbus\\n'; exit 0;; esac\n"
      "echo started >> %s/starts\n"
      "echo '{\"return\": {\"qemu\": {\"major\": 8, \"minor\": 1, \"micro\": 2}}, \"id\": \"version\"}'\n"
      "echo '{\"return\": [{\"name\": \"add_client\", \"meta-type\": \"command\", \"arg-type\": \"1\"},"
      " {\"name\": \"query-display-options\", \"meta-type\": \"command\", \"ret-type\": \"2\"},"
      " {\"name\": \"2\", \"meta-type\": \"object\", \"members\": [], \"variants\": [{\"case\": \"dbus\", \"type\": \"1\"}]},"
      " {\"name\": \"object-add\", \"meta-type\": \"command\", \"arg-type\": \"3\"},"
      " {\"name\": \"3\", \"meta-type\": \"object\", \"members\": [{\"name\": \"qom-type\", \"type\": \"4\"}]},"
      " {\"name\": \"4\", \"meta-type\": \"enum\", \"values\": [\"memory-backend-memfd\"]}], \"id\": \"schema\"}'\n"
      "echo '{\"return\": [{\"name\": \"pc-q35-8.1\", \"alias\": \"q35\", \"cpu-max\": 288}], \"id\": \"machines\"}'\n"
      "echo '{\"return\": [{\"name\": \"virtio-vga\"}], \"id\": \"devices\"}'\n"
      "echo '{\"return\": {}, \"id\": \"the-end\"}'; exec sleep 600",
      fixture->dir);

  return make_script (fixture, "counting", body);
}

static gsize
count_starts (Fixture *fixture)
{
  g_autofree char *path = g_build_filename (fixture->dir, "starts", NULL);
  g_autofree char *text = NULL;
  gsize length = 0;

  g_assert_true (g_file_get_contents (path, &text, &length, NULL));
  return length / strlen ("started\n");
}

static char *
only_file_in (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  char *file;

  g_assert_nonnull (dir);
  file = g_build_filename (path, g_dir_read_name (dir), NULL);
  g_assert_null (g_dir_read_name (dir));
  return file;
}

static void
assert_counting_qemu (LodgeCapabilities *capabilities)
{
  g_assert_nonnull (capabilities);
  g_assert_cmpstr (lodge_capabilities_get_version (capabilities), ==, "8.1.2");
  g_assert_cmpstr (lodge_capabilities_get_machine (capabilities, "q35"), ==, "pc-q35-8.1");
  g_assert_cmpuint (lodge_capabilities_get_max_cpus (capabilities, "q35"), ==, 288);
  g_assert_true (lodge_capabilities_has_machine (capabilities, "pc-q35-8.1"));
  g_assert_false (lodge_capabilities_has_machine (capabilities, "pc-q35-7.2"));
  g_assert_true (lodge_capabilities_has_device (capabilities, "virtio-vga"));
  g_assert_false (lodge_capabilities_has_device (capabilities, "virtio-vga-gl"));
  g_assert_true (lodge_capabilities_has_display (capabilities, "dbus"));
  g_assert_true (lodge_capabilities_has_command (capabilities, "object-add"));
  g_assert_false (lodge_capabilities_has_io_uring (capabilities));
  g_assert_false (lodge_capabilities_has_sandbox (capabilities));
}

static void
assert_probed (const char *qemu, const char *cache)
{
  g_autoptr (LodgeCapabilities) capabilities = probe (qemu, LODGE_ARCH_X86_64, cache, TIMEOUT, NULL);

  assert_counting_qemu (capabilities);
}

static void
test_cache (Fixture *fixture, gconstpointer data)
{
  g_autofree char *qemu = make_counting_qemu (fixture);
  g_autofree char *file = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (LodgeCapabilities) capabilities = probe (qemu, LODGE_ARCH_X86_64, fixture->cache, TIMEOUT, &error);

      g_assert_no_error (error);
      assert_counting_qemu (capabilities);
      g_assert_cmpuint (count_starts (fixture), ==, 1);
    }

  /* Every way in which the file can be spoilt leads to another probe, never to a wrong answer. */
  file = only_file_in (fixture->cache);
  g_assert_true (g_file_get_contents (file, &text, &length, NULL));
  for (guint i = 0; i < 5; i++)
    {
      static const char *const damages[] = { "", "[]", "{\"format\": 1}", "\x01\xff garbage", NULL };
      g_autoptr (LodgeCapabilities) capabilities = NULL;

      g_assert_true (g_file_set_contents (file, damages[i] != NULL ? damages[i] : text,
                                          damages[i] != NULL ? -1 : (gssize) length / 2, NULL));
      capabilities = probe (qemu, LODGE_ARCH_X86_64, fixture->cache, TIMEOUT, NULL);
      assert_counting_qemu (capabilities);
      g_assert_cmpuint (count_starts (fixture), ==, 2 + i);
    }

  /* A binary that was replaced is asked again. */
  g_unlink (qemu);
  g_free (qemu);
  qemu = make_counting_qemu (fixture);
  assert_probed (qemu, fixture->cache);
  g_assert_cmpuint (count_starts (fixture), ==, 7);

  /* A folder that cannot be written is no error. */
  assert_probed (qemu, "/dev/null/x");
}

/* What is written can be read again, and reading bounds what it takes. */
static void
test_json (void)
{
  g_autoptr (LodgeCapabilities) first = lodge_capabilities_new ("/usr/bin/qemu", LODGE_ARCH_AARCH64, "7.2.0");
  g_autoptr (LodgeCapabilities) second = NULL;
  g_autofree char *text = NULL;
  g_autofree char *again = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  lodge_capabilities_add (first, LODGE_HAS_DEVICE, "virtio-gpu-pci");
  lodge_capabilities_add (first, LODGE_HAS_PROPERTY, "virt-machine.gic-version");
  lodge_capabilities_add (first, LODGE_HAS_OPTION, "dbus-map");
  lodge_capabilities_add_machine (first, "virt-7.2", "virt", 512);
  text = lodge_capabilities_to_json (first, &length);
  second = lodge_capabilities_new_from_json (text, length, &error);
  g_assert_no_error (error);
  again = lodge_capabilities_to_json (second, &length);
  g_assert_cmpstr (text, ==, again);
  g_assert_cmpint (lodge_capabilities_get_arch (second), ==, LODGE_ARCH_AARCH64);
  g_assert_true (lodge_capabilities_has_property (second, "virt-machine", "gic-version"));
  g_assert_true (lodge_capabilities_has_dbus_map (second));
  g_assert_cmpstr (lodge_capabilities_get_machine (second, "virt"), ==, "virt-7.2");

  g_assert_null (lodge_capabilities_new_from_json ("{}", 2, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
}

static LodgeJsonSpan
span (const char *text)
{
  return (LodgeJsonSpan) { text, text + strlen (text) };
}

/* Text that is not JSON, or not a schema, ends the walk; nothing is read behind its end. */
static void
test_schema_bounds (void)
{
  static const char *const texts[] = {
    "", "[", "[{", "[{\"name\"", "[{\"name\":", "[{\"name\":\"a", "[{\"name\":\"a\\", "[{\"name\":\"a\"", "{}", "[]", "[1]",
    "[{\"name\":\"a\",\"meta-type\":\"object\"}]", "[,]", "[{\"name\":3}]", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
  };
  static const char loop[] = "[{\"name\":\"c\",\"meta-type\":\"command\",\"arg-type\":\"l\"},"
                             "{\"name\":\"l\",\"meta-type\":\"array\",\"element-type\":\"l\"}]";
  g_autoptr (LodgeSchemaIndex) schema = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *exact = g_memdup2 (texts[i], MAX (strlen (texts[i]), 1));
      LodgeJsonSpan array = { exact, exact + strlen (texts[i]) };

      g_assert_null (lodge_schema_index_new (array));
    }
  /* A type that contains itself does not hang the look-up. */
  schema = lodge_schema_index_new (span (loop));
  g_assert_nonnull (schema);
  g_assert_true (lodge_schema_index_has (schema, "c"));
  g_assert_false (lodge_schema_index_has (schema, "c/arg-type/x"));
  g_assert_false (lodge_schema_index_has (schema, "d"));
}

static void
test_installed (Fixture *fixture, gconstpointer data)
{
  LodgeArch arch = GPOINTER_TO_INT (data);
  g_autofree char *binary = lodge_capabilities_find_binary (arch);
  g_autoptr (LodgeCapabilities) capabilities = NULL;
  g_autoptr (GError) error = NULL;

  if (binary == NULL)
    {
      g_test_skip ("no QEMU for this architecture");
      return;
    }
  capabilities = probe (binary, arch, fixture->cache, TIMEOUT, &error);
  g_assert_no_error (error);
  g_assert_true (lodge_capabilities_has_member (capabilities, "netdev_add/arg-type/+stream"));
  g_assert_true (lodge_capabilities_has_member (capabilities, "query-display-options/ret-type/+dbus"));
  g_assert_true (lodge_capabilities_has_command (capabilities, "getfd"));
  g_assert_true (lodge_capabilities_has_device (capabilities, "virtio-blk-pci"));
  g_assert_true (lodge_capabilities_has_audiodev (capabilities, "none"));
  g_assert_nonnull (lodge_capabilities_get_machine (capabilities, arch == LODGE_ARCH_X86_64 ? "q35" : "virt"));
  if (arch == LODGE_ARCH_X86_64)
    {
      g_assert_true (lodge_capabilities_has_property (capabilities, "max-x86_64-cpu", "hv-relaxed"));
      g_assert_true (lodge_capabilities_has_property (capabilities, "generic-pc-machine", "hpet"));
      g_assert_true (lodge_capabilities_has_property (capabilities, "virtio-balloon-pci", "free-page-reporting"));
    }
}

static int
record (const char *binary, const char *arch_name, const char *file)
{
  g_autoptr (LodgeCapabilities) capabilities = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GString) out = NULL;
  LodgeArch arch;
  gsize length;

  if (!lodge_arch_parse (arch_name, &arch))
    return 2;
  capabilities = probe (binary, arch, NULL, TIMEOUT, &error);
  if (capabilities == NULL)
    {
      g_printerr ("%s\n", error->message);
      return 1;
    }
  /* The same record wherever the binary lies and whenever it was made. */
  text = lodge_capabilities_to_json (capabilities, &length);
  out = g_string_new (text);
  g_string_replace (out, binary, arch == LODGE_ARCH_X86_64    ? "/usr/bin/qemu-system-x86_64"
                                 : arch == LODGE_ARCH_AARCH64 ? "/usr/bin/qemu-system-aarch64"
                                                              : "/usr/bin/qemu-system-riscv64", 1);
  g_string_replace (out, lodge_capabilities_get_key (capabilities), "recorded", 1);
  g_string_append_c (out, '\n');
  return g_file_set_contents (file, out->str, out->len, NULL) ? 0 : 1;
}

int
main (int argc, char *argv[])
{
  if (argc == 5 && strcmp (argv[1], "--record") == 0)
    return record (argv[2], argv[3], argv[4]);

  g_test_init (&argc, &argv, NULL);
  g_test_add ("/capabilities/bad-programs", Fixture, NULL, set_up, test_bad_programs, tear_down);
  g_test_add ("/capabilities/no-program", Fixture, NULL, set_up, test_no_program, tear_down);
  g_test_add ("/capabilities/cancel", Fixture, NULL, set_up, test_cancel, tear_down);
  g_test_add ("/capabilities/cache", Fixture, NULL, set_up, test_cache, tear_down);
  g_test_add_func ("/capabilities/json", test_json);
  g_test_add_func ("/capabilities/schema-bounds", test_schema_bounds);
  g_test_add ("/capabilities/installed/x86_64", Fixture, GINT_TO_POINTER (LODGE_ARCH_X86_64), set_up, test_installed, tear_down);
  g_test_add ("/capabilities/installed/aarch64", Fixture, GINT_TO_POINTER (LODGE_ARCH_AARCH64), set_up, test_installed, tear_down);
  g_test_add ("/capabilities/installed/riscv64", Fixture, GINT_TO_POINTER (LODGE_ARCH_RISCV64), set_up, test_installed, tear_down);
  return g_test_run ();
}
