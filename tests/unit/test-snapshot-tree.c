/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gtk/gtk.h>

#include "ui/lodge-snapshot-text.h"
#include "ui/lodge-snapshot-tree.h"

/* "id<parent id<parent": created in this order; "" is the present. */
static GPtrArray *
make (const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  GPtrArray *items = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; words[i] != NULL; i++)
    {
      g_auto (GStrv) parts = g_strsplit (words[i], "<", 2);
      LodgeSnapshotItem *item = lodge_snapshot_item_new (parts[0]);
      g_autoptr (GVariant) facts = g_variant_ref_sink (g_variant_new_parsed (
        "{'parent': <%s>, 'created': <%x>}", parts[1] != NULL ? parts[1] : "", (gint64) (1000 + i)));

      lodge_snapshot_item_update (item, facts);
      g_ptr_array_add (items, item);
    }
  return items;
}

/* "id:lane/passing/joining" of each row, '^' and 'v' for lines above and below. */
static char *
draw (const char *text)
{
  g_autoptr (GPtrArray) items = make (text);
  g_autoptr (GPtrArray) rows = lodge_snapshot_tree_arrange (items);
  GString *drawn = g_string_new (NULL);

  g_assert_cmpuint (rows->len, ==, items->len);
  for (guint i = 0; i < rows->len; i++)
    {
      const LodgeSnapshotPlace *place = lodge_snapshot_item_get_place (rows->pdata[i]);
      const char *id = lodge_snapshot_item_get_id (rows->pdata[i]);

      g_string_append_printf (drawn, "%s%s:%u/%x/%x%s%s", i > 0 ? " " : "", *id != '\0' ? id : "here", place->lane,
                              place->passing, place->joining, place->above ? "^" : "", place->below ? "v" : "");
    }
  return g_string_free (drawn, FALSE);
}

static void
check (const char *text, const char *expected)
{
  g_autofree char *drawn = draw (text);

  g_assert_cmpstr (drawn, ==, expected);
}

static void
test_chain (void)
{
  check ("<", "here:0/0/0");
  check ("a b<a <b", "here:0/0/0v b:0/0/0^v a:0/0/0^");
}

/* The way to the present is straight, though another branch is newer. */
static void
test_branches (void)
{
  check ("a b<a <b c<a d<c",
         "here:0/0/0v b:0/0/0^v d:1/1/0v c:1/1/0^v a:0/0/2^");
  check ("a b<a c<a d<a <a",
         "here:0/0/0v d:1/1/0v c:2/3/0v b:3/7/0v a:0/0/e^");
  /* Of branches without the present the newest goes on. */
  check ("a b<a c<b d<b", "d:0/0/0v c:1/1/0v b:0/0/2^v a:0/0/0^");
}

/* Side branches have side branches. */
static void
test_nested (void)
{
  check ("a <a b<a c<b d<b",
         "here:0/0/0v d:1/1/0v c:2/3/0v b:1/1/4^v a:0/0/2^");
}

/* Nothing is lost, whatever the core says. */
static void
test_odd (void)
{
  check ("a<gone", "a:0/0/0");
  check ("a<a", "a:0/0/0");
  check ("a<b b<a c<a", "c:0/0/0 b:0/0/0 a:0/0/0");
  check ("a b", "b:0/0/0 a:0/0/0");
}

static void
test_many (void)
{
  g_autoptr (GString) text = g_string_new ("s0");
  g_autofree char *drawn = NULL;

  /* More branches from one than there are lanes. */
  for (guint i = 1; i < 40; i++)
    g_string_append_printf (text, " s%u<s0", i);
  drawn = draw (text->str);
  g_assert_nonnull (strstr (drawn, ":7/"));
  g_assert_null (strstr (drawn, ":8/"));

  g_string_assign (text, "s0");
  for (guint i = 1; i < 5000; i++)
    g_string_append_printf (text, " s%u<s%u", i, i - 1);
  g_free (drawn);
  drawn = draw (text->str);
  g_assert_true (g_str_has_prefix (drawn, "s4999:0/0/0v s4998:0/0/0^v"));
}

static void
check_span (gint64 seconds, const char *expected)
{
  g_autofree char *span = lodge_snapshot_text_span (seconds);

  g_assert_cmpstr (span, ==, expected);
}

static void
test_spans (void)
{
  check_span (0, "1 second");
  check_span (59, "59 seconds");
  check_span (60, "1 minute");
  check_span (41 * 60 + 5, "41 minutes");
  check_span (119 * 60, "119 minutes");
  check_span (7200, "2 hours");
  check_span (50 * 3600, "2 days");
}

static void
test_times (void)
{
  g_autoptr (GDateTime) noon = g_date_time_new_local (2026, 1, 1, 12, 0, 0);
  g_autoptr (GDateTime) eve = g_date_time_new_local (2025, 12, 31, 23, 5, 0);
  g_autoptr (GDateTime) march = g_date_time_new_local (2025, 3, 3, 9, 7, 0);
  gint64 now = g_date_time_to_unix (noon);
  g_autofree char *today = lodge_snapshot_text_when (now, now);
  g_autofree char *yesterday = lodge_snapshot_text_when (g_date_time_to_unix (eve), now);
  g_autofree char *long_ago = lodge_snapshot_text_when (g_date_time_to_unix (march), now);
  g_autofree char *never = lodge_snapshot_text_when (G_MAXINT64, now);

  g_assert_cmpstr (today, ==, "Today, 12:00");
  g_assert_cmpstr (yesterday, ==, "Yesterday, 23:05");
  g_assert_cmpstr (long_ago, ==, "3 March 2025, 09:07");
  g_assert_cmpstr (never, ==, "Unknown time");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/snapshot-tree/chain", test_chain);
  g_test_add_func ("/snapshot-tree/branches", test_branches);
  g_test_add_func ("/snapshot-tree/nested", test_nested);
  g_test_add_func ("/snapshot-tree/odd", test_odd);
  g_test_add_func ("/snapshot-tree/many", test_many);
  g_test_add_func ("/snapshot-tree/spans", test_spans);
  g_test_add_func ("/snapshot-tree/times", test_times);
  return g_test_run ();
}
