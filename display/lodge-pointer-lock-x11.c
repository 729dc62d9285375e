/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Raw motion is what the device did; it has no screen and so no edge, and putting the pointer back makes none. The pointer
 * itself does move and is put back at each of its motions, so that it is in the window when a button goes down, and by
 * the grab that button is ours even when it was faster.
 *
 * A device that tells positions (the tablet of a virtual machine that the desktop itself runs in) has no raw motion:
 * there the way between two positions counts, and nothing is put back.
 */

#include "display/lodge-pointer-lock-x11.h"

#include <X11/extensions/XInput2.h>
#include <gdk/x11/gdkx.h>
#include <math.h>

struct _LodgePointerLockX11
{
  LodgePointerLock parent_instance;

  GdkDisplay *display;     /* (owned) */
  gulong handler;
  Window window, root;
  int x, y;                /* where in the window it is held */
  int device;              /* the pointer */
  int extension;           /* number of XInput's events */
  int source;              /* the device that moved it last; 0 for none yet */
  gboolean positions;      /* that one tells positions */
  gboolean has_last;
  double last_x, last_y;   /* its last one, on the screen */
};

G_DEFINE_FINAL_TYPE (LodgePointerLockX11, lodge_pointer_lock_x11, LODGE_TYPE_POINTER_LOCK)

static gboolean
tells_positions (Display *xdisplay, int device)
{
  gboolean found = FALSE;
  int n;
  XIDeviceInfo *info = XIQueryDevice (xdisplay, device, &n);

  for (int i = 0; info != NULL && n > 0 && i < info->num_classes; i++)
    {
      const XIValuatorClassInfo *valuator = (const XIValuatorClassInfo *) (void *) info->classes[i];

      if (valuator->type == XIValuatorClass && valuator->number == 0)
        found = valuator->mode == XIModeAbsolute;
    }
  if (info != NULL)
    XIFreeDeviceInfo (info);
  return found;
}

static void
look_at_source (LodgePointerLockX11 *self, int source)
{
  if (self->source == source)
    return;
  self->source = source;
  self->has_last = FALSE;
  gdk_x11_display_error_trap_push (self->display);
  self->positions = tells_positions (gdk_x11_display_get_xdisplay (self->display), source);
  gdk_x11_display_error_trap_pop_ignored (self->display);
}

static void
raw_motion (LodgePointerLockX11 *self, const XIRawEvent *event)
{
  const double *value = event->raw_values;
  double dx = 0, dy = 0;

  look_at_source (self, event->sourceid);
  if (self->positions)
    return;
  for (int i = 0; i < 2 && i < event->valuators.mask_len * 8; i++)
    if (XIMaskIsSet (event->valuators.mask, i))
      *(i == 0 ? &dx : &dy) = *value++;
  if (dx != 0 || dy != 0)
    lodge_pointer_lock_moved (LODGE_POINTER_LOCK (self), dx, dy);
}

static void
put_back (LodgePointerLockX11 *self)
{
  XIWarpPointer (gdk_x11_display_get_xdisplay (self->display), self->device, None, self->window, 0, 0, 0, 0, self->x,
                 self->y);
}

static void
motion (LodgePointerLockX11 *self, const XIDeviceEvent *event)
{
  look_at_source (self, event->sourceid);
  if (!self->positions)
    {
      if (event->event != self->window || fabs (event->event_x - self->x) >= 1 || fabs (event->event_y - self->y) >= 1)
        put_back (self);
      return;
    }
  if (self->has_last)
    lodge_pointer_lock_moved (LODGE_POINTER_LOCK (self), event->root_x - self->last_x, event->root_y - self->last_y);
  self->has_last = TRUE;
  self->last_x = event->root_x;
  self->last_y = event->root_y;
}

/* Before GDK makes its own of it. */
static gboolean
xevent_cb (GdkDisplay *display, gpointer xevent, LodgePointerLockX11 *self)
{
  const XGenericEventCookie *cookie = &((XEvent *) xevent)->xcookie;

  if (cookie->type != GenericEvent || cookie->extension != self->extension || cookie->data == NULL)
    return GDK_EVENT_PROPAGATE;
  switch (cookie->evtype)
    {
    case XI_RawMotion:
      raw_motion (self, cookie->data);
      return GDK_EVENT_STOP;
    case XI_Motion:
      motion (self, cookie->data);
      return GDK_EVENT_PROPAGATE;
    default:
      return GDK_EVENT_PROPAGATE;
    }
}

