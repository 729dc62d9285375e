/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A clone is built in a hidden folder, as every new machine is, and appears by one rename:
 *
 *   choose the kind -> a moment of the parent is held (lodge-machine-fork.c; one that is off is only locked for a full clone)
 *   -> for each clone: hidden folder, disks, what else belongs to the machine -> all are renamed -> the moment is let go
 *
 * Linked: each disk is an empty layer on the parent's file, and a kernel has one more name. Full: qemu-img copies what the disk reads as, with all that lies below,
 * into one file without dependence. Instant: linked, and a saved machine whose memory is the parent's, so that it starts where that one was.
 *
 * A clone is another machine: it has an id of its own (which is also its SMBIOS UUID), MAC addresses of its own, and like every
 * start it gets a new VM generation id. What the firmware has stored is copied, since the system in the clone needs it to start. What the
 * TPM holds is not: two machines with one TPM could each pass for the other, so the clone's is a new one. */

#include "core/machine/lodge-machine-family.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-create-files.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/machine/lodge-saved.h"
#include "core/qemu/lodge-command-line.h"
#include "core/qemu/lodge-qemu-img.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-layers.h"
#include "core/storage/lodge-overlay.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_MAX 100
/* Each layer costs a little at every read; a chain that grows further is copied. */
#define DEEPEST 32
#define SMALL_CLONE (4 * 1024 * 1024)

typedef struct
{
  LodgeProfile *profile; /* (owned) (nullable) until it is committed */
  char *id;              /* (owned) */
  char *prepared;        /* (owned) (nullable) the hidden folder */
} Copy;

typedef struct
{
  char *name;            /* (owned) */
  guint count;
  gboolean linked;
  gboolean instant;      /* and linked */
  gboolean chosen;       /* by us, and not by the caller */
  gboolean disposable;
  const char *reason;
  char *snapshot;        /* (owned) (nullable) id */
  char *source;          /* (owned) the parent's folder */
  LodgeProfile *parent;  /* (owned) as it was when the clone was asked for */
  LodgeFrozen *frozen;   /* (owned) (nullable) */
  GPtrArray *locks;      /* (owned) (nullable) */
  GPtrArray *copies;     /* (element-type Copy) */
  GPtrArray *chain;      /* (owned) (nullable) of the disk that is being copied */
  LodgeJob *job;         /* (owned) */
  guint next;            /* full: disk number over all clones */
  guint64 done, total;   /* full: bytes */
} Clone;

static void convert_next (GTask *task);
static void hold_still (GTask *task);
static void dispatch (LodgeMachine *self);

static void
copy_free (gpointer data)
{
  Copy *copy = data;

  g_clear_pointer (&copy->profile, lodge_profile_free);
  g_free (copy->id);
  g_free (copy->prepared);
  g_free (copy);
}

static void
clone_free (Clone *clone)
{
  g_free (clone->name);
  g_free (clone->snapshot);
  g_free (clone->source);
  g_clear_pointer (&clone->parent, lodge_profile_free);
  g_clear_pointer (&clone->frozen, lodge_frozen_free);
  g_clear_pointer (&clone->locks, g_ptr_array_unref);
  g_ptr_array_unref (clone->copies);
  g_clear_pointer (&clone->chain, g_ptr_array_unref);
  g_clear_object (&clone->job);
  g_free (clone);
}

void
lodge_cloned_free (LodgeCloned *cloned)
{
  g_ptr_array_unref (cloned->ids);
  g_free (cloned);
}

static const char *
kind_name (const Clone *clone)
{
  return clone->instant ? "instant" : clone->linked ? "linked" : "full";
}

/* The end of each clone, good or not. */
static void
finish (GTask *owned_task, LodgeCloned *cloned, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeStore *store = lodge_engine_get_store (self->engine);
  Clone *clone = g_task_get_task_data (task);

  for (guint i = 0; i < clone->copies->len; i++)
    {
      Copy *copy = clone->copies->pdata[i];

      if (copy->prepared != NULL)
        lodge_store_abandon (store, copy->prepared);
    }
  g_clear_pointer (&clone->locks, g_ptr_array_unref);
  lodge_machine_release (self);
  if (clone->frozen != NULL)
    lodge_machine_let_go (self, clone->frozen);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&error);
      error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "the copying was cancelled");
    }
  lodge_job_end (clone->job, error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, cloned, (GDestroyNotify) lodge_cloned_free);
}

