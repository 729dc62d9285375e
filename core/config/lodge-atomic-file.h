/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * lodge_error_set_errno:
 * @what: what was tried, "writing /a/b"
 *
 * NO_SPACE for a full disk, quota or file size limit; NOT_FOUND; NOT_READABLE for missing rights;
 * IO for the rest.
 *
 * Returns: FALSE
 */
gboolean lodge_error_set_errno   (GError **error, int number, const char *what, const char *path);

/**
 * lodge_atomic_file_write:
 *
 * Replaces @path such that a reader, and whoever comes after a crash or a full disk, sees the old
 * bytes or the new ones, never a part: the new ones are written and flushed beside it as
 * "NAME.new", renamed, and the folder is flushed. Mode 0600. One writer at a time. Errors: as
 * lodge_error_set_errno()
 */
gboolean lodge_atomic_file_write (const char *path, const void *data, gsize length, GError **error);

/** lodge_atomic_file_prepare: the first half only: "NAME.new" is on the disk, for rename() */
char    *lodge_atomic_file_prepare (const char *path, const void *data, gsize length, GError **error);

/** lodge_file_write_new: a file in a folder that nobody knows yet, and that lodge_file_tree_flush() brings to the disk as a whole. Errors: as lodge_error_set_errno() */
gboolean lodge_file_write_new    (const char *path, const void *data, gsize length, GError **error);

/** lodge_file_replace: like lodge_atomic_file_write() for what may be lost in a power cut: nothing is flushed */
gboolean lodge_file_replace      (const char *path, const void *data, gsize length, GError **error);

/** lodge_rename_new: rename() that never replaces: 0, or -1 with errno EEXIST */
int      lodge_rename_new        (const char *from, const char *to);

/** lodge_file_settle: gives @path the file @temporary that somebody else has written beside it, for good. Errors: as lodge_error_set_errno() */
gboolean lodge_file_settle       (const char *temporary, const char *path, GError **error);

/** lodge_folder_sync: makes renames in @folder last */
gboolean lodge_folder_sync       (const char *folder, GError **error);

/**
 * lodge_file_read:
 *
 * @length: (nullable):
 *
 * Reads a regular file of at most @max bytes, without waiting for anything (a pipe is refused).
 * Errors: as lodge_error_set_errno(), WRONG_FORMAT when it is no file or is too large.
 *
 * Returns: (transfer full): the bytes, a NUL behind them
 */
char    *lodge_file_read         (const char *path, gsize max, gsize *length, GError **error);

G_END_DECLS
