/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * With a tablet in the guest the pointer simply passes through, and the click that grabs goes to the guest as well. With a
 * plain mouse only motion can be sent, and only while grabbed, so the first click is for the grab alone. From it on the host's
 * pointer is held (LodgePointerLock): its motion has no end at the screen's edge, and what lies under it, the header bar or
 * another window, gets none of its clicks. Where the desktop cannot hold it, motion ends where the screen does.
 */

#include "display/lodge-display-pointer.h"

#include <math.h>

#include "display/lodge-pointer-lock.h"

/* One notch of a wheel in the units of a touchpad. */
#define PIXELS_PER_NOTCH 15.0
/* A flick may report more; a guest's queue of wheel clicks shall stay short. */
#define MAX_NOTCHES 10

struct _LodgeDisplayPointer
{
  GObject parent_instance;

  GtkWidget *widget;           /* (unowned) */
  LodgeGrab *grab;             /* (owned) */
  LodgeConsole *console;       /* (owned) (nullable) */
  LodgePointerLock *lock;      /* (owned) (nullable): while grabbed with a plain mouse in the guest */
  gboolean clicked;            /* on the picture since the grab began: keys alone leave the pointer free */
  GtkEventController *catcher; /* (owned) (nullable): with the lock, takes buttons wherever in the window */
  GtkWidget *caught;           /* (unowned) (nullable): weak pointer; the window that has it */

  graphene_rect_t area;
  guint width, height;         /* guest pixels; 0 while there is no picture */

  gboolean has_last;           /* last_x, last_y are where the pointer was seen last */
  double last_x, last_y;
  double scroll_rest;          /* parts of a notch */
  guint buttons;               /* bit per host button that went to the guest */
};

enum
{
  SIGNAL_PRESSED,
  SIGNAL_MOVED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeDisplayPointer, lodge_display_pointer, G_TYPE_OBJECT)

static LodgeMouse *
get_mouse (LodgeDisplayPointer *self)
{
  if (self->console == NULL || lodge_console_is_closed (self->console))
    return NULL;
  return lodge_console_get_mouse (self->console);
}

/* Guest pixel at a point of the widget; outside the picture it is the nearest one. */
static gboolean
to_guest (LodgeDisplayPointer *self, double x, double y, guint *guest_x, guint *guest_y)
{
  if (self->width == 0 || self->height == 0 || self->area.size.width <= 0
      || self->area.size.height <= 0)
    return FALSE;
  x = floor ((x - self->area.origin.x) * self->width / self->area.size.width);
  y = floor ((y - self->area.origin.y) * self->height / self->area.size.height);
  *guest_x = (guint) CLAMP (x, 0, (double) self->width - 1);
  *guest_y = (guint) CLAMP (y, 0, (double) self->height - 1);
  return TRUE;
}

/* Where the pointer is not held: as far on the guest's screen as on this one. */
static void
move_by (LodgeDisplayPointer *self, LodgeMouse *mouse, double x, double y)
{
  if (self->has_last && self->area.size.width > 0 && self->area.size.height > 0)
    lodge_mouse_move_by (mouse, (x - self->last_x) * self->width / self->area.size.width,
                         (y - self->last_y) * self->height / self->area.size.height);
}

static void
motion_cb (GtkEventControllerMotion *controller, double x, double y, LodgeDisplayPointer *self)
{
  LodgeMouse *mouse = get_mouse (self);
  guint guest_x, guest_y;

  if (mouse == NULL || lodge_display_pointer_is_held (self))
    return;
  if (!lodge_mouse_is_absolute (mouse))
    {
      if (lodge_grab_is_active (self->grab))
        move_by (self, mouse, x, y);
      else if (to_guest (self, x, y, &guest_x, &guest_y))
        lodge_mouse_offer_position (mouse, guest_x, guest_y);
      /* A grab that begins here counts motion from here on. */
      self->has_last = TRUE;
      self->last_x = x;
      self->last_y = y;
    }
  else if (to_guest (self, x, y, &guest_x, &guest_y))
    lodge_mouse_move_to (mouse, guest_x, guest_y);
}

static void
leave_cb (GtkEventControllerMotion *controller, LodgeDisplayPointer *self)
{
  self->has_last = FALSE;
}

static gboolean
to_button (guint button, LodgeMouseButton *which)
{
  switch (button)
    {
    case GDK_BUTTON_PRIMARY:
      *which = LODGE_MOUSE_LEFT;
      return TRUE;
    case GDK_BUTTON_MIDDLE:
      *which = LODGE_MOUSE_MIDDLE;
      return TRUE;
    case GDK_BUTTON_SECONDARY:
      *which = LODGE_MOUSE_RIGHT;
      return TRUE;
    case 8:
      *which = LODGE_MOUSE_SIDE;
      return TRUE;
    case 9:
      *which = LODGE_MOUSE_EXTRA;
      return TRUE;
    default:
      return FALSE;
    }
}

