/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * QEMU's shared pictures carry no seals, so the size seen by fstat() is a promise only. A handler
 * for SIGBUS, set once for the process, knows through a thread-local pointer which map this thread
 * is reading. A fault within it puts pages of zeros over the whole map and lets the read go on; any
 * other fault goes to the handler that was there before.
 *
 * Only memory in ordinary pages is taken, which is where QEMU puts its pictures. In huge ones (hugetlbfs)
 * neither putting zeros over a part of a page nor unmapping one is possible, so a peer could end this process
 * or fill its address space.
 */

#include "display/lodge-shared-map.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "display/lodge-display-error.h"

struct _LodgeSharedMap
{
  guint8 *base;                   /* whole pages */
  gsize size;                     /* of these pages, bytes */
  gsize skip;                     /* from base to the first byte asked for */
  volatile sig_atomic_t broken;
};

static __thread LodgeSharedMap *volatile current;
static struct sigaction previous_action;

static void
sigbus_handler (int number, siginfo_t *info, void *context)
{
  LodgeSharedMap *map = current;
  guint8 *address = info->si_addr;

  if (map != NULL && address >= map->base && address < map->base + map->size)
    {
      int saved_errno = errno;
      void *zeros = mmap (map->base, map->size, PROT_READ,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

      errno = saved_errno;
      if (zeros != MAP_FAILED)
        {
          map->broken = 1;
          return;
        }
    }

  if (previous_action.sa_flags & SA_SIGINFO)
    previous_action.sa_sigaction (number, info, context);
  else if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN)
    previous_action.sa_handler (number);
  else
    {
      /* The instruction faults again on return and ends the process as it would have done. */
      struct sigaction fallback = { .sa_handler = SIG_DFL };

      sigaction (SIGBUS, &fallback, NULL);
    }
}

static void
install_handler (void)
{
  static gsize installed = 0;

  if (g_once_init_enter (&installed))
    {
      struct sigaction action = { .sa_sigaction = sigbus_handler, .sa_flags = SA_SIGINFO | SA_NODEFER };

      sigemptyset (&action.sa_mask);
      sigaction (SIGBUS, &action, &previous_action);
      g_once_init_leave (&installed, 1);
    }
}

LodgeSharedMap *
lodge_shared_map_new (int fd, guint64 offset, gsize length, GError **error)
{
  const gsize page = (gsize) sysconf (_SC_PAGESIZE);
  LodgeSharedMap *self;
  struct stat status;
  struct statfs fs;
  guint64 start = offset - offset % page;
  gsize size = length + (gsize) (offset - start);
  void *base;

  if (fstat (fd, &status) != 0 || fstatfs (fd, &fs) != 0)
    {
      g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
                   "cannot look at the shared picture: %s", g_strerror (errno));
      return NULL;
    }
  if (!S_ISREG (status.st_mode) || fs.f_type != TMPFS_MAGIC)
    {
      g_set_error_literal (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
                           "the shared picture is not a file in ordinary memory");
      return NULL;
    }
  if ((guint64) status.st_size < offset || (guint64) status.st_size - offset < length)
    {
      g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
                   "the shared picture needs %" G_GSIZE_FORMAT " bytes from %" G_GUINT64_FORMAT
                   " on, but its memory has %" G_GUINT64_FORMAT,
                   length, offset, (guint64) status.st_size);
      return NULL;
    }

  install_handler ();
  base = mmap (NULL, size, PROT_READ, MAP_SHARED, fd, (off_t) start);
  if (base == MAP_FAILED)
    {
      g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
                   "cannot map the shared picture: %s", g_strerror (errno));
      return NULL;
    }

  self = g_new0 (LodgeSharedMap, 1);
  self->base = base;
  self->size = size;
  self->skip = (gsize) (offset - start);
  return self;
}

void
lodge_shared_map_free (LodgeSharedMap *self)
{
  if (self == NULL)
    return;
  munmap (self->base, self->size);
  g_free (self);
}

const guint8 *
lodge_shared_map_enter (LodgeSharedMap *self)
{
  g_assert (current == NULL);
  current = self;
  return self->base + self->skip;
}

gboolean
lodge_shared_map_leave (LodgeSharedMap *self)
{
  g_assert (current == self);
  /* Reads must not be moved past this point by the compiler. */
  __atomic_signal_fence (__ATOMIC_SEQ_CST);
  current = NULL;
  return !self->broken;
}
