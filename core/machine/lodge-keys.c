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

/* QEMU's names (QKeyCode), so that a chord is refused before a key of another one goes down. */
static const char *const names[] = {
  "unmapped", "shift", "shift_r", "alt", "alt_r", "ctrl", "ctrl_r", "menu", "esc", "1", "2", "3", "4", "5", "6", "7", "8", "9", "0",
  "minus", "equal", "backspace", "tab", "q", "w", "e", "r", "t", "y", "u", "i", "o", "p", "bracket_left", "bracket_right", "ret",
  "a", "s", "d", "f", "g", "h", "j", "k", "l", "semicolon", "apostrophe", "grave_accent", "backslash", "z", "x", "c", "v", "b", "n",
  "m", "comma", "dot", "slash", "asterisk", "spc", "caps_lock", "f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11",
  "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19", "f20", "f21", "f22", "f23", "f24", "num_lock", "scroll_lock", "kp_divide",
  "kp_multiply", "kp_subtract", "kp_add", "kp_enter", "kp_decimal", "sysrq", "kp_0", "kp_1", "kp_2", "kp_3", "kp_4", "kp_5", "kp_6",
  "kp_7", "kp_8", "kp_9", "less", "print", "home", "pgup", "pgdn", "end", "left", "up", "down", "right", "insert", "delete", "stop",
  "again", "props", "undo", "front", "copy", "open", "paste", "find", "cut", "lf", "help", "meta_l", "meta_r", "compose", "pause",
  "ro", "hiragana", "henkan", "yen", "muhenkan", "katakanahiragana", "kp_comma", "kp_equals", "power", "sleep", "wake", "audionext",
  "audioprev", "audiostop", "audioplay", "audiomute", "volumeup", "volumedown", "mediaselect", "mail", "calculator", "computer",
  "ac_home", "ac_back", "ac_forward", "ac_refresh", "ac_bookmarks", "lang1", "lang2", NULL,
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
    if (!g_strv_contains (names, chord[i]))
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
