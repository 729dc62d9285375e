/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-size.h"

#include "core/config/lodge-faults.h"

#include <string.h>

static const struct
{
  const char *name;
  guint       shift;
} units[] = {
  { "k", 10 }, { "kb", 10 }, { "kib", 10 }, { "m", 20 }, { "mb", 20 }, { "mib", 20 },
  { "g", 30 }, { "gb", 30 }, { "gib", 30 }, { "t", 40 }, { "tb", 40 }, { "tib", 40 },
  { "b", 0 },
};

static gboolean
unit_parse (const char *text, guint64 default_unit, guint64 *unit)
{
  if (*text == '\0')
    {
      *unit = default_unit;
      return TRUE;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    if (g_ascii_strcasecmp (units[i].name, text) == 0)
      {
        *unit = G_GUINT64_CONSTANT (1) << units[i].shift;
        return TRUE;
      }

  return FALSE;
}

/* The digits after the point, as a part of @unit, rounded down; no floating point, so that "1.5G"
 * is the same number everywhere. */
static guint64
fraction_of (const char *digits, gsize n, guint64 unit)
{
  guint64 value = 0;
  guint64 scale = 1;

  for (gsize i = 0; i < n && i < 6; i++)
    {
      value = value * 10 + (digits[i] - '0');
      scale *= 10;
    }

  return value * unit / scale;
}

gboolean
lodge_size_parse (const char *text, guint64 default_unit, guint64 *bytes, GError **error)
{
  g_autofree char *stripped = g_strstrip (g_strndup (text, 64));
  g_autofree char *quoted = lodge_quote (text);
  const char *p = stripped;
  const char *fraction = NULL;
  gsize n_fraction = 0;
  guint64 unit;
  guint64 whole = 0;
  gboolean too_large = FALSE;

  if (strlen (text) >= 64 || !g_ascii_isdigit (*p))
    goto malformed;

  for (; g_ascii_isdigit (*p); p++)
    too_large |= !g_uint64_checked_mul (&whole, whole, 10) ||
                 !g_uint64_checked_add (&whole, whole, (guint64) (*p - '0'));

  if (*p == '.')
    {
      fraction = ++p;
      n_fraction = strspn (fraction, "0123456789");
      p += n_fraction;
      if (n_fraction == 0)
        goto malformed;
    }

  while (*p == ' ')
    p++;
  if (!unit_parse (p, default_unit, &unit))
    goto malformed;

  if (too_large || !g_uint64_checked_mul (&whole, whole, unit) ||
      !g_uint64_checked_add (&whole, whole,
                             fraction != NULL ? fraction_of (fraction, n_fraction, unit) : 0) ||
      whole > G_MAXINT64)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "%s is too large a size", quoted);
      return FALSE;
    }

  *bytes = whole;
  return TRUE;

malformed:
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
               "%s is not a size; write a number and K, M, G or T, as in 512M or 1.5G", quoted);
  return FALSE;
}

char *
lodge_size_format (guint64 bytes)
{
  static const char *const names[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
  guint i = 0;

  while (i + 1 < G_N_ELEMENTS (names) && bytes >= 1024 && bytes % 1024 == 0)
    {
      bytes /= 1024;
      i++;
    }

  return g_strdup_printf ("%" G_GUINT64_FORMAT " %s", bytes, names[i]);
}

char *
lodge_memory_format (guint64 bytes)
{
  guint64 mib = bytes / (1024 * 1024);
  guint64 tenths = mib * 10 / 1024;

  if (mib < 1024)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " MB", mib);
  if (tenths % 10 == 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " GB", tenths / 10);
  return g_strdup_printf ("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " GB", tenths / 10, tenths % 10);
}
