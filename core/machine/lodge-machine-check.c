/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * While a guest runs its folder holds the file "in-use". Only an orderly end takes it away, so it is
 * still there when QEMU crashed or was killed, or the host lost its power. At a start the header of
 * each image is looked at; with the mark, or where a header says so itself, qemu-img checks the
 * qcow2 images before QEMU may write to them:
 *
 *   nothing found              the start goes on
 *   lost space ("leaks")       given back in place, which touches no data of the guest
 *   corruption                 NEEDS_REPAIR, and nothing is changed; or, when a repair was asked for:
 *                              copy -> repair the copy -> swap it in, the original stays as
 *                              NAME.before-repair. A repair can lose data, so it never has the only copy.
 *
 * The swap keeps an image under the name at every moment: a second link to the original, then a
 * rename over the first. What a killed core left half-made is NAME.repair, which the next repair replaces. */

#include "core/machine/lodge-machine-check.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-faults.h"
#include "core/machine/lodge-create-files.h"
#include "core/machine/lodge-launch.h"
#include "core/qemu/lodge-qemu-img.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-image.h"
#include "core/storage/lodge-layers.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "in-use"
#define MAX_KEPT 99

typedef struct
{
  char *path;         /* (owned) */
  char *format;       /* (owned) */
  gboolean suspected; /* its header says that something is wrong */
  gboolean corrupt;   /* its header says so, or the check did */
  char *copy;         /* (owned) (nullable) that is being repaired */
  GPtrArray *chain;   /* (owned) (nullable) the files it reads on in, and NULL */
} Image;

typedef struct
{
  char *folder;          /* (owned) */
  GPtrArray *images;     /* (element-type Image) */
  LodgeSandbox *sandbox; /* (owned) (nullable) */
  LodgeJob *job;         /* (owned) */
  LodgeJobFunc announce; /* (nullable) */
  gpointer announce_data;
  gboolean unclean;
  gboolean repair;
  gboolean replaced; /* an image has another inode now */
  guint next;
} Work;

static void next_image (GTask *task);
static void checked_cb (GObject *source, GAsyncResult *result, gpointer data);

static void
image_free (gpointer data)
{
  Image *image = data;

  g_free (image->path);
  g_free (image->format);
  g_free (image->copy);
  g_clear_pointer (&image->chain, g_ptr_array_unref);
  g_free (image);
}

static void
work_free (Work *work)
{
  g_free (work->folder);
  g_ptr_array_unref (work->images);
  g_clear_object (&work->sandbox);
  g_object_unref (work->job);
  g_free (work);
}

static void
add_image (Work *work, char *path, const char *format)
{
  Image *image = g_new0 (Image, 1);

  image->path = path;
  image->format = g_strdup (format);
  g_ptr_array_add (work->images, image);
}

static const char *const *
below (const Image *image)
{
  return image->chain != NULL ? (const char *const *) image->chain->pdata : NULL;
}

/* ---- The mark ---- */

static void
flush_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  const char *path = data;
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

  if (fd >= 0)
    {
      fsync (fd);
      close (fd);
    }
  lodge_folder_sync (folder, NULL);
  g_task_return_boolean (task, TRUE);
}

void
lodge_machine_mark_in_use (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, MARK, NULL);
  g_autoptr (GTask) task = NULL;
  int fd = open (path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

  if (fd < 0)
    {
      g_debug ("cannot make %s: %s", path, g_strerror (errno));
      return;
    }

  /* Flushing takes as long as the disk likes. The guest need not wait for it: file systems write
   * names in the order in which they were made, and the guest's first flush comes later. */
  close (fd);
  task = g_task_new (NULL, NULL, NULL, NULL);
  g_task_set_task_data (task, g_steal_pointer (&path), g_free);
  g_task_run_in_thread (task, flush_thread);
}

void
lodge_machine_mark_closed (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, MARK, NULL);

  /* Not flushed: a mark that comes back costs one check too many. */
  unlink (path);
}

