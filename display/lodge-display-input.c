/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Keys go by their place (hardware keycode), so the guest's layout decides what they mean. What was
 * pressed here is released here: on losing the focus, the window, the console or the grab, all keys
 * and buttons that are down in the guest are let go.
 *
 * A click grabs: the desktop's shortcuts go to the guest too, and a plain mouse's motion
 * (LodgeDisplayPointer).
 *
 * The release keys (Ctrl+Alt, or what was chosen), pressed together and let go with nothing between,
 * end the grab.
 */

#include "display/lodge-display-input.h"

#include "display/lodge-display-pointer.h"
#include "display/lodge-grab.h"
#include "display/lodge-keymap.h"

struct _LodgeDisplayInput
{
  GObject parent_instance;

  GtkWidget *widget;           /* (unowned) */
  LodgeConsole *console;       /* (owned) (nullable) */
  LodgeGrab *grab;             /* (owned) */
  LodgeDisplayPointer *pointer; /* (owned) */
  GtkWindow *window;           /* (unowned) (nullable): weak pointer; whose activity is watched */
  gulong active_handler;
  gboolean enabled;

  LodgeReleaseKeys release_keys;
  gboolean chord_armed;        /* the release keys are down and nothing else has happened */
};

enum
{
  PROP_GRABBED = 1,
  N_PROPERTIES
};

enum
{
  SIGNAL_SHORTCUT,
  SIGNAL_LEAVE,
  SIGNAL_MOVED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_ENUM_TYPE (LodgeReleaseKeys, lodge_release_keys,
                    G_DEFINE_ENUM_VALUE (LODGE_RELEASE_KEYS_CTRL_ALT, "ctrl-alt"),
                    G_DEFINE_ENUM_VALUE (LODGE_RELEASE_KEYS_CTRL_ALT_SHIFT, "ctrl-alt-shift"),
                    G_DEFINE_ENUM_VALUE (LODGE_RELEASE_KEYS_RIGHT_CTRL, "right-ctrl"))

G_DEFINE_FINAL_TYPE (LodgeDisplayInput, lodge_display_input, G_TYPE_OBJECT)

static LodgeKeyboard *
get_keyboard (LodgeDisplayInput *self)
{
  if (self->console == NULL || !self->enabled || lodge_console_is_closed (self->console))
    return NULL;
  return lodge_console_get_keyboard (self->console);
}

static void
let_go (LodgeDisplayInput *self)
{
  self->chord_armed = FALSE;
  lodge_display_pointer_let_go (self->pointer);
  if (self->console != NULL && !lodge_console_is_closed (self->console))
    lodge_keyboard_release_all (lodge_console_get_keyboard (self->console));
}

static void
grab_active_cb (LodgeGrab *grab, GParamSpec *pspec, LodgeDisplayInput *self)
{
  if (!lodge_grab_is_active (grab))
    let_go (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GRABBED]);
}

/* Keys */

static gboolean
is_control (guint keyval)
{
  return keyval == GDK_KEY_Control_L || keyval == GDK_KEY_Control_R;
}

static gboolean
is_alt (guint keyval)
{
  return keyval == GDK_KEY_Alt_L || keyval == GDK_KEY_Alt_R || keyval == GDK_KEY_Meta_L
         || keyval == GDK_KEY_Meta_R;
}

static gboolean
is_shift (guint keyval)
{
  return keyval == GDK_KEY_Shift_L || keyval == GDK_KEY_Shift_R;
}

/* What the modifiers are once this key is down. */
static GdkModifierType
add_modifier (GdkModifierType state, guint keyval)
{
  if (is_control (keyval))
    state |= GDK_CONTROL_MASK;
  else if (is_alt (keyval))
    state |= GDK_ALT_MASK;
  else if (is_shift (keyval))
    state |= GDK_SHIFT_MASK;
  return state & (GDK_CONTROL_MASK | GDK_ALT_MASK | GDK_SHIFT_MASK | GDK_SUPER_MASK);
}

static gboolean
is_release_chord (LodgeReleaseKeys keys, guint keyval, GdkModifierType state)
{
  const GdkModifierType now = add_modifier (state, keyval);

  switch (keys)
    {
    case LODGE_RELEASE_KEYS_RIGHT_CTRL:
      return keyval == GDK_KEY_Control_R && now == GDK_CONTROL_MASK && !(state & GDK_CONTROL_MASK);
    case LODGE_RELEASE_KEYS_CTRL_ALT_SHIFT:
      return (is_control (keyval) || is_alt (keyval) || is_shift (keyval))
             && now == (GDK_CONTROL_MASK | GDK_ALT_MASK | GDK_SHIFT_MASK);
    case LODGE_RELEASE_KEYS_CTRL_ALT:
    default:
      return (is_control (keyval) || is_alt (keyval)) && now == (GDK_CONTROL_MASK | GDK_ALT_MASK);
    }
}

