/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define LODGE_TYPE_GRAB (lodge_grab_get_type ())
/**
 * LodgeGrab:
 *
 * Takes the desktop's own shortcuts for a widget as long as it is active. The desktop may refuse
 * or end it (a Wayland compositor asks the person). GTK 4 has no pointer lock; relative motion ends
 * at the edges of the screen.
 *
 * Properties (read, notify): active.
 */
G_DECLARE_FINAL_TYPE (LodgeGrab, lodge_grab, LODGE, GRAB, GObject)

/** @widget: (unowned): outlives the grab */
LodgeGrab *lodge_grab_new        (GtkWidget *widget);
void       lodge_grab_activate   (LodgeGrab *self, GdkEvent *event);
void       lodge_grab_deactivate (LodgeGrab *self);
gboolean   lodge_grab_is_active  (LodgeGrab *self);

G_END_DECLS
