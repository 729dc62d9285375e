/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-engine.h"
#include "core/machine/lodge-job.h"

G_BEGIN_DECLS

/** LodgeCopy: a file that goes into the new folder */
typedef struct
{
  int   fd;     /* -1: open @path */
  char *path;   /* (owned) (nullable) */
  char *target; /* (owned) relative to the folder */
} LodgeCopy;

LodgeCopy *lodge_copy_new_from_path   (char *path, const char *target); /* path: taken */
LodgeCopy *lodge_copy_new_from_fd     (int fd, const char *target);     /* fd: not taken */
void       lodge_copy_free            (LodgeCopy *copy);

/** lodge_create_copy_async: copies (by reference where the file system can), in a thread. Errors: NOT_FOUND, NOT_READABLE, NO_SPACE, IO */
void       lodge_create_copy_async    (const char *folder, GPtrArray *copies, LodgeJob *job, GCancellable *cancellable, /* copies: taken */
                                       GAsyncReadyCallback callback, gpointer data);
gboolean   lodge_create_copy_finish   (GAsyncResult *result, GError **error);

/**
 * lodge_create_vars_template: what the UEFI variables of a machine begin as. Error: NOT_SUPPORTED (no such firmware here)
 * Returns: (transfer none): a path of @host's
 */
const char *lodge_create_vars_template (const LodgeProfile *profile, const LodgeHost *host, GError **error);

/** lodge_create_images_async: makes new disks and the UEFI variables. Errors: NOT_SUPPORTED, NO_SPACE, IO */
void       lodge_create_images_async  (const char *folder, const LodgeProfile *profile, const LodgeHost *host, LodgeSandbox *sandbox,
                                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean   lodge_create_images_finish (GAsyncResult *result, GError **error);

G_END_DECLS
