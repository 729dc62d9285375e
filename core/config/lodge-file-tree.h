/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/** lodge_file_tree_remove: deletes @path with all below it; links are removed, never followed. Errors: IO, NOT_READABLE, CANCELLED */
gboolean lodge_file_tree_remove (const char *path, GCancellable *cancellable, GError **error);

/** lodge_file_tree_size: bytes that @path and all below it occupy on the disk */
guint64  lodge_file_tree_size   (const char *path);

G_END_DECLS
