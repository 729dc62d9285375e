/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <stdio.h>

G_BEGIN_DECLS

/**
 * ctl_ppm_to_png:
 * @fd: a binary PPM (P6, maxval 255), untrusted; read from its beginning
 * @out: where the PNG goes; not closed
 *
 * Holds one row in memory at a time, whatever the picture's size. Errors: WRONG_FORMAT (what
 * is in @fd is no such picture, or ends early), IO, NO_SPACE
 */
gboolean ctl_ppm_to_png  (int fd, FILE *out, guint *width, guint *height, GError **error);

/** CtlFileWriter: fills an open file. */
typedef gboolean (*CtlFileWriter) (FILE *file, gpointer data, GError **error);

/**
 * ctl_write_file:
 *
 * Has @writer fill a temporary file beside @path and renames it, so that @path holds the whole or is as it was. A
 * link stays one, and the file that it leads to is replaced; what is no regular file (a device, a pipe) is written to as it is.
 * Errors: NOT_FOUND (no such folder), NOT_READABLE (no permission), EXISTS (a folder), NO_SPACE, IO, those of @writer
 */
gboolean ctl_write_file  (const char *path, CtlFileWriter writer, gpointer data, GError **error);

G_END_DECLS
