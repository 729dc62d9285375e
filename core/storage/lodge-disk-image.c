/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-disk-image.h"

#include "core/config/lodge-atomic-file.h"
#include "core/qemu/lodge-qemu-img.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What a new image of any size takes at once, and what a guest needs to get anywhere with it. */
#define SPACE_FOR_NEW_IMAGE (16 * 1024 * 1024)

typedef struct
{
  char    *path;      /* (owned) */
  char    *temporary; /* (owned) */
  char    *folder;    /* (owned) */
} Work;

static void
work_free (gpointer data)
{
  Work *work = data;

  g_free (work->path);
  g_free (work->temporary);
  g_free (work->folder);
  g_free (work);
}

gboolean
lodge_disk_image_check_space (const char *folder, guint64 needed, GError **error)
{
  struct statvfs st;
  guint64 available;
  g_autofree char *have = NULL;
  g_autofree char *want = NULL;

  if (statvfs (folder, &st) != 0)
    return lodge_error_set_errno (error, errno, "looking at", folder);

  available = (guint64) st.f_bavail * st.f_frsize;
  if (available >= needed)
    return TRUE;

  have = g_format_size_full (available, G_FORMAT_SIZE_IEC_UNITS);
  want = g_format_size_full (needed, G_FORMAT_SIZE_IEC_UNITS);
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE, "%s has %s left; %s are needed", folder, have, want);
  return FALSE;
}

gboolean
lodge_disk_image_flush (const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  gboolean good = fd >= 0 && fsync (fd) == 0;

  if (!good)
    lodge_error_set_errno (error, errno, "flushing", path);
  if (fd >= 0)
    close (fd);
  return good && lodge_folder_sync (folder, error);
}

/* In a thread, since flushing may take long. */
static void
settle_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  GError *error = NULL;
  int fd = open (work->temporary, O_RDONLY | O_CLOEXEC);

  if (fd < 0 || fchmod (fd, 0600) != 0 || fsync (fd) != 0)
    lodge_error_set_errno (&error, errno, "flushing", work->path);
  if (fd >= 0)
    close (fd);
  if (error == NULL && lodge_rename_new (work->temporary, work->path) != 0)
    lodge_error_set_errno (&error, errno, "making", work->path);
  if (error != NULL)
    {
      g_unlink (work->temporary);
      g_task_return_error (task, error);
      return;
    }

  if (lodge_folder_sync (work->folder, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
made (GTask *owned_task, gboolean good, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  Work *work = g_task_get_task_data (task);
  g_autoptr (GError) full = NULL;

  if (good)
    {
      g_task_run_in_thread (task, settle_thread);
      return;
    }

  g_unlink (work->temporary);
  /* A tool that ran out of space does not always say so. */
  if (error->domain == LODGE_ERROR && error->code == LODGE_ERROR_IO &&
      !lodge_disk_image_check_space (work->folder, SPACE_FOR_NEW_IMAGE / 16, &full) &&
      full->code == LODGE_ERROR_NO_SPACE)
    {
      g_error_free (error);
      error = g_steal_pointer (&full);
    }
  g_task_return_error (task, error);
}

static void
created_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  gboolean good = lodge_qemu_img_create_finish (result, &error);

  made (data, good, error);
}

static void
converted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  gboolean good = lodge_qemu_img_convert_finish (result, &error);

  made (data, good, error);
}

/* Everything that can be refused before a tool is started. Returns: NULL when the task has failed already */
static GTask *
begin (const char *path, gpointer tag, GCancellable *cancellable, GAsyncReadyCallback callback,
       gpointer data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, data);
  Work *work = g_new0 (Work, 1);
  GError *error = NULL;

  work->path = g_strdup (path);
  work->temporary = g_strconcat (path, ".new", NULL);
  work->folder = g_path_get_dirname (path);
  g_task_set_source_tag (task, tag);
  g_task_set_task_data (task, work, work_free);
  /* What is made is made: a late cancellation must not hide it. */
  g_task_set_check_cancellable (task, FALSE);

  if (g_file_test (path, G_FILE_TEST_EXISTS) || g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    g_set_error (&error, LODGE_ERROR, LODGE_ERROR_EXISTS, "%s is there already", path);
  else if (g_mkdir_with_parents (work->folder, 0700) != 0)
    lodge_error_set_errno (&error, errno, "making", work->folder);
  else
    lodge_disk_image_check_space (work->folder, SPACE_FOR_NEW_IMAGE, &error);

  if (error != NULL)
    {
      g_task_return_error (task, error);
      g_object_unref (task);
      return NULL;
    }

  /* Of a core that was killed. */
  g_unlink (work->temporary);
  return task;
}

void
lodge_disk_image_create_async (LodgeSandbox *sandbox, const char *path, const char *format,
                               guint64 size, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer data)
{
  GTask *task = begin (path, lodge_disk_image_create_async, cancellable, callback, data);

  if (task != NULL)
    lodge_qemu_img_create_async (sandbox, ((Work *) g_task_get_task_data (task))->temporary, format, size,
                                 NULL, NULL, cancellable, created_cb, task);
}

void
lodge_disk_image_copy_async (LodgeSandbox *sandbox, const char *source, const char *path,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = begin (path, lodge_disk_image_copy_async, cancellable, callback, data);

  if (task != NULL)
    lodge_qemu_img_convert_async (sandbox, source, "raw", NULL,
                                  ((Work *) g_task_get_task_data (task))->temporary, "qcow2", NULL, NULL,
                                  cancellable, converted_cb, task);
}

gboolean
lodge_disk_image_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
