/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * The files of clones, in their hidden folders, before anybody sees them:
 *
 *   what is no disk is copied, clone by clone -> full: disk by disk, by reference where the file system can and the image stands alone
 *   (FICLONE), else by qemu-img
 *   -> in a thread: layers, links and memories of linked ones, machine.json; then all is flushed in one go
 *
 * See lodge-machine-clone.c for what a clone takes over and what it gets new. */

#include "core/machine/lodge-clone.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/config/lodge-generations.h"
#include "core/machine/lodge-create-files.h"
#include "core/machine/lodge-saved.h"
#include "core/qemu/lodge-qemu-img.h"
#include "core/storage/lodge-layers.h"
#include "core/storage/lodge-overlay.h"
#include "core/storage/lodge-snapshot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  LodgeClone *clone;
  LodgeSandbox *sandbox; /* (owned) */
  GPtrArray *chain;      /* (owned) (nullable) of the disk that is being copied */
  char *target;          /* (owned) (nullable) what it is copied to */
  gboolean no_reflink;   /* the file system has no such thing */
  guint next;            /* copy, and then disk, counted over all copies */
} Fill;

static void convert_next (GTask *task);
static void copy_others (GTask *task);

static void
fill_free (Fill *fill)
{
  g_object_unref (fill->sandbox);
  g_clear_pointer (&fill->chain, g_ptr_array_unref);
  g_free (fill->target);
  g_free (fill);
}

/* @task: taken; @error: taken, (nullable) */
static void
finish (GTask *task, GError *error)
{
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

/* ---- Linked ---- */

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
  profile->renew = clone->renew;
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
      const LodgeDisk *own = lodge_clone_find_disk (clone, disk->id);

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
link_file (const LodgeClone *clone, const LodgeCloneCopy *copy, const char *file, GError **error)
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
link_disks (const LodgeClone *clone, const LodgeCloneCopy *copy, GError **error)
{
  if (!link_file (clone, copy, copy->profile->kernel, error) || !link_file (clone, copy, copy->profile->initrd, error))
    return FALSE;
  for (guint i = 0; i < clone->frozen->disks->len; i++)
    {
      const LodgeFrozenDisk *disk = clone->frozen->disks->pdata[i];
      g_autofree char *path = g_build_filename (copy->prepared, lodge_clone_find_disk (copy->profile, disk->disk)->file, NULL);
      g_autofree char *backing = lodge_layers_relative (path, disk->path);

      if (!lodge_overlay_write_new (path, disk->size, backing, disk->format, error))
        return FALSE;
    }
  return TRUE;
}

/* The clone is a saved machine. */
static gboolean
link_memory (const LodgeClone *clone, const LodgeCloneCopy *copy, GError **error)
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
  return lodge_saved_share (saved, clone->frozen->memory, folder, error) && lodge_saved_write_new (saved, folder, error);
}

/* The machine.json that lodge_store_commit() will find as it wants it. All of all copies is written before anything is flushed: a file
 * system takes about as long for many files as for one. */
static gboolean
settle (const LodgeClone *clone, GError **error)
{
  for (guint i = clone->ahead; i < clone->copies->len; i++)
    {
      const LodgeCloneCopy *copy = clone->copies->pdata[i];
      g_autofree char *path = g_build_filename (copy->prepared, LODGE_MACHINE_FILE, NULL);
      gsize length;
      g_autofree char *json = lodge_profile_to_json (copy->profile, &length);

      if (!lodge_file_write_new (path, json, length, error))
        return FALSE;
    }
  for (guint i = clone->ahead; i < clone->copies->len; i++)
    if (!lodge_file_tree_flush (((const LodgeCloneCopy *) clone->copies->pdata[i])->prepared, error))
      return FALSE;
  return TRUE;
}

static gboolean
link_all (const LodgeClone *clone, GError **error)
{
  for (guint i = clone->ahead; i < clone->copies->len; i++)
    {
      const LodgeCloneCopy *copy = clone->copies->pdata[i];

      if (!link_disks (clone, copy, error) || (clone->instant && !link_memory (clone, copy, error)))
        return FALSE;
    }
  return TRUE;
}

/* What was copied is there already. */
static void
settle_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  const LodgeClone *clone = data;
  GError *error = NULL;

  if ((clone->linked && !link_all (clone, &error)) || !settle (clone, &error))
    g_task_return_error (work, error);
  else
    g_task_return_boolean (work, TRUE);
}

static void
threaded_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  finish (data, error);
}

/* @task: taken */
static void
settle_all (GTask *task)
{
  Fill *fill = g_task_get_task_data (task);
  g_autoptr (GTask) work = g_task_new (NULL, NULL, threaded_cb, task);

  g_task_set_task_data (work, fill->clone, NULL);
  g_task_run_in_thread (work, settle_thread);
}

/* ---- Full ---- */

