/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Damage makes the feed ask the widget's frame clock for one tick; in the tick the scanout takes all that
 * has come by then. While the widget is not on the screen no tick comes and nothing is taken: the framebuffer merges.
 */

#include "display/lodge-display-feed.h"

struct _LodgeDisplayFeed
{
  GObject parent_instance;

  GtkWidget *widget;             /* (unowned) */
  LodgeScanout *scanout;         /* (owned) */
  LodgeConsole *console;         /* (owned) (nullable) */
  LodgeListener *listener;       /* (owned) (nullable): once attached */
  GCancellable *attaching;       /* (owned) (nullable) */
  gulong closed_handler;
  guint tick;
  gboolean off;                  /* as it was last told */
  gboolean first_frame;          /* of the present console has been seen */
};

enum
{
  SIGNAL_ATTACHED,
  SIGNAL_FIRST_FRAME,
  SIGNAL_OFF_CHANGED,
  SIGNAL_CLOSED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeDisplayFeed, lodge_display_feed, G_TYPE_OBJECT)

static void
set_off (LodgeDisplayFeed *self, gboolean off)
{
  if (self->off == off)
    return;
  self->off = off;
  g_signal_emit (self, signals[SIGNAL_OFF_CHANGED], 0);
}

static gboolean
is_pending (LodgeDisplayFeed *self)
{
  return self->listener != NULL && lodge_framebuffer_is_pending (lodge_listener_get_framebuffer (self->listener));
}

static gboolean
tick_cb (GtkWidget *widget, GdkFrameClock *clock, gpointer user_data)
{
  LodgeDisplayFeed *self = user_data;

  self->tick = 0;
  lodge_display_feed_take (self);
  return G_SOURCE_REMOVE;
}

static void
console_closed_cb (LodgeConsole *console, GError *reason, LodgeDisplayFeed *self)
{
  /* The newest frame may still be on its way here. */
  lodge_display_feed_take (self);
  if (self->console == console)
    g_signal_emit (self, signals[SIGNAL_CLOSED], 0, reason);
}

static void
attached_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeDisplayFeed) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeListener) listener = lodge_console_attach_finish (LODGE_CONSOLE (source), result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || self->console != LODGE_CONSOLE (source))
    return;
  g_clear_object (&self->attaching);
  if (listener == NULL)
    {
      g_signal_emit (self, signals[SIGNAL_CLOSED], 0, error);
      return;
    }
  self->listener = g_steal_pointer (&listener);
  g_signal_connect_object (self->listener, "damaged", G_CALLBACK (lodge_display_feed_schedule), self, G_CONNECT_SWAPPED);
  lodge_display_feed_schedule (self);
  g_signal_emit (self, signals[SIGNAL_ATTACHED], 0);
}

static void
drop_console (LodgeDisplayFeed *self)
{
  if (self->console == NULL)
    return;
  g_cancellable_cancel (self->attaching);
  g_clear_object (&self->attaching);
  if (self->tick != 0)
    gtk_widget_remove_tick_callback (self->widget, self->tick);
  self->tick = 0;
  if (self->listener != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->listener, self);
      lodge_listener_close (self->listener);
    }
  g_clear_object (&self->listener);
  g_clear_signal_handler (&self->closed_handler, self->console);
  g_clear_object (&self->console);
}

static void
lodge_display_feed_dispose (GObject *object)
{
  LodgeDisplayFeed *self = LODGE_DISPLAY_FEED (object);

  drop_console (self);
  g_clear_object (&self->scanout);
  G_OBJECT_CLASS (lodge_display_feed_parent_class)->dispose (object);
}

static void
lodge_display_feed_class_init (LodgeDisplayFeedClass *klass)
{
  const GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_display_feed_dispose;

  signals[SIGNAL_ATTACHED]
      = g_signal_new ("attached", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_FIRST_FRAME]
      = g_signal_new ("first-frame", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_OFF_CHANGED]
      = g_signal_new ("off-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_CLOSED]
      = g_signal_new ("closed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
lodge_display_feed_init (LodgeDisplayFeed *self)
{
}

LodgeDisplayFeed *
lodge_display_feed_new (GtkWidget *widget, LodgeScanout *scanout)
{
  LodgeDisplayFeed *self = g_object_new (LODGE_TYPE_DISPLAY_FEED, NULL);

  self->widget = widget;
  self->scanout = g_object_ref (scanout);
  return self;
}

void
lodge_display_feed_set_console (LodgeDisplayFeed *self, LodgeConsole *console)
{
  drop_console (self);
  if (console == NULL)
    return;
  self->console = g_object_ref (console);
  self->first_frame = FALSE;
  /* That was another session's screen. */
  set_off (self, FALSE);
  self->attaching = g_cancellable_new ();
  self->closed_handler = g_signal_connect (console, "closed", G_CALLBACK (console_closed_cb), self);
  lodge_console_attach_async (console, self->attaching, attached_cb, g_object_ref (self));
}

LodgeListener *
lodge_display_feed_get_listener (LodgeDisplayFeed *self)
{
  return self->listener;
}

gboolean
lodge_display_feed_is_off (LodgeDisplayFeed *self)
{
  return self->off;
}

void
lodge_display_feed_schedule (LodgeDisplayFeed *self)
{
  if (self->tick == 0 && gtk_widget_get_mapped (self->widget) && is_pending (self))
    self->tick = gtk_widget_add_tick_callback (self->widget, tick_cb, self, NULL);
}

void
lodge_display_feed_take (LodgeDisplayFeed *self)
{
  g_autoptr (GError) error = NULL;

  if (!is_pending (self))
    return;
  /* Whoever is told may drop it. */
  g_object_ref (self);
  if (!lodge_scanout_take (self->scanout, lodge_listener_get_framebuffer (self->listener), &error))
    g_signal_emit (self, signals[SIGNAL_CLOSED], 0, error);
  else
    {
      set_off (self, lodge_scanout_is_disabled (self->scanout));
      if (!self->first_frame && lodge_scanout_get_width (self->scanout) > 0)
        {
          self->first_frame = TRUE;
          g_signal_emit (self, signals[SIGNAL_FIRST_FRAME], 0);
        }
    }
  g_object_unref (self);
}
