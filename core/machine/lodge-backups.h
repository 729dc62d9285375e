/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-meter.h"
#include "core/storage/lodge-backup-data.h"

G_BEGIN_DECLS

/*
 * What is done with the backups in a folder without a machine: ListBackups, VerifyBackup, DeleteBackup. All of it in threads.
 * @folder: a descriptor, not taken; @id: "SET/ID", untrusted; @options: a{sv}, see Core1.
 */

/** lodge_backups_list_async: Returns: (transfer full): aa{sv}. Errors: INVALID_ARGUMENT, NOT_READABLE, IO */
void            lodge_backups_list_async    (int folder, GVariant *options, GAsyncReadyCallback callback, gpointer data);
GVariant       *lodge_backups_list_finish   (GAsyncResult *result, GError **error);

/** lodge_backups_verify_async: @job: is ended. Returns: (transfer full): a{sv}. Errors: NOT_FOUND, IN_USE, DAMAGED, WRONG_FORMAT, NEWER_SCHEMA, CANCELLED, IO */
void            lodge_backups_verify_async  (int folder, const char *id, GVariant *options, LodgeJob *job, GAsyncReadyCallback callback, gpointer data);
GVariant       *lodge_backups_verify_finish (GAsyncResult *result, GError **error);

/** lodge_backups_delete_async: Errors: NOT_FOUND, IN_USE, IO */
void            lodge_backups_delete_async  (int folder, const char *id, GVariant *options, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_backups_delete_finish (GAsyncResult *result, GError **error);

/* ---- For threads ---- */

/** lodge_backups_open: Returns: (transfer full): the set, locked against whoever writes, and (transfer full) its backup. Errors: those of VerifyBackup */
LodgeBackupSet *lodge_backups_open          (int folder, const char *id, LodgeBackup **backup, GError **error);

/** lodge_backup_verify: all is read and compared with its hash. Errors: DAMAGED, NOT_FOUND, CANCELLED, IO */
gboolean        lodge_backup_verify         (LodgeBackupSet *set, const LodgeBackup *backup, LodgeMeter *meter, GError **error);

G_END_DECLS
