/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "display/lodge-display-error.h"
#include "display/lodge-framebuffer.h"
#include "display/lodge-pixels.h"

#define XRGB LODGE_PIXELS_X8R8G8B8

static guint n_notified;

static void
notify_cb (gpointer user_data)
{
  n_notified++;
}

static gboolean
scanout (LodgeFramebuffer *fb, guint width, guint height, guint stride, guint format, gsize length,
         GError **error)
{
  LodgeFramebufferLayout layout = { width, height, stride, format };
  g_autofree guint8 *data = g_malloc0 (length + 1);

  return lodge_framebuffer_scanout (fb, &layout, data, length, error);
}

static guint
count_dirty (LodgeFramebuffer *fb, gboolean end)
{
  LodgeFramebufferChanges changes = lodge_framebuffer_begin (fb);
  guint n = 0;

  for (guint i = 0; i < changes.columns * changes.rows; i++)
    n += changes.dirty[i];
  if (end)
    lodge_framebuffer_end (fb);
  return n;
}

static guint32
read_pixel (LodgeFramebuffer *fb, guint x, guint y)
{
  guint32 pixel = 0;

  lodge_framebuffer_begin (fb);
  g_assert_true (lodge_framebuffer_read (fb, x, y, 1, 1, (guint8 *) &pixel, 4, NULL));
  lodge_framebuffer_end (fb);
  return pixel | 0xff000000u;
}

/* What a peer may not say: each row is a scanout and must be refused. */
static void
test_bad_scanouts (void)
{
  static const struct
  {
    guint width, height, stride, format;
    gsize length;
  } bad[] = {
    { 0, 10, 40, XRGB, 400 },                      /* no width */
    { 10, 0, 40, XRGB, 400 },                      /* no height */
    { 16385, 1, 65540, XRGB, 65540 },              /* too wide */
    { 1, 16385, 4, XRGB, 65540 },                  /* too high */
    { 16384, 16384, 65536, XRGB, 4096 },           /* too many pixels */
    { 10, 10, 39, XRGB, 400 },                     /* rows overlap */
    { 10, 10, 40, XRGB, 399 },                     /* one byte short */
    { 10, 10, 0xffffffffu, XRGB, 400 },            /* stride beyond the data */
    { 10, 10, 40, 0, 400 },                        /* no format */
    { 10, 10, 40, 0x20020889, 400 },               /* a format that does not exist */
    { 0xffffffffu, 0xffffffffu, 0xffffffffu, XRGB, 400 },
  };
  g_autoptr (LodgeFramebuffer) fb = lodge_framebuffer_new (NULL, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (scanout (fb, bad[i].width, bad[i].height, bad[i].stride, bad[i].format,
                               bad[i].length, &error));
      g_assert_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL);
    }
  /* The last row may end with its pixels. */
  g_assert_true (scanout (fb, 10, 10, 64, XRGB, 9 * 64 + 40, NULL));
}

static void
test_bad_updates (void)
{
  static const struct
  {
    gint32 x, y, width, height;
    guint32 stride;
    gsize length;
  } bad[] = {
    { -1, 0, 10, 10, 40, 400 },
    { 0, -1, 10, 10, 40, 400 },
    { 0, 0, -1, 10, 40, 400 },
    { 0, 0, 10, -1, 40, 400 },
    { G_MAXINT32, 0, 10, 10, 40, 400 },
    { 0, G_MAXINT32, 10, G_MAXINT32, 40, 400 },
    { G_MININT32, G_MININT32, G_MININT32, G_MININT32, 40, 400 },
    { 16384, 0, 1, 1, 4, 4 },
    { 0, 0, 10, 10, 36, 400 },
    { 0, 0, 10, 10, 40, 399 },
  };
  g_autoptr (LodgeFramebuffer) fb = lodge_framebuffer_new (NULL, NULL);
  guint8 data[400] = { 0 };

  g_assert_true (scanout (fb, 100, 100, 400, XRGB, 40000, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (lodge_framebuffer_update (fb, bad[i].x, bad[i].y, bad[i].width, bad[i].height,
                                                bad[i].stride, XRGB, data, bad[i].length, &error));
      g_assert_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL);
    }
  g_assert_true (lodge_framebuffer_update (fb, 90, 90, 10, 10, 40, XRGB, data, 400, NULL));
  g_assert_true (lodge_framebuffer_update (fb, 0, 0, 0, 5, 0, XRGB, data, 0, NULL));
}

