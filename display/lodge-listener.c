/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * GDBus reads a connection as fast as the peer writes and queues without limit what the main loop
 * has not dispatched yet. So nothing is left to that queue: a message filter, which runs in GDBus'
 * worker thread, carries out every message and drops it. While it paints, the worker does not read,
 * and the socket's buffer holds the peer back.
 *
 * What goes to the main thread is one idle source at most. Answers are the one thing that a peer
 * can make us queue, by not reading them; LodgeAnswers counts them.
 */

#include "display/lodge-listener.h"

#include "display/lodge-answers.h"
#include "display/lodge-display-error.h"
#include "display/lodge-listener-protocol.h"

/* What the worker thread holds on to; outlives the listener if a message is under way. */
typedef struct
{
  gatomicrefcount refs;
  GWeakRef listener;
  GMainContext *context;           /* (owned) */
  LodgeFramebuffer *framebuffer;   /* (owned) */
  LodgeAnswers *answers;           /* (owned) */

  GMutex mutex;                    /* for all below */
  gboolean scheduled;              /* the idle source is on its way */
  GError *violation;               /* (owned) (nullable) */
  gboolean over;                   /* a violation was seen: drop all */
} Shared;

struct _LodgeListener
{
  GObject parent_instance;

  GDBusConnection *connection;     /* (owned) */
  Shared *shared;                  /* (owned) */
  LodgeCursor *cursor;             /* (owned) */
  guint filter;
  gulong closed_handler;
  gboolean closed;
};

enum
{
  SIGNAL_DAMAGED,
  SIGNAL_CLOSED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeListener, lodge_listener, G_TYPE_OBJECT)

static Shared *
shared_ref (Shared *shared)
{
  g_atomic_ref_count_inc (&shared->refs);
  return shared;
}

static void
shared_unref (gpointer data)
{
  Shared *shared = data;

  if (!g_atomic_ref_count_dec (&shared->refs))
    return;
  g_weak_ref_clear (&shared->listener);
  g_main_context_unref (shared->context);
  lodge_framebuffer_unref (shared->framebuffer);
  lodge_answers_unref (shared->answers);
  g_clear_error (&shared->violation);
  g_mutex_clear (&shared->mutex);
  g_free (shared);
}

/* No GDK format but these two has four bytes a pixel in the order of native words. */
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define FORMAT_STRAIGHT GDK_MEMORY_B8G8R8A8
#define FORMAT_PREMULTIPLIED GDK_MEMORY_B8G8R8A8_PREMULTIPLIED
#else
#define FORMAT_STRAIGHT GDK_MEMORY_A8R8G8B8
#define FORMAT_PREMULTIPLIED GDK_MEMORY_A8R8G8B8_PREMULTIPLIED
#endif

/* The protocol does not say which of the two it carries: virtio-gpu hands on what the guest's
 * kernel gave, which is premultiplied, VGA devices make straight alpha. A colour above its alpha
 * can be straight only. */
static GdkMemoryFormat
guess_alpha (GBytes *shape)
{
  gsize size;
  const guint32 *words = g_bytes_get_data (shape, &size);

  for (gsize i = 0; i < size / sizeof *words; i++)
    {
      guint32 alpha = words[i] >> 24;

      if ((words[i] >> 16 & 0xff) > alpha || (words[i] >> 8 & 0xff) > alpha
          || (words[i] & 0xff) > alpha)
        return FORMAT_STRAIGHT;
    }
  return FORMAT_PREMULTIPLIED;
}

static void
take_cursor (LodgeListener *self)
{
  LodgeFramebufferCursor cursor;

  if (!lodge_framebuffer_take_cursor (self->shared->framebuffer, &cursor))
    return;
  if (cursor.shape_changed)
    {
      g_autoptr (GBytes) shape = cursor.shape;
      g_autoptr (GdkTexture) texture
          = gdk_memory_texture_new (cursor.width, cursor.height, guess_alpha (shape), shape,
                                    (gsize) cursor.width * 4);

      lodge_cursor_set_shape (self->cursor, texture, cursor.hot_x, cursor.hot_y);
    }
  lodge_cursor_set_position (self->cursor, cursor.x, cursor.y, cursor.visible);
}

static void
finish (LodgeListener *self, const GError *reason)
{
  if (self->closed)
    return;
  self->closed = TRUE;
  g_clear_signal_handler (&self->closed_handler, self->connection);
  g_dbus_connection_close (self->connection, NULL, NULL, NULL);
  if (reason != NULL)
    g_signal_emit (self, signals[SIGNAL_CLOSED], 0, reason);
}

static gboolean
changed_cb (gpointer user_data)
{
  Shared *shared = user_data;
  g_autoptr (LodgeListener) self = g_weak_ref_get (&shared->listener);
  g_autoptr (GError) violation = NULL;

  g_mutex_lock (&shared->mutex);
  shared->scheduled = FALSE;
  violation = g_steal_pointer (&shared->violation);
  g_mutex_unlock (&shared->mutex);

  if (self == NULL || self->closed)
    return G_SOURCE_REMOVE;
  take_cursor (self);
  if (lodge_framebuffer_is_pending (shared->framebuffer))
    g_signal_emit (self, signals[SIGNAL_DAMAGED], 0);
  if (violation != NULL)
    finish (self, violation);
  return G_SOURCE_REMOVE;
}

