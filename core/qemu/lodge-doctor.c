/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation
 *
 * The three QEMUs and the host are asked at the same time. When all have answered the findings are made in a fixed
 * order, which is that of docs/DBUS.md and of what a person can do most about: the engine first. The words
 * for each (id, reason) are the clients' (core/ipc/lodge-doctor-text.c).
 */
#include "config.h"
#include "core/qemu/lodge-doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/qemu/lodge-capabilities.h"
#include "core/qemu/lodge-command-line.h"
#include "core/qemu/lodge-probe-private.h"

#define N_ARCHS 3
/* An installation takes this much; with less than the second number nothing can be saved safely. */
#define SPACE_LOW (G_GUINT64_CONSTANT (10) * 1024 * 1024 * 1024)
#define SPACE_FULL (G_GUINT64_CONSTANT (64) * 1024 * 1024)
/* "/<id8>/" and the longest name of a socket, with the zero that ends sun_path. */
#define SOCKET_ROOM 32
#define MAX_SOCKET_PATH 108

typedef struct
{
  LodgePaths        *paths;        /* (owned) */
  LodgeSandbox      *sandbox;      /* (owned) (nullable) */
  LodgeCapabilities *capabilities[N_ARCHS]; /* (owned) (nullable) */
  GError            *faults[N_ARCHS];       /* (owned) (nullable) why there are none */
  char              *binaries[N_ARCHS];     /* (owned) (nullable) */
  LodgeHost         *host;         /* (owned) */
  guint              pending;
  GVariantBuilder    findings;
} Examination;

typedef struct
{
  GTask *task; /* (owned) */
  guint  arch;
} ProbeStep;

static LodgePaths *
copy_paths (const LodgePaths *paths)
{
  LodgePaths *copy = g_new0 (LodgePaths, 1);

  copy->data_dir = g_strdup (paths->data_dir);
  copy->machines_dir = g_strdup (paths->machines_dir);
  copy->trash_dir = g_strdup (paths->trash_dir);
  copy->state_dir = g_strdup (paths->state_dir);
  copy->runtime_dir = g_strdup (paths->runtime_dir);
  copy->share_dir = g_strdup (paths->share_dir);
  copy->cache_dir = g_strdup (paths->cache_dir);
  return copy;
}

static void
examination_free (Examination *self)
{
  for (guint i = 0; i < N_ARCHS; i++)
    {
      g_clear_object (&self->capabilities[i]);
      g_clear_error (&self->faults[i]);
      g_free (self->binaries[i]);
    }
  lodge_host_free (self->host);
  lodge_paths_free (self->paths);
  g_clear_object (&self->sandbox);
  g_variant_builder_clear (&self->findings);
  g_free (self);
}

/* @details: (nullable): floating a{sv} */
static void
add_finding (Examination *self, const char *id, const char *level, const char *reason, GVariant *details)
{
  GVariantBuilder finding;

  g_variant_builder_init (&finding, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&finding, "{sv}", "id", g_variant_new_string (id));
  g_variant_builder_add (&finding, "{sv}", "level", g_variant_new_string (level));
  g_variant_builder_add (&finding, "{sv}", "reason", g_variant_new_string (reason));
  g_variant_builder_add (&finding, "{sv}", "details", details != NULL ? details : g_variant_new ("a{sv}", NULL));
  g_variant_builder_add_value (&self->findings, g_variant_builder_end (&finding));
}

/* A dictionary of strings; a pair without a value is left out. */
static GVariant *
make_details (const char *first, const char *first_value, const char *second, const char *second_value)
{
  GVariantBuilder details;

  g_variant_builder_init (&details, G_VARIANT_TYPE_VARDICT);
  if (first_value != NULL)
    g_variant_builder_add (&details, "{sv}", first, g_variant_new_string (first_value));
  if (second_value != NULL)
    g_variant_builder_add (&details, "{sv}", second, g_variant_new_string (second_value));
  return g_variant_builder_end (&details);
}

