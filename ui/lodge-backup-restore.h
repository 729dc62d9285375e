/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-backup-work.h"

G_BEGIN_DECLS

/**
 * lodge_backup_restore_ask:
 * @list: (nullable): of the machine of which the backup is
 *
 * Asks whether the machine becomes what it was then, and names what that takes away, or a new machine is made of it.
 * Without @list a new one is made at once.
 */
void lodge_backup_restore_ask (GtkWidget *from, LodgeLibrary *library, LodgeSnapshotList *list, const char *path,
                               GVariant *facts, LodgeBackupEnd end);

G_END_DECLS
