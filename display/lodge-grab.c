/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-grab.h"

struct _LodgeGrab
{
  GObject parent_instance;

  GtkWidget *widget;          /* (unowned) */
  GdkToplevel *toplevel;      /* (owned) (nullable): while active */
  gulong inhibited_handler;
  gboolean active;
};

enum
{
  PROP_ACTIVE = 1,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE (LodgeGrab, lodge_grab, G_TYPE_OBJECT)

static void
set_active (LodgeGrab *self, gboolean active)
{
  if (self->active == active)
    return;
  self->active = active;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ACTIVE]);
}

/* A compositor that gives the shortcuts back ends the grab; one that never inhibited them (it may
 * refuse, or know no such thing) leaves it at what the window gets by itself. */
static void
inhibited_cb (GdkToplevel *toplevel, GParamSpec *pspec, LodgeGrab *self)
{
  gboolean inhibited;

  g_object_get (toplevel, "shortcuts-inhibited", &inhibited, NULL);
  if (!inhibited)
    lodge_grab_deactivate (self);
}

static void
lodge_grab_dispose (GObject *object)
{
  lodge_grab_deactivate (LODGE_GRAB (object));
  G_OBJECT_CLASS (lodge_grab_parent_class)->dispose (object);
}

static void
lodge_grab_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_boolean (value, LODGE_GRAB (object)->active);
}

static void
lodge_grab_class_init (LodgeGrabClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_grab_dispose;
  object_class->get_property = lodge_grab_get_property;

  properties[PROP_ACTIVE] = g_param_spec_boolean ("active", NULL, NULL, FALSE,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
lodge_grab_init (LodgeGrab *self)
{
}

LodgeGrab *
lodge_grab_new (GtkWidget *widget)
{
  LodgeGrab *self = g_object_new (LODGE_TYPE_GRAB, NULL);

  self->widget = widget;
  return self;
}

void
lodge_grab_activate (LodgeGrab *self, GdkEvent *event)
{
  GtkNative *native = gtk_widget_get_native (self->widget);
  GdkSurface *surface = native != NULL ? gtk_native_get_surface (native) : NULL;

  if (self->active || !GDK_IS_TOPLEVEL (surface))
    return;
  self->toplevel = g_object_ref (GDK_TOPLEVEL (surface));
  gdk_toplevel_inhibit_system_shortcuts (self->toplevel, event);
  self->inhibited_handler = g_signal_connect (self->toplevel, "notify::shortcuts-inhibited",
                                              G_CALLBACK (inhibited_cb), self);
  set_active (self, TRUE);
}

void
lodge_grab_deactivate (LodgeGrab *self)
{
  if (!self->active)
    return;
  g_clear_signal_handler (&self->inhibited_handler, self->toplevel);
  if (!gdk_surface_is_destroyed (GDK_SURFACE (self->toplevel)))
    gdk_toplevel_restore_system_shortcuts (self->toplevel);
  g_clear_object (&self->toplevel);
  set_active (self, FALSE);
}

gboolean
lodge_grab_is_active (LodgeGrab *self)
{
  return self->active;
}
