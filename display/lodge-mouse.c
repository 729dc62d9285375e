/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * One motion is under way at a time; what comes meanwhile is merged (the last position, the sum of
 * the deltas) and goes out with the answer. A button sends the merged motion before itself, so a
 * click lands where the pointer was. QEMU keeps the order of calls on a connection.
 *
 * Whether the guest wants positions or deltas changes when its drivers come up, and IsAbsolute may
 * lag behind or never be told, so a refusal switches over too, and a position is offered now and
 * then to a guest that seems to have a plain mouse.
 */

#include "display/lodge-mouse.h"

#include <math.h>

#define INTERFACE "org.qemu.Display1.Mouse"
#define MAX_UNDER_WAY 64
/* A position may be refused because the guest has just made its screen smaller, too. */
#define REFUSALS_TO_SWITCH 3
#define OFFER_INTERVAL G_USEC_PER_SEC

struct _LodgeMouse
{
  GObject parent_instance;

  LodgePeer *peer;            /* (owned) */
  char *path;                 /* (owned) */
  gboolean absolute;
  gboolean motion_under_way;
  gboolean waiting;           /* a merged motion waits in x, y */
  int x, y;                   /* a position, or the sum of deltas */
  double rest_x, rest_y;      /* parts of a step that no delta has had yet */
  guint under_way;            /* calls of all kinds */
  guint refusals;             /* of positions, in a row */
  guint pressed;              /* bit per button */
  gint64 next_offer;          /* monotonic time */
};

enum
{
  PROP_ABSOLUTE = 1,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

G_DEFINE_FINAL_TYPE (LodgeMouse, lodge_mouse, G_TYPE_OBJECT)

static void flush_motion (LodgeMouse *self);

static void
motion_answered (LodgeMouse *self)
{
  self->under_way--;
  self->motion_under_way = FALSE;
  if (self->waiting)
    flush_motion (self);
}

static void
positioned_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  g_autoptr (LodgeMouse) self = user_data;

  if (reply != NULL)
    self->refusals = 0;
  else if (g_dbus_error_is_remote_error (error) && ++self->refusals >= REFUSALS_TO_SWITCH)
    lodge_mouse_set_absolute (self, FALSE);
  motion_answered (self);
}

static void
moved_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  g_autoptr (LodgeMouse) self = user_data;

  if (reply == NULL && g_dbus_error_is_remote_error (error))
    lodge_mouse_set_absolute (self, TRUE);
  motion_answered (self);
}

static void
offered_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  g_autoptr (LodgeMouse) self = user_data;

  self->under_way--;
  if (reply != NULL)
    lodge_mouse_set_absolute (self, TRUE);
}

static void
button_cb (GVariant *reply, const GError *error, gpointer user_data)
{
  g_autoptr (LodgeMouse) self = user_data;

  self->under_way--;
}

static void
send (LodgeMouse *self, const char *method, GVariant *arguments, LodgePeerFunc callback)
{
  self->under_way++;
  lodge_peer_call (self->peer, self->path, INTERFACE, method, arguments, NULL, LODGE_PEER_TIMEOUT_MS,
                   callback, g_object_ref (self));
}

static void
flush_motion (LodgeMouse *self)
{
  int x = self->x, y = self->y;

  if (!self->waiting)
    return;
  self->waiting = FALSE;
  self->motion_under_way = TRUE;
  self->x = self->y = 0;
  if (self->absolute)
    send (self, "SetAbsPosition", g_variant_new ("(uu)", (guint) x, (guint) y), positioned_cb);
  else
    send (self, "RelMotion", g_variant_new ("(ii)", x, y), moved_cb);
}

static void
button (LodgeMouse *self, const char *method, LodgeMouseButton which)
{
  flush_motion (self);
  send (self, method, g_variant_new ("(u)", (guint) which), button_cb);
}

static void
lodge_mouse_finalize (GObject *object)
{
  LodgeMouse *self = LODGE_MOUSE (object);

  g_clear_object (&self->peer);
  g_free (self->path);
  G_OBJECT_CLASS (lodge_mouse_parent_class)->finalize (object);
}

static void
lodge_mouse_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_boolean (value, LODGE_MOUSE (object)->absolute);
}

static void
lodge_mouse_class_init (LodgeMouseClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->finalize = lodge_mouse_finalize;
  object_class->get_property = lodge_mouse_get_property;

  properties[PROP_ABSOLUTE] = g_param_spec_boolean ("absolute", NULL, NULL, FALSE,
                                                    G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
lodge_mouse_init (LodgeMouse *self)
{
}

LodgeMouse *
lodge_mouse_new (LodgePeer *peer, const char *path)
{
  LodgeMouse *self = g_object_new (LODGE_TYPE_MOUSE, NULL);

  self->peer = g_object_ref (peer);
  self->path = g_strdup (path);
  return self;
}

gboolean
lodge_mouse_is_absolute (LodgeMouse *self)
{
  return self->absolute;
}

void
lodge_mouse_set_absolute (LodgeMouse *self, gboolean absolute)
{
  self->refusals = 0;
  if (self->absolute == absolute)
    return;
  self->absolute = absolute;
  /* A position means nothing as a delta, nor the other way round. */
  self->waiting = FALSE;
  self->x = self->y = 0;
  self->rest_x = self->rest_y = 0;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_ABSOLUTE]);
}

void
lodge_mouse_offer_position (LodgeMouse *self, guint x, guint y)
{
  gint64 now = g_get_monotonic_time ();

  if (self->absolute || now < self->next_offer || self->under_way >= MAX_UNDER_WAY)
    return;
  self->next_offer = now + OFFER_INTERVAL;
  send (self, "SetAbsPosition", g_variant_new ("(uu)", x, y), offered_cb);
}

void
lodge_mouse_move_to (LodgeMouse *self, guint x, guint y)
{
  if (!self->absolute)
    return;
  self->x = (int) MIN (x, G_MAXINT16);
  self->y = (int) MIN (y, G_MAXINT16);
  self->waiting = TRUE;
  if (!self->motion_under_way)
    flush_motion (self);
}

void
lodge_mouse_move_by (LodgeMouse *self, double dx, double dy)
{
  const double x = CLAMP (self->x + self->rest_x + dx, G_MININT16, G_MAXINT16);
  const double y = CLAMP (self->y + self->rest_y + dy, G_MININT16, G_MAXINT16);

  if (self->absolute)
    return;
  self->x = (int) trunc (x);
  self->y = (int) trunc (y);
  self->rest_x = x - self->x;
  self->rest_y = y - self->y;
  self->waiting = self->x != 0 || self->y != 0;
  if (!self->motion_under_way)
    flush_motion (self);
}

void
lodge_mouse_press (LodgeMouse *self, LodgeMouseButton which)
{
  if (self->under_way >= MAX_UNDER_WAY)
    return;
  self->pressed |= 1u << which;
  button (self, "Press", which);
}

void
lodge_mouse_release (LodgeMouse *self, LodgeMouseButton which)
{
  if (!(self->pressed & 1u << which))
    return;
  self->pressed &= ~(1u << which);
  button (self, "Release", which);
}

void
lodge_mouse_click (LodgeMouse *self, LodgeMouseButton which)
{
  lodge_mouse_press (self, which);
  lodge_mouse_release (self, which);
}

void
lodge_mouse_release_all (LodgeMouse *self)
{
  for (int which = LODGE_MOUSE_LEFT; which <= LODGE_MOUSE_EXTRA; which++)
    lodge_mouse_release (self, which);
}
