/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-medium.h"

#include "core/config/lodge-faults.h"
#include "core/storage/lodge-image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  int   fd;   /* (owned) */
  char *role; /* (owned) */
  char *name; /* (owned) */
} Check;

void
lodge_medium_free (LodgeMedium *medium)
{
  if (medium == NULL)
    return;

  g_free (medium->path);
  g_free (medium->format);
  g_free (medium);
}

static void
check_free (gpointer data)
{
  Check *check = data;

  if (check->fd >= 0)
    close (check->fd);
  g_free (check->role);
  g_free (check->name);
  g_free (check);
}

static gssize
read_fd (gpointer data, guint8 *into, gsize length, guint64 offset)
{
  return pread (GPOINTER_TO_INT (data), into, length, offset);
}

/* The path of @fd, if it leads to the same file now. */
static char *
path_of (int fd, const struct stat *st)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *path = g_file_read_link (link, NULL);
  struct stat at_path;

  if (path == NULL || !g_path_is_absolute (path) || stat (path, &at_path) != 0 ||
      at_path.st_dev != st->st_dev || at_path.st_ino != st->st_ino)
    return NULL;

  return g_steal_pointer (&path);
}

static gboolean
size_of (int fd, const struct stat *st, const char *quoted, guint64 *size, GError **error)
{
  if (S_ISREG (st->st_mode))
    {
      *size = (guint64) st->st_size;
      return TRUE;
    }
  if (S_ISBLK (st->st_mode) && ioctl (fd, BLKGETSIZE64, size) == 0)
    return TRUE;

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT,
               S_ISDIR (st->st_mode) ? "%s is a folder, not a file" : "%s is not a file", quoted);
  return FALSE;
}

static LodgeMedium *
look (Check *check, GError **error)
{
  g_autoptr (LodgeMedium) medium = g_new0 (LodgeMedium, 1);
  g_autofree char *quoted = lodge_quote (check->name);
  LodgeImage image;
  struct stat st;

  if (check->fd < 0 || fstat (check->fd, &st) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_READABLE, "%s cannot be read", quoted);
      return NULL;
    }
  if (!size_of (check->fd, &st, quoted, &medium->size, error))
    return NULL;

  medium->mtime = st.st_mtim.tv_sec;
  medium->path = path_of (check->fd, &st);
  if (medium->path == NULL)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "%s was moved or deleted", quoted);
      return NULL;
    }

  if (!lodge_image_identify (read_fd, GINT_TO_POINTER (check->fd), medium->size, &image, error))
    {
      g_prefix_error (error, "%s: ", quoted);
      return NULL;
    }
  if (!lodge_image_check_role (&image, check->role, check->name, error))
    return NULL;

  medium->arch = image.kind == LODGE_IMAGE_KERNEL ? image.arch : -1;
  medium->elf = image.elf;
  medium->format = g_strdup (g_str_equal (check->role, "disk") ? lodge_image_format (&image) : "raw");
  return g_steal_pointer (&medium);
}

static void
check_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;
  LodgeMedium *medium = look (data, &error);

  if (medium != NULL)
    g_task_return_pointer (task, medium, (GDestroyNotify) lodge_medium_free);
  else
    g_task_return_error (task, error);
}

void
lodge_medium_check_async (int fd, const char *role, const char *display_name,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  Check *check = g_new0 (Check, 1);

  g_task_set_source_tag (task, lodge_medium_check_async);
  check->fd = fcntl (fd, F_DUPFD_CLOEXEC, 3);
  check->role = g_strdup (role);
  check->name = g_utf8_make_valid (display_name, -1);
  g_task_set_task_data (task, check, check_free);
  g_task_run_in_thread (task, check_thread);
}

LodgeMedium *
lodge_medium_check_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
