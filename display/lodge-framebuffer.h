/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* No picture is wider or higher, and none has more pixels (256 MiB at 32 bits). */
#define LODGE_FRAMEBUFFER_MAX_SIDE 16384
#define LODGE_FRAMEBUFFER_MAX_PIXELS (64u << 20)
#define LODGE_FRAMEBUFFER_MAX_CURSOR 512
#define LODGE_FRAMEBUFFER_TILE 256
/* Pixels of its neighbours that a tile is shown with, so that scaled tiles meet without a seam. */
#define LODGE_FRAMEBUFFER_OVERLAP 2

/**
 * LodgeFramebuffer:
 *
 * The newest picture of a console and what of it has changed, shared between the worker thread
 * that receives and the main thread that shows. All functions are thread-safe. Memory is one
 * picture at most (none for a picture in shared memory) and one bit per tile, however late the
 * damage is taken.
 *
 * Functions that take what a peer sent check all of it and fail with LODGE_DISPLAY_ERROR_PROTOCOL.
 */
typedef struct _LodgeFramebuffer LodgeFramebuffer;

/** @notify: called in the thread that changed something, when nothing was pending before */
LodgeFramebuffer *lodge_framebuffer_new   (void (*notify) (gpointer), gpointer user_data);
LodgeFramebuffer *lodge_framebuffer_ref   (LodgeFramebuffer *self);
void              lodge_framebuffer_unref (LodgeFramebuffer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeFramebuffer, lodge_framebuffer_unref)

/** What a picture is made of; format is a pixman format code. */
typedef struct
{
  guint32 width, height, stride, format;
} LodgeFramebufferLayout;

gboolean lodge_framebuffer_scanout (LodgeFramebuffer *self, const LodgeFramebufferLayout *layout,
                                    const guint8 *data, gsize length, GError **error);
gboolean lodge_framebuffer_update  (LodgeFramebuffer *self, gint32 x, gint32 y, gint32 width,
                                    gint32 height, guint32 stride, guint32 format,
                                    const guint8 *data, gsize length, GError **error);
/** What the console says its size is: sets the edges of a picture that comes as bytes. */
void     lodge_framebuffer_set_size_hint (LodgeFramebuffer *self, guint width, guint height);

/** The size of a picture that comes as bytes; 0 where there is none. */
void     lodge_framebuffer_get_size (LodgeFramebuffer *self, guint *width, guint *height);

/** @fd: (transfer none) */
gboolean lodge_framebuffer_scanout_map (LodgeFramebuffer *self, const LodgeFramebufferLayout *layout,
                                        int fd, guint32 offset, GError **error);
gboolean lodge_framebuffer_update_map  (LodgeFramebuffer *self, gint32 x, gint32 y, gint32 width,
                                        gint32 height, GError **error);
void     lodge_framebuffer_disable     (LodgeFramebuffer *self);
gboolean lodge_framebuffer_define_cursor (LodgeFramebuffer *self, gint32 width, gint32 height,
                                          gint32 hot_x, gint32 hot_y, const guint8 *data,
                                          gsize length, GError **error);
void     lodge_framebuffer_set_mouse   (LodgeFramebuffer *self, gint32 x, gint32 y, gboolean on);

/** Whether there is damage to take. */
gboolean lodge_framebuffer_is_pending (LodgeFramebuffer *self);

/**
 * lodge_framebuffer_begin:
 *
 * Locks the picture and starts to take its changes; always followed by lodge_framebuffer_end(),
 * which forgets them. There is one taker per framebuffer. Keep the time between short: the worker
 * waits.
 *
 * Returns: the changes, valid until the end
 */
typedef struct
{
  guint width, height;     /* guest pixels; 0 before the first scanout */
  gboolean resized;        /* all tiles are new */
  gboolean disabled;       /* the guest has switched the display off */
  guint columns, rows;     /* of tiles */
  const guint8 *dirty;     /* columns * rows flags, row by row */
} LodgeFramebufferChanges;

LodgeFramebufferChanges lodge_framebuffer_begin (LodgeFramebuffer *self);

/**
 * lodge_framebuffer_read:
 * @x, @y, @width, @height: a part that lies within the picture
 * @pixels: (out): native words 0x??RRGGBB, whose high byte has no meaning; @stride bytes from row
 *   to row
 *
 * Between begin and end only. Fails when shared memory has shrunk below its picture.
 */
gboolean lodge_framebuffer_read  (LodgeFramebuffer *self, guint x, guint y, guint width,
                                  guint height, guint8 *pixels, gsize stride, GError **error);
void     lodge_framebuffer_end   (LodgeFramebuffer *self);

/** The pointer's shape and place, as they came last. */
typedef struct
{
  gboolean shape_changed;
  GBytes *shape;           /* (nullable): 0xAARRGGBB words, not premultiplied; with shape_changed */
  int width, height, hot_x, hot_y;
  int x, y;
  gboolean visible;
} LodgeFramebufferCursor;

/** Returns: whether something changed; @cursor->shape is (transfer full) */
gboolean lodge_framebuffer_take_cursor (LodgeFramebuffer *self, LodgeFramebufferCursor *cursor);

/** Whether pictures come through shared memory at present, and bytes copied so far (for figures). */
gboolean lodge_framebuffer_is_mapped   (LodgeFramebuffer *self);
guint64  lodge_framebuffer_get_copied  (LodgeFramebuffer *self);

G_END_DECLS