/* ---- The headers ---- */

static gssize
read_fd (gpointer data, guint8 *into, gsize length, guint64 offset)
{
  return pread (GPOINTER_TO_INT (data), into, length, (off_t) offset);
}

static gboolean
look_at (Image *image, GError **error)
{
  int fd = open (image->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  g_autofree char *quoted = lodge_quote (image->path);
  guint64 size = 0;
  LodgeImage found;
  struct stat st;
  gboolean ok;

  if (fd < 0 || fstat (fd, &st) != 0)
    {
      lodge_error_set_errno (error, errno, "opening", image->path);
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  size = (guint64) st.st_size;
  if (S_ISBLK (st.st_mode))
    ioctl (fd, BLKGETSIZE64, &size);
  ok = lodge_image_identify (read_fd, GINT_TO_POINTER (fd), size, &found, error);
  close (fd);
  if (!ok)
    return FALSE;

  /* Whatever a guest wrote to the beginning of a raw disk is its own business. */
  if (strcmp (image->format, "raw") != 0 && strcmp (image->format, lodge_image_format (&found)) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is not in the format %s any more", quoted,
                   image->format);
      return FALSE;
    }
  image->chain = lodge_layers_chain (image->path, error);
  if (image->chain == NULL)
    return FALSE;
  g_ptr_array_add (image->chain, NULL);
  image->suspected = found.dirty || found.corrupt;
  image->corrupt = found.corrupt;
  return TRUE;
}

static void
look_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  g_autofree char *mark = g_build_filename (work->folder, MARK, NULL);
  GError *error = NULL;

  work->unclean = access (mark, F_OK) == 0;
  for (guint i = 0; i < work->images->len; i++)
    if (!look_at (g_ptr_array_index (work->images, i), &error))
      {
        g_task_return_error (task, error);
        return;
      }
  g_task_return_boolean (task, TRUE);
}

/* ---- Check and repair ---- */

static void
fail (GTask *task, GError *error)
{
  Work *work = g_task_get_task_data (task);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&error);
      error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "the check of the disks was cancelled");
    }
  for (guint i = 0; i < work->images->len; i++)
    {
      Image *image = g_ptr_array_index (work->images, i);

      if (image->copy != NULL)
        unlink (image->copy);
    }
  lodge_job_end (work->job, error);
  g_task_return_error (task, error);
}

static Image *
current (GTask *task)
{
  Work *work = g_task_get_task_data (task);

  return g_ptr_array_index (work->images, work->next);
}

static void
go_on (GTask *task)
{
  ((Work *) g_task_get_task_data (task))->next++;
  next_image (task);
}

