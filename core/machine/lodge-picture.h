/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/* The longer side of a picture that is kept, in pixels. */
#define LODGE_PICTURE_SIDE 480

/**
 * lodge_picture_shrink:
 * @ppm: a binary PPM (P6, maxval 255) of @length bytes, as lodge_machine_open_async() gives a screenshot
 *
 * Returns: (transfer full) (nullable): the picture so that it fits LODGE_PICTURE_SIDE, also a PPM; NULL when @ppm is none
 */
char    *lodge_picture_shrink (const char *ppm, gsize length, gsize *shrunk_length);

/** lodge_picture_keep: shrinks the screenshot in the memory file @fd into @path. FALSE when that is not possible; a picture is never worth an error */
gboolean lodge_picture_keep   (int fd, const char *path);

/** lodge_picture_open: Returns: a sealed memory file with the kept picture @path, or -1. Errors: NOT_FOUND, WRONG_FORMAT, IO */
int      lodge_picture_open   (const char *path, GError **error);

G_END_DECLS