static GVariant *
make_path (const char *path)
{
  return make_details ("path", path, NULL, NULL);
}

static void
examine_kvm (Examination *self)
{
  const char *reason = self->host->accel_reason;
  gboolean failed = strcmp (reason, "probe-failed") == 0;

  add_finding (self, "kvm", strcmp (reason, "ok") == 0 ? "ok" : "warning", reason,
               failed ? make_details ("message", self->host->accel_message != NULL ? self->host->accel_message : "", NULL, NULL)
                      : NULL);
}

static void
examine_qemu (Examination *self, LodgeArch arch)
{
  g_autofree char *id = g_strconcat ("qemu-", lodge_arch_name (arch), NULL);
  const char *path = self->binaries[arch];
  GError *fault = self->faults[arch];
  /* Without the PC's nothing works; the others serve those who want them. */
  gboolean main_arch = arch == LODGE_ARCH_X86_64;

  if (self->capabilities[arch] != NULL)
    add_finding (self, id, "ok", "ok",
                 make_details ("version", lodge_capabilities_get_version (self->capabilities[arch]), "path", path));
  else if (path == NULL || g_error_matches (fault, LODGE_ERROR, LODGE_ERROR_NO_QEMU))
    add_finding (self, id, main_arch ? "problem" : "note", "missing", NULL);
  else if (g_error_matches (fault, LODGE_ERROR, LODGE_ERROR_QEMU_TOO_OLD))
    {
      const char *version = strstr (fault->message, "version ");
      g_autofree char *number = version != NULL ? g_strndup (version + 8, strspn (version + 8, "0123456789.")) : NULL;

      add_finding (self, id, main_arch ? "problem" : "warning", "too-old", make_details ("version", number, "path", path));
    }
  else
    add_finding (self, id, main_arch ? "problem" : "warning", "failed",
                 make_details ("message", fault != NULL ? fault->message : "", "path", path));
}

static void
examine_program (Examination *self, const char *id, const char *missing_level, gboolean say_path)
{
  g_autofree char *path = g_find_program_in_path (id);

  if (path != NULL)
    add_finding (self, id, "ok", "ok", say_path ? make_path (path) : NULL);
  else
    add_finding (self, id, missing_level, "missing", NULL);
}

static void
examine_confinement (Examination *self)
{
  LodgeCapabilities *capabilities = self->capabilities[LODGE_ARCH_X86_64];
  const char *reason;
  LodgeConfinement level;

  if (self->sandbox == NULL)
    return;
  /* A QEMU that cannot be asked is a finding of its own. */
  level = lodge_sandbox_judge (self->sandbox, capabilities == NULL || lodge_capabilities_has_sandbox (capabilities), &reason);
  add_finding (self, "confinement", strcmp (reason, "ok") == 0 ? "ok" : "warning", reason,
               make_details ("level", lodge_confinement_name (level), NULL, NULL));
}

static void
examine_firmware (Examination *self, const char *id, const char *code, const char *missing_level)
{
  add_finding (self, id, code != NULL ? "ok" : missing_level, code != NULL ? "ok" : "missing",
               code != NULL ? make_path (code) : NULL);
}

/* The nearest folder that exists: the machines' own is made with the first machine. */
static char *
existing_parent (const char *path)
{
  g_autofree char *folder = g_strdup (path);

  while (strcmp (folder, "/") != 0 && !g_file_test (folder, G_FILE_TEST_IS_DIR))
    {
      char *parent = g_path_get_dirname (folder);

      g_free (folder);
      folder = parent;
    }
  return g_steal_pointer (&folder);
}

static void
examine_disk_space (Examination *self)
{
  g_autofree char *folder = existing_parent (self->paths->machines_dir);
  struct statvfs fs;
  guint64 available;
  GVariantBuilder details;

  if (statvfs (folder, &fs) < 0)
    return;
  available = (guint64) fs.f_bavail * fs.f_frsize;
  if (available < SPACE_FULL)
    {
      add_finding (self, "disk-space", "problem", "full", make_path (folder));
      return;
    }
  g_variant_builder_init (&details, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&details, "{sv}", "free", g_variant_new_uint64 (available));
  g_variant_builder_add (&details, "{sv}", "path", g_variant_new_string (folder));
  add_finding (self, "disk-space", available < SPACE_LOW ? "warning" : "ok", available < SPACE_LOW ? "low" : "ok",
               g_variant_builder_end (&details));
}

