/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "display/lodge-console.h"
#include "display/lodge-grab.h"

G_BEGIN_DECLS

#define LODGE_TYPE_DISPLAY_POINTER (lodge_display_pointer_get_type ())
/**
 * LodgeDisplayPointer:
 *
 * Motion, buttons and wheel of a widget, sent to a console; the part of #LodgeDisplayInput that has the pointer.
 *
 * Signals:
 * - pressed: a button went down on the picture, before anything comes of it
 * - moved (double dx, double dy): the host's pointer is held, and the guest's was sent so far
 */
G_DECLARE_FINAL_TYPE (LodgeDisplayPointer, lodge_display_pointer, LODGE, DISPLAY_POINTER, GObject)

/**
 * @widget: (unowned): outlives it
 * @grab: what a click begins, and what lets a plain mouse be sent
 */
LodgeDisplayPointer *lodge_display_pointer_new         (GtkWidget *widget, LodgeGrab *grab);

/** @console: (nullable) */
void                 lodge_display_pointer_set_console (LodgeDisplayPointer *self, LodgeConsole *console);

/** Where the picture is within the widget, and how many guest pixels it has. */
void                 lodge_display_pointer_set_area    (LodgeDisplayPointer   *self,
                                                        const graphene_rect_t *area,
                                                        guint                  width,
                                                        guint                  height);

/** Whether the host's pointer stands still. */
gboolean             lodge_display_pointer_is_held     (LodgeDisplayPointer *self);

/** The buttons that are down in the guest. */
void                 lodge_display_pointer_let_go      (LodgeDisplayPointer *self);

G_END_DECLS