static const LodgeFrozenDisk *
disk_in_turn (const Fill *fill)
{
  return g_ptr_array_index (fill->clone->frozen->disks, fill->next % fill->clone->frozen->disks->len);
}

static void
progress_cb (double fraction, gpointer data)
{
  Fill *fill = data;
  LodgeClone *clone = fill->clone;

  lodge_job_progress (clone->job, clone->done + (guint64) (fraction * (double) disk_in_turn (fill)->size), clone->total, g_get_monotonic_time ());
}

/* @task: taken */
static void
is_copied (GTask *task)
{
  Fill *fill = g_task_get_task_data (task);

  fill->clone->done += disk_in_turn (fill)->size;
  fill->next++;
  convert_next (task);
}

static void
converted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  if (lodge_qemu_img_convert_finish (result, &error))
    is_copied (data);
  else
    finish (data, error);
}

/* @task: taken */
static void
convert (GTask *task)
{
  Fill *fill = g_task_get_task_data (task);
  const LodgeFrozenDisk *disk = disk_in_turn (fill);

  lodge_qemu_img_convert_async (fill->sandbox, disk->path, disk->format, (const char *const *) fill->chain->pdata, fill->target, "qcow2",
                                progress_cb, fill, lodge_job_get_cancellable (fill->clone->job), converted_cb, task);
}

static void
shared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Fill *fill = g_task_get_task_data (task);
  GError *error = NULL;

  if (g_cancellable_set_error_if_cancelled (lodge_job_get_cancellable (fill->clone->job), &error))
    finish (task, error);
  else if (g_task_propagate_boolean (G_TASK (result), NULL))
    is_copied (task);
  else
    {
      fill->no_reflink = TRUE;
      convert (task);
    }
}

static void
share_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  const Fill *fill = data;

  g_task_return_boolean (work, lodge_file_reflink (disk_in_turn (fill)->path, fill->target));
}

/* @task: taken */
static void
convert_next (GTask *task)
{
  Fill *fill = g_task_get_task_data (task);
  LodgeClone *clone = fill->clone;
  guint n = clone->frozen->disks->len;
  const LodgeFrozenDisk *disk;
  const LodgeCloneCopy *copy;
  g_autoptr (GTask) work = NULL;
  GError *error = NULL;

  if (n == 0 || fill->next == n * clone->copies->len)
    {
      settle_all (task);
      return;
    }

  disk = disk_in_turn (fill);
  copy = clone->copies->pdata[fill->next / n];
  g_clear_pointer (&fill->chain, g_ptr_array_unref);
  fill->chain = lodge_layers_chain (disk->path, &error);
  if (fill->chain == NULL)
    {
      finish (task, error);
      return;
    }
  g_ptr_array_add (fill->chain, NULL);
  g_free (fill->target);
  fill->target = g_build_filename (copy->prepared, lodge_clone_find_disk (copy->profile, disk->disk)->file, NULL);
  if (fill->no_reflink || fill->chain->pdata[0] != NULL || strcmp (disk->format, "qcow2") != 0)
    {
      convert (task);
      return;
    }
  work = g_task_new (NULL, NULL, shared_cb, task);
  g_task_set_task_data (work, fill, NULL);
  g_task_run_in_thread (work, share_thread);
}

/* ---- What is no disk ---- */

static void
add_file_from (GPtrArray *copies, const char *folder, const char *name, const char *file)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  if (access (path, F_OK) == 0)
    g_ptr_array_add (copies, lodge_copy_new_from_path (g_steal_pointer (&path), file));
}

static void
add_file (GPtrArray *copies, const LodgeClone *clone, const char *file)
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
other_files (const LodgeClone *clone)
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
others_copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Fill *fill = g_task_get_task_data (task);
  GError *error = NULL;

  fill->next++;
  if (!lodge_create_copy_finish (result, &error))
    finish (task, error);
  else
    copy_others (task);
}

/* @task: taken */
static void
copy_others (GTask *task)
{
  Fill *fill = g_task_get_task_data (task);
  LodgeClone *clone = fill->clone;

  if (fill->next < clone->copies->len)
    {
      lodge_create_copy_async (((LodgeCloneCopy *) clone->copies->pdata[fill->next])->prepared, other_files (clone), clone->job,
                               lodge_job_get_cancellable (clone->job), others_copied_cb, task);
      return;
    }
  fill->next = 0;
  if (clone->linked)
    settle_all (task);
  else
    convert_next (task);
}

void
lodge_clone_fill_async (LodgeClone *clone, LodgeSandbox *sandbox, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, NULL, callback, data);
  Fill *fill = g_new0 (Fill, 1);

  g_task_set_source_tag (task, lodge_clone_fill_async);
  g_task_set_task_data (task, fill, (GDestroyNotify) fill_free);
  fill->clone = clone;
  fill->sandbox = g_object_ref (sandbox);
  fill->next = clone->ahead;
  copy_others (task);
}

gboolean
lodge_clone_fill_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
