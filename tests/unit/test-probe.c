/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's probe against trees of files that stand for other hosts, and doctor on this one. */
#include "core/qemu/lodge-probe-private.h"

#include <glib/gstdio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/ipc/lodge-doctor-text.h"
#include "core/qemu/lodge-capabilities.h"
#include "core/qemu/lodge-doctor.h"

#define FLAGS "processor\t: 0\nflags\t\t: fpu vme sse2 %s lm\nbugs\t\t: vmxx\n\nprocessor\t: 1\n"

typedef struct
{
  char       *root;  /* (owned) */
  LodgePaths *paths; /* (owned) */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  LodgePaths *paths = g_new0 (LodgePaths, 1);

  fixture->root = g_dir_make_tmp ("lodge-probe-XXXXXX", NULL);
  paths->machines_dir = g_build_filename (fixture->root, "data/machines", NULL);
  paths->cache_dir = g_build_filename (fixture->root, "cache", NULL);
  paths->runtime_dir = g_build_filename (fixture->root, "run/lodge", NULL);
  paths->share_dir = g_build_filename (fixture->root, "share", NULL);
  fixture->paths = paths;
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
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
  remove_all (fixture->root);
  g_free (fixture->root);
  lodge_paths_free (fixture->paths);
}

static void
put (Fixture *fixture, const char *path, const char *text)
{
  g_autofree char *full = g_strconcat (fixture->root, path, NULL);
  g_autofree char *folder = g_path_get_dirname (full);

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents (full, text, -1, NULL));
}

static void
result_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  *(GAsyncResult **) data = g_object_ref (result);
}

static LodgeHost *
probe (Fixture *fixture, const char *qemu, const char *accel, gboolean anew)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  LodgeHost *host;

  lodge_probe_full_async (fixture->root, fixture->paths, qemu, accel, anew, NULL, result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  host = lodge_probe_host_finish (result, &error);
  g_assert_no_error (error);
  return host;
}

static void
put_flags (Fixture *fixture, const char *flag)
{
  g_autofree char *text = g_strdup_printf (FLAGS, flag);

  put (fixture, "/proc/cpuinfo", text);
  put (fixture, "/proc/sys/kernel/random/boot_id", "5f7a\n");
}

/* A stand-in for QEMU; it is what lies behind /dev/kvm that is tried. */
static char *
make_qemu (Fixture *fixture, const char *body)
{
  g_autofree char *text = g_strdup_printf ("#!/bin/sh\necho started >> %s/starts\n%s\n", fixture->root, body);
  char *path = g_build_filename (fixture->root, "qemu", NULL);

  g_unlink (path);
  put (fixture, "/qemu", text);
  g_assert_cmpint (g_chmod (path, 0755), ==, 0);
  return path;
}

static guint
count_starts (Fixture *fixture)
{
  g_autofree char *path = g_build_filename (fixture->root, "starts", NULL);
  g_autofree char *text = NULL;
  gsize length = 0;

  if (!g_file_get_contents (path, &text, &length, NULL))
    return 0;
  return length / strlen ("started\n");
}

static void
assert_accel_of (Fixture *fixture, const char *qemu, const char *accel, gboolean anew, const char *reason, const char *message)
{
  g_autoptr (LodgeHost) host = probe (fixture, qemu, accel, anew);

  g_assert_cmpstr (host->accel_reason, ==, reason);
  g_assert_cmpint (host->accel, ==, strcmp (reason, "ok") == 0 ? LODGE_ACCEL_KVM : LODGE_ACCEL_TCG);
  if (message != NULL)
    g_assert_nonnull (strstr (host->accel_message, message));
  else
    g_assert_null (host->accel_message);
}

static void
assert_accel (Fixture *fixture, const char *qemu, const char *accel, const char *reason, const char *message)
{
  assert_accel_of (fixture, qemu, accel, FALSE, reason, message);
}