static void
commit (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Clone *clone = g_task_get_task_data (task);
  LodgeCloned *cloned = g_new0 (LodgeCloned, 1);
  GError *error = NULL;

  cloned->ids = g_ptr_array_new_with_free_func (g_free);
  cloned->kind = kind_name (clone);
  cloned->reason = clone->reason;
  for (guint i = 0; i < clone->copies->len && error == NULL; i++)
    {
      Copy *copy = clone->copies->pdata[i];

      if (lodge_store_commit (lodge_engine_get_store (self->engine), copy->prepared, copy->profile, &error) == NULL)
        continue;
      copy->profile = NULL;
      g_clear_pointer (&copy->prepared, g_free);
      g_ptr_array_add (cloned->ids, g_strdup (copy->id));
    }
  if (error != NULL)
    g_clear_pointer (&cloned, lodge_cloned_free);
  finish (task, cloned, error);
}

/* ---- The files ---- */

static LodgeDisk *
find_disk (const LodgeProfile *profile, const char *id)
{
  for (guint i = 0; i < profile->disks->len; i++)
    if (g_str_equal (((LodgeDisk *) profile->disks->pdata[i])->id, id))
      return profile->disks->pdata[i];
  return NULL;
}

/* @profile is the same hardware as @clone, of an earlier moment: it becomes that machine. */
static void
become (LodgeProfile *profile, const LodgeProfile *clone)
{
  g_free (profile->id);
  profile->id = g_strdup (clone->id);
  g_free (profile->name);
  profile->name = g_strdup (clone->name);
  profile->created = clone->created;
  profile->template = FALSE;
  profile->disposable = clone->disposable;
  lodge_parent_clear (&profile->parent);
  g_clear_pointer (&profile->snapshot, g_free);
  for (guint i = 0; i < MIN (profile->nics->len, clone->nics->len); i++)
    {
      LodgeNic *nic = profile->nics->pdata[i];

      g_free (nic->mac);
      nic->mac = g_strdup (((LodgeNic *) clone->nics->pdata[i])->mac);
    }
  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = profile->disks->pdata[i];
      const LodgeDisk *own = find_disk (clone, disk->id);

      if (own == NULL || disk->cdrom)
        continue;
      g_free (disk->file);
      disk->file = g_strdup (own->file);
      g_free (disk->format);
      disk->format = g_strdup (own->format);
      disk->size = own->size;
      disk->mtime = own->mtime;
    }
}

/* QEMU cannot write to it, wherever it is (lodge_launch_plan_confine()). */
static gboolean
link_file (const Clone *clone, const Copy *copy, const char *file, GError **error)
{
  g_autofree char *from = file != NULL ? g_build_filename (clone->source, file, NULL) : NULL;
  g_autofree char *to = file != NULL ? g_build_filename (copy->prepared, file, NULL) : NULL;
  g_autofree char *folder = file != NULL ? g_path_get_dirname (to) : NULL;

  if (file == NULL || g_path_is_absolute (file) || access (from, F_OK) != 0)
    return TRUE;
  if (g_mkdir_with_parents (folder, 0700) != 0)
    return lodge_error_set_errno (error, errno, "making", folder);
  return lodge_file_share (from, to, error);
}

static gboolean
link_disks (const Clone *clone, const Copy *copy, GError **error)
{
  if (!link_file (clone, copy, copy->profile->kernel, error) || !link_file (clone, copy, copy->profile->initrd, error))
    return FALSE;
  for (guint i = 0; i < clone->frozen->disks->len; i++)
    {
      const LodgeFrozenDisk *disk = clone->frozen->disks->pdata[i];
      g_autofree char *path = g_build_filename (copy->prepared, find_disk (copy->profile, disk->disk)->file, NULL);
      g_autofree char *backing = lodge_layers_relative (path, disk->path);

      if (!lodge_overlay_write (path, disk->size, backing, disk->format, error))
        return FALSE;
    }
  return TRUE;
}

