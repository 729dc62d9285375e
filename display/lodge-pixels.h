/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Pixman's codes for the formats that QEMU's devices can make; a name reads from the high bits of a
 * native word to the low ones. */
#define LODGE_PIXELS_X8R8G8B8 0x20020888u
#define LODGE_PIXELS_R5G6B5 0x10020565u

/** Returns: bytes per pixel of a pixman format code, 0 for a format that is not known */
guint lodge_pixels_get_size (guint32 format);

/**
 * lodge_pixels_convert_row:
 * @format: a known format
 * @source: @n pixels, of any alignment
 * @target: native words 0x??RRGGBB; what is in the high byte has no meaning
 */
void lodge_pixels_convert_row (guint32 format, const guint8 *source, guint32 *target, gsize n);

G_END_DECLS
