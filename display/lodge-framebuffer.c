/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * A picture comes in one of two ways, and QEMU changes between them in mid-session:
 * - as bytes: they are converted into a picture of our own at once, in the worker, so that the
 *   message can be freed; what is late is never queued, only painted over;
 * - in shared memory: an update tells where QEMU has painted; pixels are read when the main thread
 *   takes the damage.
 * When the guest changes its mode, QEMU may go on with updates for the new size and never send it
 * whole (a VGA text mode is painted line by line). So an update beyond the edge makes the picture
 * larger, and the console's size property, which comes on another connection and may be early or
 * late, sets the edges. Pixels outside them are kept, in case the hint was an old one.
 *
 * Damage is one flag per tile. An update flags the tiles around it too where it comes within
 * LODGE_FRAMEBUFFER_OVERLAP pixels of them, because tiles are shown with that much of their
 * neighbours (lodge-scanout.c).
 */

#include "display/lodge-framebuffer.h"

#include <string.h>

#include "display/lodge-display-error.h"
#include "display/lodge-pixels.h"
#include "display/lodge-shared-map.h"

struct _LodgeFramebuffer
{
  gatomicrefcount refs;
  void (*notify) (gpointer);
  gpointer notify_data;

  GMutex mutex;                       /* for all below */
  LodgeFramebufferLayout layout;      /* of the picture; all 0 before the first */
  guint32 *pixels;                    /* (owned) (nullable): the picture when it comes as bytes */
  guint store_width, store_height;    /* of pixels; more than the layout after a shrinking hint */
  LodgeSharedMap *map;                /* (owned) (nullable): the picture when it is shared */
  guint columns, rows;
  guint8 *dirty;                      /* (owned) (nullable): columns * rows */
  gboolean resized, disabled;
  gboolean picture_pending, cursor_pending;
  LodgeFramebufferCursor cursor;      /* shape is (owned) */
  guint64 copied;                     /* bytes */
};

G_GNUC_PRINTF (2, 3)
static gboolean
refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error != NULL)
    *error = g_error_new_valist (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL, format, args);
  va_end (args);
  return FALSE;
}

/* Returns how many bytes a picture of this layout takes at least, 0 with an error. */
static guint64
check_layout (const LodgeFramebufferLayout *layout, GError **error)
{
  guint size = lodge_pixels_get_size (layout->format);
  guint64 row = (guint64) layout->width * size;

  if (size == 0)
    return refuse (error, "pixel format 0x%x is not known", layout->format);
  if (layout->width == 0 || layout->height == 0 || layout->width > LODGE_FRAMEBUFFER_MAX_SIDE
      || layout->height > LODGE_FRAMEBUFFER_MAX_SIDE
      || (guint64) layout->width * layout->height > LODGE_FRAMEBUFFER_MAX_PIXELS)
    return refuse (error, "a picture of %ux%u is out of bounds", layout->width, layout->height);
  if (layout->stride < row)
    return refuse (error, "a row of %u bytes is too short for %u pixels", layout->stride,
                   layout->width);
  return (guint64) layout->stride * (layout->height - 1) + row;
}

static gboolean
check_data (const LodgeFramebufferLayout *layout, gsize length, GError **error)
{
  guint64 needed = check_layout (layout, error);

  if (needed == 0)
    return FALSE;
  if (length < needed)
    return refuse (error, "%ux%u pixels need %" G_GUINT64_FORMAT " bytes, %" G_GSIZE_FORMAT " came",
                   layout->width, layout->height, needed, length);
  return TRUE;
}

static gboolean
check_rectangle (gint32 x, gint32 y, gint32 width, gint32 height, guint max_width, guint max_height,
                 GError **error)
{
  if (x < 0 || y < 0 || width < 0 || height < 0 || (gint64) x + width > max_width
      || (gint64) y + height > max_height)
    return refuse (error, "an update of %dx%d at %d,%d is out of bounds", width, height, x, y);
  return TRUE;
}

/* With the mutex held. Returns whether the taker must be told, once the mutex is free. */
static gboolean
set_pending (gboolean *pending)
{
  gboolean first = !*pending;

  *pending = TRUE;
  return first;
}

static void
unlock_and_notify (LodgeFramebuffer *self, gboolean tell)
{
  g_mutex_unlock (&self->mutex);
  if (tell && self->notify != NULL)
    self->notify (self->notify_data);
}

static void
set_size (LodgeFramebuffer *self, guint width, guint height)
{
  if (width != self->layout.width || height != self->layout.height)
    {
      self->columns = (width + LODGE_FRAMEBUFFER_TILE - 1) / LODGE_FRAMEBUFFER_TILE;
      self->rows = (height + LODGE_FRAMEBUFFER_TILE - 1) / LODGE_FRAMEBUFFER_TILE;
      g_free (self->dirty);
      self->dirty = g_malloc ((gsize) self->columns * self->rows);
      self->layout.width = width;
      self->layout.height = height;
      self->resized = TRUE;
    }
  memset (self->dirty, 1, (gsize) self->columns * self->rows);
}

