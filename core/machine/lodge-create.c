/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A machine is built in a hidden folder (lodge_store_prepare) and appears by one rename
 * (lodge_store_commit); whatever fails before that is answered by removing the hidden folder, and
 * what a killed core left there the store removes at its next load.
 *
 *   check each medium -> recognise the disc, when nobody said what it is -> profile (family's defaults, media, settings, validation, host) ->
 *   hidden folder -> copy kernel and initrd (in a thread) -> disk image, UEFI variables -> commit
 *
 * Nothing is written before all that can be refused has been checked. */

#include "core/machine/lodge-create.h"

#include "core/config/lodge-os-profile.h"
#include "core/config/lodge-settings.h"
#include "core/machine/lodge-advice.h"
#include "core/machine/lodge-create-files.h"
#include "core/machine/lodge-identifier.h"
#include "core/qemu/lodge-command-line.h"
#include "core/storage/lodge-disk-lock.h"
#include "core/storage/lodge-medium.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB (1024ull * 1024)
#define DEMO_MEMORY (512 * MIB)
/* What the demo has no use for and what costs a guest without KVM a fifth of its start: tests of ciphers, the keys of
 * kernel modules, BTF of a TCP variant, names of kernel probes (initcall_blacklist: kernel-parameters.txt). */
#define DEMO_APPEND                                                                                           \
  "console=ttyS0 console=tty0 quiet no_timer_check cryptomgr.notests initcall_blacklist=crypto_kdf108_init,cubictcp_register," \
  "load_system_certificate_list,init_kprobe_trace"

static const char *const role_names[] = { "iso", "disk", "kernel", "initrd" };

typedef struct
{
  LodgeEngine *engine;   /* (owned) */
  LodgeJob *job;         /* (owned) */
  char *name;            /* (owned) */
  GVariant *settings;    /* (owned) */
  GPtrArray *media;      /* (element-type LodgeCreateMedium) (owned) */
  GPtrArray *files;      /* (element-type LodgeMedium) (owned) what the media are, in their order */
  LodgeProfile *profile; /* (owned) (nullable) */
  char *prepared;        /* (owned) (nullable) the hidden folder */
} Create;

static void next_medium (GTask *task);

LodgeCreateMedium *
lodge_create_medium_new (const char *role, const char *name, int fd, GError **error)
{
  LodgeCreateMedium *medium;

  for (guint i = 0; i < G_N_ELEMENTS (role_names); i++)
    if (strcmp (role, role_names[i]) == 0)
      {
        medium = g_new0 (LodgeCreateMedium, 1);
        medium->role = (LodgeMediumRole) i;
        medium->name = g_utf8_make_valid (name, -1);
        medium->fd = fd;
        return medium;
      }

  close (fd);
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "“%s” is not a role of a medium", role);
  return NULL;
}

void
lodge_create_medium_free (LodgeCreateMedium *medium)
{
  close (medium->fd);
  g_free (medium->name);
  g_free (medium);
}

static void
create_free (Create *create)
{
  if (create->prepared != NULL)
    lodge_store_abandon (lodge_engine_get_store (create->engine), create->prepared);
  g_free (create->prepared);
  g_clear_pointer (&create->profile, lodge_profile_free);
  g_ptr_array_unref (create->files);
  g_ptr_array_unref (create->media);
  g_variant_unref (create->settings);
  g_object_unref (create->job);
  g_object_unref (create->engine);
  g_free (create->name);
  g_free (create);
}

static LodgeMedium *
find_file (Create *create, LodgeMediumRole role)
{
  for (guint i = 0; i < create->media->len; i++)
    if (((LodgeCreateMedium *) g_ptr_array_index (create->media, i))->role == role)
      return g_ptr_array_index (create->files, i);
  return NULL;
}

static LodgeCreateMedium *
find_medium (Create *create, LodgeMediumRole role)
{
  for (guint i = 0; i < create->media->len; i++)
    {
      LodgeCreateMedium *medium = g_ptr_array_index (create->media, i);

      if (medium->role == role)
        return medium;
    }
  return NULL;
}

