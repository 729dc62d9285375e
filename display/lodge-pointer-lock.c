/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-pointer-lock.h"

#include "display/lodge-pointer-lock-wayland.h"
#include "display/lodge-pointer-lock-x11.h"

typedef struct
{
  gboolean held;
} LodgePointerLockPrivate;

enum
{
  SIGNAL_MOTION,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (LodgePointerLock, lodge_pointer_lock, G_TYPE_OBJECT)

static void
lodge_pointer_lock_class_init (LodgePointerLockClass *klass)
{
  signals[SIGNAL_MOTION] = g_signal_new ("motion", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 2, G_TYPE_DOUBLE, G_TYPE_DOUBLE);
}

static void
lodge_pointer_lock_init (LodgePointerLock *self)
{
}

LodgePointerLock *
lodge_pointer_lock_new (GdkSurface *surface, double x, double y)
{
  LodgePointerLock *self = lodge_pointer_lock_wayland_new (surface);

  return self != NULL ? self : lodge_pointer_lock_x11_new (surface, x, y);
}

gboolean
lodge_pointer_lock_is_held (LodgePointerLock *self)
{
  LodgePointerLockPrivate *priv = lodge_pointer_lock_get_instance_private (self);

  return priv->held;
}

void
lodge_pointer_lock_set_held (LodgePointerLock *self, gboolean held)
{
  LodgePointerLockPrivate *priv = lodge_pointer_lock_get_instance_private (self);

  priv->held = held;
}

void
lodge_pointer_lock_moved (LodgePointerLock *self, double dx, double dy)
{
  g_signal_emit (self, signals[SIGNAL_MOTION], 0, dx, dy);
}
