/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-create-files.h"

#include "core/qemu/lodge-command-line.h"
#include "core/storage/lodge-disk-image.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BLOCK (1024 * 1024)

static void
set_file_error (GError **error, int errsv, const char *path)
{
  g_set_error (error, LODGE_ERROR,
               errsv == ENOENT                        ? LODGE_ERROR_NOT_FOUND
               : errsv == EACCES || errsv == EPERM    ? LODGE_ERROR_NOT_READABLE
               : errsv == ENOSPC || errsv == EDQUOT   ? LODGE_ERROR_NO_SPACE
                                                      : LODGE_ERROR_IO,
               "“%s”: %s", path, g_strerror (errsv));
}

LodgeCopy *
lodge_copy_new_from_path (char *path, const char *target)
{
  LodgeCopy *copy = g_new0 (LodgeCopy, 1);

  copy->fd = -1;
  copy->path = path;
  copy->target = g_strdup (target);
  return copy;
}

LodgeCopy *
lodge_copy_new_from_fd (int fd, const char *target)
{
  LodgeCopy *copy = lodge_copy_new_from_path (NULL, target);

  copy->fd = fd;
  return copy;
}

void
lodge_copy_free (LodgeCopy *copy)
{
  g_free (copy->path);
  g_free (copy->target);
  g_free (copy);
}

typedef struct
{
  char *folder;      /* (owned) */
  GPtrArray *copies; /* (owned) (element-type LodgeCopy) */
  LodgeJob *job;     /* (owned) told from the main loop */
  guint64 done;      /* of the thread */
  guint64 total;
} CopyWork;

typedef struct
{
  LodgeJob *job; /* (owned) */
  guint64 done, total;
} Progress;

static gboolean
progress_cb (gpointer data)
{
  Progress *progress = data;

  lodge_job_progress (progress->job, progress->done, progress->total, g_get_monotonic_time ());
  return G_SOURCE_REMOVE;
}

static void
progress_free (gpointer data)
{
  g_object_unref (((Progress *) data)->job);
  g_free (data);
}

static void
tell_progress (CopyWork *work, guint64 bytes)
{
  Progress *progress;

  work->done += bytes;
  progress = g_new0 (Progress, 1);
  progress->job = g_object_ref (work->job);
  progress->done = work->done;
  progress->total = MAX (work->total, work->done);
  g_idle_add_full (G_PRIORITY_DEFAULT, progress_cb, progress, progress_free);
}

static gboolean
copy_bytes (int from, int to, CopyWork *work, GCancellable *cancellable)
{
  g_autofree char *buffer = NULL;
  off_t offset = 0;
  gssize n;

  if (ioctl (to, FICLONE, from) == 0)
    return TRUE;

  buffer = g_malloc (COPY_BLOCK);
  while ((n = pread (from, buffer, COPY_BLOCK, offset)) > 0)
    {
      if (g_cancellable_is_cancelled (cancellable))
        {
          errno = ECANCELED;
          return FALSE;
        }
      for (gssize done = 0, w; done < n; done += w)
        if ((w = write (to, buffer + done, n - done)) <= 0)
          return FALSE;
      offset += n;
      tell_progress (work, (guint64) n);
    }
  return n == 0;
}

static gboolean
copy_one (CopyWork *work, const LodgeCopy *copy, GCancellable *cancellable, GError **error)
{
  g_autofree char *target = g_build_filename (work->folder, copy->target, NULL);
  g_autofree char *dir = g_path_get_dirname (target);
  int from = copy->fd >= 0 ? fcntl (copy->fd, F_DUPFD_CLOEXEC, 3)
                           : open (copy->path, O_RDONLY | O_CLOEXEC);
  int to = -1;
  gboolean ok = FALSE;

  if (from < 0)
    {
      set_file_error (error, errno, copy->path != NULL ? copy->path : copy->target);
      return FALSE;
    }
  if (g_mkdir_with_parents (dir, 0700) == 0
      && (to = open (target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) >= 0)
    ok = copy_bytes (from, to, work, cancellable) && fsync (to) == 0;
  if (!ok)
    set_file_error (error, errno, target);
  close (from);
  if (to >= 0)
    close (to);
  return ok;
}

static void
copy_work_free (CopyWork *work)
{
  g_free (work->folder);
  g_ptr_array_unref (work->copies);
  g_object_unref (work->job);
  g_free (work);
}

static guint64
size_of (const LodgeCopy *copy)
{
  struct stat st;

  return (copy->fd >= 0 ? fstat (copy->fd, &st) : stat (copy->path, &st)) == 0 ? (guint64) st.st_size : 0;
}

static void
copy_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  CopyWork *work = data;
  GError *error = NULL;

  for (guint i = 0; i < work->copies->len; i++)
    work->total += size_of (g_ptr_array_index (work->copies, i));
  for (guint i = 0; i < work->copies->len; i++)
    if (!copy_one (work, g_ptr_array_index (work->copies, i), cancellable, &error))
      {
        g_task_return_error (task, error);
        return;
      }
  g_task_return_boolean (task, TRUE);
}

