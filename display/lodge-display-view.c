/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * The feed brings the console's picture into the scanout, and GTK paints the tiles that changed; the input sends keys and
 * pointer back.
 *
 * The picture's place is worked out in device pixels and converted back, so that at 1:1 each guest
 * pixel is one device pixel, however the window is scaled.
 */

#include "config.h"

#include "display/lodge-display-view.h"

#include <math.h>

#include <glib/gi18n-lib.h>

#include "display/lodge-display-cursor.h"
#include "display/lodge-display-feed.h"
#include "display/lodge-display-input.h"
#include "display/lodge-keymap.h"

#define RESIZE_DELAY_MS 150
#define MIN_GUEST_WIDTH 320
#define MIN_GUEST_HEIGHT 200

struct _LodgeDisplayView
{
  GtkWidget parent_instance;

  LodgeConsole *console;         /* (owned) (nullable) */
  LodgeScanout *scanout;         /* (owned) */
  LodgeDisplayFeed *feed;        /* (owned) */
  LodgeDisplayCursor *cursor;    /* (owned) */
  LodgeDisplayInput *input;      /* (owned) */
  LodgeDisplayScaling scaling;
  gboolean resize_guest, input_enabled;
  LodgeReleaseKeys release_keys;
  gboolean had_frame;            /* as it was last told */
  gboolean thumbnail_stale;      /* the picture has changed since the last thumbnail */
  guint resize_timer;
  double pan_x, pan_y;           /* 0 to 1: which part of a picture is seen that is larger than the view */
  int shown_width, shown_height; /* the last allocation */
  graphene_rect_t area;          /* the picture, in units of the widget */
  graphene_rect_t place;         /* of the view in its surface, when the area was worked out */
};

enum
{
  PROP_CONSOLE = 1,
  PROP_SCALING,
  PROP_RESIZE_GUEST,
  PROP_INPUT_ENABLED,
  PROP_RELEASE_KEYS,
  PROP_GRABBED,
  PROP_HAS_FRAME,
  PROP_DISPLAY_OFF,
  PROP_GUEST_WIDTH,
  PROP_GUEST_HEIGHT,
  N_PROPERTIES
};

enum
{
  SIGNAL_FIRST_FRAME,
  SIGNAL_GRAB_CHANGED,
  SIGNAL_CLOSED,
  SIGNAL_SHORTCUT,
  SIGNAL_LEAVE,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeDisplayView, lodge_display_view, GTK_TYPE_WIDGET)

/* Where the picture goes */

static void
get_fit (LodgeDisplayView *self, LodgeDisplayFit *fit)
{
  GtkWidget *widget = GTK_WIDGET (self);
  GtkNative *native = gtk_widget_get_native (widget);
  graphene_point_t corner = GRAPHENE_POINT_INIT (0, 0);
  double x = 0, y = 0;

  if (native != NULL
      && gtk_widget_compute_point (widget, GTK_WIDGET (native), &GRAPHENE_POINT_INIT (0, 0), &corner))
    gtk_native_get_surface_transform (native, &x, &y);
  *fit = (LodgeDisplayFit) {
    .place = GRAPHENE_RECT_INIT (corner.x + (float) x, corner.y + (float) y, (float) gtk_widget_get_width (widget),
                                 (float) gtk_widget_get_height (widget)),
    .device = lodge_display_device_scale (widget),
    .width = lodge_scanout_get_width (self->scanout),
    .height = lodge_scanout_get_height (self->scanout),
    .pan_x = self->pan_x,
    .pan_y = self->pan_y,
  };
}

static void
update_area (LodgeDisplayView *self)
{
  LodgeDisplayFit fit;
  double scale;

  get_fit (self, &fit);
  self->place = fit.place;
  scale = lodge_display_fit (&fit, self->scaling, &self->area);
  lodge_scanout_set_scale (self->scanout, fit.device);
  /* At 1:1 there is nothing to interpolate. */
  lodge_scanout_set_filter (self->scanout, scale >= 2 && scale == floor (scale)
                                               ? LODGE_SCANOUT_NEAREST : LODGE_SCANOUT_LINEAR);
  lodge_display_input_set_area (self->input, &self->area, fit.width, fit.height);
}

