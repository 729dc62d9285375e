/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-launch.h"

#include "core/machine/lodge-machine-private.h"
#include "core/sharing/lodge-network.h"
#include "core/sharing/lodge-tpm.h"
#include "core/storage/lodge-disk-lock.h"
#include "core/storage/lodge-layers.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *
lodge_launch_gl_backend (LodgeCapabilities *capabilities, const LodgeHost *host, const char **reason)
{
  if (host->render_node == NULL)
    *reason = host->gl_reason != NULL ? g_intern_string (host->gl_reason) : "no-render-node";
  else if (capabilities == NULL || !lodge_capabilities_has_device (capabilities, "virtio-vga-gl"))
    *reason = "no-module";
  else
    /* With gl=on QEMU hands every picture out as a DMA buffer and in no other way (ui/dbus-listener.c), and the listener of
     * display/ takes bytes and shared memory: a guest without 3D is better than one without a picture. */
    *reason = "no-viewer";
  return "none";
}

static const char *
choose_gl (LodgeLaunchPlan *plan, const LodgeProfile *profile, LodgeCapabilities *capabilities,
           const LodgeHost *host)
{
  if (!profile->accel_3d)
    plan->gl_reason = "off";
  else if (profile->video != LODGE_VIDEO_VIRTIO)
    plan->gl_reason = "no-device";
  else
    return lodge_launch_gl_backend (capabilities, host, &plan->gl_reason);
  return "none";
}

/* Whether QEMU plays through the host's sound server, whose socket it must see then. */
static gboolean
wants_sound_server (const LodgeLaunchPlan *plan, const LodgeProfile *profile, LodgeCapabilities *capabilities,
                    const LodgeHost *host)
{
  LodgeLaunch with_audio = plan->launch;
  const char *driver;

  with_audio.audio = TRUE;
  driver = profile->sound == LODGE_SOUND_NONE ? "none"
                                              : lodge_command_line_audio (profile, capabilities, host, &with_audio);
  return strcmp (driver, "pa") == 0 || strcmp (driver, "pipewire") == 0;
}

LodgeLaunchPlan *
lodge_launch_plan_new (LodgeEngine *engine, const LodgeProfile *profile,
                       LodgeCapabilities *capabilities, const char *folder, gboolean without_kvm)
{
  LodgeLaunchPlan *plan = g_new0 (LodgeLaunchPlan, 1);
  const LodgeHost *host = lodge_engine_get_host (engine);
  LodgeFdMap end = { -1, -1 };

  plan->folder = g_strdup (folder);
  plan->fds = g_array_new (FALSE, FALSE, sizeof (LodgeFdMap));
  g_array_append_val (plan->fds, end);
  plan->launch.folder = plan->folder;
  plan->launch.paused = TRUE;
  plan->launch.accel = host->accel;
  /* Doctor may replace the host's facts while the guest starts. */
  plan->accel_reason = g_intern_string (host->accel_reason);
  if (without_kvm && host->accel == LODGE_ACCEL_KVM)
    {
      plan->launch.accel = LODGE_ACCEL_TCG;
      plan->accel_reason = "asked";
    }
#if defined (__x86_64__)
  if (profile->arch != LODGE_ARCH_X86_64)
#elif defined (__aarch64__)
  if (profile->arch != LODGE_ARCH_AARCH64)
#elif defined (__riscv)
  if (profile->arch != LODGE_ARCH_RISCV64)
#endif
    {
      plan->launch.accel = LODGE_ACCEL_TCG;
      plan->accel_reason = "other-architecture";
    }
  plan->launch.gl_backend = choose_gl (plan, profile, capabilities, host);
  plan->launch.audio = wants_sound_server (plan, profile, capabilities, host);
  return plan;
}

void
lodge_launch_plan_close (LodgeLaunchPlan *plan)
{
  for (guint i = 0; i + 1 < plan->fds->len; i++)
    close (g_array_index (plan->fds, LodgeFdMap, i).source);
  g_array_remove_range (plan->fds, 0, plan->fds->len - 1);
}

void
lodge_launch_plan_free (LodgeLaunchPlan *plan)
{
  if (plan == NULL)
    return;

  lodge_launch_plan_close (plan);
  g_array_unref (plan->fds);
  g_free (plan->folder);
  g_free (plan->place);
  g_free (plan->keyring);
  g_free (plan);
}

