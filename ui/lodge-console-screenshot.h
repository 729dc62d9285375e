/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * lodge_console_screenshot_save_async:
 * @folder: where to; made when it is not there
 * @name: of the machine; what a file name may not hold is replaced
 *
 * Writes "NAME TIME.png", or "NAME TIME (2).png" and so on where that is taken: no file is ever written over.
 * Errors: G_IO_ERROR
 */
void   lodge_console_screenshot_save_async  (GdkTexture *texture, const char *folder, const char *name,
                                             GCancellable *cancellable, GAsyncReadyCallback callback,
                                             gpointer user_data);

/* Returns: (transfer full): the file */
GFile *lodge_console_screenshot_save_finish (GAsyncResult *result, GError **error);

/* The folder for pictures, or the home folder where there is none. (transfer none) */
const char *lodge_console_screenshot_folder (void);

G_END_DECLS