static int
find_fd (Create *create, LodgeMediumRole role)
{
  LodgeCreateMedium *medium = find_medium (create, role);

  return medium != NULL ? medium->fd : -1;
}

static const char *
lookup_word (GVariant *settings, const char *key)
{
  const char *word = NULL;

  g_variant_lookup (settings, key, "&s", &word);
  return word;
}

static gboolean
lookup_flag (GVariant *settings, const char *key)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (settings, key, NULL);

  if (value == NULL)
    return FALSE;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_variant_get_boolean (value);
  return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
         && (strcmp (g_variant_get_string (value, NULL), "on") == 0
             || strcmp (g_variant_get_string (value, NULL), "true") == 0
             || strcmp (g_variant_get_string (value, NULL), "yes") == 0);
}

static void
add_media (Create *create, LodgeProfile *profile)
{
  for (guint i = 0; i < create->media->len; i++)
    {
      LodgeCreateMedium *medium = g_ptr_array_index (create->media, i);
      LodgeMedium *file = g_ptr_array_index (create->files, i);
      LodgeDisk *disk;

      if (medium->role == LODGE_ROLE_ISO)
        disk = lodge_profile_add_cd (profile, file->path);
      else if (medium->role == LODGE_ROLE_DISK)
        disk = lodge_profile_add_disk (profile, file->path, file->format);
      else
        continue;
      disk->size = file->size;
      disk->mtime = file->mtime;
    }
}

/* An installer without a disk to install to helps nobody; a live system hardly minds one. */
static void
add_new_disk (Create *create, LodgeProfile *profile, guint64 size)
{
  g_autoptr (GVariant) given = g_variant_lookup_value (create->settings, "disk-size", NULL);
  LodgeDisk *disk;

  if (given != NULL || size == 0 || find_file (create, LODGE_ROLE_ISO) == NULL
      || find_file (create, LODGE_ROLE_DISK) != NULL)
    return;
  disk = lodge_profile_add_disk (profile, "disks/disk0.qcow2", "qcow2");
  disk->size = size;
}

/* An empty disk is passed over, so the installer starts from the CD the first time and the installed
 * system ever after, with nothing to be taken out. */
static void
boot_new_disk_first (LodgeProfile *profile)
{
  LodgeDisk *new_disk = NULL;
  guint order = 1;

  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (!disk->cdrom && disk->file != NULL && !g_path_is_absolute (disk->file) && new_disk == NULL)
        new_disk = disk;
    }
  if (new_disk == NULL)
    return;
  new_disk->boot_order = order++;
  for (guint i = 0; i < profile->disks->len; i++)
    if (g_ptr_array_index (profile->disks, i) != new_disk)
      ((LodgeDisk *) g_ptr_array_index (profile->disks, i))->boot_order = order++;
}

static void
set_disk_bus (LodgeProfile *profile, LodgeBus bus)
{
  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (!disk->cdrom)
        disk->bus = bus;
    }
}

/* The neutral defaults serve where the database is missing or damaged. */
static LodgeProfile *
new_profile (Create *create, const char *os, const LodgeFamily *family, LodgeArch arch, LodgeOsNeeds *needs)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeOsDatabase) database = NULL;

  database = lodge_os_database_new (lodge_engine_get_paths (create->engine)->share_dir, &error);
  if (database == NULL)
    g_debug ("no operating systems' defaults: %s", error->message);
  return lodge_os_database_new_profile (database, create->name, os, family, arch, needs);
}

/* What a kernel says of itself; QEMU would end without a word, or UEFI look for a system elsewhere. */
static gboolean
check_kernel (const LodgeProfile *profile, const LodgeMedium *kernel, GError **error)
{
  if (kernel == NULL)
    return TRUE;
  if (kernel->arch >= 0 && kernel->arch != (int) profile->arch)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "arch: the kernel is one for %s, the machine is %s",
                   lodge_arch_name ((LodgeArch) kernel->arch), lodge_arch_name (profile->arch));
      return FALSE;
    }
  if (kernel->elf && profile->firmware == LODGE_FIRMWARE_UEFI)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                           "firmware: UEFI cannot start an ELF image; use another firmware, or a bzImage or EFI kernel");
      return FALSE;
    }
  return TRUE;
}

