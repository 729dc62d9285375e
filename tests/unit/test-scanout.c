/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gtk/gtk.h>
#include <string.h>

#include "display/lodge-pixels.h"
#include "display/lodge-scanout.h"

#define WIDTH 700
#define HEIGHT 520

/* No two neighbours alike, so that a pixel in the wrong place is seen. */
static guint32
colour (guint x, guint y)
{
  return 0xff000000u | (x * 7 % 256) << 16 | (y * 11 % 256) << 8 | (x * y + x) % 256;
}

/* The byte that has no meaning is different everywhere, too. */
static LodgeFramebuffer *
make_picture (void)
{
  const LodgeFramebufferLayout layout = { WIDTH, HEIGHT, WIDTH * 4, LODGE_PIXELS_X8R8G8B8 };
  g_autofree guint32 *pixels = g_new (guint32, WIDTH * HEIGHT);
  LodgeFramebuffer *fb = lodge_framebuffer_new (NULL, NULL);

  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++)
      pixels[y * WIDTH + x] = (colour (x, y) & 0xffffffu) | (x * 5 + y * 3) << 24;
  g_assert_true (lodge_framebuffer_scanout (fb, &layout, (guint8 *) pixels, WIDTH * HEIGHT * 4, NULL));
  return fb;
}

/* @device: pixels of the surface per unit of the snapshot */
static cairo_surface_t *
draw_at (LodgeScanout *scanout, int width, int height, double device)
{
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  cairo_t *cr = cairo_create (surface);

  gdk_paintable_snapshot (GDK_PAINTABLE (scanout), snapshot, width / device, height / device);
  node = gtk_snapshot_free_to_node (snapshot);
  g_assert_nonnull (node);
  cairo_scale (cr, device, device);
  gsk_render_node_draw (node, cr);
  cairo_destroy (cr);
  cairo_surface_flush (surface);
  return surface;
}

static cairo_surface_t *
draw (LodgeScanout *scanout, int width, int height)
{
  return draw_at (scanout, width, height, 1);
}

static guint32
pixel (cairo_surface_t *surface, int x, int y)
{
  guint32 word;

  memcpy (&word,
          cairo_image_surface_get_data (surface) + y * cairo_image_surface_get_stride (surface) + x * 4,
          4);
  return word;
}

static void
test_exact (gconstpointer data)
{
  const int scale = ABS (GPOINTER_TO_INT (data));
  g_autoptr (LodgeFramebuffer) fb = make_picture ();
  g_autoptr (LodgeScanout) scanout = lodge_scanout_new ();
  cairo_surface_t *surface;

  lodge_scanout_set_software (scanout, GPOINTER_TO_INT (data) < 0);
  if (scale > 1)
    lodge_scanout_set_filter (scanout, LODGE_SCANOUT_NEAREST);
  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  g_assert_cmpuint (lodge_scanout_get_width (scanout), ==, WIDTH);
  g_assert_cmpuint (lodge_scanout_get_height (scanout), ==, HEIGHT);
  surface = draw (scanout, WIDTH * scale, HEIGHT * scale);
  for (int y = 0; y < HEIGHT * scale; y++)
    for (int x = 0; x < WIDTH * scale; x++)
      g_assert_cmphex (pixel (surface, x, y), ==, colour ((guint) (x / scale), (guint) (y / scale)));
  cairo_surface_destroy (surface);
}

/* 1:1 on a screen at a fraction: each guest pixel is one of the screen. */
static void
test_exact_fraction (gconstpointer data)
{
  const double device = ABS (GPOINTER_TO_INT (data)) / 100.0;
  g_autoptr (LodgeFramebuffer) fb = make_picture ();
  g_autoptr (LodgeScanout) scanout = lodge_scanout_new ();
  cairo_surface_t *surface;

  lodge_scanout_set_software (scanout, GPOINTER_TO_INT (data) < 0);
  lodge_scanout_set_scale (scanout, device);
  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  surface = draw_at (scanout, WIDTH, HEIGHT, device);
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      g_assert_cmphex (pixel (surface, x, y), ==, colour ((guint) x, (guint) y));
  cairo_surface_destroy (surface);
}

/* At a crooked scale the tiles must leave nothing of what is beneath them. */
static void
test_no_seams (gconstpointer software)
{
  g_autoptr (LodgeFramebuffer) fb = make_picture ();
  g_autoptr (LodgeScanout) scanout = lodge_scanout_new ();
  cairo_surface_t *surface;

  lodge_scanout_set_software (scanout, software != NULL);
  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  surface = draw (scanout, 1003, 611);
  for (int y = 0; y < 611; y++)
    for (int x = 0; x < 1003; x++)
      g_assert_cmphex (pixel (surface, x, y) >> 24, ==, 0xff);
  cairo_surface_destroy (surface);
}

/* An update is shown; tiles without damage keep their nodes, so GTK sees no difference there. */
static void
test_update (void)
{
  g_autoptr (LodgeFramebuffer) fb = make_picture ();
  g_autoptr (LodgeScanout) scanout = lodge_scanout_new ();
  g_autofree guint32 *red = g_new (guint32, 10 * 10);
  cairo_surface_t *surface;

  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  for (int i = 0; i < 100; i++)
    red[i] = 0xff0000;
  g_assert_true (lodge_framebuffer_update (fb, 250, 250, 10, 10, 40, LODGE_PIXELS_X8R8G8B8,
                                           (guint8 *) red, 400, NULL));
  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  surface = draw (scanout, WIDTH, HEIGHT);
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      {
        gboolean inside = x >= 250 && x < 260 && y >= 250 && y < 260;

        g_assert_cmphex (pixel (surface, x, y), ==,
                         inside ? 0xffff0000u : colour ((guint) x, (guint) y));
      }
  cairo_surface_destroy (surface);
}

