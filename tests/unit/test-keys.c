/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-keys.h"

#include <string.h>

static void
test_characters (void)
{
  static const struct
  {
    gunichar character;
    const char *key;
    gboolean shift;
  } vectors[] = {
    { 'a', "a", FALSE }, { 'Z', "z", TRUE },     { '0', "0", FALSE },  { ')', "0", TRUE },
    { '~', "grave_accent", TRUE }, { '"', "apostrophe", TRUE }, { '\n', "ret", FALSE }, { ' ', "spc", FALSE },
    { '|', "backslash", TRUE },    { '?', "slash", TRUE },      { 0, NULL, FALSE },     { 0xe9, NULL, FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      gboolean shift;

      g_assert_cmpstr (lodge_keys_from_char (vectors[i].character, &shift), ==, vectors[i].key);
      g_assert_cmpint (shift, ==, vectors[i].shift);
    }
}

/* Every printable character of ASCII is on the keyboard. */
static void
test_ascii (void)
{
  char text[] = "x";
  gboolean shift;

  for (text[0] = ' '; text[0] <= '~'; text[0]++)
    {
      g_assert_nonnull (lodge_keys_from_char ((guchar) text[0], &shift));
      g_assert_true (lodge_keys_check_text (text, NULL));
    }
}

static void
test_text (void)
{
  g_autofree char *long_text = g_strnfill (LODGE_KEYS_MAX_TEXT + 1, 'x');
  g_autoptr (GError) error = NULL;

  g_assert_false (lodge_keys_check_text ("caf\303\251", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (error->message, "U+00E9"));
  g_clear_error (&error);
  g_assert_false (lodge_keys_check_text (long_text, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT);
  g_assert_true (lodge_keys_check_text (long_text + 1, NULL));
  g_assert_false (lodge_keys_check_text ("\377", NULL));
}

static void
test_chord (void)
{
  const char *const good[] = { "ctrl", "alt", "f1", "kp_add", NULL };
  const char *const empty[] = { NULL };
  const char *const strange[] = { "ctrl", "a\"b", NULL };
  const char *const unknown[] = { "ctrl", "flux", NULL };
  const char *many[LODGE_KEYS_MAX_CHORD + 2] = { NULL };

  for (guint i = 0; i <= LODGE_KEYS_MAX_CHORD; i++)
    many[i] = "a";
  g_assert_true (lodge_keys_check_chord (good, NULL));
  g_assert_false (lodge_keys_check_chord (empty, NULL));
  g_assert_false (lodge_keys_check_chord (strange, NULL));
  g_assert_false (lodge_keys_check_chord (unknown, NULL));
  g_assert_false (lodge_keys_check_chord (many, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/keys/characters", test_characters);
  g_test_add_func ("/keys/ascii", test_ascii);
  g_test_add_func ("/keys/text", test_text);
  g_test_add_func ("/keys/chord", test_chord);

  return g_test_run ();
}