/* GDK's own choice of events on the root window is for all devices together, which this leaves as it is. */
static void
select_raw_motion (LodgePointerLockX11 *self, gboolean on)
{
  unsigned char bits[XIMaskLen (XI_LASTEVENT)] = { 0 };
  XIEventMask mask = { .deviceid = self->device, .mask_len = sizeof bits, .mask = bits };

  if (on)
    XISetMask (bits, XI_RawMotion);
  XISelectEvents (gdk_x11_display_get_xdisplay (self->display), self->root, &mask, 1);
}

static void
grab (LodgePointerLockX11 *self)
{
  unsigned char bits[XIMaskLen (XI_LASTEVENT)] = { 0 };
  XIEventMask mask = { .deviceid = self->device, .mask_len = sizeof bits, .mask = bits };

  XISetMask (bits, XI_ButtonPress);
  XISetMask (bits, XI_ButtonRelease);
  XISetMask (bits, XI_Motion);
  /* Refused while somebody else has it; what is put back is held all the same. Not with the owner's other events, or the
   * server tells raw motion twice: for the grab and for the root window. */
  XIGrabDevice (gdk_x11_display_get_xdisplay (self->display), self->device, self->window, CurrentTime, None, XIGrabModeAsync,
                XIGrabModeAsync, XINoOwnerEvents, &mask);
}

static void
lodge_pointer_lock_x11_dispose (GObject *object)
{
  LodgePointerLockX11 *self = LODGE_POINTER_LOCK_X11 (object);

  if (self->display != NULL)
    {
      Display *xdisplay = gdk_x11_display_get_xdisplay (self->display);

      g_clear_signal_handler (&self->handler, self->display);
      gdk_x11_display_error_trap_push (self->display);
      XIUngrabDevice (xdisplay, self->device, CurrentTime);
      select_raw_motion (self, FALSE);
      XFlush (xdisplay);
      gdk_x11_display_error_trap_pop_ignored (self->display);
    }
  g_clear_object (&self->display);
  G_OBJECT_CLASS (lodge_pointer_lock_x11_parent_class)->dispose (object);
}

static void
lodge_pointer_lock_x11_class_init (LodgePointerLockX11Class *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_pointer_lock_x11_dispose;
}

static void
lodge_pointer_lock_x11_init (LodgePointerLockX11 *self)
{
}

LodgePointerLock *
lodge_pointer_lock_x11_new (GdkSurface *surface, double x, double y)
{
  GdkDisplay *display = gdk_surface_get_display (surface);
  GdkSeat *seat = gdk_display_get_default_seat (display);
  GdkDevice *device = seat != NULL ? gdk_seat_get_pointer (seat) : NULL;
  const int scale = gdk_surface_get_scale_factor (surface);
  LodgePointerLockX11 *self;
  Display *xdisplay;
  int extension, first_event, first_error;

  if (!GDK_IS_X11_DISPLAY (display) || device == NULL)
    return NULL;
  xdisplay = gdk_x11_display_get_xdisplay (display);
  if (!XQueryExtension (xdisplay, "XInputExtension", &extension, &first_event, &first_error))
    return NULL;

  self = g_object_new (LODGE_TYPE_POINTER_LOCK_X11, NULL);
  self->display = g_object_ref (display);
  self->window = gdk_x11_surface_get_xid (surface);
  self->root = DefaultRootWindow (xdisplay);
  self->x = (int) (x * scale);
  self->y = (int) (y * scale);
  self->device = gdk_x11_device_get_id (device);
  self->extension = extension;
  self->handler = g_signal_connect (display, "xevent", G_CALLBACK (xevent_cb), self);
  gdk_x11_display_error_trap_push (display);
  grab (self);
  select_raw_motion (self, TRUE);
  put_back (self);
  XFlush (xdisplay);
  gdk_x11_display_error_trap_pop_ignored (display);
  lodge_pointer_lock_set_held (LODGE_POINTER_LOCK (self), TRUE);
  return LODGE_POINTER_LOCK (self);
}
