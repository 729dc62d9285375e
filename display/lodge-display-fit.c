/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "display/lodge-display-fit.h"

#include <math.h>

G_DEFINE_ENUM_TYPE (LodgeDisplayScaling, lodge_display_scaling,
                    G_DEFINE_ENUM_VALUE (LODGE_DISPLAY_SCALING_FIT, "fit"),
                    G_DEFINE_ENUM_VALUE (LODGE_DISPLAY_SCALING_ONE, "one"),
                    G_DEFINE_ENUM_VALUE (LODGE_DISPLAY_SCALING_INTEGER, "integer"))

/* Where a side of the picture begins: in the middle, or moved by @pan where it does not fit. */
static double
begin_of (double available, double shown, double pan)
{
  return shown <= available ? floor ((available - shown) / 2) : -round ((shown - available) * pan);
}

void
lodge_display_fit_get_room (const LodgeDisplayFit *self, graphene_rect_t *room)
{
  /* Places come in floats; a hair's breadth is no pixel. */
  const double left = ceil (self->place.origin.x * self->device - 1e-3);
  const double top = ceil (self->place.origin.y * self->device - 1e-3);
  const double right = floor ((self->place.origin.x + self->place.size.width) * self->device + 1e-3);
  const double bottom = floor ((self->place.origin.y + self->place.size.height) * self->device + 1e-3);

  *room = GRAPHENE_RECT_INIT ((float) left, (float) top, (float) MAX (right - left, 0), (float) MAX (bottom - top, 0));
}

double
lodge_display_fit (const LodgeDisplayFit *self, LodgeDisplayScaling scaling, graphene_rect_t *area)
{
  graphene_rect_t room;
  double scale = 1, width, height, x, y;

  lodge_display_fit_get_room (self, &room);
  *area = GRAPHENE_RECT_INIT (0, 0, 0, 0);
  if (self->width == 0 || self->height == 0 || room.size.width <= 0 || room.size.height <= 0)
    return scale;

  if (scaling != LODGE_DISPLAY_SCALING_ONE)
    scale = MIN ((double) room.size.width / self->width, (double) room.size.height / self->height);
  if (scaling == LODGE_DISPLAY_SCALING_INTEGER && scale >= 1)
    scale = floor (scale);
  width = MAX (1, round (self->width * scale));
  height = MAX (1, round (self->height * scale));
  x = room.origin.x + begin_of (room.size.width, width, self->pan_x);
  y = room.origin.y + begin_of (room.size.height, height, self->pan_y);
  *area = GRAPHENE_RECT_INIT ((float) (x / self->device - self->place.origin.x),
                              (float) (y / self->device - self->place.origin.y), (float) (width / self->device),
                              (float) (height / self->device));
  return scale;
}

double
lodge_display_device_scale (GtkWidget *widget)
{
  GtkNative *native = gtk_widget_get_native (widget);
  GdkSurface *surface = native != NULL ? gtk_native_get_surface (native) : NULL;
  double scale = gtk_widget_get_scale_factor (widget);

  /* Asked for at run time, so that a Lodge that was built with an older GTK uses it too. */
  if (surface != NULL && g_object_class_find_property (G_OBJECT_GET_CLASS (surface), "scale") != NULL)
    g_object_get (surface, "scale", &scale, NULL);
  return MAX (scale, 1);
}
