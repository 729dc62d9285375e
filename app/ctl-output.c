/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "app/ctl-output.h"

#include "core/ipc/lodge-text.h"

#include <json-glib/json-glib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMN_GAP 2
#define FLEXIBLE_MIN 8

void
ctl_put (FILE *out, const char *text)
{
  const char *charset;

  if (g_get_charset (&charset))
    {
      fputs (text, out);
    }
  else
    {
      g_autofree char *converted =
        g_convert_with_fallback (text, -1, charset, "UTF-8", "?", NULL, NULL, NULL);

      fputs (converted != NULL ? converted : text, out);
    }
}

void
ctl_printf (FILE *out, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  ctl_put (out, text);
}

char *
ctl_escape (const char *text, gboolean keep_lines)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *out = g_string_sized_new (strlen (valid));

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (keep_lines && (c == '\n' || c == '\t'))
        g_string_append_unichar (out, c);
      else if (lodge_text_is_plain (c))
        g_string_append_unichar (out, c);
      else if (c <= 0xff)
        g_string_append_printf (out, "\\x%02x", c);
      else
        g_string_append_printf (out, "\\u{%x}", c);
    }

  return g_string_free (out, FALSE);
}

static guint
char_width (gunichar c)
{
  if (g_unichar_iszerowidth (c))
    return 0;
  return g_unichar_iswide (c) ? 2 : 1;
}

guint
ctl_text_width (const char *text)
{
  guint width = 0;

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    width += char_width (g_utf8_get_char (p));
  return width;
}

char *
ctl_text_ellipsize (const char *text, guint width)
{
  guint used = 0;
  const char *p;

  if (ctl_text_width (text) <= width)
    return g_strdup (text);
  if (width == 0)
    return g_strdup ("");

  for (p = text; *p != '\0'; p = g_utf8_next_char (p))
    {
      guint w = char_width (g_utf8_get_char (p));

      if (used + w > width - 1)
        break;
      used += w;
    }
  return g_strdup_printf ("%.*s…", (int) (p - text), text);
}

void
ctl_table_print (FILE *out, GPtrArray *rows, guint width, guint flexible)
{
  guint n_columns = rows->len > 0 ? g_strv_length (rows->pdata[0]) : 0;
  g_autofree guint *widths = g_new0 (guint, n_columns + 1);
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  guint total = 0;

  for (guint r = 0; r < rows->len; r++)
    for (guint c = 0; c < n_columns; c++)
      {
        char *cell = ctl_escape (((char **) rows->pdata[r])[c], FALSE);

        g_ptr_array_add (cells, cell);
        widths[c] = MAX (widths[c], ctl_text_width (cell));
      }

  for (guint c = 0; c < n_columns; c++)
    total += widths[c] + (c + 1 < n_columns ? COLUMN_GAP : 0);
  if (width > 0 && total > width && flexible < n_columns && widths[flexible] > FLEXIBLE_MIN)
    {
      guint rest = total - widths[flexible];

      widths[flexible] = MAX (width > rest ? width - rest : 0, FLEXIBLE_MIN);
    }

  for (guint r = 0; r < rows->len; r++)
    {
      g_autoptr (GString) line = g_string_new (NULL);

      for (guint c = 0; c < n_columns; c++)
        {
          g_autofree char *cell = ctl_text_ellipsize (cells->pdata[r * n_columns + c], widths[c]);

          g_string_append (line, cell);
          if (c + 1 < n_columns)
            for (guint i = ctl_text_width (cell); i < widths[c] + COLUMN_GAP; i++)
              g_string_append_c (line, ' ');
        }
      g_string_append_c (line, '\n');
      ctl_put (out, line->str);
    }
}

void
ctl_table_print_entries (FILE *out, const char *const *heading, GVariant *entries, CtlRowFunc make_row, guint flexible)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);

  g_ptr_array_add (rows, g_strdupv ((char **) heading));
  for (gsize i = 0; i < g_variant_n_children (entries); i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (entries, i);

      g_ptr_array_add (rows, make_row (entry));
    }
  ctl_table_print (out, rows, ctl_terminal_width (out), flexible);
}

const char *
ctl_string (GVariant *entry, const char *key)
{
  const char *value = "";

  g_variant_lookup (entry, key, "&s", &value);
  return value;
}

char *
ctl_size (GVariant *entry, const char *key)
{
  guint64 size = 0;

  g_variant_lookup (entry, key, "t", &size);
  return g_format_size_full (size, G_FORMAT_SIZE_IEC_UNITS);
}

guint
ctl_terminal_width (FILE *out)
{
  struct winsize size;
  int fd = fileno (out);

  if (fd < 0 || !isatty (fd) || ioctl (fd, TIOCGWINSZ, &size) != 0)
    return 0;
  return size.ws_col;
}

void
ctl_json_print (FILE *out, GVariant *value)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (value);
  g_autoptr (JsonNode) root = json_gvariant_serialize (sunk);
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autofree char *text = NULL;

  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  text = json_generator_to_data (generator, NULL);
  /* JSON is UTF-8 whatever the locale is. */
  fputs (text, out);
  fputc ('\n', out);
}
