/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * LodgeSparseCopy: a copy of a file that may change meanwhile, made in passes: the first writes what is no zero, each further one reads all
 * again and writes what is not as the copy has it. A pass during which nobody writes to the file makes the copy exact, and is
 * quick where little has changed since the one before. Pages of zeros that were never anything else stay holes.
 */
typedef struct _LodgeSparseCopy LodgeSparseCopy;

/** lodge_sparse_copy_new: @from: open for reading; @to: for writing, of @size bytes, all holes; both are duplicated */
LodgeSparseCopy *lodge_sparse_copy_new     (int from, int to, guint64 size);
/** lodge_sparse_copy_new_once: of a file that nobody writes to: there is one pass, which is quicker; pages of zeros are written as well */
LodgeSparseCopy *lodge_sparse_copy_new_once (int from, int to, guint64 size);
/**
 * lodge_sparse_copy_new_onto: the same onto something that is much like it already, and that nobody else uses: there is one pass, which
 * writes what differs and gives back what @from has nothing for. @to: open for both
 */
LodgeSparseCopy *lodge_sparse_copy_new_onto (int from, int to, guint64 size);
LodgeSparseCopy *lodge_sparse_copy_ref     (LodgeSparseCopy *copy);
void             lodge_sparse_copy_unref   (LodgeSparseCopy *copy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeSparseCopy, lodge_sparse_copy_unref)

/**
 * lodge_sparse_copy_pass: for a thread; one at a time
 * @threads: how many to share the work, 0 for as many as help
 * @written: (out) (optional): bytes that had to be written
 *
 * Errors: as lodge_error_set_errno(), G_IO_ERROR_CANCELLED. Then the copy is of no use.
 */
gboolean         lodge_sparse_copy_pass    (LodgeSparseCopy *copy, guint threads, GCancellable *cancellable, guint64 *written,
                                            GError **error);

/** lodge_sparse_copy_get_done: from any thread: how far the present pass is, in bytes of the file's size */
guint64          lodge_sparse_copy_get_done (LodgeSparseCopy *copy);
guint64          lodge_sparse_copy_get_size (LodgeSparseCopy *copy);

G_END_DECLS