/* Flags come before everything: a device that opens does not count without them. */
static void
test_kvm_reasons (Fixture *fixture, gconstpointer data)
{
#if defined(__x86_64__)
  g_autofree char *qemu = make_qemu (fixture, "echo 'LONG MODE'; exit 33");
  g_autofree char *device = g_build_filename (fixture->root, "dev/kvm", NULL);

  assert_accel (fixture, qemu, "kvm", "no-cpu-flags", NULL);
  put_flags (fixture, "");
  put (fixture, "/dev/kvm", "");
  assert_accel (fixture, qemu, "kvm", "no-cpu-flags", NULL);
  put_flags (fixture, "vmx");
  /* A file that is no KVM. */
  assert_accel (fixture, qemu, "kvm", "probe-failed", NULL);
  g_unlink (device);
  assert_accel (fixture, qemu, "kvm", "no-device", NULL);
  put (fixture, "/dev/kvm", "");
  g_chmod (device, 0);
  if (access (device, R_OK) < 0)
    assert_accel (fixture, qemu, "kvm", "no-permission", NULL);
  g_assert_cmpuint (count_starts (fixture), ==, 0);
#else
  g_test_skip ("the rules of a PC");
#endif
}

static void
test_kvm_guest (Fixture *fixture, gconstpointer data)
{
#if defined(__x86_64__)
  static const struct
  {
    const char *body;
    const char *reason;
    const char *message;
  } qemus[] = {
    { "echo 'LONG MODE'; exit 33", "ok", NULL },
    /* Firmware that runs and a kernel that does not. */
    { "echo 'KVM internal error. Suberror: 1' >&2; exit 1", "probe-failed", "KVM internal error. Suberror: 1" },
    { "echo 'kvm_buf_set_msrs: Assertion failed.' >&2; kill -ABRT $$", "probe-failed", "signal 6" },
    { "exit 33", "probe-failed", "ended with code 33" },
    { "echo 'LONG MODE'; exit 0", "probe-failed", "cannot be understood" },
  };
  guint starts = 0;

  put_flags (fixture, "svm");
  for (guint i = 0; i < G_N_ELEMENTS (qemus); i++)
    {
      g_autofree char *qemu = make_qemu (fixture, qemus[i].body);

      assert_accel (fixture, qemu, "test", qemus[i].reason, qemus[i].message);
      g_assert_cmpuint (count_starts (fixture), ==, ++starts);
      /* The second time it is known if it works; what failed may have been a matter of that moment. */
      assert_accel (fixture, qemu, "test", qemus[i].reason, qemus[i].message);
      if (strcmp (qemus[i].reason, "ok") != 0)
        starts++;
      g_assert_cmpuint (count_starts (fixture), ==, starts);
    }
#else
  g_test_skip ("the rules of a PC");
#endif
}

static void
test_kvm_cache (Fixture *fixture, gconstpointer data)
{
#if defined(__x86_64__)
  /* Whether it works is another file's matter, so that QEMU's own stays as it is. */
  g_autofree char *qemu = make_qemu (fixture, "test -e \"${0%/*}/bad\" && exit 1; echo 'LONG MODE'; exit 33");
  g_autofree char *bad = g_build_filename (fixture->root, "bad", NULL);

  put_flags (fixture, "svm");
  assert_accel (fixture, qemu, "test", "ok", NULL);
  put (fixture, "/bad", "");
  assert_accel (fixture, qemu, "test", "ok", NULL);
  g_assert_cmpuint (count_starts (fixture), ==, 1);
  /* Doctor looks all the same, and what it finds is what is known from then on. */
  assert_accel_of (fixture, qemu, "test", TRUE, "probe-failed", "ended with code 1");
  assert_accel (fixture, qemu, "test", "probe-failed", "ended with code 1");
  g_assert_cmpuint (count_starts (fixture), ==, 3);
  g_unlink (bad);
  assert_accel_of (fixture, qemu, "test", TRUE, "ok", NULL);
  assert_accel (fixture, qemu, "test", "ok", NULL);
  g_assert_cmpuint (count_starts (fixture), ==, 4);
  /* Another boot is another matter, and so is a cache that was spoilt. */
  put (fixture, "/proc/sys/kernel/random/boot_id", "6a8b\n");
  assert_accel (fixture, qemu, "test", "ok", NULL);
  g_assert_cmpuint (count_starts (fixture), ==, 5);
  put (fixture, "/cache/kvm", "garbage");
  assert_accel (fixture, qemu, "test", "ok", NULL);
  g_assert_cmpuint (count_starts (fixture), ==, 6);
#else
  g_test_skip ("the rules of a PC");
#endif
}