/* The clone is a saved machine. */
static gboolean
link_memory (const Clone *clone, const Copy *copy, GError **error)
{
  g_autofree char *folder = g_build_filename (copy->prepared, LODGE_SAVED_DIR, NULL);
  g_autoptr (LodgeSaved) saved = lodge_saved_read (clone->frozen->memory, error);

  if (saved == NULL)
    return FALSE;
  g_ptr_array_set_size (saved->addresses, 0);
  if (mkdir (folder, 0700) != 0)
    return lodge_error_set_errno (error, errno, "making", folder);
  for (guint i = 0; i < MIN (saved->profile->nics->len, copy->profile->nics->len); i++)
    {
      const char *before = ((LodgeNic *) saved->profile->nics->pdata[i])->mac;
      const char *after = ((LodgeNic *) copy->profile->nics->pdata[i])->mac;

      if (before == NULL || after == NULL)
        continue;
      lodge_saved_replace (saved, before, after);
      g_ptr_array_add (saved->addresses, g_strdup (before));
      g_ptr_array_add (saved->addresses, g_strdup (after));
    }
  become (saved->profile, copy->profile);
  saved->created = g_get_real_time () / G_USEC_PER_SEC;
  saved->running = saved->forked = TRUE;
  saved->stamped = FALSE;
  return lodge_saved_share (saved, clone->frozen->memory, folder, error) && lodge_saved_write (saved, folder, error);
}

static void
add_file_from (GPtrArray *copies, const char *folder, const char *name, const char *file)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  if (access (path, F_OK) == 0)
    g_ptr_array_add (copies, lodge_copy_new_from_path (g_steal_pointer (&path), file));
}

static void
add_file (GPtrArray *copies, const Clone *clone, const char *file)
{
  add_file_from (copies, clone->source, file, file);
}

/* The state alone: locks and sockets are of the program that made them. */
static void
add_folder (GPtrArray *copies, const char *source, const char *folder)
{
  g_autofree char *path = g_build_filename (source, folder, NULL);
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (folder, name, NULL);
      g_autofree char *whole = g_build_filename (source, file, NULL);

      if (*name != '.' && g_file_test (whole, G_FILE_TEST_IS_REGULAR) && !g_file_test (whole, G_FILE_TEST_IS_SYMLINK))
        add_file_from (copies, source, file, file);
    }
  g_clear_pointer (&dir, g_dir_close);
}

/* What is not a disk: kernel and initrd, UEFI variables, a CD in the folder. */
static GPtrArray *
other_files (const Clone *clone)
{
  GPtrArray *copies = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_copy_free);
  const LodgeProfile *profile = clone->parent;

  if (profile->kernel != NULL && !clone->linked)
    add_file (copies, clone, profile->kernel);
  if (profile->initrd != NULL && !clone->linked)
    add_file (copies, clone, profile->initrd);
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = profile->disks->pdata[i];

      if (disk->cdrom && disk->file != NULL && !g_path_is_absolute (disk->file))
        add_file (copies, clone, disk->file);
    }
  if (clone->frozen->firmware == NULL)
    {
      add_folder (copies, clone->source, "firmware");
      return copies;
    }
  add_file_from (copies, clone->frozen->firmware, "vars.qcow2", lodge_profile_get_vars (profile));
  return copies;
}

static void
link_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Clone *clone = data;
  GError *error = NULL;

  for (guint i = 0; i < clone->copies->len && error == NULL; i++)
    if (link_disks (clone, clone->copies->pdata[i], &error) && clone->instant)
      link_memory (clone, clone->copies->pdata[i], &error);
  if (error != NULL)
    g_task_return_error (work, error);
  else
    g_task_return_boolean (work, TRUE);
}

static void
linked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    commit (task);
  else
    finish (task, NULL, error);
}

static void
progress_cb (double fraction, gpointer data)
{
  Clone *clone = data;
  const LodgeFrozenDisk *disk = clone->frozen->disks->pdata[clone->next % clone->frozen->disks->len];

  lodge_job_progress (clone->job, clone->done + (guint64) (fraction * (double) disk->size), clone->total, g_get_monotonic_time ());
}

static void
converted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Clone *clone = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_qemu_img_convert_finish (result, &error))
    {
      finish (task, NULL, error);
      return;
    }
  clone->done += ((LodgeFrozenDisk *) clone->frozen->disks->pdata[clone->next % clone->frozen->disks->len])->size;
  clone->next++;
  convert_next (task);
}

static void
flush_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Clone *clone = data;

  /* What was copied is on the disk before it is a machine. */
  for (guint i = 0; i < clone->copies->len; i++)
    {
      const Copy *copy = clone->copies->pdata[i];

      for (guint n = 0; n < clone->frozen->disks->len; n++)
        {
          const LodgeFrozenDisk *disk = clone->frozen->disks->pdata[n];
          g_autofree char *path = g_build_filename (copy->prepared, find_disk (copy->profile, disk->disk)->file, NULL);
          GError *error = NULL;

          if (!lodge_disk_image_flush (path, &error))
            {
              g_task_return_error (work, error);
              return;
            }
        }
    }
  g_task_return_boolean (work, TRUE);
}