static gboolean
key_pressed_cb (GtkEventControllerKey *controller, guint keyval, guint keycode,
                GdkModifierType state, LodgeDisplayInput *self)
{
  const GdkModifierType chord = GDK_CONTROL_MASK | GDK_ALT_MASK;
  LodgeKeyboard *keyboard = get_keyboard (self);
  gboolean handled = FALSE;

  if (keyboard == NULL)
    return GDK_EVENT_PROPAGATE;

  self->chord_armed = is_release_chord (self->release_keys, keyval, state);

  if ((keyval == GDK_KEY_Tab || keyval == GDK_KEY_ISO_Left_Tab) && (state & chord) == chord)
    {
      lodge_display_input_release (self);
      let_go (self);
      g_signal_emit (self, signals[SIGNAL_LEAVE], 0);
      return GDK_EVENT_STOP;
    }
  g_signal_emit (self, signals[SIGNAL_SHORTCUT], 0, keyval, state, &handled);
  if (handled)
    {
      let_go (self);
      return GDK_EVENT_STOP;
    }
  lodge_keyboard_press (keyboard, lodge_keymap_from_hardware (keycode));
  return GDK_EVENT_STOP;
}

static void
key_released_cb (GtkEventControllerKey *controller, guint keyval, guint keycode,
                 GdkModifierType state, LodgeDisplayInput *self)
{
  LodgeKeyboard *keyboard = get_keyboard (self);

  if (keyboard != NULL)
    lodge_keyboard_release (keyboard, lodge_keymap_from_hardware (keycode));
  if (self->chord_armed && (is_control (keyval) || is_alt (keyval) || is_shift (keyval)))
    {
      self->chord_armed = FALSE;
      lodge_display_input_release (self);
    }
}

/* Pointer */

static void
pressed_cb (LodgeDisplayPointer *pointer, LodgeDisplayInput *self)
{
  gtk_widget_grab_focus (self->widget);
  self->chord_armed = FALSE;
}

static void
moved_cb (LodgeDisplayPointer *pointer, double dx, double dy, LodgeDisplayInput *self)
{
  g_signal_emit (self, signals[SIGNAL_MOVED], 0, dx, dy);
}

/* Focus */

static void
focus_leave_cb (GtkEventControllerFocus *controller, LodgeDisplayInput *self)
{
  lodge_grab_deactivate (self->grab);
  let_go (self);
}

static void
window_active_cb (GtkWindow *window, GParamSpec *pspec, LodgeDisplayInput *self)
{
  if (gtk_window_is_active (window))
    return;
  lodge_grab_deactivate (self->grab);
  let_go (self);
}

static void
unwatch_window (LodgeDisplayInput *self)
{
  if (self->window == NULL)
    return;
  g_clear_signal_handler (&self->active_handler, self->window);
  g_clear_weak_pointer (&self->window);
}

static void
root_cb (GtkWidget *widget, GParamSpec *pspec, LodgeDisplayInput *self)
{
  GtkRoot *root = gtk_widget_get_root (widget);

  unwatch_window (self);
  if (!GTK_IS_WINDOW (root))
    return;
  g_set_weak_pointer (&self->window, GTK_WINDOW (root));
  self->active_handler = g_signal_connect (root, "notify::is-active",
                                           G_CALLBACK (window_active_cb), self);
}

static void
unmap_cb (GtkWidget *widget, LodgeDisplayInput *self)
{
  lodge_grab_deactivate (self->grab);
  let_go (self);
}

static void
add_controller (LodgeDisplayInput *self, GtkEventController *controller)
{
  gtk_event_controller_set_propagation_phase (controller, GTK_PHASE_TARGET);
  gtk_widget_add_controller (self->widget, controller);
}

static void
lodge_display_input_dispose (GObject *object)
{
  LodgeDisplayInput *self = LODGE_DISPLAY_INPUT (object);

  if (self->pointer != NULL)
    {
      lodge_display_input_set_console (self, NULL);
      g_signal_handlers_disconnect_by_data (self->pointer, self);
    }
  g_clear_object (&self->pointer);
  unwatch_window (self);
  if (self->grab != NULL)
    g_signal_handlers_disconnect_by_data (self->grab, self);
  g_clear_object (&self->grab);
  G_OBJECT_CLASS (lodge_display_input_parent_class)->dispose (object);
}