/* The probe guest itself, on the real QEMU without KVM: it must get to its end where the machine is sound. */
static void
test_kvm_guest_runs (Fixture *fixture, gconstpointer data)
{
#if defined(__x86_64__)
  g_autofree char *qemu = lodge_capabilities_find_binary (LODGE_ARCH_X86_64);

  if (qemu == NULL)
    {
      g_test_skip ("no QEMU");
      return;
    }
  put_flags (fixture, "vmx");
  assert_accel (fixture, qemu, "tcg", "ok", NULL);
#else
  g_test_skip ("the rules of a PC");
#endif
}

static char *
descriptor (const char *arch, const char *machines, const char *code, const char *vars, const char *features)
{
  return g_strdup_printf ("{\"interface-types\": [\"uefi\"], \"mapping\": {\"device\": \"flash\","
                          " \"executable\": {\"filename\": \"%s\", \"format\": \"raw\"},"
                          " \"nvram-template\": {\"filename\": \"%s\", \"format\": \"raw\"}},"
                          " \"targets\": [{\"architecture\": \"%s\", \"machines\": [\"%s\"]}], \"features\": [%s]}",
                          code, vars, arch, machines, features);
}

static void
assert_file (Fixture *fixture, const char *found, const char *path)
{
  g_autofree char *full = path != NULL ? g_strconcat (fixture->root, path, NULL) : NULL;

  g_assert_cmpstr (found, ==, full);
}

static void
test_firmware (Fixture *fixture, gconstpointer data)
{
  g_autofree char *plain = descriptor ("x86_64", "pc-q35-*", "/fw/code", "/fw/vars", "\"acpi-s3\"");
  g_autofree char *secure
      = descriptor ("x86_64", "pc-q35-*", "/fw/code.ms", "/fw/vars.ms", "\"secure-boot\", \"enrolled-keys\", \"requires-smm\"");
  g_autofree char *arm = descriptor ("aarch64", "virt-*", "/fw/arm", "/fw/arm-vars", "");
  g_autofree char *gone = descriptor ("x86_64", "pc-q35-*", "/fw/not-there", "/fw/vars", "");
  g_autofree char *other = descriptor ("x86_64", "pc-i440fx-*", "/fw/arm", "/fw/vars", "");
  const char *const files[] = { "/fw/code", "/fw/vars", "/fw/code.ms", "/fw/vars.ms", "/fw/arm", "/fw/arm-vars" };

  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    put (fixture, files[i], "x");
  put (fixture, "/usr/share/qemu/firmware/10-gone.json", gone);
  put (fixture, "/usr/share/qemu/firmware/20-other.json", other);
  put (fixture, "/usr/share/qemu/firmware/30-broken.json", "{\"mapping\": [3], \"targets\": {}");
  put (fixture, "/usr/share/qemu/firmware/31-odd.json", "{\"mapping\": [3], \"targets\": {}, \"interface-types\": [\"uefi\", 4]}");
  put (fixture, "/usr/share/qemu/firmware/40-secure.json", secure);
  put (fixture, "/usr/share/qemu/firmware/50-plain.json", plain);
  put (fixture, "/usr/share/qemu/firmware/60-arm.json", arm);
  {
    g_autoptr (LodgeHost) host = probe (fixture, NULL, "kvm", FALSE);

    assert_file (fixture, host->ovmf_code, "/fw/code");
    assert_file (fixture, host->ovmf_vars, "/fw/vars");
    assert_file (fixture, host->ovmf_code_secure, "/fw/code.ms");
    assert_file (fixture, host->ovmf_vars_secure, "/fw/vars.ms");
    assert_file (fixture, host->aavmf_code, "/fw/arm");
    assert_file (fixture, host->riscv_code, NULL);
  }

  /* An administrator's file takes the place of the distribution's, an empty one hides it. */
  put (fixture, "/etc/qemu/firmware/40-secure.json", "");
  put (fixture, "/etc/qemu/firmware/05-mine.json", plain);
  put (fixture, "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "x");
  put (fixture, "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", "x");
  {
    g_autoptr (LodgeHost) host = probe (fixture, NULL, "kvm", FALSE);

    assert_file (fixture, host->ovmf_code, "/fw/code");
    /* And where descriptors name none the known places are looked at. */
    assert_file (fixture, host->ovmf_code_secure, "/usr/share/OVMF/OVMF_CODE_4M.ms.fd");
  }
}

static void
test_memory_and_gl (Fixture *fixture, gconstpointer data)
{
  put (fixture, "/proc/meminfo", "MemTotal:       16303048 kB\nMemFree:          100 kB\nMemAvailable:   12000000 kB\n");
  {
    g_autoptr (LodgeHost) host = probe (fixture, NULL, "kvm", FALSE);

    g_assert_cmpuint (host->memory, ==, G_GUINT64_CONSTANT (16303048) * 1024);
    g_assert_cmpuint (host->memory_available, ==, G_GUINT64_CONSTANT (12000000) * 1024);
    g_assert_cmpstr (host->gl_reason, ==, "no-render-node");
    g_assert_null (host->render_node);
  }
  put (fixture, "/dev/dri/renderD129", "");
  {
    g_autoptr (LodgeHost) host = probe (fixture, NULL, "kvm", FALSE);
    g_autoptr (LodgeHost) copy = lodge_host_copy (host);

    g_assert_cmpstr (copy->gl_reason, ==, "ok");
    assert_file (fixture, copy->render_node, "/dev/dri/renderD129");
  }
}

/* A server that answers is used, one that left its socket behind is not. */
static void
test_audio (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeHost) host = lodge_host_new ();
  g_autofree char *folder = g_build_filename (fixture->root, "run/pulse", NULL);
  g_autofree char *path = g_build_filename (folder, "native", NULL);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (GError) error = NULL;

  g_unsetenv ("PULSE_RUNTIME_PATH");
  g_unsetenv ("PIPEWIRE_RUNTIME_DIR");
  lodge_probe_audio (fixture->paths, host);
  g_assert_cmpstr (host->audio_driver, ==, "none");
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &error);
  g_assert_no_error (error);
  lodge_probe_audio (fixture->paths, host);
  g_assert_cmpstr (host->audio_driver, ==, "pa");
  g_assert_cmpstr (host->audio_socket, ==, path);
  g_socket_listener_close (listener);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  lodge_probe_audio (fixture->paths, host);
  g_assert_cmpstr (host->audio_driver, ==, "none");
  g_assert_null (host->audio_socket);
}

