/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "ui/lodge-clone.h"

static void
check (const char *kind, const char *reason, const char *expected)
{
  g_assert_cmpstr (lodge_clone_text (kind, reason), ==, expected);
}

/* Each kind says why it is that, also for a reason of a newer core. */
static void
test_text (void)
{
  check ("instant", "has-memory", "instant, so it goes on where the guest was");
  check ("linked", "no-copy-needed", "linked, so nothing was copied");
  check ("linked", "tpm", "linked, because a TPM cannot be in two running machines");
  check ("linked", "memory-refused", "linked, because its memory cannot be shared");
  check ("full", "disk-outside", "copied in full, because a disk lies outside of the machine’s folder");
  check ("full", "of-the-future", "copied in full, so it depends on nothing");
  check ("another", "of-the-future", "another");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clone/text", test_text);
  return g_test_run ();
}