static void update_lock (LodgeDisplayPointer *self);

static gboolean
press (LodgeDisplayPointer *self, LodgeMouse *mouse, GdkEvent *event)
{
  LodgeMouseButton which;

  g_signal_emit (self, signals[SIGNAL_PRESSED], 0);
  if (!lodge_mouse_is_absolute (mouse) && !(self->clicked && lodge_grab_is_active (self->grab)))
    {
      /* This click asked for the pointer, it is not for the guest. */
      self->clicked = TRUE;
      lodge_grab_activate (self->grab, event);
      update_lock (self);
      return GDK_EVENT_STOP;
    }
  self->clicked = TRUE;
  if (!to_button (gdk_button_event_get_button (event), &which))
    return GDK_EVENT_PROPAGATE;
  lodge_grab_activate (self->grab, event);
  self->buttons |= 1u << which;
  lodge_mouse_press (mouse, which);
  return GDK_EVENT_STOP;
}

/* A legacy controller, because gestures hold back or drop what does not look like a click. */
static gboolean
event_cb (GtkEventControllerLegacy *controller, GdkEvent *event, LodgeDisplayPointer *self)
{
  LodgeMouse *mouse = get_mouse (self);
  LodgeMouseButton which;

  if (mouse == NULL)
    return GDK_EVENT_PROPAGATE;
  switch ((int) gdk_event_get_event_type (event))
    {
    case GDK_BUTTON_PRESS:
      return press (self, mouse, event);
    case GDK_BUTTON_RELEASE:
      if (!to_button (gdk_button_event_get_button (event), &which)
          || !(self->buttons & 1u << which))
        return GDK_EVENT_PROPAGATE;
      self->buttons &= ~(1u << which);
      lodge_mouse_release (mouse, which);
      return GDK_EVENT_STOP;
    default:
      return GDK_EVENT_PROPAGATE;
    }
}

static gboolean
scroll_cb (GtkEventControllerScroll *controller, double dx, double dy, LodgeDisplayPointer *self)
{
  LodgeMouse *mouse = get_mouse (self);
  int notches;

  if (mouse == NULL)
    return GDK_EVENT_PROPAGATE;
  if (gtk_event_controller_scroll_get_unit (controller) == GDK_SCROLL_UNIT_SURFACE)
    dy /= PIXELS_PER_NOTCH;
  if (dy * self->scroll_rest < 0)
    self->scroll_rest = 0;
  self->scroll_rest = CLAMP (self->scroll_rest + dy, -MAX_NOTCHES, MAX_NOTCHES);
  notches = (int) trunc (self->scroll_rest);
  self->scroll_rest -= notches;
  for (int i = 0; i < ABS (notches); i++)
    lodge_mouse_click (mouse, notches < 0 ? LODGE_MOUSE_WHEEL_UP : LODGE_MOUSE_WHEEL_DOWN);
  return GDK_EVENT_STOP;
}

/* The lock */

static void
lock_motion_cb (LodgePointerLock *lock, double dx, double dy, LodgeDisplayPointer *self)
{
  LodgeMouse *mouse = get_mouse (self);

  if (mouse == NULL)
    return;
  self->has_last = FALSE;
  lodge_mouse_move_by (mouse, dx, dy);
  g_signal_emit (self, signals[SIGNAL_MOVED], 0, dx, dy);
}

static void
unlock (LodgeDisplayPointer *self)
{
  if (self->lock == NULL)
    return;
  g_signal_handlers_disconnect_by_data (self->lock, self);
  g_clear_object (&self->lock);
  self->has_last = FALSE;
  if (self->caught != NULL)
    gtk_widget_remove_controller (self->caught, self->catcher);
  g_clear_object (&self->catcher);
  g_clear_weak_pointer (&self->caught);
}

