/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <math.h>

#include "display/lodge-display-fit.h"

static const double devices[] = { 1, 1.25, 1.5, 1.75, 2 };
/* Below a header bar, beside a border, and where a fraction puts them off the device's pixels. */
static const graphene_rect_t places[] = {
  { { 0, 0 }, { 1024, 768 } },
  { { 0, 47 }, { 1001, 733 } },
  { { 23, 70 }, { 1366, 901 } },
};

static void
assert_whole (double value)
{
  g_assert_cmpfloat (fabs (value - round (value)), <, 1e-2);
}

/* On the screen the picture begins at a device pixel and has whole ones, and lies in the view. */
static void
assert_on_pixels (const LodgeDisplayFit *fit, const graphene_rect_t *area)
{
  assert_whole ((fit->place.origin.x + area->origin.x) * fit->device);
  assert_whole ((fit->place.origin.y + area->origin.y) * fit->device);
  assert_whole (area->size.width * fit->device);
  assert_whole (area->size.height * fit->device);
}

static void
for_all (void (*test) (LodgeDisplayFit *fit))
{
  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    for (guint j = 0; j < G_N_ELEMENTS (places); j++)
      {
        LodgeDisplayFit fit = { .place = places[j], .device = devices[i], .pan_x = 0.5, .pan_y = 0.3 };

        test (&fit);
      }
}

static void
check_one (LodgeDisplayFit *fit)
{
  static const struct { guint width, height; } guests[] = { { 640, 480 }, { 721, 401 }, { 3001, 2001 } };

  for (guint i = 0; i < G_N_ELEMENTS (guests); i++)
    {
      graphene_rect_t area;

      fit->width = guests[i].width;
      fit->height = guests[i].height;
      g_assert_cmpfloat (lodge_display_fit (fit, LODGE_DISPLAY_SCALING_ONE, &area), ==, 1);
      assert_on_pixels (fit, &area);
      g_assert_cmpint (lround (area.size.width * fit->device), ==, fit->width);
      g_assert_cmpint (lround (area.size.height * fit->device), ==, fit->height);
    }
}

static void
test_one (void)
{
  for_all (check_one);
}

/* A guest that took the size it was asked for fills the view, pixel by pixel. */
static void
check_followed (LodgeDisplayFit *fit)
{
  graphene_rect_t room, area;

  lodge_display_fit_get_room (fit, &room);
  g_assert_cmpfloat (room.size.width, >, fit->place.size.width * fit->device - 2);
  fit->width = (guint) room.size.width;
  fit->height = (guint) room.size.height;
  g_assert_cmpfloat (lodge_display_fit (fit, LODGE_DISPLAY_SCALING_FIT, &area), ==, 1);
  assert_on_pixels (fit, &area);
  g_assert_cmpfloat (area.origin.x, >=, -1e-2);
  g_assert_cmpfloat (area.origin.x + area.size.width, <=, fit->place.size.width + 1e-2);
  g_assert_cmpfloat (area.origin.y + area.size.height, <=, fit->place.size.height + 1e-2);
}

static void
test_followed (void)
{
  for_all (check_followed);
}

static void
check_integer (LodgeDisplayFit *fit)
{
  graphene_rect_t area;
  double scale;

  fit->width = 320;
  fit->height = 200;
  scale = lodge_display_fit (fit, LODGE_DISPLAY_SCALING_INTEGER, &area);
  g_assert_cmpfloat (scale, ==, floor (scale));
  g_assert_cmpfloat (scale, >=, 3);
  assert_on_pixels (fit, &area);

  /* One that is larger than the view is made to fit. */
  fit->width = fit->height = 4000;
  g_assert_cmpfloat (lodge_display_fit (fit, LODGE_DISPLAY_SCALING_INTEGER, &area), <, 1);
  assert_on_pixels (fit, &area);
}

static void
test_integer (void)
{
  for_all (check_integer);
}

/* A picture that is larger than the view is seen from edge to edge by moving over it. */
static void
test_pan (void)
{
  LodgeDisplayFit fit = { .place = places[1], .device = 1.25, .width = 3000, .height = 2000 };
  graphene_rect_t area;

  lodge_display_fit (&fit, LODGE_DISPLAY_SCALING_ONE, &area);
  g_assert_cmpfloat (area.origin.x, <, 1);
  fit.pan_x = fit.pan_y = 1;
  lodge_display_fit (&fit, LODGE_DISPLAY_SCALING_ONE, &area);
  g_assert_cmpfloat (fabs (area.origin.x + area.size.width - fit.place.size.width), <, 1);
  g_assert_cmpfloat (fabs (area.origin.y + area.size.height - fit.place.size.height), <, 1);
  assert_on_pixels (&fit, &area);
}

static void
test_nothing (void)
{
  LodgeDisplayFit fit = { .place = places[0], .device = 1 };
  graphene_rect_t area;

  lodge_display_fit (&fit, LODGE_DISPLAY_SCALING_FIT, &area);
  g_assert_cmpfloat (area.size.width, ==, 0);
  fit.width = fit.height = 100;
  fit.place.size.width = 0;
  lodge_display_fit (&fit, LODGE_DISPLAY_SCALING_FIT, &area);
  g_assert_cmpfloat (area.size.width, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/display-fit/one", test_one);
  g_test_add_func ("/display-fit/followed", test_followed);
  g_test_add_func ("/display-fit/integer", test_integer);
  g_test_add_func ("/display-fit/pan", test_pan);
  g_test_add_func ("/display-fit/nothing", test_nothing);
  return g_test_run ();
}