/* @task: taken */
static void
convert_next (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Clone *clone = g_task_get_task_data (task);
  guint n = clone->frozen->disks->len;
  const LodgeFrozenDisk *disk;
  const Copy *copy;
  g_autofree char *target = NULL;
  GError *error = NULL;

  if (n == 0 || clone->next == n * clone->copies->len)
    {
      g_autoptr (GTask) work = g_task_new (NULL, NULL, linked_cb, task);

      g_task_set_task_data (work, clone, NULL);
      g_task_run_in_thread (work, flush_thread);
      return;
    }

  disk = clone->frozen->disks->pdata[clone->next % n];
  copy = clone->copies->pdata[clone->next / n];
  g_clear_pointer (&clone->chain, g_ptr_array_unref);
  clone->chain = lodge_layers_chain (disk->path, &error);
  if (clone->chain == NULL)
    {
      finish (task, NULL, error);
      return;
    }
  g_ptr_array_add (clone->chain, NULL);
  target = g_build_filename (copy->prepared, find_disk (copy->profile, disk->disk)->file, NULL);
  lodge_qemu_img_convert_async (lodge_engine_get_sandbox (self->engine), disk->path, disk->format,
                                (const char *const *) clone->chain->pdata, target, "qcow2", progress_cb, clone,
                                lodge_job_get_cancellable (clone->job), converted_cb, task);
}

static void copy_others (GTask *task, guint number);

static void
others_copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Clone *clone = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_create_copy_finish (result, &error))
    finish (task, NULL, error);
  else
    copy_others (task, ++clone->next);
}

/* @task: taken */
static void
copy_others (GTask *task, guint number)
{
  Clone *clone = g_task_get_task_data (task);
  g_autoptr (GTask) work = NULL;

  if (number < clone->copies->len)
    {
      lodge_create_copy_async (((Copy *) clone->copies->pdata[number])->prepared, other_files (clone), clone->job,
                               lodge_job_get_cancellable (clone->job), others_copied_cb, task);
      return;
    }
  clone->next = 0;
  if (!clone->linked)
    {
      convert_next (task);
      return;
    }
  work = g_task_new (NULL, NULL, linked_cb, task);
  g_task_set_task_data (work, clone, NULL);
  g_task_run_in_thread (work, link_thread);
}

/* ---- The profiles ---- */

static LodgeProfile *
profile_for (const Clone *clone, guint number)
{
  LodgeProfile *profile = lodge_profile_copy (clone->parent);

  g_free (profile->id);
  profile->id = g_uuid_string_random ();
  g_free (profile->name);
  profile->name = clone->count > 1 ? g_strdup_printf ("%s %u", clone->name, number + 1) : g_strdup (clone->name);
  profile->created = g_get_real_time () / G_USEC_PER_SEC;
  profile->template = FALSE;
  profile->disposable = clone->disposable;
  /* Whose backups are made by themselves a person says for each machine. */
  profile->backup_every = 0;
  g_clear_pointer (&profile->backup_folder, g_free);
  lodge_parent_clear (&profile->parent);
  profile->parent.machine = g_strdup (clone->parent->id);
  profile->parent.snapshot = g_strdup (clone->snapshot);
  profile->parent.kind = g_strdup (kind_name (clone));
  g_clear_pointer (&profile->snapshot, g_free);
  for (guint i = 0; i < profile->nics->len; i++)
    g_clear_pointer (&((LodgeNic *) profile->nics->pdata[i])->mac, g_free);
  for (guint i = 0; i < clone->frozen->disks->len; i++)
    {
      const LodgeFrozenDisk *frozen = clone->frozen->disks->pdata[i];
      LodgeDisk *disk = find_disk (profile, frozen->disk);

      g_free (disk->file);
      disk->file = g_strdup_printf ("disks/%s.qcow2", frozen->disk);
      g_free (disk->format);
      disk->format = g_strdup ("qcow2");
      disk->size = frozen->size;
      disk->mtime = 0;
    }
  return profile;
}

