/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "display/lodge-pointer-lock.h"

G_BEGIN_DECLS

#define LODGE_TYPE_POINTER_LOCK_WAYLAND (lodge_pointer_lock_wayland_get_type ())
/**
 * LodgePointerLockWayland:
 *
 * The compositor holds the pointer: pointer-constraints and relative-pointer.
 */
G_DECLARE_FINAL_TYPE (LodgePointerLockWayland, lodge_pointer_lock_wayland, LODGE, POINTER_LOCK_WAYLAND, LodgePointerLock)

/** Returns: (transfer full) (nullable): NULL where @surface is not of Wayland, or its compositor lacks the protocols */
LodgePointerLock *lodge_pointer_lock_wayland_new (GdkSurface *surface);

G_END_DECLS
