/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * LodgeFolderWatch: follows the folders below one folder, and one file in each of them.
 *
 * Signal: "changed" (const char *name): the folder @name came, went, or its file was changed, some
 * time ago; several events are told once. @name is %NULL when anything may have changed.
 */
#define LODGE_TYPE_FOLDER_WATCH (lodge_folder_watch_get_type ())
G_DECLARE_FINAL_TYPE (LodgeFolderWatch, lodge_folder_watch, LODGE, FOLDER_WATCH, GObject)

LodgeFolderWatch *lodge_folder_watch_new    (const char *folder, const char *file);

/** lodge_folder_watch_start: (again) after the folder was made. FALSE when the host has no watches left: then nothing is told */
gboolean          lodge_folder_watch_start  (LodgeFolderWatch *self);
void              lodge_folder_watch_add    (LodgeFolderWatch *self, const char *name);
void              lodge_folder_watch_remove (LodgeFolderWatch *self, const char *name);

G_END_DECLS