/* Of a picture that is larger than the view, the part around a point of the view. */
static void
pan (LodgeDisplayView *self, double x, double y)
{
  const double width = gtk_widget_get_width (GTK_WIDGET (self));
  const double height = gtk_widget_get_height (GTK_WIDGET (self));

  if (self->scaling != LODGE_DISPLAY_SCALING_ONE || width <= 1 || height <= 1
      || (self->area.size.width <= width && self->area.size.height <= height))
    return;
  self->pan_x = CLAMP (x / (width - 1), 0, 1);
  self->pan_y = CLAMP (y / (height - 1), 0, 1);
  update_area (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* Before the input sees the motion, so that the guest's pointer is where the person's is. */
static void
motion_cb (GtkEventControllerMotion *controller, double x, double y, LodgeDisplayView *self)
{
  if (!lodge_display_input_holds_pointer (self->input))
    pan (self, x, y);
}

/* A pointer that stands still shows the way by what it was moved. */
static void
moved_cb (LodgeDisplayInput *input, double dx, double dy, LodgeDisplayView *self)
{
  pan (self, self->pan_x * (gtk_widget_get_width (GTK_WIDGET (self)) - 1) + dx,
       self->pan_y * (gtk_widget_get_height (GTK_WIDGET (self)) - 1) + dy);
}

/* The guest's size */

static gboolean
resize_cb (gpointer user_data)
{
  LodgeDisplayView *self = user_data;
  LodgeDisplayFit fit;
  graphene_rect_t room;

  self->resize_timer = 0;
  get_fit (self, &fit);
  lodge_display_fit_get_room (&fit, &room);
  if (self->console != NULL && self->resize_guest && room.size.width >= MIN_GUEST_WIDTH
      && room.size.height >= MIN_GUEST_HEIGHT)
    lodge_console_set_size (self->console, (guint) room.size.width, (guint) room.size.height, 0, 0);
  return G_SOURCE_REMOVE;
}

static void
schedule_resize (LodgeDisplayView *self)
{
  g_clear_handle_id (&self->resize_timer, g_source_remove);
  if (self->console != NULL && self->resize_guest)
    self->resize_timer = g_timeout_add (RESIZE_DELAY_MS, resize_cb, self);
}

/* The picture */

static void
scanout_contents_cb (GdkPaintable *paintable, LodgeDisplayView *self)
{
  self->thumbnail_stale = TRUE;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

static void
scanout_size_cb (GdkPaintable *paintable, LodgeDisplayView *self)
{
  update_area (self);
  gtk_widget_queue_resize (GTK_WIDGET (self));
  /* For a guest that has left the size it had been asked for (the console knows): a reboot does that. */
  schedule_resize (self);
  if (lodge_display_view_has_frame (self) != self->had_frame)
    {
      self->had_frame = !self->had_frame;
      g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HAS_FRAME]);
    }
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GUEST_WIDTH]);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GUEST_HEIGHT]);
}

/* The console */

static void
attached_cb (LodgeDisplayView *self)
{
  lodge_display_cursor_set_source (self->cursor, lodge_console_get_mouse (self->console),
                                   lodge_listener_get_cursor (lodge_display_feed_get_listener (self->feed)));
}

static void
first_frame_cb (LodgeDisplayView *self)
{
  g_signal_emit (self, signals[SIGNAL_FIRST_FRAME], 0);
}

static void
off_changed_cb (LodgeDisplayView *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DISPLAY_OFF]);
}

static void
closed_cb (LodgeDisplayFeed *feed, const GError *reason, LodgeDisplayView *self)
{
  g_object_ref (self);
  lodge_display_view_set_console (self, NULL);
  g_signal_emit (self, signals[SIGNAL_CLOSED], 0, reason);
  g_object_unref (self);
}

