/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "display/lodge-cursor.h"
#include "display/lodge-mouse.h"

G_BEGIN_DECLS

#define LODGE_TYPE_DISPLAY_CURSOR (lodge_display_cursor_get_type ())
/**
 * LodgeDisplayCursor:
 *
 * The pointer over a guest's picture; the part of #LodgeDisplayView that shows it. With a tablet in the guest the host's
 * pointer takes the guest's shape; without, the guest's is somewhere else and is drawn, and the host's is hidden while it is
 * grabbed.
 */
G_DECLARE_FINAL_TYPE (LodgeDisplayCursor, lodge_display_cursor, LODGE, DISPLAY_CURSOR, GObject)

/** @widget: (unowned): outlives it */
LodgeDisplayCursor *lodge_display_cursor_new         (GtkWidget *widget);

/** @mouse, @cursor: (nullable): of what is shown; one without the other is as none */
void                lodge_display_cursor_set_source  (LodgeDisplayCursor *self, LodgeMouse *mouse, LodgeCursor *cursor);
void                lodge_display_cursor_set_grabbed (LodgeDisplayCursor *self, gboolean grabbed);

/** @area: the picture within the widget; @width, @height: its guest pixels */
void                lodge_display_cursor_snapshot    (LodgeDisplayCursor    *self,
                                                      GtkSnapshot           *snapshot,
                                                      const graphene_rect_t *area,
                                                      guint                  width,
                                                      guint                  height);

G_END_DECLS