/* What GTK was given never changes, whatever becomes of the memory of frames that it let go. */
static void
test_shown_frame_stays (gconstpointer software)
{
  g_autoptr (LodgeFramebuffer) fb = make_picture ();
  g_autoptr (LodgeScanout) scanout = lodge_scanout_new ();
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) shown = NULL;
  g_autofree guint32 *grey = g_malloc (WIDTH * HEIGHT * 4);
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, WIDTH, HEIGHT);
  cairo_t *cr = cairo_create (surface);

  memset (grey, 0x80, WIDTH * HEIGHT * 4);
  lodge_scanout_set_software (scanout, software != NULL);
  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  gdk_paintable_snapshot (GDK_PAINTABLE (scanout), snapshot, WIDTH, HEIGHT);
  shown = gtk_snapshot_free_to_node (snapshot);
  for (int i = 0; i < 4; i++)
    {
      g_assert_true (lodge_framebuffer_update (fb, 0, 0, WIDTH, HEIGHT, WIDTH * 4,
                                               LODGE_PIXELS_X8R8G8B8, (guint8 *) grey,
                                               WIDTH * HEIGHT * 4, NULL));
      g_assert_true (lodge_scanout_take (scanout, fb, NULL));
      cairo_surface_destroy (draw (scanout, WIDTH, HEIGHT));
    }
  gsk_render_node_draw (shown, cr);
  cairo_surface_flush (surface);
  for (int y = 0; y < HEIGHT; y++)
    for (int x = 0; x < WIDTH; x++)
      g_assert_cmphex (pixel (surface, x, y), ==, colour ((guint) x, (guint) y));
  cairo_destroy (cr);
  cairo_surface_destroy (surface);
}

static void
count_cb (guint *n)
{
  (*n)++;
}

static void
test_invalidates_only_on_damage (void)
{
  g_autoptr (LodgeFramebuffer) fb = make_picture ();
  g_autoptr (LodgeScanout) scanout = lodge_scanout_new ();
  guint n_contents = 0, n_sizes = 0;

  g_signal_connect_swapped (scanout, "invalidate-contents", G_CALLBACK (count_cb), &n_contents);
  g_signal_connect_swapped (scanout, "invalidate-size", G_CALLBACK (count_cb), &n_sizes);
  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  g_assert_cmpuint (n_contents, ==, 1);
  g_assert_cmpuint (n_sizes, ==, 1);

  lodge_framebuffer_disable (fb);
  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  g_assert_true (lodge_scanout_is_disabled (scanout));
  g_assert_cmpuint (lodge_scanout_get_width (scanout), ==, WIDTH);
}

static void
test_texture (void)
{
  g_autoptr (LodgeFramebuffer) fb = make_picture ();
  g_autoptr (LodgeScanout) scanout = lodge_scanout_new ();
  g_autoptr (GdkTexture) whole = NULL;
  g_autoptr (GdkTexture) small = NULL;
  g_autofree guint32 *pixels = g_new (guint32, WIDTH * HEIGHT);

  g_assert_null (lodge_scanout_to_texture (scanout, 0));
  g_assert_true (lodge_scanout_take (scanout, fb, NULL));
  whole = lodge_scanout_to_texture (scanout, 0);
  g_assert_cmpint (gdk_texture_get_width (whole), ==, WIDTH);
  gdk_texture_download (whole, (guchar *) pixels, WIDTH * 4);
  for (guint y = 0; y < HEIGHT; y++)
    for (guint x = 0; x < WIDTH; x++)
      g_assert_cmphex (pixels[y * WIDTH + x], ==, colour (x, y));

  small = lodge_scanout_to_texture (scanout, 100);
  g_assert_cmpint (gdk_texture_get_width (small), ==, 100);
  g_assert_cmpint (gdk_texture_get_height (small), ==, 74);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  /* Render nodes need it; a display they do not. */
  gtk_init_check ();
  g_test_add_data_func ("/scanout/exact-1", GINT_TO_POINTER (1), test_exact);
  g_test_add_data_func ("/scanout/exact-2", GINT_TO_POINTER (2), test_exact);
  g_test_add_data_func ("/scanout/exact-3", GINT_TO_POINTER (3), test_exact);
  g_test_add_data_func ("/scanout/software-exact-1", GINT_TO_POINTER (-1), test_exact);
  g_test_add_data_func ("/scanout/software-exact-2", GINT_TO_POINTER (-2), test_exact);
  g_test_add_data_func ("/scanout/exact-125-percent", GINT_TO_POINTER (125), test_exact_fraction);
  g_test_add_data_func ("/scanout/exact-150-percent", GINT_TO_POINTER (150), test_exact_fraction);
  g_test_add_data_func ("/scanout/exact-200-percent", GINT_TO_POINTER (200), test_exact_fraction);
  g_test_add_data_func ("/scanout/software-exact-125-percent", GINT_TO_POINTER (-125), test_exact_fraction);
  g_test_add_data_func ("/scanout/software-exact-150-percent", GINT_TO_POINTER (-150), test_exact_fraction);
  g_test_add_data_func ("/scanout/no-seams", NULL, test_no_seams);
  g_test_add_data_func ("/scanout/software-no-seams", GINT_TO_POINTER (1), test_no_seams);
  g_test_add_data_func ("/scanout/shown-frame-stays", NULL, test_shown_frame_stays);
  g_test_add_data_func ("/scanout/software-shown-frame-stays", GINT_TO_POINTER (1),
                        test_shown_frame_stays);
  g_test_add_func ("/scanout/update", test_update);
  g_test_add_func ("/scanout/invalidates-only-on-damage", test_invalidates_only_on_damage);
  g_test_add_func ("/scanout/texture", test_texture);
  return g_test_run ();
}