static void
drop_console (LodgeDisplayView *self)
{
  if (self->console == NULL)
    return;
  lodge_display_input_set_console (self->input, NULL);
  g_clear_handle_id (&self->resize_timer, g_source_remove);
  lodge_display_cursor_set_source (self->cursor, NULL, NULL);
  lodge_display_feed_set_console (self->feed, NULL);
  g_clear_object (&self->console);
}

/* Widget */

static void
grabbed_cb (LodgeDisplayInput *input, GParamSpec *pspec, LodgeDisplayView *self)
{
  lodge_display_cursor_set_grabbed (self->cursor, lodge_display_input_is_grabbed (input));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_GRABBED]);
  g_signal_emit (self, signals[SIGNAL_GRAB_CHANGED], 0, lodge_display_input_is_grabbed (input));
}

static gboolean
shortcut_cb (LodgeDisplayInput *input, guint keyval, GdkModifierType state, LodgeDisplayView *self)
{
  gboolean handled = FALSE;

  g_signal_emit (self, signals[SIGNAL_SHORTCUT], 0, keyval, state, &handled);
  return handled;
}

static void
leave_cb (LodgeDisplayInput *input, LodgeDisplayView *self)
{
  g_signal_emit (self, signals[SIGNAL_LEAVE], 0);
}

static void
lodge_display_view_leave (LodgeDisplayView *self)
{
  GtkRoot *root = gtk_widget_get_root (GTK_WIDGET (self));

  if (root != NULL)
    gtk_widget_child_focus (GTK_WIDGET (root), GTK_DIR_TAB_FORWARD);
}

static void
lodge_display_view_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  LodgeDisplayView *self = LODGE_DISPLAY_VIEW (widget);
  LodgeDisplayFit fit;

  /* What is around it may have moved it without a new size. */
  get_fit (self, &fit);
  if (!graphene_rect_equal (&fit.place, &self->place))
    update_area (self);
  if (self->area.size.width <= 0)
    return;
  gtk_snapshot_push_clip (snapshot, &GRAPHENE_RECT_INIT (0, 0, gtk_widget_get_width (widget),
                                                         gtk_widget_get_height (widget)));
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (snapshot, &self->area.origin);
  gdk_paintable_snapshot (GDK_PAINTABLE (self->scanout), snapshot, self->area.size.width,
                          self->area.size.height);
  gtk_snapshot_restore (snapshot);
  lodge_display_cursor_snapshot (self->cursor, snapshot, &self->area, lodge_scanout_get_width (self->scanout),
                                 lodge_scanout_get_height (self->scanout));
  gtk_snapshot_pop (snapshot);
}

static void
lodge_display_view_measure (GtkWidget *widget, GtkOrientation orientation, int for_size,
                            int *minimum, int *natural, int *minimum_baseline, int *natural_baseline)
{
  LodgeDisplayView *self = LODGE_DISPLAY_VIEW (widget);
  const guint size = orientation == GTK_ORIENTATION_HORIZONTAL
                         ? lodge_scanout_get_width (self->scanout)
                         : lodge_scanout_get_height (self->scanout);

  *minimum = 0;
  *natural = (int) ceil (size / lodge_display_device_scale (widget));
}

static void
lodge_display_view_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  LodgeDisplayView *self = LODGE_DISPLAY_VIEW (widget);

  update_area (self);
  /* A guest that changes its size allocates anew, too. */
  if (width != self->shown_width || height != self->shown_height)
    schedule_resize (self);
  self->shown_width = width;
  self->shown_height = height;
}

static void
scale_factor_cb (LodgeDisplayView *self)
{
  update_area (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
  schedule_resize (self);
}

static void
lodge_display_view_realize (GtkWidget *widget)
{
  LodgeDisplayView *self = LODGE_DISPLAY_VIEW (widget);
  GtkNative *native;

  GTK_WIDGET_CLASS (lodge_display_view_parent_class)->realize (widget);
  native = gtk_widget_get_native (widget);
  /* A surface of an older GTK never tells that. */
  g_signal_connect_object (gtk_native_get_surface (native), "notify::scale", G_CALLBACK (scale_factor_cb), self,
                           G_CONNECT_SWAPPED);
  lodge_scanout_set_software (
      self->scanout, GSK_IS_CAIRO_RENDERER (gtk_native_get_renderer (native)));
}

static void
lodge_display_view_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (lodge_display_view_parent_class)->map (widget);
  lodge_display_feed_schedule (LODGE_DISPLAY_VIEW (widget)->feed);
}

