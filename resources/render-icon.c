/* SPDX-License-Identifier: GPL-3.0-or-later */

/* render-icon SIZE IN.svg OUT.png: what the first window shows of Lodge's own icons, as pictures. So no start has to load a
 * renderer of SVG, seven megabytes, for twenty pixels. A symbolic icon becomes what GTK reads from *.symbolic.png: black, with
 * the shape in its alpha. */

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <stdlib.h>

static void
blacken (GdkPixbuf *picture)
{
  guint8 *pixels = gdk_pixbuf_get_pixels (picture);
  int stride = gdk_pixbuf_get_rowstride (picture);

  for (int y = 0; y < gdk_pixbuf_get_height (picture); y++)
    for (int x = 0; x < gdk_pixbuf_get_width (picture); x++)
      for (int channel = 0; channel < 3; channel++)
        pixels[y * stride + x * 4 + channel] = 0;
}

int
main (int argc, char **argv)
{
  GError *error = NULL;
  GdkPixbuf *picture;
  int size;

  if (argc != 4)
    return EXIT_FAILURE;
  size = atoi (argv[1]);
  picture = gdk_pixbuf_new_from_file_at_size (argv[2], size, size, &error);
  if (picture != NULL && gdk_pixbuf_get_has_alpha (picture) && g_str_has_suffix (argv[2], "-symbolic.svg"))
    blacken (picture);
  if (picture == NULL || !gdk_pixbuf_save (picture, argv[3], "png", &error, NULL))
    {
      g_printerr ("%s: %s (is librsvg's loader for gdk-pixbuf installed?)\n", argv[2], error->message);
      return EXIT_FAILURE;
    }
  g_object_unref (picture);
  return EXIT_SUCCESS;
}
