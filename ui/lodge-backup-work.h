/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"
#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * LodgeBackupEnd:
 * @from: as it was given; it is still there
 * @id: (nullable): of the backup, where there was one
 * @machine: (nullable): object path of the machine that was restored
 * @disposable: it is a copy to look into
 *
 * What was begun has ended, well or not; what went wrong was told already.
 */
typedef void (*LodgeBackupEnd) (GtkWidget *from, const char *id, const char *machine, gboolean disposable);

/* The calls for backups, from the click to the toast; each is a job of the core, which goes on when the window is closed.
 * @from: where its end is told; @path: the folder; @facts: of the backup, as Core1.ListBackups gives them. */

void lodge_backup_make    (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, const char *path,
                           LodgeBackupEnd end);
void lodge_backup_verify  (GtkWidget *from, LodgeLibrary *library, const char *path, GVariant *facts, LodgeBackupEnd end);

/* Runs it as a machine that is gone when its guest ends. */
void lodge_backup_look    (GtkWidget *from, LodgeLibrary *library, const char *path, GVariant *facts, LodgeBackupEnd end);

/* @list: (nullable): of the machine that becomes what it was then, told by a toast with Undo; else it becomes a new one */
void lodge_backup_restore (GtkWidget *from, LodgeLibrary *library, const char *path, GVariant *facts,
                           LodgeSnapshotList *list, LodgeBackupEnd end);

/**
 * lodge_backup_delete:
 *
 * Tells it by a toast with Undo. The core is asked when that has gone, since what was deleted in the folder cannot come back.
 *
 * @end: when it is deleted, was undone, or could not be deleted
 */
void lodge_backup_delete  (GtkWidget *from, LodgeLibrary *library, const char *path, GVariant *facts, LodgeBackupEnd end);

G_END_DECLS
