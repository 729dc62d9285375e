/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-keys.h"

#include <string.h>

/* A US keyboard, row by row: what each key gives without and with shift. */
static const struct
{
  char plain, shifted;
  const char *key;
} keys[] = {
  { '`', '~', "grave_accent" },  { '1', '!', "1" },             { '2', '@', "2" },
  { '3', '#', "3" },             { '4', '$', "4" },             { '5', '%', "5" },
  { '6', '^', "6" },             { '7', '&', "7" },             { '8', '*', "8" },
  { '9', '(', "9" },             { '0', ')', "0" },             { '-', '_', "minus" },
  { '=', '+', "equal" },         { '\b', 0, "backspace" },      { '\t', 0, "tab" },
  { '[', '{', "bracket_left" },  { ']', '}', "bracket_right" }, { '\\', '|', "backslash" },
  { ';', ':', "semicolon" },     { '\'', '"', "apostrophe" },   { '\n', 0, "ret" },
  { ',', '<', "comma" },         { '.', '>', "dot" },           { '/', '?', "slash" },
  { ' ', 0, "spc" },             { '\033', 0, "esc" },
};

const char *
lodge_keys_from_char (gunichar character, gboolean *shift)
{
  static const char letters[26][2] = {
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
    "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z",
  };

  *shift = FALSE;
  if (character >= 'a' && character <= 'z')
    return letters[character - 'a'];
  if (character >= 'A' && character <= 'Z')
    {
      *shift = TRUE;
      return letters[character - 'A'];
    }
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    if (character != 0 && (character == (guchar) keys[i].plain || character == (guchar) keys[i].shifted))
      {
        *shift = character != (guchar) keys[i].plain;
        return keys[i].key;
      }
  return NULL;
}

gboolean
lodge_keys_check_text (const char *text, GError **error)
{
  gboolean shift;

  if (!g_utf8_validate (text, -1, NULL) || g_utf8_strlen (text, -1) > LODGE_KEYS_MAX_TEXT)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                   "at most %d characters of UTF-8 can be typed at once", LODGE_KEYS_MAX_TEXT);
      return FALSE;
    }
  for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at))
    if (lodge_keys_from_char (g_utf8_get_char (at), &shift) == NULL)
      {
        g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                     "a US keyboard has no key for U+%04X", g_utf8_get_char (at));
        return FALSE;
      }
  return TRUE;
}

gboolean
lodge_keys_check_chord (const char *const *chord, GError **error)
{
  gsize n = g_strv_length ((char **) chord);

  for (gsize i = 0; i < n; i++)
    if (*chord[i] == '\0' || strlen (chord[i]) > 32
        || strspn (chord[i], "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen (chord[i]))
      {
        g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                     "“%.32s” is not the name of a key", chord[i]);
        return FALSE;
      }
  if (n == 0 || n > LODGE_KEYS_MAX_CHORD)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                   "a chord has 1 to %d keys", LODGE_KEYS_MAX_CHORD);
      return FALSE;
    }
  return TRUE;
}