/* NULL when a socket and a file can be made there, else the reason. */
static const char *
try_runtime_dir (const char *path)
{
  g_autofree char *file = g_strdup_printf ("%s/.doctor-%d", path, (int) getpid ());
  const char *reason = NULL;
  int fd;

  if (strlen (path) + SOCKET_ROOM > MAX_SOCKET_PATH)
    return "too-long";
  if (g_mkdir_with_parents (path, 0700) < 0)
    return errno == EROFS || errno == EACCES || errno == EPERM ? "read-only" : errno == ENOSPC ? "full" : "missing";
  fd = open (file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return errno == ENOSPC || errno == EDQUOT ? "full" : errno == ENOENT || errno == ENOTDIR ? "missing" : "read-only";
  if (write (fd, "x", 1) != 1)
    reason = "full";
  close (fd);
  g_unlink (file);
  return reason;
}

static void
examine_runtime_dir (Examination *self)
{
  const char *path = self->paths->runtime_dir;
  const char *reason = try_runtime_dir (path);
  /* What lodge_paths_new() takes when the session has none. */
  g_autofree char *fallback = g_strdup_printf ("/tmp/lodge-%u", (guint) getuid ());

  if (reason != NULL)
    add_finding (self, "runtime-dir", "problem", reason, make_path (path));
  else if (strcmp (path, fallback) == 0)
    add_finding (self, "runtime-dir", "warning", "unset", make_path (path));
  else
    add_finding (self, "runtime-dir", "ok", "ok", make_path (path));
}

static void
examine_render_node (Examination *self)
{
  LodgeCapabilities *capabilities = self->capabilities[LODGE_ARCH_X86_64];
  const char *reason = self->host->gl_reason;

  if (strcmp (reason, "ok") == 0 && capabilities != NULL && !lodge_capabilities_has_device (capabilities, "virtio-vga-gl"))
    add_finding (self, "render-node", "note", "no-module", NULL);
  else if (strcmp (reason, "ok") == 0)
    /* lodge_launch_gl_backend() says why. */
    add_finding (self, "render-node", "note", "no-viewer", make_path (self->host->render_node));
  else
    add_finding (self, "render-node", "note", reason,
                 strcmp (reason, "no-permission") == 0 ? make_path ("/dev/dri") : NULL);
}

static void
examine_audio (Examination *self)
{
  LodgeCapabilities *capabilities = self->capabilities[LODGE_ARCH_X86_64];
  const char *driver = "none";

  /* Whoever plays, the window or QEMU itself, plays there. */
  if (capabilities != NULL && self->host->audio_socket != NULL
      && (lodge_capabilities_has_audiodev (capabilities, "dbus")
          || lodge_capabilities_has_audiodev (capabilities, self->host->audio_driver)))
    driver = self->host->audio_driver;
  if (strcmp (driver, "none") == 0)
    add_finding (self, "audio", "note", "none", NULL);
  else
    add_finding (self, "audio", "ok", "ok", make_details ("driver", driver, NULL, NULL));
}

static void
examine_display (Examination *self)
{
  LodgeCapabilities *capabilities = self->capabilities[LODGE_ARCH_X86_64];

  if (capabilities == NULL)
    return;
  if (!lodge_capabilities_has_display (capabilities, "dbus"))
    add_finding (self, "dbus-display", "problem", "missing", NULL);
  else if (!lodge_capabilities_has_dbus_map (capabilities))
    add_finding (self, "dbus-display", "note", "no-map", NULL);
  else
    add_finding (self, "dbus-display", "ok", "ok", NULL);
}

static void
examine_demo (Examination *self)
{
  g_autofree char *kernel = g_build_filename (self->paths->share_dir, "demo", "lodge-demo.vmlinux", NULL);
  gboolean there = access (kernel, R_OK) == 0;

  add_finding (self, "demo", there ? "ok" : "note", there ? "ok" : "missing", NULL);
}

static void
examination_part_ended (GTask *task)
{
  Examination *self = g_task_get_task_data (task);

  self->pending--;
  if (self->pending > 0 || g_task_return_error_if_cancelled (task))
    return;
  examine_kvm (self);
  for (guint arch = 0; arch < N_ARCHS; arch++)
    examine_qemu (self, arch);
  examine_program (self, "qemu-img", "problem", FALSE);
  examine_confinement (self);
  examine_firmware (self, "firmware-uefi", self->host->ovmf_code, "warning");
  examine_firmware (self, "firmware-uefi-secure", self->host->ovmf_code_secure, "note");
  examine_firmware (self, "firmware-aarch64", self->host->aavmf_code, "note");
  examine_firmware (self, "firmware-riscv64", self->host->riscv_code, "note");
  examine_program (self, "passt", "note", TRUE);
  examine_program (self, "swtpm", "note", TRUE);
  examine_disk_space (self);
  examine_runtime_dir (self);
  examine_render_node (self);
  examine_audio (self);
  examine_display (self);
  examine_demo (self);
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&self->findings)),
                         (GDestroyNotify) g_variant_unref);
}

