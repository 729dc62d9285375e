/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "app/ctl-output.h"

#include <locale.h>
#include <string.h>

static void
test_escape (void)
{
  static const struct
  {
    const char *in;
    gboolean    keep_lines;
    const char *out;
  } cases[] = {
    { "web", FALSE, "web" },
    { "naïve 机器 👩‍💻", FALSE, "naïve 机器 👩‍💻" },
    { "a\033]0;owned\007b", FALSE, "a\\x1b]0;owned\\x07b" },
    { "a\nb\tc", FALSE, "a\\x0ab\\x09c" },
    { "a\nb\tc\r", TRUE, "a\nb\tc\\x0d" },
    { "c1: \xc2\x9b" "31m", FALSE, "c1: \\x9b31m" },
    { "rtl \xe2\x80\xae" "txt", FALSE, "rtl \\u{202e}txt" },
    { "bad \xff byte", FALSE, "bad \xef\xbf\xbd byte" },
    { "", FALSE, "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *out = ctl_escape (cases[i].in, cases[i].keep_lines);

      g_assert_cmpstr (out, ==, cases[i].out);
    }
}

static void
test_width (void)
{
  g_assert_cmpuint (ctl_text_width ("web"), ==, 3);
  g_assert_cmpuint (ctl_text_width ("机器"), ==, 4);
  g_assert_cmpuint (ctl_text_width ("e\xcc\x81"), ==, 1);
}

static void
test_ellipsize (void)
{
  static const struct
  {
    const char *in;
    guint       width;
    const char *out;
  } cases[] = {
    { "Debian", 6, "Debian" }, { "Debian", 5, "Debi…" }, { "机器人", 5, "机器…" },
    { "机器人", 4, "机…" },    { "abc", 1, "…" },        { "abc", 0, "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *out = ctl_text_ellipsize (cases[i].in, cases[i].width);

      g_assert_cmpstr (out, ==, cases[i].out);
      g_assert_cmpuint (ctl_text_width (out), <=, cases[i].width);
    }
}

static char *
print_table (guint width)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  static const char *const lines[] = { "NAME|STATE|ID", "a rather long name of a machine|Off|0123", "机器\033|Running|4567" };
  char *text = NULL;
  gsize length = 0;
  FILE *out = open_memstream (&text, &length);

  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    g_ptr_array_add (rows, g_strsplit (lines[i], "|", -1));
  ctl_table_print (out, rows, width, 0);
  fclose (out);
  return text;
}

static void
test_table (void)
{
  g_autofree char *whole = print_table (0);
  g_autofree char *narrow = print_table (30);
  g_auto (GStrv) lines = g_strsplit (narrow, "\n", -1);

  g_assert_cmpstr (whole, ==,
                   "NAME                             STATE    ID\n"
                   "a rather long name of a machine  Off      0123\n"
                   "机器\\x1b                         Running  4567\n");
  g_assert_cmpuint (g_strv_length (lines), ==, 4);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (ctl_text_width (lines[i]), <=, 30);
  g_assert_nonnull (strstr (lines[1], "…"));
}

static void
test_json (void)
{
  char *text = NULL;
  gsize length = 0;
  FILE *out = open_memstream (&text, &length);

  ctl_json_print (out, g_variant_new_parsed ("{'name': <'a\\u001b\"b'>, 'n': <%t>, 'list': <@aa{sv} []>, 'on': <true>}",
                                             (guint64) 1 << 40));
  fclose (out);
  g_assert_cmpstr (text, ==,
                   "{\n  \"name\" : \"a\\u001b\\\"b\",\n  \"n\" : 1099511627776,\n"
                   "  \"list\" : [],\n  \"on\" : true\n}\n");
  free (text);
}

int
main (int argc, char *argv[])
{
  setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl-output/escape", test_escape);
  g_test_add_func ("/ctl-output/width", test_width);
  g_test_add_func ("/ctl-output/ellipsize", test_ellipsize);
  g_test_add_func ("/ctl-output/table", test_table);
  g_test_add_func ("/ctl-output/json", test_json);
  return g_test_run ();
}