static gboolean
make_profile (Create *create, GError **error)
{
  const char *arch_word = lookup_word (create->settings, "arch");
  const char *family_word = lookup_word (create->settings, "family");
  gboolean demo = lookup_flag (create->settings, "demo");
  gboolean kernel = demo || find_file (create, LODGE_ROLE_KERNEL) != NULL;
  LodgeFamily family = LODGE_FAMILY_LINUX;
  LodgeArch arch = LODGE_ARCH_X86_64;
  LodgeOsNeeds needs;
  LodgeProfile *profile;

  /* Words that are not known are refused with all other settings, below. */
  if (arch_word != NULL)
    lodge_arch_parse (arch_word, &arch);
  if (family_word != NULL)
    lodge_family_parse (family_word, &family);
  if (!lodge_name_validate (create->name, error))
    return FALSE;

  profile = create->profile = new_profile (create, lookup_word (create->settings, "os"),
                                           family_word != NULL ? &family : NULL, arch, &needs);
  lodge_advice_fit (create->engine, profile, &needs);
  if (kernel)
    {
      profile->kernel = g_strdup (demo ? "boot/lodge-demo.vmlinux" : "boot/kernel");
      if (demo || find_file (create, LODGE_ROLE_INITRD) != NULL)
        profile->initrd = g_strdup (demo ? "boot/lodge-demo.initrd" : "boot/initrd");
      if (arch == LODGE_ARCH_X86_64)
        profile->firmware = LODGE_FIRMWARE_BIOS;
      else
        profile->firmware = LODGE_FIRMWARE_NONE;
      profile->secure_boot = FALSE;
      profile->tpm = FALSE;
    }
  if (demo)
    {
      profile->memory = DEMO_MEMORY;
      profile->cores = 1;
      profile->append = g_strdup (DEMO_APPEND);
    }
  add_media (create, profile);
  add_new_disk (create, profile, needs.disk_size);

  if (!lodge_settings_apply (profile, create->settings, TRUE, error))
    return FALSE;
  if (needs.disk_bus >= 0)
    set_disk_bus (profile, (LodgeBus) needs.disk_bus);
  if (lookup_word (create->settings, "boot") == NULL)
    boot_new_disk_first (profile);
  return check_kernel (profile, find_file (create, LODGE_ROLE_KERNEL), error)
         && lodge_profile_validate (profile, error)
         && lodge_engine_check_profile (create->engine, profile, error);
}

static void
commit (GTask *task)
{
  Create *create = g_task_get_task_data (task);
  g_autofree char *id = g_strdup (create->profile->id);
  GError *error = NULL;

  if (lodge_store_commit (lodge_engine_get_store (create->engine), create->prepared, create->profile,
                          &error) == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  create->profile = NULL;
  g_clear_pointer (&create->prepared, g_free);
  g_task_return_pointer (task, g_steal_pointer (&id), g_free);
}

static void
images_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;

  if (!lodge_create_images_finish (result, &error))
    g_task_return_error (task, error);
  else
    commit (task);
}