static void
host_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Examination *self = g_task_get_task_data (task);

  /* Fails only when cancelled, and then nothing is made of it. */
  self->host = lodge_probe_host_finish (result, NULL);
  examination_part_ended (task);
}

static void
sandbox_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Examination *self = g_task_get_task_data (task);

  /* Fails only when cancelled, as above. */
  self->sandbox = lodge_sandbox_probe_finish (result, NULL);
  examination_part_ended (task);
}

static void
capabilities_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  ProbeStep *step = data;
  g_autoptr (GTask) task = step->task;
  Examination *self = g_task_get_task_data (task);

  self->capabilities[step->arch] = lodge_capabilities_probe_finish (result, &self->faults[step->arch]);
  g_free (step);
  examination_part_ended (task);
}

void
lodge_doctor_examine_async (const LodgePaths *paths, LodgeSandbox *sandbox, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  Examination *self = g_new0 (Examination, 1);

  g_task_set_source_tag (task, lodge_doctor_examine_async);
  g_task_set_task_data (task, self, (GDestroyNotify) examination_free);
  self->paths = copy_paths (paths);
  self->sandbox = sandbox != NULL ? g_object_ref (sandbox) : NULL;
  g_variant_builder_init (&self->findings, G_VARIANT_TYPE ("aa{sv}"));
  for (guint arch = 0; arch < N_ARCHS; arch++)
    {
      ProbeStep *step;

      self->binaries[arch] = lodge_capabilities_find_binary (arch);
      if (self->binaries[arch] == NULL)
        continue;
      step = g_new0 (ProbeStep, 1);
      step->task = g_object_ref (task);
      step->arch = arch;
      self->pending++;
      lodge_capabilities_probe_async (self->binaries[arch], arch, NULL, cancellable, capabilities_cb, step);
    }
  if (self->sandbox == NULL)
    {
      self->pending++;
      lodge_sandbox_probe_async (cancellable, sandbox_cb, g_object_ref (task));
    }
  self->pending++;
  lodge_probe_host_async (self->paths, self->binaries[LODGE_ARCH_X86_64], TRUE, cancellable, host_cb, g_object_ref (task));
}

GVariant *
lodge_doctor_examine_finish (GAsyncResult *result, LodgeHost **host, GError **error)
{
  GVariant *findings = g_task_propagate_pointer (G_TASK (result), error);
  Examination *self = g_task_get_task_data (G_TASK (result));

  if (findings != NULL && host != NULL)
    *host = g_steal_pointer (&self->host);
  return findings;
}
