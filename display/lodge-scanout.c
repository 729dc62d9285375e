/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * GTK compares the render nodes of two frames and paints only where they differ. So the picture is
 * cut into tiles that keep texture and node as long as nothing changes in them: a blinking cursor
 * costs one tile, and a redraw without damage costs nothing.
 *
 * When most of the picture has changed, it is copied in one piece and the tiles are views of that
 * piece; else each changed tile is copied by itself. A frame that replaces all tiles lets go of the
 * one before, so at most two of them are alive: the newest and the one that GTK shows still.
 *
 * A scaled tile would blend its edge with what is beneath. Therefore a tile's texture has some
 * pixels of its neighbours around it (the overlap), and its node is clipped to its own part, whose
 * borders are put on device pixels.
 */

#include "display/lodge-scanout.h"

#include <math.h>
#include <string.h>

#include <gtk/gtk.h>

#include "display/lodge-tile-pool.h"

#define TILE LODGE_FRAMEBUFFER_TILE
#define OVERLAP LODGE_FRAMEBUFFER_OVERLAP
#define OUTER (TILE + 2 * OVERLAP)
/* Less than a pixel that could be seen, more than Cairo's coordinates can be wrong by. */
#define HAIR (1.0f / 128)
/* Of so many changed tiles on, the whole picture is copied at once. */
#define MOST(n) ((n) - (n) / 4)

#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define FORMAT GDK_MEMORY_B8G8R8A8_PREMULTIPLIED
#else
#define FORMAT GDK_MEMORY_A8R8G8B8_PREMULTIPLIED
#endif

typedef struct
{
  int x, y, width, height;
} Area;

typedef struct
{
  GBytes *pixels;          /* (owned) (nullable): the tile with its overlap; NULL before the first */
  gsize stride;            /* of pixels */
  GdkTexture *texture;     /* (owned) (nullable): the same, once it was painted */
  GskRenderNode *node;     /* (owned) (nullable): for the present size and filter */
} Tile;

struct _LodgeScanout
{
  GObject parent_instance;

  guint width, height;
  guint columns, rows;
  Tile *tiles;             /* (owned) (nullable): columns * rows */
  LodgeTilePool *tile_pool, *frame_pool;   /* (owned) (nullable): live as long as tiles */
  gboolean disabled;
  LodgeScanoutFilter filter;
  gboolean software;
  double scale;            /* device pixels per unit of the snapshot */
  double node_width, node_height;   /* what the nodes were made for */
};

static void paintable_iface_init (GdkPaintableInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LodgeScanout, lodge_scanout, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (GDK_TYPE_PAINTABLE, paintable_iface_init))

static Area
tile_area (LodgeScanout *self, guint column, guint row)
{
  int x = (int) column * TILE, y = (int) row * TILE;

  return (Area) { x, y, MIN (TILE, (int) self->width - x), MIN (TILE, (int) self->height - y) };
}

static Area
with_overlap (LodgeScanout *self, Area area)
{
  int left = MIN (area.x, OVERLAP), top = MIN (area.y, OVERLAP);
  int right = MIN ((int) self->width - area.x - area.width, OVERLAP);
  int bottom = MIN ((int) self->height - area.y - area.height, OVERLAP);

  return (Area) { area.x - left, area.y - top, area.width + left + right,
                  area.height + top + bottom };
}

static void
drop_nodes (LodgeScanout *self)
{
  for (guint i = 0; i < self->columns * self->rows; i++)
    g_clear_pointer (&self->tiles[i].node, gsk_render_node_unref);
}

static void
clear_tile (Tile *tile)
{
  g_clear_pointer (&tile->node, gsk_render_node_unref);
  g_clear_object (&tile->texture);
  g_clear_pointer (&tile->pixels, g_bytes_unref);
}

static void
clear_tiles (LodgeScanout *self)
{
  for (guint i = 0; i < self->columns * self->rows; i++)
    clear_tile (&self->tiles[i]);
  g_clear_pointer (&self->tiles, g_free);
  g_clear_pointer (&self->tile_pool, lodge_tile_pool_free);
  g_clear_pointer (&self->frame_pool, lodge_tile_pool_free);
  self->columns = self->rows = 0;
}

static void
release_surface_bytes (gpointer bytes)
{
  g_bytes_unref (bytes);
}