static void
copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Create *create = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  GError *error = NULL;

  if (!lodge_create_copy_finish (result, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  lodge_create_images_async (create->prepared, create->profile, lodge_engine_get_host (create->engine),
                             lodge_engine_get_sandbox (create->engine), cancellable, images_cb,
                             g_steal_pointer (&task));
}

static void
write_files (GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  Create *create = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  const char *share = lodge_engine_get_paths (create->engine)->share_dir;
  const LodgeProfile *profile = create->profile;
  g_autoptr (GPtrArray) copies = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_copy_free);
  GError *error = NULL;

  create->prepared = lodge_store_prepare (lodge_engine_get_store (create->engine), profile, &error);
  if (create->prepared == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  if (profile->demo)
    {
      g_ptr_array_add (copies, lodge_copy_new_from_path (g_build_filename (share, "demo", "lodge-demo.vmlinux", NULL), profile->kernel));
      g_ptr_array_add (copies, lodge_copy_new_from_path (g_build_filename (share, "demo", "lodge-demo.initrd", NULL), profile->initrd));
    }
  else
    {
      if (profile->kernel != NULL)
        g_ptr_array_add (copies, lodge_copy_new_from_fd (find_fd (create, LODGE_ROLE_KERNEL), profile->kernel));
      if (profile->initrd != NULL)
        g_ptr_array_add (copies, lodge_copy_new_from_fd (find_fd (create, LODGE_ROLE_INITRD), profile->initrd));
    }
  lodge_create_copy_async (create->prepared, g_steal_pointer (&copies), create->job, cancellable, copied_cb,
                           g_steal_pointer (&task));
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (LodgeCapabilities) capabilities = NULL;
  Create *create = g_task_get_task_data (task);

  /* Without a QEMU a machine can be made but not started; where there is one it gets its hardware now. */
  capabilities = lodge_engine_prepare_finish (LODGE_ENGINE (source), result, NULL);
  if (capabilities != NULL)
    lodge_command_line_assign (create->profile, capabilities);
  write_files (g_steal_pointer (&task));
}

static void
all_checked (GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  Create *create = g_task_get_task_data (task);
  GCancellable *cancellable = g_task_get_cancellable (task);
  GError *error = NULL;

  if (!make_profile (create, &error))
    g_task_return_error (task, error);
  else
    lodge_engine_prepare_async (create->engine, create->profile->arch, cancellable, prepared_cb,
                                g_steal_pointer (&task));
}

/* What was given goes over what is advised for the disc. */
static void
take_advice (Create *create, const LodgeRecognition *found)
{
  g_autoptr (GVariant) answer = g_variant_ref_sink (lodge_advice_identified (create->engine, found));
  g_autoptr (GVariant) advised = g_variant_lookup_value (answer, "settings", G_VARIANT_TYPE_VARDICT);
  GVariantDict settings;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_dict_init (&settings, advised);
  /* A kernel that is given is started by itself, and whoever brings a disk needs no new one. */
  if (find_file (create, LODGE_ROLE_DISK) != NULL)
    g_variant_dict_remove (&settings, "disk-size");
  g_variant_iter_init (&iter, create->settings);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value))
    {
      /* Its own firmware has what it needs; another one may not have it. */
      if (g_str_equal (key, "firmware") || g_str_equal (key, "arch"))
        {
          g_variant_dict_remove (&settings, "secure-boot");
          g_variant_dict_remove (&settings, "tpm");
          if (g_str_equal (key, "arch"))
            g_variant_dict_remove (&settings, "firmware");
        }
      g_variant_dict_insert_value (&settings, key, value);
      g_variant_unref (value);
    }
  g_variant_unref (create->settings);
  create->settings = g_variant_ref_sink (g_variant_dict_end (&settings));
}

static void
identified_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (LodgeRecognition) found = NULL;
  GError *error = NULL;

  found = lodge_identifier_ask_finish (LODGE_IDENTIFIER (source), result, &error);
  if (found != NULL)
    take_advice (g_task_get_task_data (task), found);
  /* A disc that is cut off would end in the middle of an installation. Whatever else is wrong is no reason not to try. */
  else if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_DAMAGED)
           || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_task_return_error (task, error);
      return;
    }
  else
    {
      g_debug ("the disc was not recognised: %s", error->message);
      g_error_free (error);
    }
  all_checked (g_steal_pointer (&task));
}

