/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/ipc/lodge-amounts-text.h"

#include <glib/gi18n-lib.h>

/* As memory is sold: in powers of 1024, and people say GB. */
static char *
size_text (guint64 bytes)
{
  double gib = (double) bytes / (1024.0 * 1024 * 1024);

  if (bytes < (guint64) 1 << 30)
    return g_strdup_printf (_("%u MB"), (guint) (bytes >> 20));
  if (gib >= 100 || bytes % ((guint64) 1 << 30) == 0)
    return g_strdup_printf (_("%.0f GB"), gib);
  return g_strdup_printf (_("%.1f GB"), gib);
}

static guint64
lookup_size (GVariant *amounts, const char *key)
{
  guint64 size = 0;

  g_variant_lookup (amounts, key, "t", &size);
  return size;
}

static guint
lookup_number (GVariant *amounts, const char *key)
{
  guint32 number = 0;

  g_variant_lookup (amounts, key, "u", &number);
  return number;
}

char *
lodge_memory_judgement_text (GVariant *amounts, guint64 memory)
{
  g_autofree char *asked = size_text (memory);
  g_autofree char *host = size_text (lookup_size (amounts, "memory-maximum"));
  g_autofree char *minimum = size_text (lookup_size (amounts, "memory-minimum"));
  const char *judgement = "";

  g_variant_lookup (amounts, "memory-judgement", "&s", &judgement);
  if (g_str_equal (judgement, "low"))
    /* Translators: sizes, "512 MB", "2 GB" */
    return g_strdup_printf (_("%s: this system needs at least %s"), asked, minimum);
  if (g_str_equal (judgement, "tight"))
    return g_strdup_printf (_("%s of %s: other programs may slow down"), asked, host);
  if (g_str_equal (judgement, "impossible"))
    return g_strdup_printf (_("%s: this computer has only %s"), asked, host);
  return NULL;
}

char *
lodge_cores_judgement_text (GVariant *amounts, guint cores)
{
  guint host = lookup_number (amounts, "cores-host");
  guint minimum = lookup_number (amounts, "cores-minimum");
  guint maximum = lookup_number (amounts, "cores-maximum");
  const char *judgement = "";

  g_variant_lookup (amounts, "cores-judgement", "&s", &judgement);
  if (g_str_equal (judgement, "low"))
    return g_strdup_printf (ngettext ("This system needs at least %u core", "This system needs at least %u cores", minimum),
                            minimum);
  if (g_str_equal (judgement, "tight"))
    return g_strdup_printf (ngettext ("%u of %u core: both this machine and other programs may slow down",
                                      "%u of %u cores: both this machine and other programs may slow down", host),
                            cores, host);
  if (g_str_equal (judgement, "impossible"))
    return g_strdup_printf (ngettext ("At most %u core makes sense on this computer",
                                      "At most %u cores make sense on this computer", maximum),
                            maximum);
  return NULL;
}

char *
lodge_memory_marks_text (GVariant *amounts, guint64 recommended)
{
  g_autofree char *best = size_text (recommended);
  g_autofree char *free = size_text (lookup_size (amounts, "memory-free"));
  g_autofree char *host = size_text (lookup_size (amounts, "memory-maximum"));

  if (recommended == 0)
    return g_strdup_printf (_("Free now %s, this computer has %s"), free, host);
  return g_strdup_printf (_("Recommended %s, free now %s, this computer has %s"), best, free, host);
}

char *
lodge_cores_marks_text (GVariant *amounts, guint recommended)
{
  guint host = lookup_number (amounts, "cores-host");

  if (recommended == 0)
    return g_strdup_printf (_("This computer has %u"), host);
  return g_strdup_printf (_("Recommended %u, this computer has %u"), recommended, host);
}