/* Each server can be told to have its socket in a folder that its own variable names. */
static void
test_audio_elsewhere (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *driver, *variable, *socket;
  } servers[] = { { "pa", "PULSE_RUNTIME_PATH", "native" }, { "pipewire", "PIPEWIRE_RUNTIME_DIR", "pipewire-0" } };
  g_autoptr (LodgeHost) host = lodge_host_new ();

  g_unsetenv ("PULSE_RUNTIME_PATH");
  g_unsetenv ("PIPEWIRE_RUNTIME_DIR");
  for (gsize i = 0; i < G_N_ELEMENTS (servers); i++)
    {
      g_autofree char *path = g_build_filename (fixture->root, servers[i].socket, NULL);
      g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
      g_autoptr (GSocketListener) listener = g_socket_listener_new ();

      g_assert_true (g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT,
                                                    NULL, NULL, NULL));
      lodge_probe_audio (fixture->paths, host);
      g_assert_cmpstr (host->audio_driver, ==, "none");
      g_setenv (servers[i].variable, fixture->root, TRUE);
      lodge_probe_audio (fixture->paths, host);
      g_assert_cmpstr (host->audio_driver, ==, servers[i].driver);
      g_assert_cmpstr (host->audio_socket, ==, path);
      g_unsetenv (servers[i].variable);
      g_socket_listener_close (listener);
    }
}

