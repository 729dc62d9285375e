/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-sandbox.h"

G_BEGIN_DECLS

/*
 * New images in a machine's folder: a disk, or UEFI variables copied from the firmware's template. An image is made
 * beside its place as "NAME.new", flushed and renamed, so that it is there whole or not at all; after a
 * failure nothing is left. Errors: those of lodge_qemu_img_*, EXISTS, NO_SPACE, IO.
 */

/**
 * lodge_disk_image_check_space:
 *
 * Error: NO_SPACE (the message says how much there is and how much is missing), NOT_FOUND, IO
 */
gboolean lodge_disk_image_check_space  (const char *folder, guint64 needed, GError **error);

/** lodge_disk_image_flush: what was written to @path, and its name, are on the disk; for a thread. Errors: NOT_FOUND, NO_SPACE, IO */
gboolean lodge_disk_image_flush        (const char *path, GError **error);

/**
 * lodge_disk_image_create_async:
 * @sandbox: (nullable)
 * @path: absolute; its folder is made when missing
 * @size: bytes as the guest will see them; the file itself is small and grows
 */
void     lodge_disk_image_create_async (LodgeSandbox *sandbox, const char *path, const char *format, guint64 size,
                                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

/** lodge_disk_image_copy_async: the contents of the raw file @source as a new qcow2 image */
void     lodge_disk_image_copy_async   (LodgeSandbox *sandbox, const char *source, const char *path,
                                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

/** lodge_disk_image_finish: of both */
gboolean lodge_disk_image_finish       (GAsyncResult *result, GError **error);

G_END_DECLS
