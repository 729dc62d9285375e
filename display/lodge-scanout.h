/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gdk/gdk.h>

#include "display/lodge-framebuffer.h"

G_BEGIN_DECLS

#define LODGE_TYPE_SCANOUT (lodge_scanout_get_type ())
/**
 * LodgeScanout:
 *
 * The guest's picture as a #GdkPaintable in tiles; only tiles with damage are made anew. The last
 * picture stays when the guest's display or the session ends.
 */
G_DECLARE_FINAL_TYPE (LodgeScanout, lodge_scanout, LODGE, SCANOUT, GObject)

typedef enum
{
  LODGE_SCANOUT_LINEAR,
  LODGE_SCANOUT_NEAREST, /* for whole-number scales */
} LodgeScanoutFilter;

LodgeScanout *lodge_scanout_new              (void);

/**
 * lodge_scanout_take:
 *
 * Takes what has changed in @framebuffer since the last call. Call it once per tick of the frame
 * clock. Invalidates size or contents as needed.
 *
 * Returns: FALSE with LODGE_DISPLAY_ERROR_PROTOCOL when shared memory has shrunk below its picture
 */
gboolean      lodge_scanout_take             (LodgeScanout      *self,
                                              LodgeFramebuffer  *framebuffer,
                                              GError           **error);

/** Guest pixels, 0 until the first frame */
guint         lodge_scanout_get_width        (LodgeScanout *self);
guint         lodge_scanout_get_height       (LodgeScanout *self);

/** Whether the guest has switched the display off; the last picture is kept. */
gboolean      lodge_scanout_is_disabled      (LodgeScanout *self);
void          lodge_scanout_set_filter       (LodgeScanout *self, LodgeScanoutFilter filter);

/**
 * lodge_scanout_set_software:
 * @software: GTK paints without a GPU; then the tiles' memory is painted from directly, while a
 *   texture would be copied once more for each paint
 */
void          lodge_scanout_set_software     (LodgeScanout *self, gboolean software);

/** Device pixels per unit of the snapshot: tiles meet on device pixels, so that no seam shows. */
void          lodge_scanout_set_scale        (LodgeScanout *self, double scale);

/**
 * lodge_scanout_to_texture:
 * @max_width: scales down (each pixel the mean of its area) to this width; 0: as it is
 *
 * Returns: (transfer full) (nullable): NULL before the first frame
 */
GdkTexture   *lodge_scanout_to_texture       (LodgeScanout *self, guint max_width);

G_END_DECLS
