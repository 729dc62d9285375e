/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-create-files.h"

#include "core/qemu/lodge-command-line.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BLOCK (1024 * 1024)

void
lodge_medium_info_free (LodgeMediumInfo *info)
{
  g_free (info->path);
  g_free (info->format);
  g_free (info);
}

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

static gboolean
copy_bytes (int from, int to, GCancellable *cancellable)
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
    }
  return n == 0;
}

static gboolean
copy_one (const char *folder, const LodgeCopy *copy, GCancellable *cancellable, GError **error)
{
  g_autofree char *target = g_build_filename (folder, copy->target, NULL);
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
    ok = copy_bytes (from, to, cancellable) && fsync (to) == 0;
  if (!ok)
    set_file_error (error, errno, target);
  close (from);
  if (to >= 0)
    close (to);
  return ok;
}

typedef struct
{
  char *folder;
  GPtrArray *copies;
} CopyWork;

static void
copy_work_free (CopyWork *work)
{
  g_free (work->folder);
  g_ptr_array_unref (work->copies);
  g_free (work);
}

static void
copy_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  CopyWork *work = data;
  GError *error = NULL;

  for (guint i = 0; i < work->copies->len; i++)
    if (!copy_one (work->folder, g_ptr_array_index (work->copies, i), cancellable, &error))
      {
        g_task_return_error (task, error);
        return;
      }
  g_task_return_boolean (task, TRUE);
}

void
lodge_create_copy_async (const char *folder, GPtrArray *copies, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  CopyWork *work = g_new0 (CopyWork, 1);

  work->folder = g_strdup (folder);
  work->copies = copies;
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

static const char *
guess_format (int fd)
{
  static const struct
  {
    const char *magic, *format;
  } formats[] = { { "QFI\373", "qcow2" }, { "KDMV", "vmdk" }, { "vhdxfile", "vhdx" }, { "conectix", "vpc" }, { "<<< ", "vdi" } };
  char head[8] = "";

  if (pread (fd, head, sizeof head, 0) < 0)
    return "raw";
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (memcmp (head, formats[i].magic, strlen (formats[i].magic)) == 0)
      return formats[i].format;
  return "raw";
}

void
lodge_create_check_async (int fd, const char *role, const char *name, LodgeSandbox *sandbox,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *path = g_file_read_link (link, NULL);
  LodgeMediumInfo *info;
  struct stat st, at_path;

  /* The path of an open file can have been given to another one since. */
  if (path == NULL || fstat (fd, &st) != 0 || stat (path, &at_path) != 0 || st.st_dev != at_path.st_dev
      || st.st_ino != at_path.st_ino)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "“%s” has no path any more", name);
      return;
    }
  if (!S_ISREG (st.st_mode) && !S_ISBLK (st.st_mode))
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "“%s” is not a file", name);
      return;
    }

  info = g_new0 (LodgeMediumInfo, 1);
  info->path = g_steal_pointer (&path);
  info->format = g_strdup (strcmp (role, "disk") == 0 ? guess_format (fd) : "raw");
  info->size = (guint64) st.st_size;
  info->mtime = st.st_mtime;
  g_task_return_pointer (task, info, (GDestroyNotify) lodge_medium_info_free);
}

LodgeMediumInfo *
lodge_create_check_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

typedef struct
{
  GPtrArray *commands; /* (element-type GStrv) */
  guint next;
} ImageWork;

static void
image_work_free (ImageWork *work)
{
  g_ptr_array_unref (work->commands);
  g_free (work);
}

static void next_command (GTask *task);

static void
command_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autofree char *said = NULL;
  GError *error = NULL;

  if (!g_subprocess_communicate_utf8_finish (G_SUBPROCESS (source), result, NULL, &said, &error))
    g_task_return_error (task, error);
  else if (!g_subprocess_get_successful (G_SUBPROCESS (source)))
    g_task_return_new_error (task, LODGE_ERROR,
                             strstr (said, "No space left") != NULL ? LODGE_ERROR_NO_SPACE : LODGE_ERROR_IO,
                             "%s", g_strstrip (said));
  else
    next_command (g_steal_pointer (&task));
}

static void
next_command (GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  GCancellable *cancellable = g_task_get_cancellable (task);
  ImageWork *work = g_task_get_task_data (task);
  g_autoptr (GSubprocess) process = NULL;
  GError *error = NULL;

  if (work->next == work->commands->len)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  process = g_subprocess_newv (g_ptr_array_index (work->commands, work->next++),
                               G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error);
  if (process == NULL)
    g_task_return_error (task, error);
  else
    g_subprocess_communicate_utf8_async (process, NULL, cancellable, command_cb, g_steal_pointer (&task));
}

static void
add_command (GPtrArray *commands, ...)
{
  GPtrArray *words = g_ptr_array_new ();
  const char *word;
  va_list list;

  va_start (list, commands);
  while ((word = va_arg (list, const char *)) != NULL)
    g_ptr_array_add (words, g_strdup (word));
  va_end (list);
  g_ptr_array_add (words, NULL);
  g_ptr_array_add (commands, g_ptr_array_free (words, FALSE));
}

static const char *
vars_template (const LodgeProfile *profile, const LodgeHost *host)
{
  switch (profile->arch)
    {
    case LODGE_ARCH_AARCH64:
      return host->aavmf_vars;
    case LODGE_ARCH_RISCV64:
      return host->riscv_vars;
    case LODGE_ARCH_X86_64:
    default:
      return profile->secure_boot ? host->ovmf_vars_secure : host->ovmf_vars;
    }
}

void
lodge_create_images_async (const char *folder, const LodgeProfile *profile, const LodgeHost *host,
                           LodgeSandbox *sandbox, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  ImageWork *work = g_new0 (ImageWork, 1);

  work->commands = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  g_task_set_task_data (task, work, (GDestroyNotify) image_work_free);

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *size = g_strdup_printf ("%" G_GUINT64_FORMAT, disk->size);
      g_autofree char *path = NULL;
      g_autofree char *dir = NULL;

      if (disk->file == NULL || g_path_is_absolute (disk->file))
        continue;
      path = g_build_filename (folder, disk->file, NULL);
      dir = g_path_get_dirname (path);
      g_mkdir_with_parents (dir, 0700);
      add_command (work->commands, "qemu-img", "create", "-q", "-f", disk->format, path, size, NULL);
    }
  if (profile->firmware == LODGE_FIRMWARE_UEFI)
    {
      const char *template = vars_template (profile, host);
      g_autofree char *path = g_build_filename (folder, LODGE_FIRMWARE_VARS_FILE, NULL);
      g_autofree char *dir = g_path_get_dirname (path);

      if (template == NULL)
        {
          g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                                   "there is no UEFI firmware for %s on this host", lodge_arch_name (profile->arch));
          return;
        }
      g_mkdir_with_parents (dir, 0700);
      add_command (work->commands, "qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", template, path, NULL);
    }
  next_command (g_steal_pointer (&task));
}

gboolean
lodge_create_images_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
