/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-pixels.h"

#include <string.h>

typedef struct
{
  guint32 code;
  guint8 size;                            /* bytes per pixel */
  guint8 red, green, blue;                /* shifts within the native word */
  guint8 red_bits, green_bits, blue_bits;
} Format;

/* Alpha is left out: a screen is opaque, whatever the guest leaves in the unused byte. To set that
 * byte costs half of a copy again, so whoever shows the words does not look at it. */
static const Format formats[] = {
  { LODGE_PIXELS_X8R8G8B8, 4, 16, 8, 0, 8, 8, 8 },
  { 0x20028888, 4, 16, 8, 0, 8, 8, 8 },      /* a8r8g8b8 */
  { 0x20030888, 4, 0, 8, 16, 8, 8, 8 },      /* x8b8g8r8 */
  { 0x20038888, 4, 0, 8, 16, 8, 8, 8 },      /* a8b8g8r8 */
  { 0x20080888, 4, 8, 16, 24, 8, 8, 8 },     /* b8g8r8x8 */
  { 0x20088888, 4, 8, 16, 24, 8, 8, 8 },     /* b8g8r8a8 */
  { 0x20090888, 4, 24, 16, 8, 8, 8, 8 },     /* r8g8b8x8 */
  { 0x20098888, 4, 24, 16, 8, 8, 8, 8 },     /* r8g8b8a8 */
  { 0x20020aaa, 4, 20, 10, 0, 10, 10, 10 },  /* x2r10g10b10 */
  { 0x20022aaa, 4, 20, 10, 0, 10, 10, 10 },  /* a2r10g10b10 */
  { 0x20030aaa, 4, 0, 10, 20, 10, 10, 10 },  /* x2b10g10r10 */
  { 0x20032aaa, 4, 0, 10, 20, 10, 10, 10 },  /* a2b10g10r10 */
  { 0x18020888, 3, 16, 8, 0, 8, 8, 8 },      /* r8g8b8 */
  { 0x18030888, 3, 0, 8, 16, 8, 8, 8 },      /* b8g8r8 */
  { LODGE_PIXELS_R5G6B5, 2, 11, 5, 0, 5, 6, 5 },
  { 0x10030565, 2, 0, 5, 11, 5, 6, 5 },      /* b5g6r5 */
  { 0x10020555, 2, 10, 5, 0, 5, 5, 5 },      /* x1r5g5b5 */
  { 0x10021555, 2, 10, 5, 0, 5, 5, 5 },      /* a1r5g5b5 */
  { 0x10030555, 2, 0, 5, 10, 5, 5, 5 },      /* x1b5g5r5 */
  { 0x10031555, 2, 0, 5, 10, 5, 5, 5 },      /* a1b5g5r5 */
};

static const Format *
find_format (guint32 code)
{
  for (gsize i = 0; i < G_N_ELEMENTS (formats); i++)
    if (formats[i].code == code)
      return &formats[i];
  return NULL;
}

static inline guint32
load (const guint8 *source, guint size)
{
  guint32 word = 0;
  guint16 half;

  switch (size)
    {
    case 4:
      memcpy (&word, source, 4);
      return word;
    case 3:
      if (G_BYTE_ORDER == G_LITTLE_ENDIAN)
        return source[0] | source[1] << 8 | (guint32) source[2] << 16;
      return source[2] | source[1] << 8 | (guint32) source[0] << 16;
    default:
      memcpy (&half, source, 2);
      return half;
    }
}

/* To eight bits; the high bits are repeated below, so that the brightest stays the brightest. */
static inline guint32
widen (guint32 word, guint shift, guint bits)
{
  guint32 value = word >> shift & ((1u << bits) - 1);

  if (bits >= 8)
    return value >> (bits - 8);
  return value << (8 - bits) | value >> (2 * bits - 8);
}

guint
lodge_pixels_get_size (guint32 format)
{
  const Format *known = find_format (format);

  return known != NULL ? known->size : 0;
}

void
lodge_pixels_convert_row (guint32 format, const guint8 *source, guint32 *target, gsize n)
{
  const Format *f = find_format (format);

  g_return_if_fail (f != NULL);

  if (f->size == 4 && f->red == 16 && f->red_bits == 8)
    {
      memcpy (target, source, n * sizeof *target);
      return;
    }
  for (gsize i = 0; i < n; i++, source += f->size)
    {
      guint32 word = load (source, f->size);

      target[i] = widen (word, f->red, f->red_bits) << 16
                  | widen (word, f->green, f->green_bits) << 8
                  | widen (word, f->blue, f->blue_bits);
    }
}