static gboolean
prepare_copies (LodgeMachine *self, Clone *clone, LodgeCapabilities *capabilities, GError **error)
{
  for (guint i = 0; i < clone->count; i++)
    {
      Copy *copy = g_new0 (Copy, 1);

      g_ptr_array_add (clone->copies, copy);
      copy->profile = profile_for (clone, i);
      copy->id = g_strdup (copy->profile->id);
      if (capabilities != NULL)
        lodge_command_line_assign (copy->profile, capabilities);
      if (!lodge_profile_validate (copy->profile, error))
        return FALSE;
      copy->prepared = lodge_store_prepare (lodge_engine_get_store (self->engine), copy->profile, error);
      if (copy->prepared == NULL)
        return FALSE;
    }
  return TRUE;
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Clone *clone = g_task_get_task_data (task);
  g_autoptr (LodgeCapabilities) capabilities = lodge_engine_prepare_finish (LODGE_ENGINE (source), result, NULL);
  GError *error = NULL;

  /* Without a QEMU the clone gets its MAC addresses at its first start. */
  if (prepare_copies (self, clone, capabilities, &error))
    copy_others (task, 0);
  else
    finish (task, NULL, error);
}

/* ---- Holding still ---- */

static gboolean
check_space (Clone *clone, GError **error)
{
  g_autofree char *library = g_path_get_dirname (clone->source);
  guint64 needed = SMALL_CLONE;

  for (guint i = 0; i < clone->frozen->disks->len && !clone->linked; i++)
    {
      const LodgeFrozenDisk *disk = clone->frozen->disks->pdata[i];
      g_autoptr (GPtrArray) chain = lodge_layers_chain (disk->path, error);
      guint64 occupied = lodge_file_tree_size (disk->path);

      if (chain == NULL)
        return FALSE;
      for (guint n = 0; n < chain->len; n++)
        occupied += lodge_file_tree_size (g_ptr_array_index (chain, n));
      needed += MIN (occupied, disk->size);
      clone->total += disk->size;
    }
  clone->total *= clone->count;
  return lodge_disk_image_check_space (library, needed * clone->count, error);
}

/* @task: taken */
static void
held_still (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Clone *clone = g_task_get_task_data (task);
  GError *error = NULL;

  if (!check_space (clone, &error))
    {
      finish (task, NULL, error);
      return;
    }
  if (!clone->linked)
    lodge_machine_emit_job (self, clone->job);
  lodge_engine_prepare_async (self->engine, clone->parent->arch, NULL, prepared_cb, task);
}

static void
held_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  Clone *clone = g_task_get_task_data (task);
  GError *error = NULL;

  clone->frozen = lodge_machine_hold_finish (self, result, &error);
  self->freezing = FALSE;
  if (clone->frozen == NULL && clone->instant && clone->chosen && g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED)
      && lodge_machine_state_allows (self->state, LODGE_METHOD_CLONE))
    {
      /* Its disks alone, then, as after a power cut. */
      g_clear_error (&error);
      clone->instant = FALSE;
      clone->reason = "memory-refused";
      hold_still (task);
      return;
    }
  if (clone->frozen != NULL && clone->frozen->profile != NULL)
    {
      lodge_profile_free (clone->parent);
      clone->parent = lodge_profile_copy (clone->frozen->profile);
    }
  if (clone->frozen != NULL)
    held_still (task);
  else
    finish (task, NULL, error);
  dispatch (self);
}

/* @task: taken */
static void
hold_still (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Clone *clone = g_task_get_task_data (task);
  GError *error = NULL;

  if (clone->linked || clone->snapshot != NULL || clone->parent->template || self->state != LODGE_STATE_OFF)
    {
      self->freezing = TRUE;
      if (self->state != LODGE_STATE_OFF && clone->snapshot == NULL)
        lodge_machine_emit_job (self, clone->job);
      lodge_machine_hold_async (self, clone->snapshot, clone->instant, clone->job, held_cb, task);
      return;
    }
  clone->locks = lodge_launch_lock_disks (clone->parent, clone->source, FALSE, &error);
  if (error == NULL)
    clone->frozen = lodge_machine_frozen_now (self, &error);
  if (error == NULL)
    held_still (task);
  else
    finish (task, NULL, error);
}

/* One freeze at a time: the second finds the layers of the first still empty and takes what is below them. */
static void
dispatch (LodgeMachine *self)
{
  while (!self->freezing && self->clones_waiting != NULL && self->clones_waiting->len > 0)
    hold_still (g_ptr_array_steal_index (self->clones_waiting, 0));
}

/* ---- The kind ---- */