void
lodge_launch_plan_add_fd (LodgeLaunchPlan *plan, int fd, int target)
{
  LodgeFdMap map = { fd, target };

  g_array_insert_val (plan->fds, plan->fds->len - 1, map);
}

static void
add_path (GPtrArray *paths, const char *path)
{
  if (path != NULL && !g_str_has_prefix (path, "/usr/"))
    g_ptr_array_add (paths, g_strdup (path));
}

/* A QEMU that is not the distribution's has all it needs below its own folder. */
static void
add_folder (GPtrArray *paths, const char *binary)
{
  if (!g_str_has_prefix (binary, "/usr/"))
    g_ptr_array_add (paths, g_path_get_dirname (binary));
}

static gboolean
wants_network (const LodgeProfile *profile)
{
  for (guint i = 0; i < profile->nics->len; i++)
    if (((const LodgeNic *) g_ptr_array_index (profile->nics, i))->kind == LODGE_NETWORK_USER)
      return TRUE;
  return FALSE;
}

/* The files that the disks read on in: of this machine's earlier layers, and of the machine that it was made from. None of them
 * may change, so QEMU cannot write to them even where it may write to the folder around them. */
static GPtrArray *
find_frozen (const LodgeProfile *profile, const char *folder)
{
  GPtrArray *frozen = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *path = disk->cdrom ? NULL : lodge_launch_disk_path (disk, folder);
      g_autoptr (GPtrArray) chain = path != NULL ? lodge_layers_chain (path, NULL) : NULL;

      for (guint n = 0; chain != NULL && n < chain->len; n++)
        g_ptr_array_add (frozen, g_strdup (g_ptr_array_index (chain, n)));
    }
  return frozen;
}

/* A clone's has another name in the machine that it was made from. */
static void
add_boot_file (GPtrArray *read_only, GPtrArray *frozen, const char *file, const char *folder)
{
  g_autofree char *path = file != NULL && !g_path_is_absolute (file) ? g_build_filename (folder, file, NULL) : NULL;

  if (path != NULL && access (path, F_OK) == 0)
    g_ptr_array_add (frozen, g_steal_pointer (&path));
  else if (file != NULL && path == NULL)
    g_ptr_array_add (read_only, g_strdup (file));
}

/* A path that QEMU sees, as it is here. */
static char *
outside (const LodgeLaunchPlan *plan, const char *path)
{
  return plan->place != NULL && g_str_has_prefix (path, plan->place) ? g_strconcat (plan->folder, path + strlen (plan->place), NULL)
                                                                     : g_strdup (path);
}