static void
lock (LodgeDisplayPointer *self)
{
  GtkNative *native = gtk_widget_get_native (self->widget);
  graphene_point_t middle;
  double x, y;

  if (native == NULL
      || !gtk_widget_compute_point (self->widget, GTK_WIDGET (native),
                                    &GRAPHENE_POINT_INIT (gtk_widget_get_width (self->widget) / 2.0f,
                                                          gtk_widget_get_height (self->widget) / 2.0f),
                                    &middle))
    return;
  gtk_native_get_surface_transform (native, &x, &y);
  self->lock = lodge_pointer_lock_new (gtk_native_get_surface (native), middle.x + x, middle.y + y);
  if (self->lock == NULL)
    return;
  g_signal_connect (self->lock, "motion", G_CALLBACK (lock_motion_cb), self);
  self->catcher = g_object_ref_sink (gtk_event_controller_legacy_new ());
  gtk_event_controller_set_propagation_phase (self->catcher, GTK_PHASE_CAPTURE);
  g_signal_connect_object (self->catcher, "event", G_CALLBACK (event_cb), self, 0);
  g_set_weak_pointer (&self->caught, GTK_WIDGET (native));
  gtk_widget_add_controller (self->caught, g_object_ref (self->catcher));
}

static void
update_lock (LodgeDisplayPointer *self)
{
  LodgeMouse *mouse = get_mouse (self);

  if (!lodge_grab_is_active (self->grab))
    self->clicked = FALSE;
  if (mouse == NULL || !self->clicked || lodge_mouse_is_absolute (mouse))
    unlock (self);
  else if (self->lock == NULL)
    lock (self);
}

static void
add_controller (LodgeDisplayPointer *self, GtkEventController *controller)
{
  gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_TARGET);
  gtk_widget_add_controller (self->widget, controller);
}

static void
lodge_display_pointer_dispose (GObject *object)
{
  LodgeDisplayPointer *self = LODGE_DISPLAY_POINTER (object);

  lodge_display_pointer_set_console (self, NULL);
  unlock (self);
  if (self->grab != NULL)
    g_signal_handlers_disconnect_by_data (self->grab, self);
  g_clear_object (&self->grab);
  G_OBJECT_CLASS (lodge_display_pointer_parent_class)->dispose (object);
}

static void
lodge_display_pointer_class_init (LodgeDisplayPointerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_display_pointer_dispose;

  signals[SIGNAL_PRESSED] = g_signal_new ("pressed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 0);
  signals[SIGNAL_MOVED] = g_signal_new ("moved", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 2, G_TYPE_DOUBLE, G_TYPE_DOUBLE);
}

static void
lodge_display_pointer_init (LodgeDisplayPointer *self)
{
}

LodgeDisplayPointer *
lodge_display_pointer_new (GtkWidget *widget, LodgeGrab *grab)
{
  LodgeDisplayPointer *self = g_object_new (LODGE_TYPE_DISPLAY_POINTER, NULL);
  GtkEventController *controller;

  self->widget = widget;
  self->grab = g_object_ref (grab);
  g_signal_connect_swapped (grab, "notify::active", G_CALLBACK (update_lock), self);

  controller = gtk_event_controller_motion_new ();
  g_signal_connect_object (controller, "enter", G_CALLBACK (motion_cb), self, 0);
  g_signal_connect_object (controller, "motion", G_CALLBACK (motion_cb), self, 0);
  g_signal_connect_object (controller, "leave", G_CALLBACK (leave_cb), self, 0);
  add_controller (self, controller);

  controller = gtk_event_controller_legacy_new ();
  g_signal_connect_object (controller, "event", G_CALLBACK (event_cb), self, 0);
  add_controller (self, controller);

  controller = gtk_event_controller_scroll_new (GTK_EVENT_CONTROLLER_SCROLL_VERTICAL);
  g_signal_connect_object (controller, "scroll", G_CALLBACK (scroll_cb), self, 0);
  add_controller (self, controller);
  return self;
}

void
lodge_display_pointer_set_console (LodgeDisplayPointer *self, LodgeConsole *console)
{
  if (self->console == console)
    return;
  lodge_display_pointer_let_go (self);
  if (self->console != NULL)
    g_signal_handlers_disconnect_by_data (lodge_console_get_mouse (self->console), self);
  g_set_object (&self->console, console);
  if (console != NULL)
    g_signal_connect_swapped (lodge_console_get_mouse (console), "notify::absolute", G_CALLBACK (update_lock), self);
  update_lock (self);
}

void
lodge_display_pointer_set_area (LodgeDisplayPointer *self, const graphene_rect_t *area, guint width, guint height)
{
  self->area = *area;
  self->width = width;
  self->height = height;
}

gboolean
lodge_display_pointer_is_held (LodgeDisplayPointer *self)
{
  return self->lock != NULL && lodge_pointer_lock_is_held (self->lock);
}

void
lodge_display_pointer_let_go (LodgeDisplayPointer *self)
{
  LodgeMouse *mouse = get_mouse (self);

  self->buttons = 0;
  self->has_last = FALSE;
  self->scroll_rest = 0;
  if (mouse != NULL)
    lodge_mouse_release_all (mouse);
}