void
lodge_create_copy_async (const char *folder, GPtrArray *copies, LodgeJob *job, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  CopyWork *work = g_new0 (CopyWork, 1);

  work->folder = g_strdup (folder);
  work->copies = copies;
  work->job = g_object_ref (job);
  g_task_set_task_data (task, work, (GDestroyNotify) copy_work_free);
  if (copies->len == 0)
    g_task_return_boolean (task, TRUE);
  else
    g_task_run_in_thread (task, copy_thread);
}

gboolean
lodge_create_copy_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* An image that is still to be made; with a template it is a copy of that. */
typedef struct
{
  char *path;
  char *template; /* (owned) (nullable) of the host, whose probe may be made again meanwhile */
  guint64 size;
} NewImage;

typedef struct
{
  GPtrArray *images; /* (element-type NewImage) */
  guint next;
  LodgeSandbox *sandbox; /* (owned) (nullable) */
} ImageWork;

static void next_image (GTask *task);

static void
new_image_free (gpointer data)
{
  NewImage *image = data;

  g_free (image->path);
  g_free (image->template);
  g_free (image);
}

static void
image_work_free (ImageWork *work)
{
  g_ptr_array_unref (work->images);
  g_clear_object (&work->sandbox);
  g_free (work);
}

static void
image_made_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  ImageWork *work = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_disk_image_finish (result, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  work->next++;
  next_image (g_steal_pointer (&task));
}

static void
next_image (GTask *task)
{
  ImageWork *work = g_task_get_task_data (task);
  NewImage *image;

  if (work->next == work->images->len)
    {
      g_task_return_boolean (task, TRUE);
      g_object_unref (task);
      return;
    }

  image = g_ptr_array_index (work->images, work->next);
  if (image->template != NULL)
    lodge_disk_image_copy_async (work->sandbox, image->template, image->path,
                                 g_task_get_cancellable (task), image_made_cb, task);
  else
    lodge_disk_image_create_async (work->sandbox, image->path, "qcow2", image->size,
                                   g_task_get_cancellable (task), image_made_cb, task);
}

const char *
lodge_create_vars_template (const LodgeProfile *profile, const LodgeHost *host, GError **error)
{
  const char *template = profile->secure_boot ? host->ovmf_vars_secure : host->ovmf_vars;

  if (profile->arch == LODGE_ARCH_AARCH64)
    template = host->aavmf_vars;
  else if (profile->arch == LODGE_ARCH_RISCV64)
    template = host->riscv_vars;
  if (template == NULL)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "there is no UEFI firmware%s for %s on this host",
                 profile->secure_boot ? " with Secure Boot" : "", lodge_arch_name (profile->arch));
  return template;
}

static gboolean
add_image (ImageWork *work, const char *folder, const char *file, guint64 size, const char *template,
           GError **error)
{
  NewImage *image = g_new0 (NewImage, 1);
  g_autofree char *dir = NULL;

  image->path = g_build_filename (folder, file, NULL);
  image->size = size;
  image->template = g_strdup (template);
  g_ptr_array_add (work->images, image);
  dir = g_path_get_dirname (image->path);
  if (g_mkdir_with_parents (dir, 0700) == 0)
    return TRUE;
  set_file_error (error, errno, dir);
  return FALSE;
}

void
lodge_create_images_async (const char *folder, const LodgeProfile *profile, const LodgeHost *host,
                           LodgeSandbox *sandbox, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, data);
  ImageWork *work = g_new0 (ImageWork, 1);
  const char *template = NULL;
  GError *error = NULL;

  work->images = g_ptr_array_new_with_free_func (new_image_free);
  work->sandbox = sandbox != NULL ? g_object_ref (sandbox) : NULL;
  g_task_set_task_data (task, work, (GDestroyNotify) image_work_free);

  for (guint i = 0; i < profile->disks->len && error == NULL; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (disk->file != NULL && !g_path_is_absolute (disk->file))
        add_image (work, folder, disk->file, disk->size, NULL, &error);
    }
  if (error == NULL && profile->firmware == LODGE_FIRMWARE_UEFI)
    template = lodge_create_vars_template (profile, host, &error);
  if (template != NULL)
    add_image (work, folder, lodge_profile_get_vars (profile), 0, template, &error);

  if (error != NULL)
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  next_image (task);
}

gboolean
lodge_create_images_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
