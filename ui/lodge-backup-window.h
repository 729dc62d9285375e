/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeBackupWindow:
 *
 * All backups in a folder, also of machines that are not here any more, to make machines of them.
 */
#define LODGE_TYPE_BACKUP_WINDOW (lodge_backup_window_get_type ())
G_DECLARE_FINAL_TYPE (LodgeBackupWindow, lodge_backup_window, LODGE, BACKUP_WINDOW, AdwWindow)

/* @parent: its action win.await shows what was restored; @path: the folder */
GtkWidget *lodge_backup_window_new    (GtkWindow *parent, LodgeLibrary *library, const char *path);

/* Asks for a folder, then shows what is in it. */
void       lodge_backup_window_choose (GtkWindow *parent, LodgeLibrary *library);

G_END_DECLS