/* Who names the system or its family is believed; a kernel that is given says enough. */
static void
identify (GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  Create *create = g_task_get_task_data (task);
  LodgeCreateMedium *iso = find_medium (create, LODGE_ROLE_ISO);

  if (iso == NULL || find_file (create, LODGE_ROLE_KERNEL) != NULL
      || lookup_word (create->settings, "os") != NULL || lookup_word (create->settings, "family") != NULL)
    all_checked (g_steal_pointer (&task));
  else
    {
      GCancellable *cancellable = g_task_get_cancellable (task);

      lodge_identifier_ask_async (lodge_engine_get_identifier (create->engine), iso->fd, iso->name, cancellable,
                                  identified_cb, g_steal_pointer (&task));
    }
}

/* Whether somebody writes what a disk or a CD of the machine is to be, or has what it would write. */
static gboolean
is_in_use (const LodgeCreateMedium *medium, const LodgeMedium *file, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (LodgeDiskLock) lock = NULL;

  if (medium->role != LODGE_ROLE_DISK && medium->role != LODGE_ROLE_ISO)
    return FALSE;
  lock = lodge_disk_lock_take (file->path, medium->role == LODGE_ROLE_ISO, &local);
  if (!g_error_matches (local, LODGE_ERROR, LODGE_ERROR_IN_USE))
    return FALSE;
  g_propagate_error (error, g_steal_pointer (&local));
  return TRUE;
}

static void
medium_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Create *create = g_task_get_task_data (task);
  GError *error = NULL;
  LodgeMedium *file = lodge_medium_check_finish (result, &error);

  if (file == NULL || is_in_use (g_ptr_array_index (create->media, create->files->len), file, &error))
    {
      g_clear_pointer (&file, lodge_medium_free);
      g_task_return_error (task, error);
      return;
    }
  g_ptr_array_add (create->files, file);
  next_medium (g_steal_pointer (&task));
}

static void
next_medium (GTask *task)
{
  Create *create = g_task_get_task_data (task);
  LodgeCreateMedium *medium;

  if (create->files->len == create->media->len)
    {
      identify (task);
      return;
    }
  medium = g_ptr_array_index (create->media, create->files->len);
  lodge_medium_check_async (medium->fd, role_names[medium->role], medium->name,
                            g_task_get_cancellable (task), medium_cb, task);
}

static gboolean
check_roles (GPtrArray *media, GVariant *settings, GError **error)
{
  guint count[G_N_ELEMENTS (role_names)] = { 0 };
  gboolean demo = lookup_flag (settings, "demo");

  for (guint i = 0; i < media->len; i++)
    count[((LodgeCreateMedium *) g_ptr_array_index (media, i))->role]++;
  for (guint i = 0; i < G_N_ELEMENTS (role_names); i++)
    if (count[i] > 1)
      {
        g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "“%s” was given twice", role_names[i]);
        return FALSE;
      }
  if (count[LODGE_ROLE_INITRD] > count[LODGE_ROLE_KERNEL] || (demo && count[LODGE_ROLE_KERNEL] > 0))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                           demo ? "the demo guest brings its own kernel" : "an initrd needs a kernel");
      return FALSE;
    }
  return TRUE;
}

void
lodge_create_machine_async (LodgeEngine *engine, const char *name, GVariant *settings,
                            GPtrArray *media, LodgeJob *job, GAsyncReadyCallback callback,
                            gpointer data)
{
  g_autoptr (GTask) task = g_task_new (engine, lodge_job_get_cancellable (job), callback, data);
  Create *create = g_new0 (Create, 1);
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_create_machine_async);
  create->engine = g_object_ref (engine);
  create->name = g_strdup (name);
  create->settings = g_variant_ref (settings);
  create->media = g_ptr_array_ref (media);
  create->job = g_object_ref (job);
  create->files = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_medium_free);
  g_task_set_task_data (task, create, (GDestroyNotify) create_free);

  if (!lodge_name_validate (name, &error) || !check_roles (media, settings, &error))
    g_task_return_error (task, error);
  else
    next_medium (g_steal_pointer (&task));
}

char *
lodge_create_machine_finish (LodgeEngine *engine, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