/* Damage is told once and merged, whatever comes before it is taken. */
static void
test_damage (void)
{
  g_autoptr (LodgeFramebuffer) fb = lodge_framebuffer_new (notify_cb, NULL);
  guint32 white[4] = { 0xffffff, 0xffffff, 0xffffff, 0xffffff };

  n_notified = 0;
  g_assert_true (scanout (fb, 1024, 1024, 4096, XRGB, 4096 * 1024, NULL));
  g_assert_true (lodge_framebuffer_is_pending (fb));
  g_assert_cmpuint (count_dirty (fb, TRUE), ==, 16);
  g_assert_cmpuint (count_dirty (fb, TRUE), ==, 0);
  g_assert_false (lodge_framebuffer_is_pending (fb));
  g_assert_cmpuint (n_notified, ==, 1);

  for (int i = 0; i < 1000; i++)
    g_assert_true (lodge_framebuffer_update (fb, 100, 100, 2, 2, 8, XRGB, (guint8 *) white, 16, NULL));
  g_assert_cmpuint (n_notified, ==, 2);
  g_assert_cmpuint (count_dirty (fb, TRUE), ==, 1);
  g_assert_cmphex (read_pixel (fb, 101, 101), ==, 0xffffffff);
  g_assert_cmphex (read_pixel (fb, 102, 102), ==, 0xff000000);

  /* At a corner of four tiles, and one pixel away from an edge: the overlap belongs to both. */
  g_assert_true (lodge_framebuffer_update (fb, 255, 255, 2, 2, 8, XRGB, (guint8 *) white, 16, NULL));
  g_assert_cmpuint (count_dirty (fb, TRUE), ==, 4);
  g_assert_true (lodge_framebuffer_update (fb, 257, 100, 2, 2, 8, XRGB, (guint8 *) white, 16, NULL));
  g_assert_cmpuint (count_dirty (fb, TRUE), ==, 2);
  g_assert_true (lodge_framebuffer_update (fb, 300, 100, 2, 2, 8, XRGB, (guint8 *) white, 16, NULL));
  g_assert_cmpuint (count_dirty (fb, TRUE), ==, 1);
}

/* A text mode is painted beyond the old edge and never announced whole. */
static void
test_mode_change (void)
{
  g_autoptr (LodgeFramebuffer) fb = lodge_framebuffer_new (NULL, NULL);
  g_autofree guint8 *line = g_malloc (720 * 4 * 16);
  LodgeFramebufferChanges changes;

  memset (line, 0x40, 720 * 4 * 16);
  g_assert_true (scanout (fb, 640, 480, 2560, XRGB, 2560 * 480, NULL));
  count_dirty (fb, TRUE);
  g_assert_true (lodge_framebuffer_update (fb, 0, 384, 720, 16, 2880, XRGB, line, 2880 * 16, NULL));
  changes = lodge_framebuffer_begin (fb);
  g_assert_cmpuint (changes.width, ==, 720);
  g_assert_cmpuint (changes.height, ==, 480);
  g_assert_true (changes.resized);
  lodge_framebuffer_end (fb);

  lodge_framebuffer_set_size_hint (fb, 720, 400);
  changes = lodge_framebuffer_begin (fb);
  g_assert_cmpuint (changes.height, ==, 400);
  lodge_framebuffer_end (fb);
  g_assert_cmphex (read_pixel (fb, 719, 399), ==, 0xff404040);

  /* A hint that came late is taken back by the next one, and nothing is lost. */
  lodge_framebuffer_set_size_hint (fb, 320, 200);
  lodge_framebuffer_set_size_hint (fb, 720, 400);
  g_assert_cmphex (read_pixel (fb, 719, 399), ==, 0xff404040);
  lodge_framebuffer_set_size_hint (fb, 100000, 1);
  changes = lodge_framebuffer_begin (fb);
  g_assert_cmpuint (changes.width, ==, 720);
  lodge_framebuffer_end (fb);
}

