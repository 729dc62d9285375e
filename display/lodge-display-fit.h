/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef enum
{
  LODGE_DISPLAY_SCALING_FIT,     /* as large as fits, sides in proportion */
  LODGE_DISPLAY_SCALING_ONE,     /* one guest pixel is one device pixel; centred, or follows the pointer
                                    where it is larger than the view */
  LODGE_DISPLAY_SCALING_INTEGER, /* the largest whole number of device pixels that fits */
} LodgeDisplayScaling;

GType lodge_display_scaling_get_type (void);
#define LODGE_TYPE_DISPLAY_SCALING (lodge_display_scaling_get_type ())

typedef struct
{
  graphene_rect_t place;  /* of the view in its surface */
  double device;          /* device pixels per unit of the view, 1.25 on a screen at 125 % */
  guint width, height;    /* guest pixels */
  double pan_x, pan_y;    /* 0 to 1: which part is seen of a picture that is larger than the view */
} LodgeDisplayFit;

/**
 * lodge_display_fit_get_room:
 * @room: (out): the whole device pixels that lie within the view, from the surface's corner: at a
 *   fraction the view itself may begin and end within one. A guest of this size is shown 1:1.
 */
void   lodge_display_fit_get_room (const LodgeDisplayFit *self,
                                   graphene_rect_t       *room);

/**
 * lodge_display_fit:
 * @area: (out): where the picture goes, in units of the view and from its corner; empty when there
 *   is none. On the screen its corner and its size are whole device pixels.
 *
 * Returns: device pixels per guest pixel
 */
double lodge_display_fit          (const LodgeDisplayFit *self,
                                   LodgeDisplayScaling    scaling,
                                   graphene_rect_t       *area);

/**
 * lodge_display_device_scale:
 *
 * Returns: device pixels per unit of @widget; a fraction where GTK (4.12 and later) draws at one
 */
double lodge_display_device_scale (GtkWidget *widget);

G_END_DECLS