/* Makes room for a picture of bytes of at least this size and keeps what is there. */
static gboolean
reserve (LodgeFramebuffer *self, guint width, guint height, GError **error)
{
  const guint store_width = self->pixels != NULL ? MAX (width, self->store_width) : width;
  const guint store_height = self->pixels != NULL ? MAX (height, self->store_height) : height;
  guint32 *pixels;

  if (self->pixels != NULL && store_width == self->store_width && store_height == self->store_height)
    return TRUE;
  if ((guint64) store_width * store_height > LODGE_FRAMEBUFFER_MAX_PIXELS)
    return refuse (error, "a picture of %ux%u is out of bounds", store_width, store_height);
  pixels = g_try_malloc0 ((gsize) store_width * store_height * sizeof *pixels);
  if (pixels == NULL)
    return refuse (error, "no memory for a picture of %ux%u", store_width, store_height);
  for (guint row = 0; self->pixels != NULL && row < self->store_height; row++)
    memcpy (pixels + (gsize) row * store_width, self->pixels + (gsize) row * self->store_width,
            (gsize) self->store_width * sizeof *pixels);
  g_free (self->pixels);
  g_clear_pointer (&self->map, lodge_shared_map_free);
  self->pixels = pixels;
  self->store_width = store_width;
  self->store_height = store_height;
  return TRUE;
}

static void
add_damage (LodgeFramebuffer *self, guint x, guint y, guint width, guint height)
{
  const guint tile = LODGE_FRAMEBUFFER_TILE, overlap = LODGE_FRAMEBUFFER_OVERLAP;
  guint left = (x - MIN (x, overlap)) / tile;
  guint top = (y - MIN (y, overlap)) / tile;
  guint right = MIN ((x + width - 1 + overlap) / tile, self->columns - 1);
  guint bottom = MIN ((y + height - 1 + overlap) / tile, self->rows - 1);

  for (guint row = top; row <= bottom; row++)
    memset (self->dirty + (gsize) row * self->columns + left, 1, right - left + 1);
}

LodgeFramebuffer *
lodge_framebuffer_new (void (*notify) (gpointer), gpointer user_data)
{
  LodgeFramebuffer *self = g_new0 (LodgeFramebuffer, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->mutex);
  self->notify = notify;
  self->notify_data = user_data;
  return self;
}

