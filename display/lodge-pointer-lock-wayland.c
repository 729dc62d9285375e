/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Each lock has a registry of its own on GDK's connection, whose events GDK reads in the main loop. The compositor answers with
 * what it has; the two managers are bound, and the lock is asked for as soon as both are there. It comes when the compositor
 * wants, goes when the surface loses the pointer, and comes back: its life is that of this object. Motion is told apart
 * from the pointer's and also while nothing is held; then it is not ours.
 */

#include "display/lodge-pointer-lock-wayland.h"

#include <gdk/wayland/gdkwayland.h>

#include "pointer-constraints-unstable-v1-client-protocol.h"
#include "relative-pointer-unstable-v1-client-protocol.h"

struct _LodgePointerLockWayland
{
  LodgePointerLock parent_instance;

  GdkSurface *surface;                                  /* (owned): its wl_surface must outlive the lock */
  struct wl_pointer *pointer;                           /* (unowned): GDK's */
  struct wl_registry *registry;                         /* (owned) */
  struct zwp_pointer_constraints_v1 *constraints;       /* (owned) (nullable) */
  struct zwp_relative_pointer_manager_v1 *relatives;    /* (owned) (nullable) */
  struct zwp_locked_pointer_v1 *locked;                 /* (owned) (nullable) */
  struct zwp_relative_pointer_v1 *relative;             /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (LodgePointerLockWayland, lodge_pointer_lock_wayland, LODGE_TYPE_POINTER_LOCK)

static void
locked_cb (void *data, struct zwp_locked_pointer_v1 *locked)
{
  lodge_pointer_lock_set_held (data, TRUE);
}

static void
unlocked_cb (void *data, struct zwp_locked_pointer_v1 *locked)
{
  lodge_pointer_lock_set_held (data, FALSE);
}

static const struct zwp_locked_pointer_v1_listener locked_listener = {
  .locked = locked_cb,
  .unlocked = unlocked_cb,
};

static void
relative_motion_cb (void *data, struct zwp_relative_pointer_v1 *relative, uint32_t time_high, uint32_t time_low,
                    wl_fixed_t dx, wl_fixed_t dy, wl_fixed_t plain_dx, wl_fixed_t plain_dy)
{
  LodgePointerLock *self = data;

  if (lodge_pointer_lock_is_held (self))
    lodge_pointer_lock_moved (self, wl_fixed_to_double (plain_dx), wl_fixed_to_double (plain_dy));
}

static const struct zwp_relative_pointer_v1_listener relative_listener = {
  .relative_motion = relative_motion_cb,
};

static void
lock (LodgePointerLockWayland *self)
{
  if (self->locked != NULL || self->constraints == NULL || self->relatives == NULL
      || gdk_surface_is_destroyed (self->surface))
    return;
  self->relative = zwp_relative_pointer_manager_v1_get_relative_pointer (self->relatives, self->pointer);
  zwp_relative_pointer_v1_add_listener (self->relative, &relative_listener, self);
  self->locked = zwp_pointer_constraints_v1_lock_pointer (self->constraints,
                                                          gdk_wayland_surface_get_wl_surface (self->surface), self->pointer,
                                                          NULL, ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_PERSISTENT);
  zwp_locked_pointer_v1_add_listener (self->locked, &locked_listener, self);
}

static void
global_cb (void *data, struct wl_registry *registry, uint32_t name, const char *interface, uint32_t version)
{
  LodgePointerLockWayland *self = data;

  if (self->constraints == NULL && g_str_equal (interface, zwp_pointer_constraints_v1_interface.name))
    self->constraints = wl_registry_bind (registry, name, &zwp_pointer_constraints_v1_interface, 1);
  else if (self->relatives == NULL && g_str_equal (interface, zwp_relative_pointer_manager_v1_interface.name))
    self->relatives = wl_registry_bind (registry, name, &zwp_relative_pointer_manager_v1_interface, 1);
  lock (self);
}

static void
global_remove_cb (void *data, struct wl_registry *registry, uint32_t name)
{
}

static const struct wl_registry_listener registry_listener = {
  .global = global_cb,
  .global_remove = global_remove_cb,
};

static void
lodge_pointer_lock_wayland_dispose (GObject *object)
{
  LodgePointerLockWayland *self = LODGE_POINTER_LOCK_WAYLAND (object);

  g_clear_pointer (&self->locked, zwp_locked_pointer_v1_destroy);
  g_clear_pointer (&self->relative, zwp_relative_pointer_v1_destroy);
  g_clear_pointer (&self->constraints, zwp_pointer_constraints_v1_destroy);
  g_clear_pointer (&self->relatives, zwp_relative_pointer_manager_v1_destroy);
  g_clear_pointer (&self->registry, wl_registry_destroy);
  g_clear_object (&self->surface);
  G_OBJECT_CLASS (lodge_pointer_lock_wayland_parent_class)->dispose (object);
}

static void
lodge_pointer_lock_wayland_class_init (LodgePointerLockWaylandClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_pointer_lock_wayland_dispose;
}

static void
lodge_pointer_lock_wayland_init (LodgePointerLockWayland *self)
{
}

LodgePointerLock *
lodge_pointer_lock_wayland_new (GdkSurface *surface)
{
  GdkDisplay *display = gdk_surface_get_display (surface);
  GdkSeat *seat = gdk_display_get_default_seat (display);
  GdkDevice *device = seat != NULL ? gdk_seat_get_pointer (seat) : NULL;
  LodgePointerLockWayland *self;

  if (!GDK_IS_WAYLAND_DISPLAY (display) || device == NULL || gdk_wayland_device_get_wl_pointer (device) == NULL
      || !gdk_wayland_display_query_registry (display, zwp_pointer_constraints_v1_interface.name)
      || !gdk_wayland_display_query_registry (display, zwp_relative_pointer_manager_v1_interface.name))
    return NULL;

  self = g_object_new (LODGE_TYPE_POINTER_LOCK_WAYLAND, NULL);
  self->surface = g_object_ref (surface);
  self->pointer = gdk_wayland_device_get_wl_pointer (device);
  self->registry = wl_display_get_registry (gdk_wayland_display_get_wl_display (display));
  wl_registry_add_listener (self->registry, &registry_listener, self);
  return LODGE_POINTER_LOCK (self);
}
