/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * The picture that Machine.Screenshot gives: a binary PPM (P6, maxval 255), whose head both ends look at. What is in
 * the file comes from QEMU and is trusted by neither.
 */

#define LODGE_PICTURE_MAX_SIDE  16384u
#define LODGE_PICTURE_HEAD_MAX  512 /* the sides and the maximum, with room for a comment line as some writers put one */

/**
 * lodge_picture_parse_head:
 * @text: the first bytes of the file, at most LODGE_PICTURE_HEAD_MAX; need not end with NUL
 * @start: (out): where the first pixel is
 *
 * Returns: (nullable): NULL, or what is wrong
 */
const char *lodge_picture_parse_head (const char *text, gsize length, guint *width, guint *height, gsize *start);

/** lodge_picture_read: reads exactly so much; never by mapping, since its writer could cut the file short */
gboolean    lodge_picture_read       (int fd, gpointer buffer, gsize length, goffset offset);

/** lodge_picture_read_head: the two together */
const char *lodge_picture_read_head  (int fd, guint *width, guint *height, gsize *start);

G_END_DECLS
