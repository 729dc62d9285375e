/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * LodgeTilePool:
 *
 * Memory for tiles that comes back when the last user of a texture lets go of it, in whatever
 * thread. Fresh memory of that size comes from the kernel page by page, zeroed, which costs more
 * than the copy.
 */
typedef struct _LodgeTilePool LodgeTilePool;

/** @size: of each piece in bytes; @max_spare: pieces that are kept unused at most */
LodgeTilePool *lodge_tile_pool_new   (gsize size, guint max_spare);

/** Pieces that are in use stay valid. */
void           lodge_tile_pool_free  (LodgeTilePool *self);
gpointer       lodge_tile_pool_take  (LodgeTilePool *self);
void           lodge_tile_pool_give  (gpointer piece);

/** Returns: (transfer full): the first @length bytes of @piece, which it takes */
GBytes        *lodge_tile_pool_wrap  (gpointer piece, gsize length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeTilePool, lodge_tile_pool_free)

G_END_DECLS
