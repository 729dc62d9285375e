/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * LodgeScreen:
 *
 * The small likeness of a machine's screen, 16:10 with black where the guest's shape differs; an icon while there
 * is no picture. It takes the width it is given and never asks for the picture's own size.
 */
#define LODGE_TYPE_SCREEN (lodge_screen_get_type ())
G_DECLARE_FINAL_TYPE (LodgeScreen, lodge_screen, LODGE, SCREEN, GtkWidget)

/* @picture: (nullable) */
void lodge_screen_set_picture (LodgeScreen *self, GdkPaintable *picture);
void lodge_screen_set_icon    (LodgeScreen *self, const char *icon_name, int pixel_size);
void lodge_screen_set_dimmed  (LodgeScreen *self, gboolean dimmed);

G_END_DECLS
