/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-profile-private.h"
#include "core/config/lodge-size.h"

static void
test_sizes (void)
{
  static const struct
  {
    const char *text;
    guint64     unit;
    guint64     bytes;
  } good[] = {
    { "2G", 1, 2 * LODGE_GIB },          { "512M", 1, 512 * LODGE_MIB },
    { "1.5GiB", 1, 1536 * LODGE_MIB },   { "4096", LODGE_MIB, 4 * LODGE_GIB },
    { "4096", 1, 4096 },                 { " 8 g ", 1, 8 * LODGE_GIB },
    { "0", 1, 0 },                       { "10kB", 1, 10240 },
    { "0.5T", 1, 512 * LODGE_GIB },      { "7b", LODGE_MIB, 7 },
    { "9223372036854775807", 1, G_MAXINT64 },
  };
  static const char *const malformed[] = { "", " ", "G", "4X", "-1G", "+1", "1..5G", "1.G", "1 2", "0x10", "1e3",
                                           "½G", "2 GiBs",
                                           "00000000000000000000000000000000000000000000000000000000000000001" };
  static const char *const too_large[] = { "9223372036854775808", "8388608T", "99999999999999999999999999G" };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      guint64 bytes = 1;
      g_autoptr (GError) error = NULL;

      g_assert_true (lodge_size_parse (good[i].text, good[i].unit, &bytes, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (bytes, ==, good[i].bytes);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (malformed); i++)
    {
      guint64 bytes = 77;
      g_autoptr (GError) error = NULL;

      g_assert_false (lodge_size_parse (malformed[i], 1, &bytes, &error));
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT);
      g_assert_cmpuint (bytes, ==, 77);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (too_large); i++)
    {
      guint64 bytes;
      g_autoptr (GError) error = NULL;

      g_assert_false (lodge_size_parse (too_large[i], 1, &bytes, &error));
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE);
    }
}

static void
test_size_format (void)
{
  static const guint64 sizes[] = { 0, 1, 1023, 1024, 1536, LODGE_MIB, 1536 * LODGE_MIB, LODGE_TIB, 5000 * LODGE_TIB };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *text = lodge_size_format (sizes[i]);
      guint64 bytes = 0;

      if (g_str_has_suffix (text, " bytes"))
        bytes = g_ascii_strtoull (text, NULL, 10);
      else
        g_assert_true (lodge_size_parse (text, 1, &bytes, NULL));
      g_assert_cmpuint (bytes, ==, sizes[i]);
    }
}

static void
test_names (void)
{
  g_autofree char *longest = g_strnfill (LODGE_NAME_MAX_CHARS, 'n');
  g_autofree char *too_long = g_strnfill (LODGE_NAME_MAX_CHARS + 1, 'n');
  const char *const good[] = { "a", "Debian 12", "Ünïcødé 測試", "..", "-rf", "👩‍🔬 lab", longest };
  const char *const bad[] = { "", " ", "\t", "a/b", "a\nb", "a\x7f", "\xff\xfe", "a\xe2\x80\xae" "b", "a\xe2\x80\xa8", "\xe2\x80\x8d", too_long };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (lodge_name_validate (good[i], &error));
      g_assert_no_error (error);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (lodge_name_validate (bad[i], &error));
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NAME_INVALID);
    }
}

static void
test_memory (void)
{
  static const struct
  {
    guint64 mib;
    const char *text;
  } cases[] = { { 16, "16 MB" }, { 1023, "1023 MB" }, { 1024, "1 GB" }, { 1536, "1.5 GB" }, { 24105, "23.5 GB" }, { 24 * 1024, "24 GB" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = lodge_memory_format (cases[i].mib * LODGE_MIB);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/size/parse", test_sizes);
  g_test_add_func ("/size/format", test_size_format);
  g_test_add_func ("/size/memory", test_memory);
  g_test_add_func ("/name/validate", test_names);
  return g_test_run ();
}
