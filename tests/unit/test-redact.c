/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-redact.h"

static void
test_redact (void)
{
  static const struct
  {
    const char *text, *clean;
  } vectors[] = {
    { "open /home/joan/vm/a.iso failed", "open ~/vm/a.iso failed" },
    { "open /home/other/x", "open /home/USER/x" },
    { "mac=52:54:00:AB:cd:ef,bus=rp1", "mac=MAC,bus=rp1" },
    { "-uuid 0a1b2c3d-1111-4222-8333-444455556666", "-uuid 0a1b2c3d" },
    { "Joan Example, joan on tower.", "NAME, USER on HOST." },
    { "joanna and towering stay", "joanna and towering stay" },
    { "serial=WD-1234567 x", "serial=SERIAL x" },
    { "\"serial-number\": \"S3Z\"", "\"serial-number\": \"SERIAL\"" },
    { "serial=disk0", "serial=disk0" },
  };
  g_autoptr (LodgeRedactor) redactor = lodge_redactor_new ("joan", "Joan Example", "/home/joan", "tower");

  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      g_autofree char *clean = lodge_redactor_apply (redactor, vectors[i].text);

      g_assert_cmpstr (clean, ==, vectors[i].clean);
    }
}

static void
test_nothing_known (void)
{
  g_autoptr (LodgeRedactor) redactor = lodge_redactor_new (NULL, "", "/", "x");
  g_autofree char *clean = lodge_redactor_apply (redactor, "x / y");

  g_assert_cmpstr (clean, ==, "x / y");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/redact/vectors", test_redact);
  g_test_add_func ("/redact/nothing-known", test_nothing_known);

  return g_test_run ();
}
