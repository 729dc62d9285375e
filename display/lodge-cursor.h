/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gdk/gdk.h>

G_BEGIN_DECLS

#define LODGE_TYPE_CURSOR (lodge_cursor_get_type ())
/**
 * LodgeCursor:
 *
 * The pointer as the guest draws it.
 *
 * Signals: changed: shape, position or visibility.
 */
G_DECLARE_FINAL_TYPE (LodgeCursor, lodge_cursor, LODGE, CURSOR, GObject)

LodgeCursor *lodge_cursor_new          (void);

/** Returns: (transfer none) (nullable): NULL until the guest defines a shape */
GdkTexture  *lodge_cursor_get_texture  (LodgeCursor *self);
void         lodge_cursor_get_hotspot  (LodgeCursor *self, int *x, int *y);

/** Where the guest has put the pointer, in guest pixels; means something without a tablet only. */
void         lodge_cursor_get_position (LodgeCursor *self, int *x, int *y);
gboolean     lodge_cursor_is_visible   (LodgeCursor *self);

/** @texture: (nullable) */
void         lodge_cursor_set_shape    (LodgeCursor *self, GdkTexture *texture, int hot_x, int hot_y);
void         lodge_cursor_set_position (LodgeCursor *self, int x, int y, gboolean visible);

G_END_DECLS
