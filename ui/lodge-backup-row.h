/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/**
 * LodgeBackupRow:
 *
 * One backup: when it was made, what it takes, whether it was verified, and a menu of what can be done with it.
 *
 * Signal "chosen" (string): "look", "restore", "verify" or "delete".
 */
#define LODGE_TYPE_BACKUP_ROW (lodge_backup_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeBackupRow, lodge_backup_row, LODGE, BACKUP_ROW, AdwActionRow)

/* @facts: an entry of Core1.ListBackups; @named: with the name of its machine */
GtkWidget  *lodge_backup_row_new       (GVariant *facts, gboolean named);

GVariant   *lodge_backup_row_get_facts (LodgeBackupRow *self);

/* Says its time anew, as of now. */
void        lodge_backup_row_update    (LodgeBackupRow *self);

G_END_DECLS
