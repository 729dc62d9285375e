/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <adwaita.h>

#include "ui/lodge-feedback.h"

/* A title that is no valid markup would be shown as nothing at all. */
static void
test_toast_title (void)
{
  g_autoptr (AdwToast) toast = lodge_feedback_toast_new ("“Fish & <Chips>” deleted");
  g_autofree char *shown = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (pango_parse_markup (adw_toast_get_title (toast), -1, 0, NULL, &shown, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (shown, ==, "“Fish & <Chips>” deleted");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/feedback/toast-title", test_toast_title);
  return g_test_run ();
}