static GVariant *
examine (LodgePaths *paths)
{
  g_autoptr (LodgeSandbox) sandbox = lodge_sandbox_new (LODGE_CONFINEMENT_SECCOMP, "no-bubblewrap", NULL);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *findings;

  lodge_doctor_examine_async (paths, sandbox, NULL, result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  findings = lodge_doctor_examine_finish (result, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_variant_is_of_type (findings, G_VARIANT_TYPE ("aa{sv}")));
  return findings;
}

/* The reason of a finding, NULL when there is none of that id. */
static char *
reason_of (GVariant *findings, const char *id)
{
  GVariantIter iter;
  GVariant *finding;
  char *reason = NULL;

  g_variant_iter_init (&iter, findings);
  while ((finding = g_variant_iter_next_value (&iter)) != NULL)
    {
      const char *this_id;

      g_assert_true (g_variant_lookup (finding, "id", "&s", &this_id));
      if (strcmp (this_id, id) == 0)
        {
          g_assert_null (reason);
          g_assert_true (g_variant_lookup (finding, "reason", "s", &reason));
        }
      g_variant_unref (finding);
    }
  return reason;
}

static void
assert_reason (GVariant *findings, const char *id, const char *reason)
{
  g_autofree char *found = reason_of (findings, id);

  g_assert_cmpstr (found, ==, reason);
}

/* Whatever doctor finds here, there are words for it, and its level is one of the four. */
static void
test_doctor (Fixture *fixture, gconstpointer data)
{
  static const char *const levels[] = { "ok", "note", "warning", "problem", NULL };
  g_autoptr (GVariant) findings = examine (fixture->paths);
  GVariantIter iter;
  GVariant *finding;

  g_variant_iter_init (&iter, findings);
  while ((finding = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) details = g_variant_lookup_value (finding, "details", G_VARIANT_TYPE_VARDICT);
      const char *id = "", *reason = "", *level = "";
      g_autofree char *title = NULL;
      g_autofree char *sentence = NULL;
      g_autofree char *advice = NULL;

      g_variant_lookup (finding, "id", "&s", &id);
      g_variant_lookup (finding, "reason", "&s", &reason);
      g_variant_lookup (finding, "level", "&s", &level);
      g_assert_true (g_strv_contains (levels, level));
      g_assert_nonnull (details);
      if (!lodge_doctor_text (id, reason, details, &title, &sentence, &advice))
        g_error ("no words for %s %s", id, reason);
      g_variant_unref (finding);
    }
  assert_reason (findings, "confinement", "no-bubblewrap");
  assert_reason (findings, "demo", "missing");
  assert_reason (findings, "runtime-dir", "ok");
  /* Nothing is left where it looked. */
  g_assert_cmpint (g_rmdir (fixture->paths->runtime_dir), ==, 0);
}

static void
test_doctor_runtime_dir (Fixture *fixture, gconstpointer data)
{
  g_autofree char *file = g_build_filename (fixture->root, "file", NULL);
  g_autofree char *filler = g_strnfill (60, 'x');
  g_autoptr (GVariant) too_long = NULL;
  g_autoptr (GVariant) no_folder = NULL;

  put (fixture, "/file", "");
  g_free (fixture->paths->runtime_dir);
  fixture->paths->runtime_dir = g_build_filename (fixture->root, filler, "lodge", NULL);
  too_long = examine (fixture->paths);
  assert_reason (too_long, "runtime-dir", "too-long");
  g_free (fixture->paths->runtime_dir);
  fixture->paths->runtime_dir = g_build_filename (file, "lodge", NULL);
  no_folder = examine (fixture->paths);
  assert_reason (no_folder, "runtime-dir", "missing");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/probe/kvm/reasons", Fixture, NULL, set_up, test_kvm_reasons, tear_down);
  g_test_add ("/probe/kvm/guest", Fixture, NULL, set_up, test_kvm_guest, tear_down);
  g_test_add ("/probe/kvm/cache", Fixture, NULL, set_up, test_kvm_cache, tear_down);
  g_test_add ("/probe/kvm/guest-runs", Fixture, NULL, set_up, test_kvm_guest_runs, tear_down);
  g_test_add ("/probe/firmware", Fixture, NULL, set_up, test_firmware, tear_down);
  g_test_add ("/probe/memory-and-gl", Fixture, NULL, set_up, test_memory_and_gl, tear_down);
  g_test_add ("/probe/audio", Fixture, NULL, set_up, test_audio, tear_down);
  g_test_add ("/probe/audio-elsewhere", Fixture, NULL, set_up, test_audio_elsewhere, tear_down);
  g_test_add ("/probe/doctor", Fixture, NULL, set_up, test_doctor, tear_down);
  g_test_add ("/probe/doctor/runtime-dir", Fixture, NULL, set_up, test_doctor_runtime_dir, tear_down);
  return g_test_run ();
}