static const char *
why_not_linked (LodgeMachine *self, const LodgeProfile *profile)
{
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = profile->disks->pdata[i];
      g_autofree char *path = NULL;
      g_autoptr (GPtrArray) chain = NULL;

      if (disk->cdrom || disk->file == NULL)
        continue;
      /* The layers find one another by their places in the library. */
      if (!g_str_has_prefix (disk->file, "disks/") || strchr (disk->file + strlen ("disks/"), '/') != NULL)
        return "disk-outside";
      path = lodge_launch_disk_path (disk, self->folder);
      chain = lodge_layers_chain (path, NULL);
      if (chain != NULL && chain->len >= DEEPEST)
        return "many-layers";
    }
  return NULL;
}

static gboolean
choose_kind (LodgeMachine *self, Clone *clone, const char *asked, GError **error)
{
  static const char *const kinds[] = { "best", "instant", "linked", "full", NULL };
  const char *why_not = clone->snapshot == NULL ? why_not_linked (self, clone->parent) : NULL;
  gboolean memory = lodge_machine_has_memory (self, clone->snapshot);

  if (asked != NULL && !g_strv_contains (kinds, asked))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "kind: “%s” is not one of best, instant, linked, full", asked);
      return FALSE;
    }
  if (g_strcmp0 (asked, "best") == 0)
    asked = NULL;
  clone->chosen = asked == NULL;
  clone->instant = asked != NULL ? g_str_equal (asked, "instant") : memory && why_not == NULL && !clone->parent->tpm;
  clone->linked = asked != NULL ? !g_str_equal (asked, "full") : why_not == NULL;
  clone->reason = asked != NULL                   ? "asked"
                  : why_not != NULL               ? why_not
                  : clone->instant                ? "has-memory"
                  : memory && clone->parent->tpm  ? "tpm"
                                                  : "no-copy-needed";
  if (clone->instant && !memory)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                           "an instant clone is made of a memory: of a machine that runs or is saved, or of a snapshot with memory");
      return FALSE;
    }
  if (clone->linked && why_not != NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "%s",
                   g_str_equal (why_not, "disk-outside") ? "a linked clone needs disks in the machine's own folder; this one has a disk elsewhere"
                                                         : "the disks have too many layers for a further linked clone; flatten the machine");
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_names (const Clone *clone, GError **error)
{
  g_autofree char *longest = g_strdup_printf ("%s %u", clone->name, clone->count);

  if (clone->count < 1 || clone->count > COUNT_MAX)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "count: %u is out of range: 1 to %d", clone->count, COUNT_MAX);
      return FALSE;
    }
  return lodge_name_validate (clone->count > 1 ? longest : clone->name, error);
}

void
lodge_machine_clone_async (LodgeMachine *self, const char *name, GVariant *options, gboolean disposable,
                           GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "kind", "s", "count", "u", "start", "b", "snapshot", "s", NULL };
  g_autoptr (GTask) task = NULL;
  Clone *clone;
  const char *kind = NULL;
  GError *error = NULL;

  if (lodge_machine_put_off (self, disposable ? LODGE_METHOD_OPEN_DISPOSABLE : LODGE_METHOD_CLONE, name, options, callback, data))
    return;
  clone = g_new0 (Clone, 1);
  clone->job = lodge_job_new ("clone", self->id);
  clone->copies = g_ptr_array_new_with_free_func (copy_free);
  clone->name = g_strdup (name);
  clone->count = 1;
  clone->disposable = disposable;
  task = g_task_new (self, NULL, callback, data);
  g_task_set_source_tag (task, lodge_machine_clone_async);
  g_task_set_task_data (task, clone, (GDestroyNotify) clone_free);

  if (!lodge_machine_check (self, disposable ? LODGE_METHOD_OPEN_DISPOSABLE : LODGE_METHOD_CLONE, &error)
      || !lodge_machine_check_options (options, known, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  g_variant_lookup (options, "count", "u", &clone->count);
  g_variant_lookup (options, "kind", "&s", &kind);
  g_variant_lookup (options, "snapshot", "s", &clone->snapshot);
  if (clone->snapshot != NULL && *clone->snapshot == '\0')
    g_clear_pointer (&clone->snapshot, g_free);
  clone->parent = lodge_profile_copy (self->entry->profile);
  clone->source = g_strdup (self->folder);
  if (!check_names (clone, &error) || !choose_kind (self, clone, kind, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  lodge_machine_occupy (self, "being cloned");
  if (self->clones_waiting == NULL)
    self->clones_waiting = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->clones_waiting, g_steal_pointer (&task));
  dispatch (self);
}

LodgeCloned *
lodge_machine_clone_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