static void
test_formats (void)
{
  static const struct
  {
    guint32 format;
    guint8 size;
    guint32 word, expected;
  } rows[] = {
    { XRGB, 4, 0x00123456, 0xff123456 },
    { 0x20028888, 4, 0x80123456, 0xff123456 },
    { 0x20030888, 4, 0x00563412, 0xff123456 },
    { 0x20080888, 4, 0x56341200, 0xff123456 },
    { 0x20090888, 4, 0x12345600, 0xff123456 },
    { 0x20020aaa, 4, 0x3ff00000, 0xffff0000 },
    { 0x20030aaa, 4, 0x3ff00000, 0xff0000ff },
    { 0x18020888, 3, 0x00123456, 0xff123456 },
    { 0x18030888, 3, 0x00563412, 0xff123456 },
    { LODGE_PIXELS_R5G6B5, 2, 0xf800, 0xffff0000 },
    { LODGE_PIXELS_R5G6B5, 2, 0x07e0, 0xff00ff00 },
    { LODGE_PIXELS_R5G6B5, 2, 0x0010, 0xff000084 },
    { 0x10020555, 2, 0x7c00, 0xffff0000 },
    { 0x10031555, 2, 0x7c00, 0xff0000ff },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      /* 21 pixels at an odd address: whole blocks and a rest. */
      guint8 source[1 + 21 * 4];
      guint32 target[21];

      g_assert_cmpuint (lodge_pixels_get_size (rows[i].format), ==, rows[i].size);
      for (int j = 0; j < 21; j++)
        if (G_BYTE_ORDER == G_LITTLE_ENDIAN)
          memcpy (source + 1 + j * rows[i].size, &rows[i].word, rows[i].size);
        else
          memcpy (source + 1 + j * rows[i].size, (guint8 *) &rows[i].word + 4 - rows[i].size,
                  rows[i].size);
      lodge_pixels_convert_row (rows[i].format, source + 1, target, 21);
      for (int j = 0; j < 21; j++)
        g_assert_cmphex (target[j] | 0xff000000u, ==, rows[i].expected);
    }
}

static int
make_memory (gsize size)
{
  int fd = memfd_create ("picture", MFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  return fd;
}

static void
test_shared_memory (void)
{
  const LodgeFramebufferLayout layout = { 64, 64, 256, XRGB };
  g_autoptr (LodgeFramebuffer) fb = lodge_framebuffer_new (NULL, NULL);
  g_autoptr (GError) error = NULL;
  int fd = make_memory (100 + 256 * 64), pipes[2];
  guint32 word = 0x00abcdef;

  /* A short one, an offset beyond the end, things that are no memory. */
  g_assert_false (lodge_framebuffer_scanout_map (fb, &layout, fd, 101, &error));
  g_assert_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL);
  g_clear_error (&error);
  g_assert_false (lodge_framebuffer_scanout_map (fb, &layout, fd, 0xffffffffu, &error));
  g_clear_error (&error);
  g_assert_cmpint (pipe (pipes), ==, 0);
  g_assert_false (lodge_framebuffer_scanout_map (fb, &layout, pipes[0], 0, &error));
  g_assert_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL);
  g_clear_error (&error);
  g_assert_false (lodge_framebuffer_scanout_map (fb, &layout, -1, 0, &error));
  g_clear_error (&error);
  close (pipes[0]);
  close (pipes[1]);

  /* Without an update nothing is read anew; with one, what is there by then. */
  g_assert_true (lodge_framebuffer_scanout_map (fb, &layout, fd, 100, &error));
  g_assert_true (lodge_framebuffer_is_mapped (fb));
  count_dirty (fb, TRUE);
  g_assert_cmpint (pwrite (fd, &word, 4, 100 + 256 * 10 + 4 * 20), ==, 4);
  g_assert_true (lodge_framebuffer_update_map (fb, 20, 10, 1, 1, &error));
  g_assert_cmpuint (count_dirty (fb, FALSE), ==, 1);
  lodge_framebuffer_end (fb);
  g_assert_cmphex (read_pixel (fb, 20, 10), ==, 0xffabcdef);
  g_assert_false (lodge_framebuffer_update_map (fb, 20, 10, 45, 1, &error));
  g_assert_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL);
  g_clear_error (&error);

  /* And back to bytes. */
  g_assert_true (scanout (fb, 32, 32, 128, XRGB, 128 * 32, NULL));
  g_assert_false (lodge_framebuffer_is_mapped (fb));
  close (fd);
}

