/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * LodgeSharedMap:
 *
 * A read-only view of memory that another process owns and may shrink at any time. Reading what
 * is no longer there would end this process with SIGBUS; between enter and leave it reads zeros
 * instead, and leave tells.
 */
typedef struct _LodgeSharedMap LodgeSharedMap;

/**
 * lodge_shared_map_new:
 * @fd: (transfer none): a file in memory (memfd, shm) of at least @offset + @length bytes. Other
 *   files are refused: reading one on a network or FUSE could block for ever, and huge pages
 *   could not be guarded
 *
 * Errors: LODGE_DISPLAY_ERROR_PROTOCOL
 */
LodgeSharedMap *lodge_shared_map_new   (int fd, guint64 offset, gsize length, GError **error);
void            lodge_shared_map_free  (LodgeSharedMap *self);

/** Returns: where the @length bytes begin; read it by this thread up to lodge_shared_map_leave() */
const guint8   *lodge_shared_map_enter (LodgeSharedMap *self);

/** Returns: FALSE when some of what was read, now or before, was no longer there */
gboolean        lodge_shared_map_leave (LodgeSharedMap *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeSharedMap, lodge_shared_map_free)

G_END_DECLS
