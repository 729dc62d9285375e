/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "app/ctl-png.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <png.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/ipc/lodge-error.h"

static int
make_file (const char *data, gsize length)
{
  int fd = memfd_create ("ppm", MFD_CLOEXEC);

  g_assert_cmpint (write (fd, data, length), ==, (gssize) length);
  return fd;
}

static gboolean
convert (const char *ppm, gsize length, char **png, gsize *png_length, guint *width, guint *height, GError **error)
{
  int fd = make_file (ppm, length);
  FILE *out = open_memstream (png, png_length);
  gboolean ok = ctl_ppm_to_png (fd, out, width, height, error);

  fclose (out);
  close (fd);
  return ok;
}

/* Every pixel comes out as it went in, also where the first one looks like white space. */
static void
test_pixels (void)
{
  static const char *const headers[] = { "P6\n3 2\n255\n", "P6 3 2 255 ", "P6\n# a comment 9 9\n3\t2\n# more\n255\n" };

  for (gsize h = 0; h < G_N_ELEMENTS (headers); h++)
    {
      g_autoptr (GString) ppm = g_string_new (headers[h]);
      guint8 pixels[18] = { ' ', '\n', '\t', 1, 2, 3, 255, 0, 255, 9, 8, 7, 128, 127, 126, 0, 0, 0 };
      guint8 decoded[18];
      g_autoptr (GError) error = NULL;
      png_image image = { .version = PNG_IMAGE_VERSION };
      char *png = NULL;
      gsize length = 0;
      guint width, height;

      g_string_append_len (ppm, (char *) pixels, sizeof pixels);
      g_assert_true (convert (ppm->str, ppm->len, &png, &length, &width, &height, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (width, ==, 3);
      g_assert_cmpuint (height, ==, 2);

      g_assert_true (png_image_begin_read_from_memory (&image, png, length));
      g_assert_cmpuint (image.width, ==, 3);
      g_assert_cmpuint (image.height, ==, 2);
      image.format = PNG_FORMAT_RGB;
      g_assert_true (png_image_finish_read (&image, NULL, decoded, 0, NULL));
      g_assert_cmpmem (decoded, sizeof decoded, pixels, sizeof pixels);
      free (png);
    }
}

static void
test_hostile (void)
{
  static const char *const bad[] = {
    "", "P", "P6", "P5 1 1 255 abc", "P6 0 1 255 abc", "P6 1 0 255 abc", "P6 16385 1 255 abc",
    "P6 1 99999999999999999999 255 abc", "P6 -1 1 255 abc", "P6 1 1 65535 abcabc", "P6 1 1 254 abc",
    "P6 1 1 255", "P6 # no end", "P6 1 1 255 ab", "P6 16384 16384 255 abc", "GIF89a",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      char *png = NULL;
      gsize length = 0;
      guint width, height;

      g_assert_false (convert (bad[i], strlen (bad[i]), &png, &length, &width, &height, &error));
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
      free (png);
    }
}

static gboolean
write_text (FILE *file, gpointer data, GError **error)
{
  fputs (data, file);
  if (g_str_equal (data, "fail"))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "fail");
      return FALSE;
    }
  return TRUE;
}

/* A file is the whole new one or as it was, and nothing else is left in its folder. */
static void
test_write_file (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lodge-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "a.png", NULL);
  g_autofree char *nowhere = g_build_filename (folder, "none", "a.png", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (ctl_write_file (path, write_text, (gpointer) "one", &error));
  g_assert_no_error (error);
  g_assert_false (ctl_write_file (path, write_text, (gpointer) "fail", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
  g_clear_error (&error);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "one");

  g_assert_false (ctl_write_file (nowhere, write_text, (gpointer) "one", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);

  g_unlink (path);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
assert_kind (const char *path, mode_t kind)
{
  struct stat st;

  g_assert_cmpint (g_lstat (path, &st), ==, 0);
  g_assert_cmpuint (st.st_mode & S_IFMT, ==, kind);
}

static void
assert_text (const char *path, const char *expected)
{
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, expected);
}

/* A link stays a link, whether what it leads to is there or not. */
static void
test_write_link (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lodge-test-XXXXXX", NULL);
  g_autofree char *other = g_build_filename (folder, "other", NULL);
  g_autofree char *file = g_build_filename (other, "file", NULL);
  g_autofree char *link = g_build_filename (folder, "link", NULL);
  g_autofree char *far = g_build_filename (folder, "far", NULL);
  g_autofree char *ring = g_build_filename (folder, "ring", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir (other, 0700), ==, 0);
  g_assert_cmpint (symlink ("other/file", link), ==, 0);
  g_assert_cmpint (symlink (link, far), ==, 0);
  g_assert_cmpint (symlink ("ring", ring), ==, 0);
  for (guint i = 0; i < 2; i++)
    {
      const char *text = i == 0 ? "one" : "two";

      g_assert_true (ctl_write_file (far, write_text, (gpointer) text, &error));
      g_assert_no_error (error);
      assert_kind (far, S_IFLNK);
      assert_kind (link, S_IFLNK);
      assert_kind (file, S_IFREG);
      assert_text (file, text);
    }
  g_assert_false (ctl_write_file (ring, write_text, (gpointer) "one", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
  g_clear_error (&error);
  g_assert_false (ctl_write_file (other, write_text, (gpointer) "one", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_EXISTS);

  g_unlink (ring);
  g_unlink (far);
  g_unlink (link);
  g_unlink (file);
  g_assert_cmpint (g_rmdir (other), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

/* What is no file gets the bytes, and is what it was. */
static void
test_write_special (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lodge-test-XXXXXX", NULL);
  g_autofree char *fifo = g_build_filename (folder, "fifo", NULL);
  g_autofree char *device = g_build_filename (folder, "null", NULL);
  g_autoptr (GError) error = NULL;
  char read_back[8] = "";
  int fd;

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  fd = g_open (fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  g_assert_cmpint (fd, >=, 0);
  g_assert_true (ctl_write_file (fifo, write_text, (gpointer) "one", &error));
  g_assert_no_error (error);
  g_assert_cmpint (read (fd, read_back, sizeof read_back), ==, 3);
  g_assert_cmpstr (read_back, ==, "one");
  assert_kind (fifo, S_IFIFO);
  close (fd);

  /* The device that swallows everything, by a name of our own. */
  if (mknod (device, S_IFCHR | 0600, makedev (1, 3)) == 0)
    {
      fd = g_open (device, O_WRONLY | O_CLOEXEC, 0);
      if (fd >= 0)
        {
          g_assert_true (ctl_write_file (device, write_text, (gpointer) "one", &error));
          g_assert_no_error (error);
          close (fd);
        }
      else
        g_test_message ("devices cannot be opened here");
      assert_kind (device, S_IFCHR);
      g_unlink (device);
    }
  else
    g_test_message ("devices cannot be made here");

  g_unlink (fifo);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl-png/pixels", test_pixels);
  g_test_add_func ("/ctl-png/hostile", test_hostile);
  g_test_add_func ("/ctl-png/write-file", test_write_file);
  g_test_add_func ("/ctl-png/write-link", test_write_link);
  g_test_add_func ("/ctl-png/write-special", test_write_special);
  return g_test_run ();
}
