/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-faults.h"

#define QUOTE_MAX_CHARS 40

void
lodge_faults_init (LodgeFaults *faults)
{
  faults->sentences = g_ptr_array_new_with_free_func (g_free);
  faults->paths = g_ptr_array_new_with_free_func (g_free);
  faults->first = LODGE_ERROR_FAILED;
  faults->left_out = 0;
}

void
lodge_faults_clear (LodgeFaults *faults)
{
  g_clear_pointer (&faults->sentences, g_ptr_array_unref);
  g_clear_pointer (&faults->paths, g_ptr_array_unref);
}

gboolean
lodge_faults_has (const LodgeFaults *faults, const char *path)
{
  if (path == NULL)
    return faults->sentences->len > 0;

  return g_ptr_array_find_with_equal_func (faults->paths, path, g_str_equal, NULL);
}

void
lodge_faults_add (LodgeFaults *faults, LodgeError code, const char *path, const char *format, ...)
{
  g_autofree char *sentence = NULL;
  va_list args;

  if (lodge_faults_has (faults, path))
    return;
  if (faults->sentences->len == LODGE_FAULTS_MAX)
    {
      faults->left_out++;
      return;
    }
  if (faults->sentences->len == 0)
    faults->first = code;

  va_start (args, format);
  sentence = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (faults->sentences, g_strdup_printf ("%s: %s", path, sentence));
  g_ptr_array_add (faults->paths, g_strdup (path));
}

gboolean
lodge_faults_to_error (const LodgeFaults *faults, GError **error)
{
  g_autoptr (GString) message = NULL;

  if (faults->sentences->len == 0)
    return TRUE;

  message = g_string_new (NULL);
  for (guint i = 0; i < faults->sentences->len; i++)
    g_string_append_printf (message, "%s%s", i > 0 ? "\n" : "",
                            (char *) faults->sentences->pdata[i]);
  if (faults->left_out > 0)
    g_string_append_printf (message, "\n(and %u more)", faults->left_out);

  g_set_error_literal (error, LODGE_ERROR, faults->first, message->str);
  return FALSE;
}

char *
lodge_quote (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *quoted = g_string_new ("“");
  guint n = 0;

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (n++ == QUOTE_MAX_CHARS)
        {
          g_string_append (quoted, "…");
          break;
        }
      g_string_append_unichar (quoted, g_unichar_isprint (c) ? c : 0xfffd);
    }

  g_string_append (quoted, "”");
  return g_string_free (quoted, FALSE);
}