/* In huge pages the guard against memory that is taken away would not work. */
static void
test_huge_pages (void)
{
  const LodgeFramebufferLayout layout = { 64, 64, 256, XRGB };
  g_autoptr (LodgeFramebuffer) fb = lodge_framebuffer_new (NULL, NULL);
  g_autoptr (GError) error = NULL;
  int fd = memfd_create ("picture", MFD_CLOEXEC | MFD_HUGETLB);
  struct statfs fs;

  if (fd < 0 || fstatfs (fd, &fs) != 0 || ftruncate (fd, fs.f_bsize) != 0)
    g_test_message ("this kernel makes no huge pages: nobody can send any");
  else
    {
      /* Not by the map that fails: a host without spare huge pages has none, another one has. */
      g_assert_false (lodge_framebuffer_scanout_map (fb, &layout, fd, 0, &error));
      g_assert_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL);
      g_assert_nonnull (strstr (error->message, "ordinary memory"));
      g_assert_false (lodge_framebuffer_is_mapped (fb));
    }
  if (fd >= 0)
    close (fd);
}

/* Memory that is taken away under the reader is an error, not the end of the program. */
static void
test_shrinking_memory (void)
{
  const LodgeFramebufferLayout layout = { 1024, 64, 4096, XRGB };
  g_autoptr (LodgeFramebuffer) fb = lodge_framebuffer_new (NULL, NULL);
  g_autofree guint8 *pixels = g_malloc (4096 * 64);
  g_autoptr (GError) error = NULL;
  int fd = make_memory (4096 * 64);

  g_assert_true (lodge_framebuffer_scanout_map (fb, &layout, fd, 0, &error));
  g_assert_cmpint (ftruncate (fd, 4096 * 10), ==, 0);
  for (int i = 0; i < 2; i++)
    {
      lodge_framebuffer_begin (fb);
      g_assert_false (lodge_framebuffer_read (fb, 0, 0, 1024, 64, pixels, 4096, &error));
      lodge_framebuffer_end (fb);
      g_assert_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL);
      g_clear_error (&error);
    }
  close (fd);

  /* The next one works again. */
  fd = make_memory (4096 * 64);
  g_assert_true (lodge_framebuffer_scanout_map (fb, &layout, fd, 0, &error));
  g_assert_cmphex (read_pixel (fb, 1023, 63), ==, 0xff000000);
  close (fd);
}

static void
test_cursor (void)
{
  g_autoptr (LodgeFramebuffer) fb = lodge_framebuffer_new (notify_cb, NULL);
  LodgeFramebufferCursor cursor;
  guint8 data[64 * 64 * 4] = { 1 };

  n_notified = 0;
  g_assert_false (lodge_framebuffer_take_cursor (fb, &cursor));
  g_assert_false (lodge_framebuffer_define_cursor (fb, 513, 1, 0, 0, data, sizeof data, NULL));
  g_assert_false (lodge_framebuffer_define_cursor (fb, 0, 1, 0, 0, data, sizeof data, NULL));
  g_assert_false (lodge_framebuffer_define_cursor (fb, -64, -64, 0, 0, data, sizeof data, NULL));
  g_assert_false (lodge_framebuffer_define_cursor (fb, 64, 65, 0, 0, data, sizeof data, NULL));
  for (int i = 0; i < 100; i++)
    {
      g_assert_true (lodge_framebuffer_define_cursor (fb, 64, 64, 99, -1, data, sizeof data, NULL));
      lodge_framebuffer_set_mouse (fb, i, G_MAXINT, TRUE);
    }
  g_assert_cmpuint (n_notified, ==, 1);
  g_assert_true (lodge_framebuffer_take_cursor (fb, &cursor));
  g_assert_true (cursor.shape_changed);
  g_assert_cmpuint (g_bytes_get_size (cursor.shape), ==, sizeof data);
  g_assert_cmpint (cursor.hot_x, ==, 63);
  g_assert_cmpint (cursor.hot_y, ==, 0);
  g_assert_cmpint (cursor.x, ==, 99);
  g_bytes_unref (cursor.shape);
  g_assert_false (lodge_framebuffer_take_cursor (fb, &cursor));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/framebuffer/bad-scanouts", test_bad_scanouts);
  g_test_add_func ("/framebuffer/bad-updates", test_bad_updates);
  g_test_add_func ("/framebuffer/damage", test_damage);
  g_test_add_func ("/framebuffer/mode-change", test_mode_change);
  g_test_add_func ("/framebuffer/formats", test_formats);
  g_test_add_func ("/framebuffer/shared-memory", test_shared_memory);
  g_test_add_func ("/framebuffer/huge-pages", test_huge_pages);
  g_test_add_func ("/framebuffer/shrinking-memory", test_shrinking_memory);
  g_test_add_func ("/framebuffer/cursor", test_cursor);
  return g_test_run ();
}