/* Keeps the original under a name that is still free. Returns 0 or an errno. */
static int
swap (const char *path, const char *copy)
{
  struct stat st;
  int fd = open (copy, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  int errsv = fd >= 0 && fsync (fd) == 0 ? 0 : errno;

  if (errsv == 0 && stat (path, &st) == 0)
    fchmod (fd, st.st_mode & 07777);
  if (fd >= 0)
    close (fd);

  for (int i = 1; errsv == 0; i++)
    {
      g_autofree char *kept = i == 1 ? g_strconcat (path, ".before-repair", NULL)
                                     : g_strdup_printf ("%s.before-repair.%d", path, i);

      if (link (path, kept) == 0)
        return rename (copy, path) == 0 ? 0 : errno;
      if (errno == EPERM || errno == EOPNOTSUPP || errno == EMLINK)
        {
          /* No second links here: exchange the two, then name the original what it is. */
          if (renameat2 (AT_FDCWD, copy, AT_FDCWD, path, RENAME_EXCHANGE) != 0)
            return errno;
          return renameat2 (AT_FDCWD, copy, AT_FDCWD, kept, RENAME_NOREPLACE) == 0 ? 0 : errno;
        }
      if (errno != EEXIST || i == MAX_KEPT)
        errsv = errno;
    }
  return errsv;
}

static void
swap_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Image *image = data;
  g_autofree char *folder = g_path_get_dirname (image->path);
  int errsv = swap (image->path, image->copy);
  GError *error = NULL;

  if (errsv != 0)
    lodge_error_set_errno (&error, errsv, "replacing", image->path);
  if (error == NULL && lodge_folder_sync (folder, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
swapped_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      fail (task, error);
      return;
    }
  work->replaced = TRUE;
  g_clear_pointer (&current (task)->copy, g_free);
  go_on (g_steal_pointer (&task));
}

static void
repaired_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GTask) swapping = NULL;
  Image *image = current (task);
  LodgeImageCheck check;
  GError *error = NULL;

  if (!lodge_qemu_img_check_finish (result, &check, &error))
    {
      if (error->domain == LODGE_ERROR && error->code != LODGE_ERROR_NO_SPACE)
        error->code = LODGE_ERROR_NEEDS_REPAIR;
      fail (task, error);
      return;
    }
  if (check.corruptions > 0)
    {
      fail (task, g_error_new (LODGE_ERROR, LODGE_ERROR_NEEDS_REPAIR,
                               "%s: %" G_GUINT64_FORMAT " errors cannot be repaired", image->path, check.corruptions));
      return;
    }
  swapping = g_task_new (NULL, NULL, swapped_cb, g_object_ref (task));
  g_task_set_task_data (swapping, image, NULL);
  g_task_run_in_thread (swapping, swap_thread);
}

static void
copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Work *work = g_task_get_task_data (task);
  Image *image = current (task);
  GError *error = NULL;

  if (!lodge_create_copy_finish (result, &error))
    fail (task, error);
  else
    lodge_qemu_img_check_async (work->sandbox, image->copy, "qcow2", below (image), LODGE_IMAGE_REPAIR_ALL,
                                lodge_job_get_cancellable (work->job), repaired_cb, g_steal_pointer (&task));
}

static void
repair_copy (GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  Work *work = g_task_get_task_data (task);
  Image *image = current (task);
  g_autoptr (GPtrArray) copies = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_copy_free);
  g_autofree char *folder = g_path_get_dirname (image->path);
  g_autofree char *name = g_path_get_basename (image->path);
  g_autofree char *target = g_strconcat (name, ".repair", NULL);
  GError *error = NULL;
  struct stat st;

  image->copy = g_build_filename (folder, target, NULL);
  unlink (image->copy);
  if (stat (image->path, &st) == 0
      && !lodge_disk_image_check_space (folder, (guint64) st.st_blocks * 512, &error))
    {
      fail (task, error);
      return;
    }
  g_ptr_array_add (copies, lodge_copy_new_from_path (g_strdup (image->path), target));
  lodge_create_copy_async (folder, g_steal_pointer (&copies), work->job, lodge_job_get_cancellable (work->job),
                           copied_cb, g_steal_pointer (&task));
}

/* Space that could not be given back is no reason not to start. */
static void
leaks_gone_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GError *error = NULL;
  LodgeImageCheck check;

  if (!lodge_qemu_img_check_finish (result, &check, &error)
      && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      fail (task, error);
      g_object_unref (task);
      return;
    }
  g_clear_error (&error);
  go_on (task);
}

static void
found_corrupt (GTask *owned_task, char *words)
{
  g_autoptr (GTask) task = owned_task;
  g_autofree char *said = words;
  Work *work = g_task_get_task_data (task);

  if (work->repair)
    repair_copy (g_steal_pointer (&task));
  else
    fail (task, g_error_new (LODGE_ERROR, LODGE_ERROR_NEEDS_REPAIR, "%s: %s", current (task)->path, said));
}

