/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What both ends of a screenshot, and both sides of a name, look at alike. */

#include "core/ipc/lodge-picture.h"
#include "core/ipc/lodge-text.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
test_heads (void)
{
  static const struct
  {
    const char *text;
    guint width; /* 0: refused */
    guint height;
    gsize start;
  } rows[] = {
    { "P6\n3 2\n255\n\n\n\n", 3, 2, 11 },
    { "P6 3 2 255 ", 3, 2, 11 },
    { "P6\n# a comment 9 9\n16384 16384\n255\t", 16384, 16384, 35 },
    { "P6\n16385 2\n255\n", 0, 0, 0 },
    { "P6\n3 99999999999999999999\n255\n", 0, 0, 0 },
    { "P6\n0 2\n255\n", 0, 0, 0 },
    { "P6\n3 2\n254\n", 0, 0, 0 },
    { "P6\n3 2\n65535\n", 0, 0, 0 },
    { "P6\n3 2\n255", 0, 0, 0 },
    { "P6\n3 2\n255x", 0, 0, 0 },
    { "P6\n3 2", 0, 0, 0 },
    { "P6\n-3 2\n255\n", 0, 0, 0 },
    { "P6\n# no end", 0, 0, 0 },
    { "P5\n3 2\n255\n", 0, 0, 0 },
    { "P", 0, 0, 0 },
    { "", 0, 0, 0 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      /* Nothing behind the end may be read: the copy is exactly as long. */
      gsize length = strlen (rows[i].text);
      g_autofree char *copy = g_memdup2 (rows[i].text, MAX (length, 1));
      guint width = 0, height = 0;
      gsize start = 0;
      const char *fault = lodge_picture_parse_head (copy, length, &width, &height, &start);

      g_test_message ("%s: %s", rows[i].text, fault != NULL ? fault : "good");
      g_assert_cmpint (fault == NULL, ==, rows[i].width != 0);
      if (fault != NULL)
        continue;
      g_assert_cmpuint (width, ==, rows[i].width);
      g_assert_cmpuint (height, ==, rows[i].height);
      g_assert_cmpuint (start, ==, rows[i].start);
    }
}

static void
test_read (void)
{
  g_autofree char *path = NULL;
  int fd = g_file_open_tmp ("lodge-picture-XXXXXX", &path, NULL);
  guint width, height;
  char pixels[3];
  gsize start;

  g_assert_cmpint (write (fd, "P6\n1 1\n255\nabc", 14), ==, 14);
  g_assert_null (lodge_picture_read_head (fd, &width, &height, &start));
  g_assert_true (lodge_picture_read (fd, pixels, 3, (goffset) start));
  g_assert_cmpmem (pixels, 3, "abc", 3);
  g_assert_false (lodge_picture_read (fd, pixels, 3, (goffset) start + 1));
  close (fd);
  g_unlink (path);
  g_assert_nonnull (lodge_picture_read_head (-1, &width, &height, &start));
}

static void
test_text (void)
{
  static const gunichar plain[] = { 'a', ' ', 0xe9, 0x4e2d, 0x200d, 0x1f600 };
  static const gunichar other[] = { 0x1b, '\n', 0x7f, 0x9b, 0xad, 0x202e, 0x2028, 0x2066, 0xfeff, 0xe000, 0xd800 };

  for (guint i = 0; i < G_N_ELEMENTS (plain); i++)
    g_assert_true (lodge_text_is_plain (plain[i]));
  for (guint i = 0; i < G_N_ELEMENTS (other); i++)
    g_assert_false (lodge_text_is_plain (other[i]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/picture/heads", test_heads);
  g_test_add_func ("/picture/read", test_read);
  g_test_add_func ("/text/plain", test_text);
  return g_test_run ();
}
