/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/** lodge_file_tree_remove: deletes @path with all below it; links are removed, never followed. Errors: IO, NOT_READABLE, CANCELLED */
gboolean lodge_file_tree_remove (const char *path, GCancellable *cancellable, GError **error);

/** lodge_file_tree_size: bytes that @path and all below it occupy on the disk */
guint64  lodge_file_tree_size   (const char *path);

/**
 * lodge_file_tree_flush: all that was written below @path is on the disk, files first and then their names; one after the other, which costs
 * little more than the first. Files with a second name elsewhere are left out: they are that other's. For a thread. Errors: as lodge_error_set_errno()
 */
gboolean lodge_file_tree_flush  (const char *path, GError **error);

G_END_DECLS
