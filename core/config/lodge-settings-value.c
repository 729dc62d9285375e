/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-settings-value.h"

#include "core/config/lodge-profile-private.h"
#include "core/config/lodge-size.h"

#include <string.h>

/* Any integer type, as 64 bits; negative ones are told apart by @negative. */
static gboolean
integer_of (GVariant *value, guint64 *number, gboolean *negative)
{
  gint64 is_signed;

  *negative = FALSE;
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE: *number = g_variant_get_byte (value); return TRUE;
    case G_VARIANT_CLASS_UINT16: *number = g_variant_get_uint16 (value); return TRUE;
    case G_VARIANT_CLASS_UINT32: *number = g_variant_get_uint32 (value); return TRUE;
    case G_VARIANT_CLASS_UINT64: *number = g_variant_get_uint64 (value); return TRUE;
    case G_VARIANT_CLASS_INT16: is_signed = g_variant_get_int16 (value); break;
    case G_VARIANT_CLASS_INT32: is_signed = g_variant_get_int32 (value); break;
    case G_VARIANT_CLASS_INT64: is_signed = g_variant_get_int64 (value); break;
    default: return FALSE;
    }

  *negative = is_signed < 0;
  *number = (guint64) is_signed;
  return TRUE;
}

static GVariant *
parse_bool (GVariant *value)
{
  static const char *const yes[] = { "on", "yes", "true", NULL };
  static const char *const no[] = { "off", "no", "false", NULL };
  g_autofree char *text = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_variant_ref (value);
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return NULL;

  text = g_ascii_strdown (g_variant_get_string (value, NULL), -1);
  if (!g_strv_contains (yes, text) && !g_strv_contains (no, text))
    return NULL;

  return g_variant_ref_sink (g_variant_new_boolean (g_strv_contains (yes, text)));
}

/* A number without a unit. What is too large for the type is cut to the largest, so that the range is told. */
static GVariant *
parse_uint (const char *key, GVariant *value, LodgeFaults *faults)
{
  guint64 number;
  gboolean negative;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      const char *text = g_variant_get_string (value, NULL);
      const char *digits = *text == '-' ? text + 1 : text;

      if (*digits == '\0' || strspn (digits, "0123456789") != strlen (digits))
        return NULL;
      negative = *text == '-';
      number = g_ascii_strtoull (digits, NULL, 10);
    }
  else if (!integer_of (value, &number, &negative))
    {
      return NULL;
    }

  if (negative)
    {
      const LodgeField *field = lodge_profile_field (key);

      lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, key,
                        "a negative number is out of range: %" G_GUINT64_FORMAT
                        " to %" G_GUINT64_FORMAT,
                        field->min, field->max);
    }
  return g_variant_ref_sink (g_variant_new_uint32 ((guint32) MIN (number, G_MAXUINT32)));
}

static void
refuse_size (const char *key, const char *found, LodgeFaults *faults)
{
  gboolean memory = g_str_equal (key, "memory");
  g_autofree char *min = lodge_size_format (memory ? LODGE_MEMORY_MIN : LODGE_DISK_SIZE_MIN);
  g_autofree char *max = lodge_size_format (memory ? LODGE_MEMORY_MAX : LODGE_DISK_SIZE_MAX);

  lodge_faults_add (faults, LODGE_ERROR_OUT_OF_RANGE, key, "%s is out of range: %s to %s", found, min, max);
}

static GVariant *
parse_size (const char *key, GVariant *value, LodgeFaults *faults)
{
  guint64 number = 0;
  gboolean negative = FALSE;
  g_autoptr (GError) error = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    {
      /* People say "memory=4096" and mean MiB; nobody counts disks in it. */
      guint64 unit = g_str_equal (key, "memory") ? LODGE_MIB : 1;

      if (!lodge_size_parse (g_variant_get_string (value, NULL), unit, &number, &error)
          && error->code == LODGE_ERROR_OUT_OF_RANGE)
        {
          g_autofree char *quoted = lodge_quote (g_variant_get_string (value, NULL));

          refuse_size (key, quoted, faults);
        }
      else if (error != NULL)
        lodge_faults_add (faults, error->code, key, "%s", error->message);
    }
  else if (!integer_of (value, &number, &negative))
    {
      return NULL;
    }

  if (negative)
    refuse_size (key, "a negative size", faults);
  return g_variant_ref_sink (g_variant_new_uint64 (MIN (number, (guint64) G_MAXINT64)));
}

static GVariant *
parse_string (const LodgeSetting *setting, GVariant *value, LodgeFaults *faults)
{
  const char *text;

  if (!g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return NULL;

  text = g_variant_get_string (value, NULL);
  if (setting->words != NULL && !g_strv_contains (setting->words, text))
    {
      g_autofree char *quoted = lodge_quote (text);
      g_autofree char *known = g_strjoinv (", ", (char **) setting->words);

      lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, setting->key, "%s is not one of %s",
                        quoted, known);
      return NULL;
    }
  return g_variant_ref (value);
}

GVariant *
lodge_setting_parse (const LodgeSetting *setting, GVariant *value, LodgeFaults *faults)
{
  GVariant *parsed;
  const char *wanted;

  switch (*setting->type)
    {
    case 'b':
      parsed = parse_bool (value);
      wanted = "on or off";
      break;
    case 'u':
      parsed = parse_uint (setting->key, value, faults);
      wanted = "a whole number";
      break;
    case 't':
      parsed = parse_size (setting->key, value, faults);
      wanted = "a size";
      break;
    default:
      parsed = parse_string (setting, value, faults);
      wanted = "a text";
      break;
    }

  if (parsed == NULL)
    {
      g_autofree char *printed = g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
                                     ? g_variant_dup_string (value, NULL)
                                     : g_variant_print (value, FALSE);
      g_autofree char *quoted = lodge_quote (printed);

      lodge_faults_add (faults, LODGE_ERROR_INVALID_ARGUMENT, setting->key, "%s is not %s", quoted,
                        wanted);
    }
  return parsed;
}

/* How many letters must change to make @a of @b (Levenshtein); keys are short, so plainly. */
guint
lodge_text_distance (const char *a, const char *b)
{
  gsize length = strlen (b);
  g_autofree guint *row = g_new (guint, length + 1);

  for (gsize j = 0; j <= length; j++)
    row[j] = j;
  for (gsize i = 0; a[i] != '\0'; i++)
    {
      guint diagonal = row[0]++;

      for (gsize j = 1; j <= length; j++)
        {
          guint change = diagonal + (a[i] != b[j - 1]);

          diagonal = row[j];
          row[j] = MIN (change, MIN (row[j], row[j - 1]) + 1);
        }
    }

  return row[length];
}
