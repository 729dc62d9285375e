/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/ipc/lodge-text.h"

gboolean
lodge_text_is_plain (gunichar c)
{
  switch (g_unichar_type (c))
    {
    case G_UNICODE_CONTROL:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
      return FALSE;
    case G_UNICODE_FORMAT:
      /* Joiners are part of words and of emoji. */
      return c == 0x200c || c == 0x200d;
    default:
      return TRUE;
    }
}
