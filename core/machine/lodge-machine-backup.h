/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"

G_BEGIN_DECLS

/** LodgeBackedUp: what Backup made */
typedef struct
{
  char     *id;     /* "SET/ID" */
  GVariant *facts;  /* (owned) a{sv}, see Backup */
} LodgeBackedUp;

void           lodge_backed_up_free       (LodgeBackedUp *made);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeBackedUp, lodge_backed_up_free)

/**
 * lodge_machine_backup_async: Backup
 * @folder: a descriptor of the folder for the backups; not taken
 * @options: a{sv}: verify b
 *
 * A job of kind "backup". A guest runs on meanwhile. Errors: WRONG_STATE (also: the guest ended meanwhile), IN_USE, INVALID_ARGUMENT
 * (no folder), NOT_FOUND, NOT_READABLE, NOT_SUPPORTED, NO_SPACE, NO_QEMU, NOT_RESPONDING, QEMU_FAILED, DAMAGED (what was
 * read back is not what was written), CANCELLED, IO. After each of them nothing is left in the folder.
 */
void           lodge_machine_backup_async  (LodgeMachine *self, int folder, GVariant *options, GAsyncReadyCallback callback, gpointer data);

/** lodge_machine_backup_scheduled_async: the same by itself: it gives way to what a person asks for and is CANCELLED then */
void           lodge_machine_backup_scheduled_async (LodgeMachine *self, int folder, GAsyncReadyCallback callback, gpointer data);
LodgeBackedUp *lodge_machine_backup_finish (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_backup_take_folder: Returns: a descriptor like @fd, the caller's, or -1. Error: INVALID_ARGUMENT: it is no folder */
int            lodge_backup_take_folder    (int fd, GError **error);

G_END_DECLS