/* In the worker thread. */
static void
schedule (gpointer data)
{
  Shared *shared = data;
  gboolean first;

  g_mutex_lock (&shared->mutex);
  first = !shared->scheduled;
  shared->scheduled = TRUE;
  g_mutex_unlock (&shared->mutex);
  if (first)
    {
      g_autoptr (GSource) source = g_idle_source_new ();

      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_callback (source, changed_cb, shared_ref (shared), shared_unref);
      g_source_attach (source, shared->context);
    }
}

/* In the worker thread. */
static void
violate (Shared *shared, GError *error)
{
  g_mutex_lock (&shared->mutex);
  if (!shared->over)
    {
      shared->over = TRUE;
      shared->violation = g_steal_pointer (&error);
    }
  g_mutex_unlock (&shared->mutex);
  g_clear_error (&error);
  schedule (shared);
}

/* In the worker thread. */
static GDBusMessage *
filter_cb (GDBusConnection *connection, GDBusMessage *message, gboolean incoming,
           gpointer user_data)
{
  Shared *shared = user_data;
  g_autoptr (GDBusMessage) reply = NULL;
  GError *error = NULL;
  gboolean over;

  if (!incoming)
    return message;

  g_mutex_lock (&shared->mutex);
  over = shared->over;
  g_mutex_unlock (&shared->mutex);
  if (!over)
    {
      reply = lodge_listener_protocol_handle (shared->framebuffer, message, &error);
      if (error != NULL)
        violate (shared, error);
      else if (reply != NULL && !lodge_answers_send (shared->answers, connection, reply, &error))
        violate (shared, error);
    }
  g_object_unref (message);
  return NULL;
}

static void
connection_closed_cb (GDBusConnection *connection, gboolean vanished, GError *error,
                      LodgeListener *self)
{
  g_autoptr (GError) reason = NULL;

  g_object_ref (self);
  /* A violation seen just before is the better reason. */
  g_mutex_lock (&self->shared->mutex);
  reason = g_steal_pointer (&self->shared->violation);
  g_mutex_unlock (&self->shared->mutex);
  if (reason == NULL)
    reason = g_error_new (LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_CLOSED,
                          "the picture's connection has ended: %s",
                          error != NULL ? error->message : "closed by the peer");
  finish (self, reason);
  g_object_unref (self);
}

static void
lodge_listener_dispose (GObject *object)
{
  LodgeListener *self = LODGE_LISTENER (object);

  if (self->connection != NULL)
    {
      finish (self, NULL);
      g_dbus_connection_remove_filter (self->connection, self->filter);
      g_clear_object (&self->connection);
    }
  g_clear_pointer (&self->shared, shared_unref);
  g_clear_object (&self->cursor);
  G_OBJECT_CLASS (lodge_listener_parent_class)->dispose (object);
}

static void
lodge_listener_class_init (LodgeListenerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_listener_dispose;

  signals[SIGNAL_DAMAGED] = g_signal_new ("damaged", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST,
                                          0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_CLOSED] = g_signal_new ("closed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
lodge_listener_init (LodgeListener *self)
{
  self->cursor = lodge_cursor_new ();
}

LodgeListener *
lodge_listener_new (GDBusConnection *connection)
{
  LodgeListener *self = g_object_new (LODGE_TYPE_LISTENER, NULL);
  Shared *shared = g_new0 (Shared, 1);

  g_atomic_ref_count_init (&shared->refs);
  g_weak_ref_init (&shared->listener, self);
  g_mutex_init (&shared->mutex);
  shared->context = g_main_context_ref_thread_default ();
  /* The framebuffer is used by whoever holds shared, so its notifications cannot come too late. */
  shared->framebuffer = lodge_framebuffer_new (schedule, shared);
  shared->answers = lodge_answers_new ();
  self->shared = shared;

  self->connection = g_object_ref (connection);
  self->filter = g_dbus_connection_add_filter (connection, filter_cb, shared_ref (shared),
                                               shared_unref);
  self->closed_handler = g_signal_connect (connection, "closed",
                                           G_CALLBACK (connection_closed_cb), self);
  g_dbus_connection_start_message_processing (connection);
  return self;
}

LodgeFramebuffer *
lodge_listener_get_framebuffer (LodgeListener *self)
{
  return self->shared->framebuffer;
}

LodgeCursor *
lodge_listener_get_cursor (LodgeListener *self)
{
  return self->cursor;
}

gboolean
lodge_listener_is_closed (LodgeListener *self)
{
  return self->closed;
}

void
lodge_listener_close (LodgeListener *self)
{
  finish (self, NULL);
}