LodgeFramebuffer *
lodge_framebuffer_ref (LodgeFramebuffer *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
lodge_framebuffer_unref (LodgeFramebuffer *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_free (self->pixels);
  lodge_shared_map_free (self->map);
  g_free (self->dirty);
  g_clear_pointer (&self->cursor.shape, g_bytes_unref);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

gboolean
lodge_framebuffer_scanout (LodgeFramebuffer *self, const LodgeFramebufferLayout *layout,
                           const guint8 *data, gsize length, GError **error)
{
  gboolean tell;

  if (!check_data (layout, length, error))
    return FALSE;

  g_mutex_lock (&self->mutex);
  if (layout->width != self->store_width || layout->height != self->store_height)
    g_clear_pointer (&self->pixels, g_free);
  if (!reserve (self, layout->width, layout->height, error))
    {
      g_mutex_unlock (&self->mutex);
      return FALSE;
    }
  set_size (self, layout->width, layout->height);
  self->disabled = FALSE;
  for (guint row = 0; row < layout->height; row++)
    lodge_pixels_convert_row (layout->format, data + (gsize) row * layout->stride,
                              self->pixels + (gsize) row * layout->width, layout->width);
  self->copied += (guint64) layout->width * layout->height * sizeof (guint32);
  tell = set_pending (&self->picture_pending);
  unlock_and_notify (self, tell);
  return TRUE;
}

gboolean
lodge_framebuffer_update (LodgeFramebuffer *self, gint32 x, gint32 y, gint32 width, gint32 height,
                          guint32 stride, guint32 format, const guint8 *data, gsize length,
                          GError **error)
{
  const LodgeFramebufferLayout part = { (guint32) width, (guint32) height, stride, format };
  guint right, bottom;
  gboolean fresh, tell;

  if (!check_rectangle (x, y, width, height, LODGE_FRAMEBUFFER_MAX_SIDE, LODGE_FRAMEBUFFER_MAX_SIDE,
                        error))
    return FALSE;
  if (width == 0 || height == 0)
    return TRUE;
  if (!check_data (&part, length, error))
    return FALSE;
  right = (guint) (x + width);
  bottom = (guint) (y + height);

  g_mutex_lock (&self->mutex);
  fresh = self->pixels == NULL;
  if (!reserve (self, MAX (right, self->layout.width), MAX (bottom, self->layout.height), error))
    {
      g_mutex_unlock (&self->mutex);
      return FALSE;
    }
  if (fresh || right > self->layout.width || bottom > self->layout.height)
    set_size (self, MAX (right, self->layout.width), MAX (bottom, self->layout.height));
  self->disabled = FALSE;
  for (guint row = 0; row < part.height; row++)
    lodge_pixels_convert_row (format, data + (gsize) row * stride,
                              self->pixels + ((gsize) y + row) * self->store_width + x, part.width);
  self->copied += (guint64) part.width * part.height * sizeof (guint32);
  add_damage (self, (guint) x, (guint) y, part.width, part.height);
  tell = set_pending (&self->picture_pending);
  unlock_and_notify (self, tell);
  return TRUE;
}

void
lodge_framebuffer_set_size_hint (LodgeFramebuffer *self, guint width, guint height)
{
  gboolean tell = FALSE;

  g_mutex_lock (&self->mutex);
  /* Shared pictures are always announced with their size. */
  if (self->pixels != NULL && width > 0 && height > 0 && width <= LODGE_FRAMEBUFFER_MAX_SIDE
      && height <= LODGE_FRAMEBUFFER_MAX_SIDE
      && (width != self->layout.width || height != self->layout.height)
      && reserve (self, width, height, NULL))
    {
      set_size (self, width, height);
      tell = set_pending (&self->picture_pending);
    }
  unlock_and_notify (self, tell);
}

void
lodge_framebuffer_get_size (LodgeFramebuffer *self, guint *width, guint *height)
{
  g_mutex_lock (&self->mutex);
  *width = self->pixels != NULL ? self->layout.width : 0;
  *height = self->pixels != NULL ? self->layout.height : 0;
  g_mutex_unlock (&self->mutex);
}

gboolean
lodge_framebuffer_scanout_map (LodgeFramebuffer *self, const LodgeFramebufferLayout *layout, int fd,
                               guint32 offset, GError **error)
{
  guint64 needed = check_layout (layout, error);
  LodgeSharedMap *map;
  gboolean tell;

  if (needed == 0)
    return FALSE;
  map = lodge_shared_map_new (fd, offset, needed, error);
  if (map == NULL)
    return FALSE;

  g_mutex_lock (&self->mutex);
  g_clear_pointer (&self->pixels, g_free);
  lodge_shared_map_free (self->map);
  self->map = map;
  set_size (self, layout->width, layout->height);
  self->layout = *layout;
  self->disabled = FALSE;
  tell = set_pending (&self->picture_pending);
  unlock_and_notify (self, tell);
  return TRUE;
}

gboolean
lodge_framebuffer_update_map (LodgeFramebuffer *self, gint32 x, gint32 y, gint32 width,
                              gint32 height, GError **error)
{
  gboolean tell = FALSE;
  gboolean ok = TRUE;

  g_mutex_lock (&self->mutex);
  if (self->map != NULL)
    {
      ok = check_rectangle (x, y, width, height, self->layout.width, self->layout.height, error);
      if (ok && width > 0 && height > 0)
        {
          add_damage (self, (guint) x, (guint) y, (guint) width, (guint) height);
          tell = set_pending (&self->picture_pending);
        }
    }
  unlock_and_notify (self, tell);
  return ok;
}

void
lodge_framebuffer_disable (LodgeFramebuffer *self)
{
  gboolean tell;

  g_mutex_lock (&self->mutex);
  self->disabled = TRUE;
  tell = set_pending (&self->picture_pending);
  unlock_and_notify (self, tell);
}

gboolean
lodge_framebuffer_define_cursor (LodgeFramebuffer *self, gint32 width, gint32 height, gint32 hot_x,
                                 gint32 hot_y, const guint8 *data, gsize length, GError **error)
{
  gsize size;
  gboolean tell;

  if (width <= 0 || height <= 0 || width > LODGE_FRAMEBUFFER_MAX_CURSOR
      || height > LODGE_FRAMEBUFFER_MAX_CURSOR)
    return refuse (error, "a pointer of %dx%d is out of bounds", width, height);
  size = (gsize) width * height * 4;
  if (length < size)
    return refuse (error, "a pointer of %dx%d needs %" G_GSIZE_FORMAT " bytes, %" G_GSIZE_FORMAT
                   " came", width, height, size, length);

  g_mutex_lock (&self->mutex);
  g_clear_pointer (&self->cursor.shape, g_bytes_unref);
  self->cursor.shape = g_bytes_new (data, size);
  self->cursor.shape_changed = TRUE;
  self->cursor.width = width;
  self->cursor.height = height;
  /* Windowing systems refuse a hot spot outside; guests define such ones while they start. */
  self->cursor.hot_x = CLAMP (hot_x, 0, width - 1);
  self->cursor.hot_y = CLAMP (hot_y, 0, height - 1);
  tell = set_pending (&self->cursor_pending);
  unlock_and_notify (self, tell);
  return TRUE;
}

void
lodge_framebuffer_set_mouse (LodgeFramebuffer *self, gint32 x, gint32 y, gboolean on)
{
  gboolean tell;

  g_mutex_lock (&self->mutex);
  self->cursor.x = CLAMP (x, -LODGE_FRAMEBUFFER_MAX_SIDE, LODGE_FRAMEBUFFER_MAX_SIDE);
  self->cursor.y = CLAMP (y, -LODGE_FRAMEBUFFER_MAX_SIDE, LODGE_FRAMEBUFFER_MAX_SIDE);
  self->cursor.visible = on;
  tell = set_pending (&self->cursor_pending);
  unlock_and_notify (self, tell);
}

gboolean
lodge_framebuffer_is_pending (LodgeFramebuffer *self)
{
  gboolean pending;

  g_mutex_lock (&self->mutex);
  pending = self->picture_pending;
  g_mutex_unlock (&self->mutex);
  return pending;
}

LodgeFramebufferChanges
lodge_framebuffer_begin (LodgeFramebuffer *self)
{
  g_mutex_lock (&self->mutex);
  return (LodgeFramebufferChanges) {
    .width = self->layout.width,
    .height = self->layout.height,
    .resized = self->resized,
    .disabled = self->disabled,
    .columns = self->columns,
    .rows = self->rows,
    .dirty = self->dirty,
  };
}

gboolean
lodge_framebuffer_read (LodgeFramebuffer *self, guint x, guint y, guint width, guint height,
                        guint8 *pixels, gsize stride, GError **error)
{
  g_return_val_if_fail ((guint64) x + width <= self->layout.width
                        && (guint64) y + height <= self->layout.height, FALSE);

  self->copied += (guint64) width * height * sizeof (guint32);
  if (self->map != NULL)
    {
      const LodgeFramebufferLayout *layout = &self->layout;
      const gsize size = lodge_pixels_get_size (layout->format);
      const guint8 *source = lodge_shared_map_enter (self->map) + (gsize) y * layout->stride + x * size;

      if (layout->stride == width * size && stride == (gsize) width * sizeof (guint32))
        lodge_pixels_convert_row (layout->format, source, (guint32 *) (void *) pixels,
                                  (gsize) width * height);
      else
        for (guint row = 0; row < height; row++)
          lodge_pixels_convert_row (layout->format, source + (gsize) row * layout->stride,
                                    (guint32 *) (void *) (pixels + row * stride), width);
      if (!lodge_shared_map_leave (self->map))
        return refuse (error, "the memory of the shared picture has shrunk");
      return TRUE;
    }
  /* There was no memory for the newest one. */
  if (self->pixels == NULL)
    return refuse (error, "the picture is lost");
  if (self->store_width == width && stride == (gsize) width * sizeof (guint32))
    memcpy (pixels, self->pixels + (gsize) y * width, (gsize) width * height * sizeof (guint32));
  else
    for (guint row = 0; row < height; row++)
      memcpy (pixels + row * stride, self->pixels + ((gsize) y + row) * self->store_width + x,
              (gsize) width * sizeof (guint32));
  return TRUE;
}

void
lodge_framebuffer_end (LodgeFramebuffer *self)
{
  if (self->dirty != NULL)
    memset (self->dirty, 0, (gsize) self->columns * self->rows);
  self->resized = FALSE;
  self->picture_pending = FALSE;
  g_mutex_unlock (&self->mutex);
}

gboolean
lodge_framebuffer_take_cursor (LodgeFramebuffer *self, LodgeFramebufferCursor *cursor)
{
  gboolean pending;

  g_mutex_lock (&self->mutex);
  pending = self->cursor_pending;
  if (pending)
    {
      *cursor = self->cursor;
      self->cursor.shape = NULL;
      self->cursor.shape_changed = FALSE;
      self->cursor_pending = FALSE;
    }
  g_mutex_unlock (&self->mutex);
  return pending;
}

gboolean
lodge_framebuffer_is_mapped (LodgeFramebuffer *self)
{
  gboolean mapped;

  g_mutex_lock (&self->mutex);
  mapped = self->map != NULL;
  g_mutex_unlock (&self->mutex);
  return mapped;
}

guint64
lodge_framebuffer_get_copied (LodgeFramebuffer *self)
{
  guint64 copied;

  g_mutex_lock (&self->mutex);
  copied = self->copied;
  g_mutex_unlock (&self->mutex);
  return copied;
}
