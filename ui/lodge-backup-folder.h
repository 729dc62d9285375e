/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

/**
 * lodge_backup_folder_open_async:
 * @path: a folder that a person chose
 *
 * Opens it in a thread, since its disk may sleep, be far away, or not be connected.
 */
void         lodge_backup_folder_open_async  (const char *path, GCancellable *cancellable, GAsyncReadyCallback callback,
                                              gpointer user_data);

/* Returns: (transfer full): the one descriptor, for a call. Errors: %LODGE_ERROR IO (also: it is not there), NOT_READABLE,
 * INVALID_ARGUMENT (no folder) */
GUnixFDList *lodge_backup_folder_open_finish (GAsyncResult *result, GError **error);

G_END_DECLS