static void
lodge_display_input_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_boolean (value, lodge_display_input_is_grabbed (LODGE_DISPLAY_INPUT (object)));
}

static void
lodge_display_input_class_init (LodgeDisplayInputClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_display_input_dispose;
  object_class->get_property = lodge_display_input_get_property;

  properties[PROP_GRABBED] = g_param_spec_boolean ("grabbed", NULL, NULL, FALSE,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  signals[SIGNAL_SHORTCUT]
      = g_signal_new ("shortcut", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                      g_signal_accumulator_true_handled, NULL, NULL, G_TYPE_BOOLEAN, 2, G_TYPE_UINT,
                      GDK_TYPE_MODIFIER_TYPE);
  signals[SIGNAL_LEAVE] = g_signal_new ("leave", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                        NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_MOVED] = g_signal_new ("moved", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                        NULL, NULL, NULL, G_TYPE_NONE, 2, G_TYPE_DOUBLE,
                                        G_TYPE_DOUBLE);
}

static void
lodge_display_input_init (LodgeDisplayInput *self)
{
  self->enabled = TRUE;
}

LodgeDisplayInput *
lodge_display_input_new (GtkWidget *widget)
{
  LodgeDisplayInput *self = g_object_new (LODGE_TYPE_DISPLAY_INPUT, NULL);
  GtkEventController *controller;

  self->widget = widget;
  self->grab = lodge_grab_new (widget);
  self->pointer = lodge_display_pointer_new (widget, self->grab);
  g_signal_connect (self->pointer, "pressed", G_CALLBACK (pressed_cb), self);
  g_signal_connect (self->pointer, "moved", G_CALLBACK (moved_cb), self);
  g_signal_connect (self->grab, "notify::active", G_CALLBACK (grab_active_cb), self);

  controller = gtk_event_controller_key_new ();
  g_signal_connect_object (controller, "key-pressed", G_CALLBACK (key_pressed_cb), self, 0);
  g_signal_connect_object (controller, "key-released", G_CALLBACK (key_released_cb), self, 0);
  add_controller (self, controller);

  controller = gtk_event_controller_focus_new ();
  g_signal_connect_object (controller, "leave", G_CALLBACK (focus_leave_cb), self, 0);
  add_controller (self, controller);

  g_signal_connect_object (widget, "notify::root", G_CALLBACK (root_cb), self, 0);
  g_signal_connect_object (widget, "unmap", G_CALLBACK (unmap_cb), self, 0);
  return self;
}

void
lodge_display_input_set_console (LodgeDisplayInput *self, LodgeConsole *console)
{
  if (self->console == console)
    return;
  if (self->grab != NULL)
    lodge_grab_deactivate (self->grab);
  let_go (self);
  g_set_object (&self->console, console);
  lodge_display_pointer_set_console (self->pointer, self->enabled ? console : NULL);
}

void
lodge_display_input_set_enabled (LodgeDisplayInput *self, gboolean enabled)
{
  if (!enabled)
    {
      lodge_grab_deactivate (self->grab);
      let_go (self);
    }
  self->enabled = enabled;
  lodge_display_pointer_set_console (self->pointer, enabled ? self->console : NULL);
}

void
lodge_display_input_set_release_keys (LodgeDisplayInput *self, LodgeReleaseKeys keys)
{
  self->release_keys = keys;
  self->chord_armed = FALSE;
}

void
lodge_display_input_set_area (LodgeDisplayInput *self, const graphene_rect_t *area, guint width,
                              guint height)
{
  lodge_display_pointer_set_area (self->pointer, area, width, height);
}

void
lodge_display_input_grab (LodgeDisplayInput *self)
{
  if (self->console != NULL && self->enabled)
    lodge_grab_activate (self->grab, NULL);
}

void
lodge_display_input_release (LodgeDisplayInput *self)
{
  lodge_grab_deactivate (self->grab);
}

gboolean
lodge_display_input_is_grabbed (LodgeDisplayInput *self)
{
  return self->grab != NULL && lodge_grab_is_active (self->grab);
}

gboolean
lodge_display_input_holds_pointer (LodgeDisplayInput *self)
{
  return lodge_display_pointer_is_held (self->pointer);
}
