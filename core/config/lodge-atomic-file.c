/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

gboolean
lodge_error_set_errno (GError **error, int number, const char *what, const char *path)
{
  LodgeError code;

  switch (number)
    {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      code = LODGE_ERROR_NO_SPACE;
      break;
    case ENOENT:
    case ENOTDIR:
      code = LODGE_ERROR_NOT_FOUND;
      break;
    case EACCES:
    case EPERM:
      code = LODGE_ERROR_NOT_READABLE;
      break;
    default:
      code = LODGE_ERROR_IO;
      break;
    }

  g_set_error (error, LODGE_ERROR, code, "%s %s: %s", what, path, g_strerror (number));
  return FALSE;
}

static gboolean
write_all (int fd, const char *data, gsize length)
{
  while (length > 0)
    {
      gssize n = write (fd, data, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return FALSE;
      data += n;
      length -= n;
    }

  return TRUE;
}

int
lodge_rename_new (const char *from, const char *to)
{
  struct stat st;

  if (renameat2 (AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
    return 0;
  /* Not every file system knows the flag; with one core per user the check is as good. */
  if (errno != EINVAL && errno != ENOSYS)
    return -1;
  if (lstat (to, &st) == 0)
    {
      errno = EEXIST;
      return -1;
    }

  return rename (from, to);
}

gboolean
lodge_folder_sync (const char *folder, GError **error)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int number = 0;

  /* Some file systems cannot flush a folder, and then need not. */
  if (fd < 0 || (fsync (fd) != 0 && errno != EINVAL && errno != EROFS))
    number = errno;
  if (fd >= 0)
    close (fd);

  return number == 0 || lodge_error_set_errno (error, number, "flushing", folder);
}

/* @name: what an error calls @path */
static gboolean
write_new (const char *path, const char *name, const void *data, gsize length, gboolean flush, GError **error)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  int number = 0;

  if (fd < 0)
    return lodge_error_set_errno (error, errno, "writing", name);

  if (!write_all (fd, data, length) || (flush && fsync (fd) != 0))
    number = errno;
  if (close (fd) != 0 && number == 0)
    number = errno;
  if (number == 0)
    return TRUE;

  g_unlink (path);
  return lodge_error_set_errno (error, number, "writing", name);
}

static char *
prepare (const char *path, const void *data, gsize length, gboolean flush, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".new", NULL);

  /* A killed writer may have left one. */
  g_unlink (temporary);
  return write_new (temporary, path, data, length, flush, error) ? g_steal_pointer (&temporary) : NULL;
}

static gboolean
put (const char *temporary, const char *path, GError **error)
{
  int number;

  if (rename (temporary, path) == 0)
    return TRUE;
  number = errno;
  g_unlink (temporary);
  return lodge_error_set_errno (error, number, "replacing", path);
}

gboolean
lodge_file_write_new (const char *path, const void *data, gsize length, GError **error)
{
  return write_new (path, path, data, length, FALSE, error);
}

gboolean
lodge_file_replace (const char *path, const void *data, gsize length, GError **error)
{
  g_autofree char *temporary = prepare (path, data, length, FALSE, error);

  return temporary != NULL && put (temporary, path, error);
}

char *
lodge_atomic_file_prepare (const char *path, const void *data, gsize length, GError **error)
{
  return prepare (path, data, length, TRUE, error);
}

gboolean
lodge_atomic_file_write (const char *path, const void *data, gsize length, GError **error)
{
  g_autofree char *temporary = lodge_atomic_file_prepare (path, data, length, error);
  g_autofree char *folder = g_path_get_dirname (path);

  return temporary != NULL && put (temporary, path, error) && lodge_folder_sync (folder, error);
}

gboolean
lodge_file_settle (const char *temporary, const char *path, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (temporary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;
  int number = 0;

  if (fd < 0 || fsync (fd) != 0 || (stat (path, &st) == 0 && fchmod (fd, st.st_mode & 07777) != 0) || rename (temporary, path) != 0)
    number = errno;
  if (fd >= 0)
    close (fd);
  if (number != 0)
    return lodge_error_set_errno (error, number, "replacing", path);

  return lodge_folder_sync (folder, error);
}

char *
lodge_file_read (const char *path, gsize max, gsize *length, GError **error)
{
  g_autofree char *data = NULL;
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat st;
  gsize have = 0;
  gssize n;

  if (fd < 0 || fstat (fd, &st) != 0)
    {
      lodge_error_set_errno (error, errno, "reading", path);
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  if (!S_ISREG (st.st_mode) || (guint64) st.st_size > max)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT,
                   S_ISREG (st.st_mode) ? "%s is too large" : "%s is not a file", path);
      close (fd);
      return NULL;
    }

  /* The size may change under us; what counts is what is read, within @max. */
  data = g_malloc (st.st_size + 1);
  while (have < (gsize) st.st_size && (n = read (fd, data + have, st.st_size - have)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          lodge_error_set_errno (error, errno, "reading", path);
          close (fd);
          return NULL;
        }
      have += n;
    }
  close (fd);

  data[have] = '\0';
  if (length != NULL)
    *length = have;
  return g_steal_pointer (&data);
}
