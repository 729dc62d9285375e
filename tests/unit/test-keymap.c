/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <linux/input-event-codes.h>

#include "display/lodge-keymap.h"

/* Numbers as they are in the scancode tables of PC keyboards: set 1, E0 as 0x80. */
static void
test_known_keys (void)
{
  static const struct
  {
    guint evdev, qnum;
    const char *qcode;
  } rows[] = {
    { KEY_ESC, 0x01, "esc" },
    { KEY_A, 0x1e, "a" },
    { KEY_ENTER, 0x1c, "ret" },
    { KEY_KPENTER, 0x9c, "kp_enter" },
    { KEY_RIGHTALT, 0xb8, "alt_r" },
    { KEY_LEFTMETA, 0xdb, "meta_l" },
    { KEY_UP, 0xc8, "up" },
    { KEY_DELETE, 0xd3, "delete" },
    { KEY_PAUSE, 0xc6, "pause" },
    { KEY_SYSRQ, 0xb7, "print" },
    { KEY_102ND, 0x56, "less" },
    { KEY_F11, 0x57, "f11" },
    { KEY_F24, 0x6f, "f24" },
    { KEY_YEN, 0x7d, "yen" },
    { KEY_RO, 0x73, "ro" },
    { KEY_HENKAN, 0x79, "henkan" },
    { KEY_MUHENKAN, 0x7b, "muhenkan" },
    { KEY_KATAKANAHIRAGANA, 0x70, "katakanahiragana" },
    { KEY_HANGEUL, 0x72, "lang1" },
    { KEY_HANJA, 0x71, "lang2" },
    { KEY_KPCOMMA, 0x7e, "kp_comma" },
    { KEY_VOLUMEUP, 0xb0, "volumeup" },
    { KEY_PLAYPAUSE, 0xa2, "audioplay" },
    { KEY_COMPOSE, 0xdd, "compose" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_assert_cmphex (lodge_keymap_from_evdev (rows[i].evdev), ==, rows[i].qnum);
      g_assert_cmphex (lodge_keymap_from_hardware (rows[i].evdev + 8), ==, rows[i].qnum);
      g_assert_cmphex (lodge_keymap_from_qcode (rows[i].qcode), ==, rows[i].qnum);
    }
}

/* Every key of a PC keyboard has a number of its own. */
static void
test_all_keys (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  for (guint evdev = KEY_ESC; evdev <= KEY_COMPOSE; evdev++)
    {
      guint qnum = lodge_keymap_from_evdev (evdev);

      if (evdev == 84) /* no key has this code */
        continue;
      g_assert_cmphex (qnum, !=, 0);
      g_assert_cmphex (qnum, <=, 0xff);
      g_assert_cmphex (qnum & 0x7f, !=, 0);
      g_assert_true (g_hash_table_add (seen, GUINT_TO_POINTER (qnum)));
    }
}

static void
test_unknown_keys (void)
{
  for (guint keycode = 0; keycode <= 8; keycode++)
    g_assert_cmphex (lodge_keymap_from_hardware (keycode), ==, 0);
  g_assert_cmphex (lodge_keymap_from_evdev (G_MAXUINT), ==, 0);
  g_assert_cmphex (lodge_keymap_from_qcode (""), ==, 0);
  g_assert_cmphex (lodge_keymap_from_qcode ("no such key"), ==, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/keymap/known-keys", test_known_keys);
  g_test_add_func ("/keymap/all-keys", test_all_keys);
  g_test_add_func ("/keymap/unknown-keys", test_unknown_keys);
  return g_test_run ();
}
