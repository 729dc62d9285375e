/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/*
 * Work on the disks of a machine that a kill may interrupt at any point:
 *
 *   disks/.disk-work   "new FILE": is about to be made; "old FILE": is to go when the machine names it no more;
 *                      "trash FOLDER": lodge-disk-trash.h
 *   the new files are made
 *   machine.json       names them: the one step that counts
 *   the old file goes, disks/.disk-work goes
 *
 * Whichever step was the last one, machine.json says which files are the machine's. One work at a time for each machine.
 */

/** What a tool writes and a rename is to put into its place: a new core deletes it. In disks/. */
#define LODGE_DISK_WORK_PREFIX ".work-"

/** lodge_disk_intent_write: @new_files: NULL-terminated, @old, @trash: (nullable); all relative to @folder and in its disks/. For a thread. Errors: NO_SPACE, IO */
gboolean lodge_disk_intent_write  (const char *folder, const char *const *new_files, const char *old, const char *trash, GError **error);

/** lodge_disk_intent_write_async: lodge_disk_intent_write() in a thread, without a trash */
void     lodge_disk_intent_write_async (const char *folder, const char *const *new_files, const char *old, GAsyncReadyCallback callback, gpointer data);
gboolean lodge_disk_intent_write_finish (GAsyncResult *result, GError **error);

/** lodge_disk_intent_settle: finishes the work or takes it back, by what machine.json says; without an intent it does nothing */
void     lodge_disk_intent_settle (const char *folder, const char *trash_dir);

/**
 * lodge_disk_intent_recover: settles, and takes away what tools left that a killed core had just started: those may live a little
 * longer than it, and write after the next core has looked. For the start of a core, when no work is under way.
 */
void     lodge_disk_intent_recover (const char *folder, const char *trash_dir);

G_END_DECLS
