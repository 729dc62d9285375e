/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-paths.h"
#include "core/machine/lodge-machine.h"

G_BEGIN_DECLS

/* Where a guest has it. */
#define LODGE_SHARE_FOLDER "/mnt/lodge"

/** LodgeShare: a folder of the host that the guest of a disposable machine has, as long as it runs */
typedef struct
{
  char    *path;     /* absolute, without links in it */
  gboolean writable;
} LodgeShare;

/**
 * lodge_share_new:
 * @fd: the folder, opened by whoever wants to share it
 *
 * Errors: INVALID_ARGUMENT (no folder, the whole file system, one that Lodge keeps its own files in), NOT_READABLE
 */
LodgeShare *lodge_share_new  (int fd, gboolean writable, const LodgePaths *paths, GError **error);
void        lodge_share_free (LodgeShare *share);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeShare, lodge_share_free)

/** lodge_machine_plug_share_async: the guest, which has not run yet, gets the device of its share. Errors: NOT_SUPPORTED (no free place, no such device), QEMU_FAILED */
void        lodge_machine_plug_share_async  (LodgeMachine *self, GAsyncReadyCallback callback, gpointer data);
gboolean    lodge_machine_plug_share_finish (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_share_mount_script: for the guest's shell: mounts the share; exits with a status other than 0 where that fails */
const char *lodge_share_mount_script (const LodgeShare *share);

/** lodge_share_is_in: whether a QEMU with this command line has a share, which its saved memory could not have */
gboolean    lodge_share_is_in        (const char *const *argv);

G_END_DECLS
