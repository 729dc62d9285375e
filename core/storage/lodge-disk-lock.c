/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Locks of open file descriptions conflict between any two opens of a file, also in one process, and
 * need no table that could disagree with the truth. Lodge locks one byte that nobody else uses.
 *
 * QEMU (block/file-posix.c) puts read locks on byte 100 + N for each permission N that it uses, and on 200 + N
 * for each that it does not allow others: N is 0 for reading consistently, 1 for writing. So an
 * image is written while byte 101 is locked, and must not be written while 201 is, nor read while 200
 * is. Asking about these says before the start what QEMU would say in the middle of it. Other
 * programs' plain write locks count as well.
 */

#include "config.h"

#include "core/storage/lodge-disk-lock.h"

#include "core/config/lodge-atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LODGE_BYTE 300
#define QEMU_WRITES 101
#define QEMU_NO_READING 200
#define QEMU_NO_WRITING 201

struct _LodgeDiskLock
{
  int fd;
};

/* Whether somebody else's lock stands against one of @type on these bytes. */
static gboolean
is_locked (int fd, short type, off_t start, off_t length)
{
  struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };

  return fcntl (fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static gboolean
has_open (const char *pid, const struct stat *st)
{
  g_autofree char *folder = g_build_filename ("/proc", pid, "fd", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *number;

  while (dir != NULL && (number = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, number, NULL);
      struct stat other;

      if (stat (path, &other) == 0 && other.st_dev == st->st_dev && other.st_ino == st->st_ino)
        return TRUE;
    }

  return FALSE;
}

/* Which program has the file open; such locks do not tell their owner. Only processes of the same
 * user can be seen, and only after a refusal is it worth the looking. */
static char *
find_holder (int fd)
{
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  g_autofree char *own = g_strdup_printf ("%d", (int) getpid ());
  const char *pid;
  struct stat st;

  if (fstat (fd, &st) != 0)
    return NULL;

  while (proc != NULL && (pid = g_dir_read_name (proc)) != NULL)
    {
      g_autofree char *comm_path = NULL;
      g_autofree char *comm = NULL;

      if (!g_ascii_isdigit (*pid) || g_str_equal (pid, own) || !has_open (pid, &st))
        continue;
      comm_path = g_build_filename ("/proc", pid, "comm", NULL);
      if (!g_file_get_contents (comm_path, &comm, NULL, NULL))
        continue;
      g_strstrip (comm);
      return g_strdup_printf ("%s (process %s)", comm, pid);
    }

  return NULL;
}

static LodgeDiskLock *
refuse (int fd, const char *path, const char *holder, GError **error)
{
  g_autofree char *found = holder == NULL ? find_holder (fd) : NULL;

  if (found != NULL)
    holder = found;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE, "%s is in use by %s", path,
               holder != NULL ? holder : "another program");
  close (fd);
  return NULL;
}

static LodgeDiskLock *
take (const char *path, gboolean shared, gboolean look_for_others, GError **error)
{
  struct flock own = { .l_type = shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET, .l_start = LODGE_BYTE, .l_len = 1 };
  LodgeDiskLock *lock;
  int fd = open (path, (shared ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (fd < 0)
    {
      lodge_error_set_errno (error, errno, "opening", path);
      return NULL;
    }

  if (fcntl (fd, F_OFD_SETLK, &own) != 0 && (errno == EAGAIN || errno == EACCES))
    return refuse (fd, path, "another machine", error);
  if (look_for_others && (is_locked (fd, F_WRLCK, QEMU_WRITES, 1) ||
                          is_locked (fd, F_WRLCK, QEMU_NO_READING, 1) ||
                          (!shared && is_locked (fd, F_WRLCK, QEMU_NO_WRITING, 1)) ||
                          is_locked (fd, F_RDLCK, 0, 0)))
    return refuse (fd, path, NULL, error);

  lock = g_new0 (LodgeDiskLock, 1);
  lock->fd = fd;
  return lock;
}

LodgeDiskLock *
lodge_disk_lock_take (const char *path, gboolean shared, GError **error)
{
  return take (path, shared, TRUE, error);
}

LodgeDiskLock *
lodge_disk_lock_retake (const char *path, gboolean shared, GError **error)
{
  return take (path, shared, FALSE, error);
}

void
lodge_disk_lock_free (LodgeDiskLock *lock)
{
  if (lock == NULL)
    return;

  close (lock->fd);
  g_free (lock);
}
