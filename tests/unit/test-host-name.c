/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "core/machine/lodge-machine-identity.h"

#include <string.h>

#define ID "0123abcd-1111-4222-8333-444455556666"

static void
check (const char *name, gboolean disposable, const char *expected)
{
  g_autofree char *host = lodge_machine_host_name (name, ID, disposable);

  g_assert_cmpstr (host, ==, expected);
}

static void
test_names (void)
{
  check ("Web 1", FALSE, "web-1");
  check ("  Überhaus -- Süd!", FALSE, "berhaus-s-d");
  check ("Debian (disposable)", TRUE, "debian-0123abcd");
  check ("日本", FALSE, "lodge-0123abcd");
  check ("-$(reboot)`x`\n", FALSE, "lodge-0123abcd");
  check ("a;b'c\"d", FALSE, "a-b-c-d");
}

static void
test_long (void)
{
  g_autofree char *name = g_strnfill (128, 'a');
  g_autofree char *plain = lodge_machine_host_name (name, ID, FALSE);
  g_autofree char *disposable = lodge_machine_host_name (name, ID, TRUE);

  g_assert_cmpuint (strlen (plain), <=, 63);
  g_assert_cmpuint (strlen (disposable), <=, 63);
  g_assert_true (g_str_has_suffix (disposable, "a-0123abcd"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/host-name/names", test_names);
  g_test_add_func ("/host-name/long", test_long);
  return g_test_run ();
}
