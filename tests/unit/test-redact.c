/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-redact.h"

static void
test_redact (void)
{
  static const struct
  {
    const char *text, *clean;
  } vectors[] = {
    { "open /home/joan/vm/a.iso failed", "open ~/PATH failed" },
    { "open \"/home/joan/My taxes/a.iso\": no", "open \"~/PATH\": no" },
    { "/home/joan, /home/joanna/x", "~, /home/PATH" },
    { "/home/joan/.local/share/lodge/machines", "~/.local/share/lodge/machines" },
    { "open /home/other/x", "open /home/PATH" },
    { "'/run/media/joan/My stick/x'", "'/run/media/PATH'" },
    { "mac=52:54:00:AB:cd:ef,bus=rp1", "mac=MAC,bus=rp1" },
    { "at 12:54:00 from 192.168.7.20, fe80::1:2ff:fe03:4 and 10.0.2.15", "at 12:54:00 from IP, IP and 10.0.2.15" },
    { "QEMU 7.2.22 at 0000:00:02.0, std::add", "QEMU 7.2.22 at 0000:00:02.0, std::add" },
    { "-uuid 0a1b2c3d-1111-4222-8333-444455556666", "-uuid 0a1b2c3d" },
    { "Joan Example, joan on tower and tower.example.", "NAME, USER on HOST and HOST." },
    { "joanna and towering stay", "joanna and towering stay" },
    { "serial=WD-1234567 x", "serial=SERIAL x" },
    { "\"serial-number\": \"S3Z\"", "\"serial-number\": \"SERIAL\"" },
    { "serial=disk0", "serial=disk0" },
    { "\"name\" : \"A \\\"b\\\" c\", \"append\" : \"x\"", "\"name\" : \"NAME\", \"append\" : \"APPEND\"" },
    { "\"file\" : \"/srv/a b\", \"file\" : \"disks/disk0.qcow2\"", "\"file\" : \"/PATH\", \"file\" : \"disks/disk0.qcow2\"" },
  };
  g_autoptr (LodgeRedactor) redactor = lodge_redactor_new ("joan", "Joan Example", "/home/joan", "tower.example");

  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      g_autofree char *clean = lodge_redactor_apply (redactor, vectors[i].text, TRUE);

      g_assert_cmpstr (clean, ==, vectors[i].clean);
    }
}

/* Machines and files, however they are written; a file before its folder, and the name of a system stays. */
static void
test_added (void)
{
  static const struct
  {
    const char *text, *clean;
  } vectors[] = {
    { "\"name\" : \"Payroll\"", "\"name\" : \"machine-1\"" },
    { "guest=PAYROLL,x; payrolls", "guest=machine-1,x; payrolls" },
    { "{'name': <'the \\'old\\', red'>} and the 'old',, red", "{'name': <'machine-2'>} and machine-2" },
    { "file=/srv/Smith/Tax,, 2024.qcow2 in /srv/Smith", "file=disk-1 in folder-1" },
    { "\"\\/srv\\/Smith\\/Tax, 2024.qcow2\"", "\"disk-1\"" },
    { "Tax, 2024.qcow2: no", "disk-1: no" },
    { "\"os\" : \"debian12\", \"name\" : \"debian12\"", "\"os\" : \"debian12\", \"name\" : \"machine-3\"" },
    { "\"name\" : \"1\", \"cores\" : 1", "\"name\" : \"machine-4\", \"cores\" : 1" },
    { "Müllers MÜLLER müller", "Müllers machine-5 machine-5" },
    { "a.c axc", "machine-6 axc" },
  };
  g_autoptr (LodgeRedactor) redactor = lodge_redactor_new (NULL, NULL, NULL, NULL);
  g_autofree char *without = NULL;

  lodge_redactor_add (redactor, "/srv/Smith", "folder-1");
  lodge_redactor_add (redactor, "Payroll", "machine-1");
  lodge_redactor_add (redactor, "the 'old', red", "machine-2");
  lodge_redactor_add (redactor, "/srv/Smith/Tax, 2024.qcow2", "disk-1");
  lodge_redactor_add (redactor, "Tax, 2024.qcow2", "disk-1");
  lodge_redactor_add (redactor, "debian12", "machine-3");
  lodge_redactor_add (redactor, "1", "machine-4");
  lodge_redactor_add (redactor, "Müller", "machine-5");
  lodge_redactor_add (redactor, "a.c", "machine-6");
  lodge_redactor_add (redactor, "payroll", "machine-9");
  lodge_redactor_add (redactor, "", "machine-9");
  for (guint i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      g_autofree char *clean = lodge_redactor_apply (redactor, vectors[i].text, TRUE);

      g_assert_cmpstr (clean, ==, vectors[i].clean);
    }
  without = lodge_redactor_apply (redactor, "ID=debian12", FALSE);
  g_assert_cmpstr (without, ==, "ID=debian12");
}

/* Short names are names, too; but nobody's name is what everybody has. */
static void
test_short_names (void)
{
  g_autoptr (LodgeRedactor) redactor = lodge_redactor_new ("jo", "Unknown", "/", "x1");
  g_autoptr (LodgeRedactor) nobody = lodge_redactor_new ("root", "", "/", "localhost");
  g_autofree char *clean = lodge_redactor_apply (redactor, "jo@x1 / Unknown jog x10", TRUE);
  g_autofree char *same = lodge_redactor_apply (nobody, "root@localhost / Unknown", TRUE);

  g_assert_cmpstr (clean, ==, "USER@HOST / Unknown jog x10");
  g_assert_cmpstr (same, ==, "root@localhost / Unknown");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/redact/vectors", test_redact);
  g_test_add_func ("/redact/added", test_added);
  g_test_add_func ("/redact/short-names", test_short_names);

  return g_test_run ();
}