static void
lodge_display_view_dispose (GObject *object)
{
  LodgeDisplayView *self = LODGE_DISPLAY_VIEW (object);

  if (self->input != NULL)
    {
      drop_console (self);
      g_signal_handlers_disconnect_by_data (self->input, self);
      g_signal_handlers_disconnect_by_data (self->feed, self);
      g_signal_handlers_disconnect_by_data (self->scanout, self);
    }
  g_clear_object (&self->input);
  g_clear_object (&self->feed);
  g_clear_object (&self->cursor);
  g_clear_object (&self->scanout);
  G_OBJECT_CLASS (lodge_display_view_parent_class)->dispose (object);
}

static void
lodge_display_view_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  LodgeDisplayView *self = LODGE_DISPLAY_VIEW (object);

  switch (id)
    {
    case PROP_CONSOLE:
      g_value_set_object (value, self->console);
      break;
    case PROP_SCALING:
      g_value_set_enum (value, self->scaling);
      break;
    case PROP_RESIZE_GUEST:
      g_value_set_boolean (value, self->resize_guest);
      break;
    case PROP_INPUT_ENABLED:
      g_value_set_boolean (value, self->input_enabled);
      break;
    case PROP_RELEASE_KEYS:
      g_value_set_enum (value, self->release_keys);
      break;
    case PROP_GRABBED:
      g_value_set_boolean (value, lodge_display_view_get_grabbed (self));
      break;
    case PROP_DISPLAY_OFF:
      g_value_set_boolean (value, lodge_display_view_is_off (self));
      break;
    case PROP_HAS_FRAME:
      g_value_set_boolean (value, lodge_display_view_has_frame (self));
      break;
    case PROP_GUEST_WIDTH:
      g_value_set_uint (value, lodge_scanout_get_width (self->scanout));
      break;
    case PROP_GUEST_HEIGHT:
      g_value_set_uint (value, lodge_scanout_get_height (self->scanout));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
lodge_display_view_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  LodgeDisplayView *self = LODGE_DISPLAY_VIEW (object);

  switch (id)
    {
    case PROP_CONSOLE:
      lodge_display_view_set_console (self, g_value_get_object (value));
      break;
    case PROP_SCALING:
      lodge_display_view_set_scaling (self, g_value_get_enum (value));
      break;
    case PROP_RESIZE_GUEST:
      self->resize_guest = g_value_get_boolean (value);
      schedule_resize (self);
      break;
    case PROP_INPUT_ENABLED:
      self->input_enabled = g_value_get_boolean (value);
      lodge_display_input_set_enabled (self->input, self->input_enabled);
      break;
    case PROP_RELEASE_KEYS:
      self->release_keys = g_value_get_enum (value);
      lodge_display_input_set_release_keys (self->input, self->release_keys);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
lodge_display_view_class_init (LodgeDisplayViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  const GParamFlags read = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;
  const GParamFlags write = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->dispose = lodge_display_view_dispose;
  object_class->get_property = lodge_display_view_get_property;
  object_class->set_property = lodge_display_view_set_property;
  widget_class->snapshot = lodge_display_view_snapshot;
  widget_class->measure = lodge_display_view_measure;
  widget_class->size_allocate = lodge_display_view_size_allocate;
  widget_class->realize = lodge_display_view_realize;
  widget_class->map = lodge_display_view_map;

  properties[PROP_CONSOLE] = g_param_spec_object ("console", NULL, NULL, LODGE_TYPE_CONSOLE, write);
  properties[PROP_SCALING]
      = g_param_spec_enum ("scaling", NULL, NULL, LODGE_TYPE_DISPLAY_SCALING,
                           LODGE_DISPLAY_SCALING_FIT, write);
  properties[PROP_RESIZE_GUEST] = g_param_spec_boolean ("resize-guest", NULL, NULL, FALSE, write);
  properties[PROP_INPUT_ENABLED] = g_param_spec_boolean ("input-enabled", NULL, NULL, TRUE, write);
  properties[PROP_RELEASE_KEYS]
      = g_param_spec_enum ("release-keys", NULL, NULL, LODGE_TYPE_RELEASE_KEYS,
                           LODGE_RELEASE_KEYS_CTRL_ALT, write);
  properties[PROP_DISPLAY_OFF] = g_param_spec_boolean ("display-off", NULL, NULL, FALSE, read);
  properties[PROP_GRABBED] = g_param_spec_boolean ("grabbed", NULL, NULL, FALSE, read);
  properties[PROP_HAS_FRAME] = g_param_spec_boolean ("has-frame", NULL, NULL, FALSE, read);
  properties[PROP_GUEST_WIDTH]
      = g_param_spec_uint ("guest-width", NULL, NULL, 0, G_MAXUINT, 0, read);
  properties[PROP_GUEST_HEIGHT]
      = g_param_spec_uint ("guest-height", NULL, NULL, 0, G_MAXUINT, 0, read);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);

  signals[SIGNAL_FIRST_FRAME]
      = g_signal_new ("first-frame", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                      NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_GRAB_CHANGED]
      = g_signal_new ("grab-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                      NULL, G_TYPE_NONE, 1, G_TYPE_BOOLEAN);
  signals[SIGNAL_CLOSED] = g_signal_new ("closed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
  signals[SIGNAL_SHORTCUT]
      = g_signal_new ("shortcut", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                      g_signal_accumulator_true_handled, NULL, NULL, G_TYPE_BOOLEAN, 2, G_TYPE_UINT,
                      GDK_TYPE_MODIFIER_TYPE);
  signals[SIGNAL_LEAVE]
      = g_signal_new_class_handler ("leave", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                    G_CALLBACK (lodge_display_view_leave), NULL, NULL, NULL,
                                    G_TYPE_NONE, 0);

  gtk_widget_class_set_css_name (widget_class, "displayview");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
lodge_display_view_init (LodgeDisplayView *self)
{
  GtkWidget *widget = GTK_WIDGET (self);
  GtkEventController *motion = gtk_event_controller_motion_new ();

  self->input_enabled = TRUE;
  self->pan_x = self->pan_y = 0.5;
  gtk_event_controller_set_propagation_phase (motion, GTK_PHASE_CAPTURE);
  g_signal_connect_object (motion, "motion", G_CALLBACK (motion_cb), self, 0);
  gtk_widget_add_controller (widget, motion);
  self->scanout = lodge_scanout_new ();
  g_signal_connect (self->scanout, "invalidate-size", G_CALLBACK (scanout_size_cb), self);
  g_signal_connect (self->scanout, "invalidate-contents", G_CALLBACK (scanout_contents_cb), self);
  self->cursor = lodge_display_cursor_new (widget);
  self->feed = lodge_display_feed_new (widget, self->scanout);
  g_signal_connect_swapped (self->feed, "attached", G_CALLBACK (attached_cb), self);
  g_signal_connect_swapped (self->feed, "first-frame", G_CALLBACK (first_frame_cb), self);
  g_signal_connect_swapped (self->feed, "off-changed", G_CALLBACK (off_changed_cb), self);
  g_signal_connect (self->feed, "closed", G_CALLBACK (closed_cb), self);
  self->input = lodge_display_input_new (widget);
  g_signal_connect (self->input, "notify::grabbed", G_CALLBACK (grabbed_cb), self);
  g_signal_connect (self->input, "shortcut", G_CALLBACK (shortcut_cb), self);
  g_signal_connect (self->input, "leave", G_CALLBACK (leave_cb), self);
  g_signal_connect (self->input, "moved", G_CALLBACK (moved_cb), self);
  g_signal_connect (self, "notify::scale-factor", G_CALLBACK (scale_factor_cb), NULL);

  gtk_widget_set_focusable (widget, TRUE);
  gtk_widget_set_overflow (widget, GTK_OVERFLOW_HIDDEN);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _("Screen of the machine"), -1);
}

GtkWidget *
lodge_display_view_new (void)
{
  return g_object_new (LODGE_TYPE_DISPLAY_VIEW, NULL);
}

void
lodge_display_view_set_console (LodgeDisplayView *self, LodgeConsole *console)
{
  g_return_if_fail (LODGE_IS_DISPLAY_VIEW (self));

  if (self->console == console)
    return;
  drop_console (self);
  if (console != NULL)
    {
      self->console = g_object_ref (console);
      lodge_display_input_set_console (self->input, console);
      lodge_display_feed_set_console (self->feed, console);
      schedule_resize (self);
    }
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CONSOLE]);
}

LodgeConsole *
lodge_display_view_get_console (LodgeDisplayView *self)
{
  return self->console;
}

void
lodge_display_view_set_scaling (LodgeDisplayView *self, LodgeDisplayScaling scaling)
{
  if (self->scaling == scaling)
    return;
  self->scaling = scaling;
  update_area (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SCALING]);
}