/* Cairo can do what GTK 4.8 has no node for: no interpolation, and a format without alpha. */
static GskRenderNode *
make_cairo_node (Tile *tile, const graphene_rect_t *clip, const graphene_rect_t *bounds, Area outer,
                 LodgeScanoutFilter filter)
{
  static const cairo_user_data_key_t bytes_key;
  GskRenderNode *node = gsk_cairo_node_new (clip);
  cairo_t *cr = gsk_cairo_node_get_draw_context (node);
  cairo_surface_t *surface = cairo_image_surface_create_for_data (
      (guchar *) g_bytes_get_data (tile->pixels, NULL), CAIRO_FORMAT_RGB24, outer.width,
      outer.height, (int) tile->stride);

  cairo_surface_set_user_data (surface, &bytes_key, g_bytes_ref (tile->pixels),
                               release_surface_bytes);
  cairo_rectangle (cr, clip->origin.x, clip->origin.y, clip->size.width, clip->size.height);
  cairo_clip (cr);
  cairo_translate (cr, bounds->origin.x, bounds->origin.y);
  cairo_scale (cr, bounds->size.width / outer.width, bounds->size.height / outer.height);
  cairo_set_source_surface (cr, surface, 0, 0);
  cairo_pattern_set_filter (cairo_get_source (cr), filter == LODGE_SCANOUT_NEAREST
                                                       ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend (cairo_get_source (cr), CAIRO_EXTEND_PAD);
  cairo_paint (cr);
  cairo_destroy (cr);
  cairo_surface_destroy (surface);
  return node;
}

static gboolean
uses_cairo (LodgeScanout *self)
{
  return self->software || self->filter == LODGE_SCANOUT_NEAREST;
}

static GskRenderNode *
make_node (LodgeScanout *self, Tile *tile, guint column, guint row, double width, double height)
{
  const double across = width / self->width, down = height / self->height;
  const double device = self->scale;
  Area area = tile_area (self, column, row);
  Area outer = with_overlap (self, area);
  double left = round (area.x * across * device) / device;
  double top = round (area.y * down * device) / device;
  double right = round ((area.x + area.width) * across * device) / device;
  double bottom = round ((area.y + area.height) * down * device) / device;
  graphene_rect_t clip = GRAPHENE_RECT_INIT (left, top, right - left, bottom - top);
  graphene_rect_t bounds = GRAPHENE_RECT_INIT (outer.x * across, outer.y * down,
                                               outer.width * across, outer.height * down);
  g_autoptr (GskRenderNode) texture = NULL;

  if (uses_cairo (self))
    {
      /* At a fraction the sides are device pixels but for a rounding error, through which nothing is to shine. */
      if (device != floor (device))
        graphene_rect_inset (&clip, -HAIR, -HAIR);
      return make_cairo_node (tile, &clip, &bounds, outer, self->filter);
    }
  if (tile->texture == NULL)
    tile->texture = gdk_memory_texture_new (outer.width, outer.height, FORMAT, tile->pixels,
                                            tile->stride);
  texture = gsk_texture_node_new (tile->texture, &bounds);
  return gsk_clip_node_new (texture, &clip);
}

static void
lodge_scanout_snapshot (GdkPaintable *paintable, GdkSnapshot *snapshot, double width, double height)
{
  LodgeScanout *self = LODGE_SCANOUT (paintable);

  if (self->tiles == NULL || width <= 0 || height <= 0)
    return;
  if (width != self->node_width || height != self->node_height)
    {
      drop_nodes (self);
      self->node_width = width;
      self->node_height = height;
    }
  /* The textures' alpha has no meaning. Premultiplied colours over black are the colours. */
  if (!uses_cairo (self))
    gtk_snapshot_append_color (snapshot, &(GdkRGBA) { 0, 0, 0, 1 },
                               &GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height));
  for (guint row = 0; row < self->rows; row++)
    for (guint column = 0; column < self->columns; column++)
      {
        Tile *tile = &self->tiles[row * self->columns + column];

        if (tile->pixels == NULL)
          continue;
        if (tile->node == NULL)
          tile->node = make_node (self, tile, column, row, width, height);
        gtk_snapshot_append_node (snapshot, tile->node);
      }
}

static int
lodge_scanout_get_intrinsic_width (GdkPaintable *paintable)
{
  return (int) LODGE_SCANOUT (paintable)->width;
}

static int
lodge_scanout_get_intrinsic_height (GdkPaintable *paintable)
{
  return (int) LODGE_SCANOUT (paintable)->height;
}

static void
paintable_iface_init (GdkPaintableInterface *iface)
{
  iface->snapshot = lodge_scanout_snapshot;
  iface->get_intrinsic_width = lodge_scanout_get_intrinsic_width;
  iface->get_intrinsic_height = lodge_scanout_get_intrinsic_height;
}

static void
lodge_scanout_finalize (GObject *object)
{
  clear_tiles (LODGE_SCANOUT (object));
  G_OBJECT_CLASS (lodge_scanout_parent_class)->finalize (object);
}

