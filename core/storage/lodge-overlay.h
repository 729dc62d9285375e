/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * lodge_overlay_write:
 * @path: absolute; must not be there
 * @size: bytes, as the guest sees them
 * @backing: as it is to be written in the image: relative to it, at most 1023 bytes; not opened
 * @backing_format: QEMU's name
 *
 * Makes a qcow2 image that holds nothing and reads on in @backing: what "qemu-img create" makes, without a process, so in a
 * millisecond. It is there whole or not at all. Flushes, so it is for a thread. Errors: EXISTS, NO_SPACE, OUT_OF_RANGE, IO
 */
gboolean lodge_overlay_write (const char *path, guint64 size, const char *backing, const char *backing_format, GError **error);

/** lodge_overlay_write_new: the same in a folder that nobody knows yet and that is flushed as a whole (lodge_file_tree_flush()) */
gboolean lodge_overlay_write_new (const char *path, guint64 size, const char *backing, const char *backing_format, GError **error);

G_END_DECLS