static void
checked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Work *work = g_task_get_task_data (task);
  Image *image = current (task);
  LodgeImageCheck check = { 0 };
  g_autoptr (GError) error = NULL;

  if (!lodge_qemu_img_check_finish (result, &check, &error))
    {
      /* An image whose tables lead nowhere cannot even be opened. */
      if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_IO) || g_error_matches (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT))
        found_corrupt (g_steal_pointer (&task), g_strdup (error->message));
      else
        fail (task, g_steal_pointer (&error));
    }
  else if (check.corruptions > 0)
    found_corrupt (g_steal_pointer (&task), g_strdup_printf ("the check found %" G_GUINT64_FORMAT " errors", check.corruptions));
  else if (image->corrupt)
    found_corrupt (g_steal_pointer (&task), g_strdup ("QEMU marked it as corrupt"));
  else if (check.leaks > 0)
    lodge_qemu_img_check_async (work->sandbox, image->path, "qcow2", below (image), LODGE_IMAGE_REPAIR_LEAKS,
                                lodge_job_get_cancellable (work->job), leaks_gone_cb, g_steal_pointer (&task));
  else
    go_on (g_steal_pointer (&task));
}

/* @task: taken */
static void
next_image (GTask *task)
{
  Work *work = g_task_get_task_data (task);

  for (; work->next < work->images->len; work->next++)
    {
      Image *image = current (task);

      if (strcmp (image->format, "qcow2") == 0 && (work->unclean || image->suspected))
        {
          lodge_qemu_img_check_async (work->sandbox, image->path, "qcow2", below (image), LODGE_IMAGE_REPAIR_NONE,
                                      lodge_job_get_cancellable (work->job), checked_cb, task);
          return;
        }
    }
  lodge_job_end (work->job, NULL);
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static gboolean
wants_check (const Work *work)
{
  for (guint i = 0; i < work->images->len; i++)
    {
      const Image *image = g_ptr_array_index (work->images, i);

      if (strcmp (image->format, "qcow2") == 0 && (work->unclean || image->suspected))
        return TRUE;
    }
  return FALSE;
}

static void
looked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Work *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      fail (task, error);
      return;
    }
  if (wants_check (work) && work->announce != NULL)
    work->announce (work->job, work->announce_data);
  next_image (g_steal_pointer (&task));
}

void
lodge_machine_check_disks_async (const LodgeProfile *profile, const char *folder, LodgeSandbox *sandbox,
                                 gboolean repair, LodgeJob *job, LodgeJobFunc announce,
                                 gpointer announce_data, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  g_autoptr (GTask) looking = NULL;
  g_autofree char *vars = g_build_filename (folder, lodge_profile_get_vars (profile), NULL);
  Work *work = g_new0 (Work, 1);

  work->folder = g_strdup (folder);
  work->images = g_ptr_array_new_with_free_func (image_free);
  work->sandbox = sandbox != NULL ? g_object_ref (sandbox) : NULL;
  work->job = g_object_ref (job);
  work->announce = announce;
  work->announce_data = announce_data;
  work->repair = repair;
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      char *path = disk->cdrom ? NULL : lodge_launch_disk_path (disk, folder);

      if (path != NULL)
        add_image (work, path, disk->format);
    }
  if (profile->firmware == LODGE_FIRMWARE_UEFI && access (vars, F_OK) == 0)
    add_image (work, g_steal_pointer (&vars), "qcow2");
  g_task_set_source_tag (task, lodge_machine_check_disks_async);
  g_task_set_task_data (task, work, (GDestroyNotify) work_free);

  looking = g_task_new (NULL, NULL, looked_cb, g_object_ref (task));
  g_task_set_task_data (looking, work, NULL);
  g_task_run_in_thread (looking, look_thread);
}

gboolean
lodge_machine_check_disks_finish (GAsyncResult *result, gboolean *replaced, GError **error)
{
  GTask *task = G_TASK (result);

  *replaced = ((Work *) g_task_get_task_data (task))->replaced;
  return g_task_propagate_boolean (task, error);
}
