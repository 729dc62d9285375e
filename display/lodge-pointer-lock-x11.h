/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "display/lodge-pointer-lock.h"

G_BEGIN_DECLS

#define LODGE_TYPE_POINTER_LOCK_X11 (lodge_pointer_lock_x11_get_type ())
/**
 * LodgePointerLockX11:
 *
 * A grab of the pointer, which is put back each time it has moved; what the device did is told by XInput.
 */
G_DECLARE_FINAL_TYPE (LodgePointerLockX11, lodge_pointer_lock_x11, LODGE, POINTER_LOCK_X11, LodgePointerLock)

/**
 * @x, @y: where on @surface the pointer is held
 *
 * Returns: (transfer full) (nullable): NULL where @surface is not of X11
 */
LodgePointerLock *lodge_pointer_lock_x11_new (GdkSurface *surface, double x, double y);

G_END_DECLS
