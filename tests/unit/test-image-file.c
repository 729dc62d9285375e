/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <gtk/gtk.h>
#include <string.h>
#include <unistd.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-image-file.h"
#include "ui/lodge-ppm.h"

#define DESCRIPTOR (16 * 2048)

static void
test_recognise (void)
{
  static guint8 head[36 * 1024];
  const char *role;
  char *label;

  /* Nothing at all, and nothing known. */
  g_assert_null (lodge_image_file_recognise (head, 0, &role, &label));
  g_assert_null (lodge_image_file_recognise (head, sizeof head, &role, &label));
  g_assert_null (role);

  memcpy (head + DESCRIPTOR + 1, "CD001", 5);
  memcpy (head + DESCRIPTOR + 40, "Debian_12 amd64                 ", 32);
  g_assert_cmpstr (lodge_image_file_recognise (head, sizeof head, &role, &label), ==, "ISO");
  g_assert_cmpstr (role, ==, "iso");
  g_assert_cmpstr (label, ==, "Debian 12 amd64");
  g_free (label);

  /* A label with what no name may have is not taken. */
  head[DESCRIPTOR + 42] = 0x07;
  g_assert_cmpstr (lodge_image_file_recognise (head, sizeof head, &role, &label), ==, "ISO");
  g_assert_null (label);

  /* The signature lies just beyond what was read. */
  g_assert_null (lodge_image_file_recognise (head, DESCRIPTOR + 5, &role, &label));

  memcpy (head, "QFI\xfb", 4);
  g_assert_cmpstr (lodge_image_file_recognise (head, 4, &role, &label), ==, "qcow2");
  g_assert_cmpstr (role, ==, "disk");
}

static void
result_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static LodgeImageFile *
open_bytes (const char *bytes, gsize length, GError **error)
{
  g_autofree char *folder = g_dir_make_tmp ("lodge-test-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "image.iso", NULL);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GAsyncResult) result = NULL;
  LodgeImageFile *image;

  g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
  lodge_image_file_open_async (file, NULL, result_cb, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  image = lodge_image_file_open_finish (result, error);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  return image;
}

static void
test_open (void)
{
  static const char text[] = "This is only a text.\n";
  g_autoptr (LodgeImageFile) image = NULL;
  g_autoptr (GError) error = NULL;

  image = open_bytes ("QFI\xfb\0\0\0\3", 8, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (image->role, ==, "disk");
  g_assert_cmpstr (image->display_name, ==, "image.iso");
  g_assert_cmpstr (image->suggestion, ==, "image");
  g_assert_cmpuint (image->size, ==, 8);
  g_assert_cmpint (fcntl (image->fd, F_GETFD) & FD_CLOEXEC, !=, 0);

  g_assert_null (open_bytes (text, strlen (text), &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
  g_assert_cmpstr (error->message, ==, "This is a text file, not a disc image.");
  g_clear_error (&error);

  g_assert_null (open_bytes ("", 0, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
}

static GdkTexture *
load (const char *head, gsize pixels, guint max_side, GError **error)
{
  g_autofree char *name = NULL;
  g_autofree guint8 *data = g_malloc0 (pixels + 1);
  int fd = g_file_open_tmp ("lodge-test-XXXXXX", &name, NULL);
  GdkTexture *texture;

  g_assert_cmpint (write (fd, head, strlen (head)), ==, (gssize) strlen (head));
  for (gsize i = 0; i < pixels; i++)
    data[i] = (guint8) i;
  g_assert_cmpint (write (fd, data, pixels), ==, (gssize) pixels);
  texture = lodge_ppm_load (fd, max_side, error);
  close (fd);
  g_unlink (name);
  return texture;
}

static void
test_ppm (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GdkTexture) texture = NULL;
  guint8 pixels[4 * 2 * 4];

  texture = load ("P6\n# a comment\n4 2\n255\n", 4 * 2 * 3, 1280, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gdk_texture_get_width (texture), ==, 4);
  g_assert_cmpint (gdk_texture_get_height (texture), ==, 2);
  gdk_texture_download (texture, pixels, 16);
  /* Cairo's order: the second pixel is 3, 4, 5. */
  g_assert_cmpint (pixels[4], ==, 5);
  g_assert_cmpint (pixels[6], ==, 3);
  g_clear_object (&texture);

  texture = load ("P6 4 2 255\n", 4 * 2 * 3, 2, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gdk_texture_get_width (texture), ==, 2);
  g_assert_cmpint (gdk_texture_get_height (texture), ==, 1);
  gdk_texture_download (texture, pixels, 8);
  /* Red of the second is the middle of 6, 9, 18 and 21. */
  g_assert_cmpint (pixels[6], ==, (6 + 9 + 18 + 21) / 4);
  g_clear_object (&texture);

  /* As flat as no whole factor makes it. */
  texture = load ("P6 8 1 255\n", 8 * 1 * 3, 2, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gdk_texture_get_width (texture), ==, 2);
  g_assert_cmpint (gdk_texture_get_height (texture), ==, 1);
}

static void
test_ppm_hostile (void)
{
  static const char *const heads[] = {
    "",                       /* nothing */
    "P5 4 2 255\n",           /* grey */
    "P6 4 2\n",               /* no maximum */
    "P6 0 2 255\n",           /* no width */
    "P6 16385 2 255\n",       /* too wide */
    "P6 99999999999 2 255\n", /* beyond an int */
    "P6 4 2 65535\n",         /* two bytes a channel */
    "P6 4 2 255",             /* no end of the head */
    "P6 16384 16384 255\n",   /* more than is there */
    "P6 4 -2 255\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (heads); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", heads[i]);
      g_assert_null (load (heads[i], 0, 1280, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/image-file/recognise", test_recognise);
  g_test_add_func ("/image-file/open", test_open);
  g_test_add_func ("/ppm/good", test_ppm);
  g_test_add_func ("/ppm/hostile", test_ppm_hostile);
  return g_test_run ();
}
