/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * LodgeDiskLock: two machines never write one image, and none writes an image that another
 * program uses. The lock is the kernel's, on the file itself (whatever name it has), so it holds between
 * machines, cores and users, and ends with the core; QEMU's own locks hold on.
 */
typedef struct _LodgeDiskLock LodgeDiskLock;

/**
 * lodge_disk_lock_take:
 * @shared: for a CD: others may read the image, too, but none may write it
 *
 * Errors: IN_USE (message names the program and its pid where they can be found), NOT_FOUND,
 * NOT_READABLE (also when a disk may not be written), IO. Where the file system has no locks
 * there is nothing to hold, which is no error.
 */
LodgeDiskLock *lodge_disk_lock_take   (const char *path, gboolean shared, GError **error);

/** lodge_disk_lock_retake: for a guest that runs and was adopted: its QEMU has the image open rightly */
LodgeDiskLock *lodge_disk_lock_retake (const char *path, gboolean shared, GError **error);
void           lodge_disk_lock_free   (LodgeDiskLock *lock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeDiskLock, lodge_disk_lock_free)

G_END_DECLS
