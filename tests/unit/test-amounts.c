/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-amounts.h"
#include "core/config/lodge-profile-private.h"
#include "core/ipc/lodge-amounts-text.h"

static LodgeAmounts
compute (guint64 memory, guint64 available, guint64 promised, guint host_cores, guint64 minimum, guint64 recommended,
         guint min_cores, guint cores)
{
  LodgeAmountsHost host = { memory * LODGE_MIB, available * LODGE_MIB, promised * LODGE_MIB, host_cores };
  LodgeAmountsSystem system = { minimum * LODGE_MIB, recommended * LODGE_MIB, min_cores, cores };
  LodgeAmounts amounts;

  lodge_amounts_compute (&host, &system, &amounts);
  return amounts;
}

static void
test_memory (void)
{
  /* physical, available, promised, minimum, recommended -> free, suggested */
  static const struct
  {
    guint64 memory, available, promised, minimum, recommended, free, suggested;
  } cases[] = {
    { 16384, 12000, 0, 1024, 4096, 12000, 4096 },
    { 16384, 12000, 10000, 1024, 4096, 2000, 1792 },     /* what is free, rounded */
    { 16384, 12000, 20000, 1024, 4096, 0, 1024 },        /* never less than the minimum */
    { 2048, 1500, 0, 4096, 8192, 1500, 2048 },           /* nor more than there is */
    { 16384, 200, 0, 0, 64, 200, 64 },
    { 16384, 20, 0, 0, 512, 20, 16 },                    /* a machine has 16 MiB at least */
    { 16384, 40000, 0, 512, 2048, 16384, 2048 },         /* a kernel that tells nonsense */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      LodgeAmounts amounts = compute (cases[i].memory, cases[i].available, cases[i].promised, 4, cases[i].minimum,
                                      cases[i].recommended, 1, 1);

      g_assert_cmpuint (amounts.memory_free, ==, cases[i].free * LODGE_MIB);
      g_assert_cmpuint (amounts.memory_suggested, ==, cases[i].suggested * LODGE_MIB);
      g_assert_cmpuint (amounts.memory_maximum, ==, cases[i].memory * LODGE_MIB);
    }
}

static void
test_cores (void)
{
  LodgeAmounts four = compute (16384, 16384, 0, 4, 0, 1024, 2, 8);
  LodgeAmounts one = compute (16384, 16384, 0, 1, 0, 1024, 2, 4);
  LodgeAmounts none = compute (16384, 16384, 0, 0, 0, 1024, 0, 0);

  g_assert_cmpuint (four.cores_suggested, ==, 4);
  g_assert_cmpuint (four.cores_maximum, ==, 16);
  g_assert_cmpuint (one.cores_suggested, ==, 2);
  g_assert_cmpuint (one.cores_maximum, ==, 8);
  g_assert_cmpuint (none.cores_suggested, ==, 1);
}

static void
test_judgements (void)
{
  LodgeAmounts amounts = compute (16384, 10240, 0, 4, 2048, 4096, 2, 4);
  static const struct
  {
    guint64 memory;
    LodgeJudgement memory_judgement;
    guint cores;
    LodgeJudgement cores_judgement;
  } cases[] = {
    { 4096, LODGE_JUDGEMENT_OK, 4, LODGE_JUDGEMENT_OK },
    { 10240, LODGE_JUDGEMENT_OK, 2, LODGE_JUDGEMENT_OK },
    { 2047, LODGE_JUDGEMENT_LOW, 1, LODGE_JUDGEMENT_LOW },
    { 10241, LODGE_JUDGEMENT_TIGHT, 5, LODGE_JUDGEMENT_TIGHT },
    { 16384, LODGE_JUDGEMENT_TIGHT, 16, LODGE_JUDGEMENT_TIGHT },
    { 16385, LODGE_JUDGEMENT_IMPOSSIBLE, 17, LODGE_JUDGEMENT_IMPOSSIBLE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_cmpint (lodge_amounts_judge_memory (&amounts, cases[i].memory * LODGE_MIB), ==, cases[i].memory_judgement);
      g_assert_cmpint (lodge_amounts_judge_cores (&amounts, cases[i].cores), ==, cases[i].cores_judgement);
    }
}

static GVariant *
answer (const char *judgement)
{
  return g_variant_ref_sink (g_variant_new_parsed ("{'memory-maximum': <%t>, 'memory-minimum': <%t>, 'cores-host': <%u>, "
                                                   "'cores-minimum': <%u>, 'cores-maximum': <%u>, "
                                                   "'memory-judgement': <%s>, 'cores-judgement': <%s>}",
                                                   16 * LODGE_GIB, 3 * LODGE_GIB / 2, 4u, 2u, 16u, judgement, judgement));
}

static void
test_words (void)
{
  static const struct
  {
    const char *judgement, *memory, *cores;
  } cases[] = {
    { "ok", NULL, NULL },
    { "low", "12 GB: this system needs at least 1.5 GB", "This system needs at least 2 cores" },
    { "tight", "12 GB of 16 GB: other programs may slow down",
      "6 of 4 cores: both this machine and other programs may slow down" },
    { "impossible", "12 GB: this computer has only 16 GB", "At most 16 cores make sense on this computer" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GVariant) amounts = answer (cases[i].judgement);
      g_autofree char *memory = lodge_memory_judgement_text (amounts, 12 * LODGE_GIB);
      g_autofree char *cores = lodge_cores_judgement_text (amounts, 6);

      g_assert_cmpstr (memory, ==, cases[i].memory);
      g_assert_cmpstr (cores, ==, cases[i].cores);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/amounts/memory", test_memory);
  g_test_add_func ("/amounts/cores", test_cores);
  g_test_add_func ("/amounts/judgements", test_judgements);
  g_test_add_func ("/amounts/words", test_words);
  return g_test_run ();
}