GStrv
lodge_launch_plan_confine (LodgeLaunchPlan *plan, const LodgeProfile *profile,
                           LodgeCapabilities *capabilities, LodgeEngine *engine,
                           const char *const *argv)
{
  const LodgeHost *host = lodge_engine_get_host (engine);
  g_autoptr (GPtrArray) read_write = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) read_only = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) devices = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) environment = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) frozen = find_frozen (profile, plan->folder);
  LodgeSandboxSpec spec = { 0 };

  g_ptr_array_add (read_write, g_strdup (plan->folder));
  if (plan->keyring != NULL)
    {
      g_ptr_array_add (read_write, g_strdup (plan->keyring));
      g_ptr_array_add (environment, g_strconcat ("G_DBUS_COOKIE_SHA1_KEYRING_DIR=", plan->keyring, NULL));
    }
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (disk->file != NULL && g_path_is_absolute (disk->file))
        g_ptr_array_add (disk->cdrom ? read_only : read_write, g_strdup (disk->file));
    }

  add_boot_file (read_only, frozen, profile->kernel, plan->folder);
  add_boot_file (read_only, frozen, profile->initrd, plan->folder);
  if (plan->launch.ram != NULL && plan->launch.ram_use == LODGE_RAM_PRIVATE)
    g_ptr_array_add (frozen, outside (plan, plan->launch.ram));
  add_folder (read_only, lodge_capabilities_get_binary (capabilities));
  add_path (read_only, host->ovmf_code);
  add_path (read_only, host->ovmf_code_secure);
  add_path (read_only, host->aavmf_code);
  add_path (read_only, host->riscv_code);
  if (plan->launch.share != NULL)
    g_ptr_array_add (plan->launch.share_writable ? read_write : read_only, g_strdup (plan->launch.share));
  if (plan->launch.audio)
    {
      g_autofree char *dir = g_path_get_dirname (host->audio_socket);

      g_ptr_array_add (read_only, g_strdup (host->audio_socket));
      g_ptr_array_add (environment, g_strconcat ("PIPEWIRE_RUNTIME_DIR=", dir, NULL));
    }
  if (plan->launch.accel == LODGE_ACCEL_KVM)
    g_ptr_array_add (devices, g_strdup ("/dev/kvm"));
  if (strcmp (plan->launch.gl_backend, "none") != 0)
    g_ptr_array_add (devices, g_strdup (host->render_node));
  g_ptr_array_add (read_write, NULL);
  g_ptr_array_add (read_only, NULL);
  g_ptr_array_add (devices, NULL);
  g_ptr_array_add (environment, NULL);
  g_ptr_array_add (frozen, NULL);

  spec.read_write = (const char *const *) read_write->pdata;
  spec.read_only = (const char *const *) read_only->pdata;
  spec.devices = (const char *const *) devices->pdata;
  spec.frozen = (const char *const *) frozen->pdata;
  spec.environment = (const char *const *) environment->pdata;
  spec.network = !plan->launch.passt && wants_network (profile);
  spec.new_session = TRUE;
  spec.die_with_parent = plan->with_core;
  spec.moved_from = plan->place != NULL ? plan->folder : NULL;
  spec.moved_to = plan->place;
  return lodge_sandbox_wrap (lodge_engine_get_sandbox (engine), &spec, argv);
}

GVariant *
lodge_launch_plan_effective (LodgeLaunchPlan *plan, const LodgeProfile *profile,
                             LodgeCapabilities *capabilities, LodgeEngine *engine)
{
  LodgeSandbox *sandbox = lodge_engine_get_sandbox (engine);
  const char *network = !wants_network (profile) ? "none" : plan->launch.passt ? "passt" : "user";
  const char *reason;
  LodgeConfinement level = lodge_sandbox_judge (sandbox, lodge_capabilities_has_sandbox (capabilities), &reason);
  GVariantDict facts;

  g_variant_dict_init (&facts, NULL);
  g_variant_dict_insert (&facts, "accelerator", "s", plan->launch.accel == LODGE_ACCEL_KVM ? "kvm" : "tcg");
  g_variant_dict_insert (&facts, "accelerator-reason", "s", plan->accel_reason);
  g_variant_dict_insert (&facts, "confinement", "s", lodge_confinement_name (level));
  g_variant_dict_insert (&facts, "confinement-reason", "s", reason);
  g_variant_dict_insert (&facts, "qemu-version", "s", lodge_capabilities_get_version (capabilities));
  g_variant_dict_insert (&facts, "display", "s", lodge_command_line_video (profile, capabilities, &plan->launch));
  g_variant_dict_insert (&facts, "3d", "s", plan->launch.gl_backend);
  g_variant_dict_insert (&facts, "3d-reason", "s", plan->gl_reason);
  g_variant_dict_insert (&facts, "network", "s", network);
  return g_variant_dict_end (&facts);
}

GStrv
lodge_launch_environment (void)
{
  /* Nothing of the person's environment but what a QEMU outside /usr and the sound need. */
  static const char *const kept[] = { "PATH", "LD_LIBRARY_PATH", "XDG_RUNTIME_DIR", "PULSE_SERVER", "TZ" };
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  g_strv_builder_add (builder, "LC_ALL=C.UTF-8");
  for (gsize i = 0; i < G_N_ELEMENTS (kept); i++)
    {
      const char *value = g_getenv (kept[i]);

      if (value != NULL)
        {
          g_autofree char *pair = g_strconcat (kept[i], "=", value, NULL);

          g_strv_builder_add (builder, pair);
        }
    }
  return g_strv_builder_end (builder);
}

char *
lodge_launch_disk_path (const LodgeDisk *disk, const char *folder)
{
  if (disk->file == NULL)
    return NULL;
  return g_path_is_absolute (disk->file) ? g_strdup (disk->file)
                                         : g_build_filename (folder, disk->file, NULL);
}

