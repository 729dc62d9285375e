/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/ipc/lodge-doctor-text.h"

#include <string.h>

/* The rows "| id | reason | level | details |" of docs/DBUS.md below "Doctor findings". */
static GPtrArray *
read_table (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "..", "docs", "DBUS.md", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  GPtrArray *rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_strfreev);
  gboolean inside = FALSE;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) cells = NULL;

      if (g_str_has_prefix (lines[i], "## "))
        inside = g_str_equal (lines[i], "## Doctor findings");
      if (!inside || lines[i][0] != '|')
        continue;
      cells = g_strsplit (lines[i], "|", -1);
      if (g_strv_length (cells) < 5)
        continue;
      for (guint c = 0; cells[c] != NULL; c++)
        {
          g_strstrip (cells[c]);
          g_strdelimit (cells[c], "`", ' ');
          g_strstrip (cells[c]);
        }
      if (!g_str_equal (cells[1], "id") && cells[1][0] != '-')
        g_ptr_array_add (rows, g_steal_pointer (&cells));
    }
  return rows;
}

/* Whatever the core can find has a title, a sentence of its own kind, and, if it is no good, advice. */
static void
test_table (void)
{
  g_autoptr (GPtrArray) rows = read_table ();

  g_assert_cmpuint (rows->len, >, 20);
  for (guint i = 0; i < rows->len; i++)
    {
      const char *const *row = rows->pdata[i];
      g_autofree char *title = NULL, *sentence = NULL, *advice = NULL;
      gboolean known = lodge_doctor_text (row[1], row[2], NULL, &title, &sentence, &advice);

      if (!known)
        g_error ("no words for (%s, %s)", row[1], row[2]);
      g_assert_cmpstr (title, !=, row[1]);
      g_assert_cmpstr (sentence, !=, row[2]);
      g_assert_null (strchr (sentence, '%'));
      if (g_str_equal (row[3], "warning") || g_str_equal (row[3], "problem"))
        g_assert_nonnull (advice);
    }
}

static void
test_details (void)
{
  g_autoptr (GVariant) details =
    g_variant_ref_sink (g_variant_new_parsed ("{'version': <'7.2.22'>, 'free': <%t>}", (guint64) 5 << 30));
  g_autofree char *title = NULL, *version = NULL, *none = NULL;
  g_autofree char *title2 = NULL, *space = NULL, *advice = NULL;

  g_assert_true (lodge_doctor_text ("qemu-x86_64", "ok", details, &title, &version, &none));
  g_assert_cmpstr (version, ==, "QEMU 7.2.22.");
  g_assert_null (none);
  g_assert_true (lodge_doctor_text ("disk-space", "low", details, &title2, &space, &advice));
  g_assert_nonnull (strstr (space, "5.0"));
}

/* Less is another thing than nothing, and both are told. */
static void
test_confinement (void)
{
  g_autofree char *full = lodge_confinement_text ("bubblewrap", "ok");
  g_autofree char *less = lodge_confinement_text ("bubblewrap", "no-seccomp");
  g_autofree char *none = lodge_confinement_text ("none", "no-seccomp");

  g_assert_null (full);
  g_assert_nonnull (strstr (less, "less well: bubblewrap"));
  g_assert_nonnull (strstr (none, "nothing else confines guests"));
}

static void
test_unknown (void)
{
  g_autofree char *title = NULL, *sentence = NULL, *advice = NULL;

  g_assert_false (lodge_doctor_text ("quantum", "entangled", NULL, &title, &sentence, &advice));
  g_assert_cmpstr (title, ==, "quantum");
  g_assert_cmpstr (sentence, ==, "entangled");
  g_assert_null (advice);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/doctor-text/table", test_table);
  g_test_add_func ("/doctor-text/details", test_details);
  g_test_add_func ("/doctor-text/confinement", test_confinement);
  g_test_add_func ("/doctor-text/unknown", test_unknown);
  return g_test_run ();
}
