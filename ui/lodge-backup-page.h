/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"
#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * LodgeBackupPage:
 *
 * The backups of a machine: into which folder, how often by itself, one now, and those that there are.
 */
#define LODGE_TYPE_BACKUP_PAGE (lodge_backup_page_get_type ())
G_DECLARE_FINAL_TYPE (LodgeBackupPage, lodge_backup_page, LODGE, BACKUP_PAGE, AdwBin)

/* @list: (nullable): of the machine to be shown */
void lodge_backup_page_set_list (LodgeBackupPage *self, LodgeLibrary *library, LodgeSnapshotList *list);

void lodge_backup_page_focus    (LodgeBackupPage *self);

G_END_DECLS
