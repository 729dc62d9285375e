/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gdk/gdk.h>

G_BEGIN_DECLS

/**
 * lodge_ppm_load_async:
 * @fd: a file with a binary PPM (P6, maxval 255) as Machine.Screenshot gives it, untrusted; taken, also when it fails
 * @max_side: larger pictures are made smaller by a whole factor, so that memory stays bounded
 *
 * Reads in another thread, a row at a time, and never maps the file: its writer could cut it short.
 * Errors: G_IO_ERROR_INVALID_DATA
 */
void        lodge_ppm_load_async  (int fd, guint max_side, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

/* Returns: (transfer full) */
GdkTexture *lodge_ppm_load_finish (GAsyncResult *result, GError **error);

/**
 * lodge_ppm_load:
 * @fd: (not taken)
 *
 * The same in this thread.
 */
GdkTexture *lodge_ppm_load        (int fd, guint max_side, GError **error);

G_END_DECLS
