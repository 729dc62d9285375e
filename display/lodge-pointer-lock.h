/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gdk/gdk.h>

G_BEGIN_DECLS

#define LODGE_TYPE_POINTER_LOCK (lodge_pointer_lock_get_type ())
/**
 * LodgePointerLock:
 *
 * Holds the host's pointer where it is for as long as it lives, so that its motion has no end at the screen's edge, and tells
 * that motion. Buttons and wheel come as ever, to where the pointer is held.
 *
 * Signals:
 * - motion (double dx, double dy): as far as the device was moved, to the right and down, in its own steps: the desktop's
 *   acceleration is left out, since the guest has one of its own
 */
G_DECLARE_DERIVABLE_TYPE (LodgePointerLock, lodge_pointer_lock, LODGE, POINTER_LOCK, GObject)

struct _LodgePointerLockClass
{
  GObjectClass parent_class;
};

/**
 * lodge_pointer_lock_new:
 * @x, @y: where on the surface to hold it, where the desktop lets a program choose
 *
 * Returns: (transfer full) (nullable): NULL where the desktop knows no such thing
 */
LodgePointerLock *lodge_pointer_lock_new     (GdkSurface *surface, double x, double y);

/** Whether it really stands still: a compositor takes its time and may refuse. Until then motion comes as ever. */
gboolean          lodge_pointer_lock_is_held (LodgePointerLock *self);

/** For the implementations. */
void              lodge_pointer_lock_set_held (LodgePointerLock *self, gboolean held);
void              lodge_pointer_lock_moved    (LodgePointerLock *self, double dx, double dy);

G_END_DECLS