static void
lodge_scanout_class_init (LodgeScanoutClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_scanout_finalize;
}

static void
lodge_scanout_init (LodgeScanout *self)
{
  self->scale = 1;
}

LodgeScanout *
lodge_scanout_new (void)
{
  return g_object_new (LODGE_TYPE_SCANOUT, NULL);
}

static gboolean
take_tile (LodgeScanout *self, LodgeFramebuffer *framebuffer, guint column, guint row, GError **error)
{
  Tile *tile = &self->tiles[row * self->columns + column];
  Area outer = with_overlap (self, tile_area (self, column, row));
  const gsize stride = (gsize) outer.width * 4;
  guint8 *pixels = lodge_tile_pool_take (self->tile_pool);

  if (!lodge_framebuffer_read (framebuffer, (guint) outer.x, (guint) outer.y, (guint) outer.width,
                               (guint) outer.height, pixels, stride, error))
    {
      lodge_tile_pool_give (pixels);
      return FALSE;
    }
  clear_tile (tile);
  tile->pixels = lodge_tile_pool_wrap (pixels, stride * (gsize) outer.height);
  tile->stride = stride;
  return TRUE;
}

/* All tiles anew: a clean one that kept its old pixels would keep a whole frame alive. */
static gboolean
take_frame (LodgeScanout *self, LodgeFramebuffer *framebuffer, GError **error)
{
  const gsize stride = (gsize) self->width * 4;
  guint8 *pixels = lodge_tile_pool_take (self->frame_pool);
  g_autoptr (GBytes) frame = NULL;

  if (!lodge_framebuffer_read (framebuffer, 0, 0, self->width, self->height, pixels, stride, error))
    {
      lodge_tile_pool_give (pixels);
      return FALSE;
    }
  frame = lodge_tile_pool_wrap (pixels, stride * self->height);
  for (guint i = 0; i < self->columns * self->rows; i++)
    {
      Tile *tile = &self->tiles[i];
      Area outer = with_overlap (self, tile_area (self, i % self->columns, i / self->columns));

      clear_tile (tile);
      tile->pixels = g_bytes_new_from_bytes (frame, (gsize) outer.y * stride + (gsize) outer.x * 4,
                                             (gsize) (outer.height - 1) * stride
                                             + (gsize) outer.width * 4);
      tile->stride = stride;
    }
  return TRUE;
}

static gboolean
is_dirty (LodgeScanout *self, const LodgeFramebufferChanges *changes, guint i)
{
  return changes->dirty[i] || self->tiles[i].pixels == NULL;
}

/* Returns how many tiles were taken, in @n_taken also on failure. */
static gboolean
take_changes (LodgeScanout *self, LodgeFramebuffer *framebuffer,
              const LodgeFramebufferChanges *changes, guint *n_taken, GError **error)
{
  const guint n = self->columns * self->rows;
  guint n_dirty = 0;

  for (guint i = 0; i < n; i++)
    n_dirty += is_dirty (self, changes, i);
  *n_taken = n_dirty;
  if (n_dirty >= MOST (n))
    return take_frame (self, framebuffer, error);
  for (guint i = 0; n_dirty > 0 && i < n; i++)
    if (is_dirty (self, changes, i)
        && !take_tile (self, framebuffer, i % self->columns, i / self->columns, error))
      return FALSE;
  return TRUE;
}

gboolean
lodge_scanout_take (LodgeScanout *self, LodgeFramebuffer *framebuffer, GError **error)
{
  LodgeFramebufferChanges changes = lodge_framebuffer_begin (framebuffer);
  gboolean resized, ok = TRUE;
  guint n_taken = 0;

  self->disabled = changes.disabled;
  resized = changes.width != 0 && (changes.width != self->width || changes.height != self->height);
  if (changes.width != 0 && (resized || changes.resized || self->tiles == NULL))
    {
      clear_tiles (self);
      self->width = changes.width;
      self->height = changes.height;
      self->columns = changes.columns;
      self->rows = changes.rows;
      self->tiles = g_new0 (Tile, (gsize) self->columns * self->rows);
      /* The renderer holds on to what it shows, so all of that comes back at a time. */
      self->tile_pool = lodge_tile_pool_new ((gsize) OUTER * OUTER * 4,
                                             MOST (self->columns * self->rows));
      self->frame_pool = lodge_tile_pool_new ((gsize) self->width * self->height * 4, 1);
    }
  if (changes.width != 0)
    ok = take_changes (self, framebuffer, &changes, &n_taken, error);
  lodge_framebuffer_end (framebuffer);

  if (resized)
    gdk_paintable_invalidate_size (GDK_PAINTABLE (self));
  if (n_taken > 0)
    gdk_paintable_invalidate_contents (GDK_PAINTABLE (self));
  return ok;
}

