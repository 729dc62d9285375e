/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/ipc/lodge-error.h"

/* Every code survives the way over D-Bus and has a name of its own. */
static void
test_round_trip (void)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint code = 0; code < LODGE_N_ERRORS; code++)
    {
      g_autoptr (GError) sent = g_error_new_literal (LODGE_ERROR, code, "why");
      g_autofree char *dbus_name = g_dbus_error_encode_gerror (sent);
      g_autoptr (GError) received = g_dbus_error_new_for_dbus_error (dbus_name, "why");

      g_assert_true (g_str_has_prefix (dbus_name, "org.lodgevm.Error."));
      g_dbus_error_strip_remote_error (received);
      g_assert_error (received, LODGE_ERROR, (int) code);
      g_assert_cmpstr (received->message, ==, "why");
      g_assert_true (g_hash_table_add (names, (gpointer) lodge_error_code_name (code)));
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/error/round-trip", test_round_trip);
  return g_test_run ();
}