LodgeDisplayScaling
lodge_display_view_get_scaling (LodgeDisplayView *self)
{
  return self->scaling;
}

gboolean
lodge_display_view_has_frame (LodgeDisplayView *self)
{
  return lodge_scanout_get_width (self->scanout) > 0;
}

gboolean
lodge_display_view_is_off (LodgeDisplayView *self)
{
  return lodge_display_feed_is_off (self->feed);
}

gboolean
lodge_display_view_get_grabbed (LodgeDisplayView *self)
{
  return lodge_display_input_is_grabbed (self->input);
}

void
lodge_display_view_grab (LodgeDisplayView *self)
{
  gtk_widget_grab_focus (GTK_WIDGET (self));
  lodge_display_input_grab (self->input);
}

void
lodge_display_view_release_grab (LodgeDisplayView *self)
{
  lodge_display_input_release (self->input);
}

gboolean
lodge_display_view_holds_pointer (LodgeDisplayView *self)
{
  return lodge_display_input_holds_pointer (self->input);
}

void
lodge_display_view_send_keys (LodgeDisplayView *self, const char * const *qcodes)
{
  g_autoptr (GArray) qnums = g_array_new (FALSE, FALSE, sizeof (guint));

  if (self->console == NULL)
    return;
  for (; *qcodes != NULL; qcodes++)
    {
      guint qnum = lodge_keymap_from_qcode (*qcodes);

      if (qnum != 0)
        g_array_append_val (qnums, qnum);
    }
  lodge_keyboard_send_chord (lodge_console_get_keyboard (self->console),
                             (const guint *) (void *) qnums->data, qnums->len);
}

GdkTexture *
lodge_display_view_screenshot (LodgeDisplayView *self)
{
  GdkTexture *texture;

  g_object_ref (self);
  lodge_display_feed_take (self->feed);
  texture = lodge_scanout_to_texture (self->scanout, 0);
  g_object_unref (self);
  return texture;
}

GdkTexture *
lodge_display_view_thumbnail (LodgeDisplayView *self, guint width)
{
  GdkTexture *texture = NULL;

  g_object_ref (self);
  lodge_display_feed_take (self->feed);
  if (self->thumbnail_stale)
    {
      self->thumbnail_stale = FALSE;
      texture = lodge_scanout_to_texture (self->scanout, width);
    }
  g_object_unref (self);
  return texture;
}

LodgeScanout *
lodge_display_view_get_scanout (LodgeDisplayView *self)
{
  return self->scanout;
}

gboolean
lodge_display_view_is_shared (LodgeDisplayView *self)
{
  LodgeListener *listener = lodge_display_feed_get_listener (self->feed);

  return listener != NULL && lodge_framebuffer_is_mapped (lodge_listener_get_framebuffer (listener));
}
