/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-job.h"
#include "core/qemu/lodge-capabilities.h"
#include "core/storage/lodge-sparse-copy.h"

G_BEGIN_DECLS

/** What QEMU calls the file that its LODGE_CHILD_FD_RAM is */
#define LODGE_RAM_PATH "/proc/self/fd/17"

/** lodge_ram_is_possible: whether a guest of this QEMU can have its memory in a file of lodge_ram_new() and be saved without it */
gboolean lodge_ram_is_possible (LodgeCapabilities *capabilities);

/** lodge_ram_new: an empty file for the memory of a guest. Errors: as lodge_error_set_errno(). Returns: a descriptor, the caller's, or -1 */
int      lodge_ram_new         (guint64 size, GError **error);

/**
 * lodge_ram_find: the file that the memory of a guest is in
 * @pid: of its QEMU itself
 * @flags: O_RDONLY, or O_RDWR for who wants it when that QEMU is gone
 *
 * Returns: a descriptor, the caller's; -1 where its memory is not in such a file
 */
int      lodge_ram_find        (int pid, guint64 size, int flags);

/** lodge_ram_let_go: closes what lodge_ram_find() found, in a thread: the last one to close it waits until gigabytes are given back. @fd: or -1 */
void     lodge_ram_let_go      (int fd);

/**
 * lodge_ram_create: the two files of a saved memory in @folder, LODGE_SAVED_RAM and LODGE_SAVED_DEVICES
 * @from: of lodge_ram_find()
 * @devices: (out): a descriptor, the caller's
 *
 * Errors: as lodge_error_set_errno(). Returns: (transfer full): a copy into the first
 */
LodgeSparseCopy *lodge_ram_create  (int from, guint64 size, const char *folder, int *devices, GError **error);

/** lodge_ram_flush: for a thread. Errors: as lodge_error_set_errno() */
gboolean lodge_ram_flush           (const char *folder, GError **error);

/**
 * lodge_ram_copy_pass_async: lodge_sparse_copy_pass() in a thread, for the main one
 * @threads: 0 for as many as help
 * @job: (nullable): is told the progress; cancelling it ends the pass. The caller ends the job.
 */
void     lodge_ram_copy_pass_async  (LodgeSparseCopy *copy, guint threads, LodgeJob *job, GAsyncReadyCallback callback, gpointer data);

/** lodge_ram_copy_pass_finish: @written: (out) (optional). Errors: as lodge_error_set_errno(), CANCELLED */
gboolean lodge_ram_copy_pass_finish (GAsyncResult *result, guint64 *written, GError **error);

/**
 * LodgeRamFill: a file for the memory of a guest, which is filled with what was saved of one. It begins at once and goes on
 * by itself, while other things are done.
 */
typedef struct _LodgeRamFill LodgeRamFill;

/**
 * lodge_ram_fill_new:
 * @path: LODGE_SAVED_RAM of a saved memory
 * @over: taken: the memory of a guest that has ended, of lodge_ram_find() for writing, which is quicker made what was saved than a new one is; or -1
 *
 * Errors: as lodge_error_set_errno(), WRONG_FORMAT (it is not of @size)
 */
LodgeRamFill *lodge_ram_fill_new    (const char *path, guint64 size, int over, GError **error);
/** lodge_ram_fill_free: gives it up where it is not done; not while somebody waits */
void          lodge_ram_fill_free   (LodgeRamFill *fill);

/** lodge_ram_fill_is_of: whether @path is a name of the file that it is filled from */
gboolean      lodge_ram_fill_is_of  (LodgeRamFill *fill, const char *path);

/** lodge_ram_fill_dup: Returns: a descriptor of the file, the caller's */
int           lodge_ram_fill_dup    (LodgeRamFill *fill);

/** lodge_ram_fill_is_done: nobody has to wait */
gboolean      lodge_ram_fill_is_done (LodgeRamFill *fill);

/** lodge_ram_fill_wait_async: until all is there; @job: (nullable): is told the progress. One that waits at a time. */
void          lodge_ram_fill_wait_async  (LodgeRamFill *fill, LodgeJob *job, GAsyncReadyCallback callback, gpointer data);
gboolean      lodge_ram_fill_wait_finish (GAsyncResult *result, GError **error);

G_END_DECLS
