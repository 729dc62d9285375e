/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/** LodgeMedium: a file that a person gave, looked at */
typedef struct
{
  char    *path;   /* absolute */
  char    *format; /* QEMU's name; "raw" for all but disk images */
  guint64  size;   /* of the file, in bytes */
  gint64   mtime;  /* seconds since the epoch */
  int      arch;   /* of a kernel: LodgeArch, -1: not known */
  gboolean elf;    /* a kernel that no firmware can start */
} LodgeMedium;

void         lodge_medium_free         (LodgeMedium *medium);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeMedium, lodge_medium_free)

/**
 * lodge_medium_check_async:
 * @fd: open for reading; duplicated
 * @role: "iso", "disk", "kernel" or "initrd"
 * @display_name: what the person calls it, for the error
 *
 * Finds the path that @fd has and whether the file can serve as @role, in a thread, since the file may be on a
 * slow disk. The path is taken only if it still leads to that very file.
 * Errors: NOT_FOUND (no path any more), NOT_READABLE, WRONG_FORMAT, IO, CANCELLED
 */
void         lodge_medium_check_async  (int fd, const char *role, const char *display_name,
                                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
LodgeMedium *lodge_medium_check_finish (GAsyncResult *result, GError **error);

G_END_DECLS
