/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"
#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * LodgeBackupGroup:
 *
 * The backups in a folder, newest first, of one machine or of all, with what can be done with each.
 *
 * Signal "restored" (object path, whether it is a copy to look into): a machine was made of a backup.
 */
#define LODGE_TYPE_BACKUP_GROUP (lodge_backup_group_get_type ())
G_DECLARE_FINAL_TYPE (LodgeBackupGroup, lodge_backup_group, LODGE, BACKUP_GROUP, AdwPreferencesGroup)

/**
 * lodge_backup_group_set:
 * @library: (nullable): nothing is shown
 * @list: (nullable): of the machine whose backups are shown; all backups in the folder else
 * @path: (nullable): none was chosen yet
 */
void lodge_backup_group_set    (LodgeBackupGroup *self, LodgeLibrary *library, LodgeSnapshotList *list, const char *path);

/* Looks into the folder now. */
void lodge_backup_group_reload (LodgeBackupGroup *self);

G_END_DECLS
