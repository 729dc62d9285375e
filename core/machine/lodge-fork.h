/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-engine.h"
#include "core/machine/lodge-job.h"

G_BEGIN_DECLS

/**
 * lodge_fork_map_async:
 * @machine_folder: of the machine whose memory it is; its disks are those that @folder's machine.json names
 * @folder: below that: LODGE_SAVED_DIR, or the folder of a snapshot with memory
 * @job: is told the progress; cancelling it ends the work. The caller ends the job.
 *
 * Makes of a memory that is saved as a stream a mapped one, which any number of guests can start from at once (LodgeSaved.mapped);
 * at once where it is one already. Until it is done, and after a failure, all is as it was. Errors: NOT_SUPPORTED (says why), NO_SPACE,
 * NOT_FOUND, WRONG_FORMAT, IO, QEMU_FAILED, CANCELLED
 */
void     lodge_fork_map_async  (LodgeEngine *engine, const char *machine_folder, const char *folder, LodgeJob *job,
                                GAsyncReadyCallback callback, gpointer data);
gboolean lodge_fork_map_finish (GAsyncResult *result, GError **error);

/** lodge_fork_recover: takes back, or finishes, what a killed core left of it in the machine's folder */
void     lodge_fork_recover    (const char *machine_folder);

/**
 * lodge_fork_check: whether guests of this QEMU with this hardware can start from a mapped memory.
 * Error: NOT_SUPPORTED
 */
gboolean lodge_fork_check      (const LodgeProfile *profile, LodgeCapabilities *capabilities, GError **error);

/**
 * lodge_fork_open_async: the memory in the file @path for a QEMU that can only open for writing what it maps: a copy that cannot be
 * written to, shared by all that ask within a while. Errors: IO, NO_SPACE. Returns: a descriptor, the caller's
 */
void     lodge_fork_open_async  (LodgeEngine *engine, const char *path, GAsyncReadyCallback callback, gpointer data);
int      lodge_fork_open_finish (LodgeEngine *engine, GAsyncResult *result, GError **error);

/** lodge_fork_memories_new: for the engine: the copies that are kept */
GHashTable *lodge_fork_memories_new (void);

G_END_DECLS