/* Nobody may write to what a guest reads on in, while it runs. */
static gboolean
lock_chain (GPtrArray *locks, const char *path, gboolean adopted, GError **error)
{
  g_autoptr (GPtrArray) chain = lodge_layers_chain (path, error);

  for (guint i = 0; chain != NULL && i < chain->len; i++)
    {
      LodgeDiskLock *lock = adopted ? lodge_disk_lock_retake (g_ptr_array_index (chain, i), TRUE, NULL)
                                    : lodge_disk_lock_take (g_ptr_array_index (chain, i), TRUE, error);

      if (lock != NULL)
        g_ptr_array_add (locks, lock);
      else if (!adopted)
        return FALSE;
    }
  return chain != NULL;
}

GPtrArray *
lodge_launch_lock_disks (const LodgeProfile *profile, const char *folder, gboolean adopted, GError **error)
{
  g_autoptr (GPtrArray) locks = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_disk_lock_free);

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *path = lodge_launch_disk_path (disk, folder);
      LodgeDiskLock *lock;

      if (path == NULL)
        continue;
      lock = adopted ? lodge_disk_lock_retake (path, disk->cdrom, NULL)
                     : lodge_disk_lock_take (path, disk->cdrom, error);
      if (lock != NULL)
        g_ptr_array_add (locks, lock);
      else if (!adopted)
        return NULL;
      if (!disk->cdrom && !lock_chain (locks, path, adopted, adopted ? NULL : error) && !adopted)
        return NULL;
    }
  return g_steal_pointer (&locks);
}

char *
lodge_launch_helper_log (const char *folder, const char *name)
{
  g_autofree char *file = g_strconcat (name, ".log", NULL);

  return g_build_filename (folder, "log", file, NULL);
}

gint64
lodge_launch_prepare_log (const char *path)
{
  struct stat st;

  if (lstat (path, &st) != 0)
    return 0;
  if (S_ISREG (st.st_mode) && st.st_nlink == 1 && st.st_size <= LODGE_LOG_MAX_BYTES)
    return st.st_size;

  /* A QEMU that was taken over may have put anything here: a pipe, a link to another file. */
  if (S_ISREG (st.st_mode) && st.st_nlink == 1)
    lodge_log_file_rotate (path);
  else
    g_unlink (path);
  return 0;
}

gboolean
lodge_launch_start_helpers (LodgeMachine *machine, LodgeLaunchPlan *plan, GError **error)
{
  const LodgeProfile *profile = machine->guest->profile;
  const LodgeHost *host = lodge_engine_get_host (machine->engine);
  g_autofree char *log_dir = g_build_filename (plan->folder, "log", NULL);
  LodgeHelper *helper;
  int fd = -1;

  g_mkdir (log_dir, 0700);
  if (wants_network (profile) && host->passt != NULL && lodge_network_is_usable ())
    {
      g_autofree char *log = lodge_launch_helper_log (plan->folder, "passt");

      lodge_launch_prepare_log (log);
      helper = lodge_network_start (host->passt, log, &fd, error);
      if (helper == NULL)
        return FALSE;
      lodge_guest_watch_helper (machine, helper, log);
      lodge_launch_plan_add_fd (plan, fd, LODGE_CHILD_FD_NET);
      plan->launch.passt = TRUE;
    }
  if (profile->tpm)
    {
      g_autofree char *log = lodge_launch_helper_log (plan->folder, "swtpm");
      g_autofree char *folder = g_build_filename (plan->folder, "tpm", NULL);

      if (host->swtpm == NULL)
        {
          g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                               "the machine has a TPM, but swtpm is not on this host");
          return FALSE;
        }
      lodge_launch_prepare_log (log);
      helper = lodge_tpm_start (host->swtpm, lodge_engine_get_sandbox (machine->engine), folder, log, &fd, error);
      if (helper == NULL)
        return FALSE;
      lodge_guest_watch_helper (machine, helper, log);
      lodge_launch_plan_add_fd (plan, fd, LODGE_CHILD_FD_TPM);
      plan->launch.tpm = TRUE;
    }
  return TRUE;
}
