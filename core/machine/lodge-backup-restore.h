/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-job.h"
#include "core/machine/lodge-machine-set.h"

G_BEGIN_DECLS

/**
 * lodge_backup_restore_async: RestoreBackup
 * @folder: a descriptor of the folder with the backups; not taken
 * @id: "SET/ID", untrusted
 * @options: a{sv}: name s, machine s, start b, disposable b
 * @job: of kind "restore"; the caller ends it
 *
 * A new machine appears when all of it is there. In place, the present is kept in a snapshot first. What a backup says of this host's files
 * is not believed: no path in it leads out of the machine's folder.
 *
 * Returns: (transfer full): the machine's id. Errors: INVALID_ARGUMENT, NAME_INVALID, NOT_FOUND, IN_USE, WRONG_STATE, DAMAGED, WRONG_FORMAT,
 * NEWER_SCHEMA, BROKEN_PROFILE, NO_SPACE, NO_QEMU, CANCELLED, IO; in place also those of TakeSnapshot, with start those of Start
 */
void  lodge_backup_restore_async  (LodgeEngine *engine, LodgeMachineSet *machines, int folder, const char *id, GVariant *options, LodgeJob *job,
                                   GAsyncReadyCallback callback, gpointer data);
char *lodge_backup_restore_finish (GAsyncResult *result, GError **error);

G_END_DECLS