guint
lodge_scanout_get_width (LodgeScanout *self)
{
  return self->width;
}

guint
lodge_scanout_get_height (LodgeScanout *self)
{
  return self->height;
}

gboolean
lodge_scanout_is_disabled (LodgeScanout *self)
{
  return self->disabled;
}

void
lodge_scanout_set_filter (LodgeScanout *self, LodgeScanoutFilter filter)
{
  if (self->filter == filter)
    return;
  self->filter = filter;
  drop_nodes (self);
  gdk_paintable_invalidate_contents (GDK_PAINTABLE (self));
}

void
lodge_scanout_set_software (LodgeScanout *self, gboolean software)
{
  if (self->software == software)
    return;
  self->software = software;
  drop_nodes (self);
  gdk_paintable_invalidate_contents (GDK_PAINTABLE (self));
}

void
lodge_scanout_set_scale (LodgeScanout *self, double scale)
{
  if (self->scale == scale)
    return;
  self->scale = scale;
  drop_nodes (self);
  gdk_paintable_invalidate_contents (GDK_PAINTABLE (self));
}

/* Rows [y, y + 1) of the whole picture, from its tiles. */
static void
copy_row (LodgeScanout *self, guint y, guint32 *target)
{
  const guint row = y / TILE;

  for (guint column = 0; column < self->columns; column++)
    {
      const Tile *tile = &self->tiles[row * self->columns + column];
      Area area = tile_area (self, column, row);
      Area outer = with_overlap (self, area);

      if (tile->pixels == NULL)
        {
          memset (target + area.x, 0, (gsize) area.width * 4);
          continue;
        }
      memcpy (target + area.x,
              (const guint8 *) g_bytes_get_data (tile->pixels, NULL)
              + ((gsize) y - (gsize) outer.y) * tile->stride + (gsize) (area.x - outer.x) * 4,
              (gsize) area.width * 4);
    }
}

/* Each pixel of the target is the mean of the pixels of its area, at least one. */
static void
scale_down (LodgeScanout *self, guint width, guint height, guint32 *target)
{
  g_autofree guint32 *row = g_new (guint32, self->width);
  g_autofree guint64 *sums = g_new (guint64, (gsize) width * 4);

  for (guint y = 0; y < height; y++)
    {
      guint top = (guint) ((guint64) y * self->height / height);
      guint bottom = MAX (top + 1, (guint) ((guint64) (y + 1) * self->height / height));

      memset (sums, 0, (gsize) width * 4 * sizeof *sums);
      for (guint from = top; from < bottom; from++)
        {
          copy_row (self, from, row);
          for (guint x = 0; x < width; x++)
            {
              guint left = (guint) ((guint64) x * self->width / width);
              guint right = MAX (left + 1, (guint) ((guint64) (x + 1) * self->width / width));
              guint64 *sum = sums + (gsize) x * 4;

              for (guint i = left; i < right; i++)
                {
                  sum[0] += row[i] & 0xff;
                  sum[1] += row[i] >> 8 & 0xff;
                  sum[2] += row[i] >> 16 & 0xff;
                  sum[3]++;
                }
            }
        }
      for (guint x = 0; x < width; x++)
        {
          const guint64 *sum = sums + (gsize) x * 4;

          target[(gsize) y * width + x] = 0xff000000u | (guint32) (sum[2] / sum[3]) << 16
                                          | (guint32) (sum[1] / sum[3]) << 8
                                          | (guint32) (sum[0] / sum[3]);
        }
    }
}

GdkTexture *
lodge_scanout_to_texture (LodgeScanout *self, guint max_width)
{
  guint width = self->width, height = self->height;
  g_autoptr (GBytes) bytes = NULL;
  guint32 *pixels;

  if (self->tiles == NULL)
    return NULL;
  if (max_width != 0 && max_width < width)
    {
      height = MAX (1, (guint) ((guint64) height * max_width / width));
      width = max_width;
    }
  pixels = g_new (guint32, (gsize) width * height);
  if (width == self->width)
    {
      for (guint y = 0; y < height; y++)
        copy_row (self, y, pixels + (gsize) y * width);
      for (gsize i = 0; i < (gsize) width * height; i++)
        pixels[i] |= 0xff000000u;
    }
  else
    scale_down (self, width, height, pixels);
  bytes = g_bytes_new_take (pixels, (gsize) width * height * 4);
  return gdk_memory_texture_new ((int) width, (int) height, FORMAT, bytes, (gsize) width * 4);
}
