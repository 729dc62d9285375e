/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-profile.h"
#include "core/ipc/lodge-text.h"

gboolean
lodge_name_validate (const char *name, GError **error)
{
  const char *why = NULL;
  glong length;
  gboolean visible = FALSE;

  if (!g_utf8_validate (name, -1, NULL))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NAME_INVALID,
                           "the name is not valid UTF-8");
      return FALSE;
    }

  length = g_utf8_strlen (name, -1);
  if (length == 0)
    why = "the name is empty";
  else if (length > LODGE_NAME_MAX_CHARS)
    why = "the name is longer than 128 characters";

  for (const char *p = name; *p != '\0' && why == NULL; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (c == '/')
        why = "the name contains “/”";
      else if (!lodge_text_is_plain (c))
        why = "the name contains a character that cannot be printed";
      visible |= !g_unichar_isspace (c) && c != 0x200c && c != 0x200d;
    }

  if (why == NULL && !visible)
    why = "the name consists of spaces only";
  if (why == NULL)
    return TRUE;

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_NAME_INVALID, "%s", why);
  return FALSE;
}
