/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * Listening is like attaching to a console: QEMU gets one end of a socket pair with RegisterOutListener and
 * authenticates on it, while our end authenticates in a thread. Here it answers the call first and authenticates then.
 *
 * Sound comes through the window and not from QEMU to the host's sound server. So a guest is heard while its console is
 * open and silent otherwise, as it is with every viewer of a remote machine; what this buys is that a confined QEMU has
 * no socket of the sound server, through which it could record from the microphone, load modules and leave its
 * confinement, that a server that goes away takes no guest along, and that each machine can be muted here. A guest's
 * sound card does not notice: QEMU takes its samples at the same pace and throws them away.
 *
 * QEMU before 8.0 keeps its listeners under the name of the caller, which on a connection without a bus is none, and
 * crashes. So our call carries a sender's name; who needs none does not look. One listener of a name is allowed, so
 * while an earlier window has not quite gone the call is refused, and made again for a while.
 *
 * All messages are carried out in GDBus' worker thread, for the reasons that lodge-listener.c has; what reaches the main
 * thread is one idle source at most.
 */

#include "display/lodge-audio.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "display/lodge-answers.h"
#include "display/lodge-audio-player.h"
#include "display/lodge-audio-protocol.h"
#include "display/lodge-console-private.h"
#include "display/lodge-display-error.h"
#include "display/lodge-handshake.h"

#define AUDIO_PATH "/org/qemu/Display1/Audio"
#define AUDIO_INTERFACE "org.qemu.Display1.Audio"
#define SENDER ":1.0"
#define TRIES 10
#define TRY_AGAIN_MS 500

/* What other threads hold on to. */
typedef struct
{
  gatomicrefcount refs;
  GWeakRef audio;
  GMainContext *context;     /* (owned) */

  GMutex mutex;              /* for all below */
  gboolean scheduled;        /* the idle source is on its way */
  GError *violation;         /* (owned) (nullable) */
  gboolean over;             /* a violation was seen: drop all */
} Shared;

/* The worker thread's. */
typedef struct
{
  Shared *shared;            /* (owned) */
  LodgeAudioPlayer *player;  /* (owned) */
  LodgeAnswers *answers;     /* (owned) */
} Filter;

struct _LodgeAudio
{
  GObject parent_instance;

  LodgePeer *peer;                 /* (owned) */
  Shared *shared;                  /* (owned) */
  LodgeAudioPlayer *player;        /* (owned) */
  GDBusConnection *connection;     /* (owned) (nullable) */
  GCancellable *cancellable;       /* (owned): of what is under way */
  char *failure;                   /* (owned) (nullable): why it has ended */
  guint filter, tries, try_source;
  gulong closed_handler;
  gboolean closed;
};

static guint changed_signal;

G_DEFINE_FINAL_TYPE (LodgeAudio, lodge_audio, G_TYPE_OBJECT)

static void try_to_listen (LodgeAudio *self);

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
  g_weak_ref_clear (&shared->audio);
  g_main_context_unref (shared->context);
  g_clear_error (&shared->violation);
  g_mutex_clear (&shared->mutex);
  g_free (shared);
}

static void
filter_free (gpointer data)
{
  Filter *filter = data;

  shared_unref (filter->shared);
  lodge_audio_player_unref (filter->player);
  lodge_answers_unref (filter->answers);
  g_free (filter);
}

/* @failure: (nullable): why, where it was not meant */
static void
finish (LodgeAudio *self, const char *failure)
{
  if (self->closed)
    return;
  self->closed = TRUE;
  self->failure = g_strdup (failure);
  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->try_source, g_source_remove);
  lodge_audio_player_stop (self->player);
  if (self->connection != NULL)
    {
      g_clear_signal_handler (&self->closed_handler, self->connection);
      g_dbus_connection_remove_filter (self->connection, self->filter);
      g_dbus_connection_close (self->connection, NULL, NULL, NULL);
      g_clear_object (&self->connection);
    }
  g_signal_emit (self, changed_signal, 0);
}

static gboolean
changed_cb (gpointer user_data)
{
  Shared *shared = user_data;
  g_autoptr (LodgeAudio) self = g_weak_ref_get (&shared->audio);
  g_autoptr (GError) violation = NULL;

  g_mutex_lock (&shared->mutex);
  shared->scheduled = FALSE;
  violation = g_steal_pointer (&shared->violation);
  g_mutex_unlock (&shared->mutex);

  if (self == NULL || self->closed)
    return G_SOURCE_REMOVE;
  if (violation != NULL)
    finish (self, violation->message);
  else
    g_signal_emit (self, changed_signal, 0);
  return G_SOURCE_REMOVE;
}

/* In any thread. */
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
static GDBusMessage *
filter_cb (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  Filter *filter = user_data;
  Shared *shared = filter->shared;
  g_autoptr (GDBusMessage) reply = NULL;
  g_autoptr (GError) error = NULL;
  gboolean over;

  if (!incoming)
    return message;

  g_mutex_lock (&shared->mutex);
  over = shared->over;
  g_mutex_unlock (&shared->mutex);
  if (!over)
    {
      reply = lodge_audio_protocol_handle (filter->player, message, &error);
      if (error == NULL && reply != NULL)
        lodge_answers_send (filter->answers, connection, reply, &error);
      if (error != NULL)
        {
          g_mutex_lock (&shared->mutex);
          shared->over = TRUE;
          shared->violation = g_steal_pointer (&error);
          g_mutex_unlock (&shared->mutex);
          schedule (shared);
        }
    }
  g_object_unref (message);
  return NULL;
}

static void
connection_closed_cb (GDBusConnection *connection, gboolean vanished, GError *error, LodgeAudio *self)
{
  g_autoptr (GError) violation = NULL;

  /* One seen just before is the better reason. An end by the peer alone is none: its sound is over with it. */
  g_mutex_lock (&self->shared->mutex);
  violation = g_steal_pointer (&self->shared->violation);
  g_mutex_unlock (&self->shared->mutex);
  finish (self, violation != NULL ? violation->message : NULL);
}

static void
authenticated_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeAudio) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = lodge_handshake_finish (result, &error);
  Filter *filter;

  /* Where the call was refused nobody authenticates, and that has been dealt with. */
  if (connection == NULL || self->closed)
    return;
  self->connection = g_steal_pointer (&connection);
  filter = g_new0 (Filter, 1);
  filter->shared = shared_ref (self->shared);
  filter->player = lodge_audio_player_ref (self->player);
  filter->answers = lodge_answers_new ();
  self->filter = g_dbus_connection_add_filter (self->connection, filter_cb, filter, filter_free);
  self->closed_handler = g_signal_connect (self->connection, "closed", G_CALLBACK (connection_closed_cb), self);
  g_dbus_connection_start_message_processing (self->connection);
  g_signal_emit (self, changed_signal, 0);
}

static gboolean
try_again_cb (gpointer user_data)
{
  LodgeAudio *self = user_data;

  self->try_source = 0;
  try_to_listen (self);
  return G_SOURCE_REMOVE;
}

static void
registered_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeAudio) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusMessage) reply
      = g_dbus_connection_send_message_with_reply_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autofree char *name = NULL;

  if (reply == NULL || !g_dbus_message_to_gerror (reply, &error) || self->closed)
    return;
  /* The end that it did not take must not be waited on. */
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  self->cancellable = g_cancellable_new ();
  name = g_dbus_error_get_remote_error (error);
  /* Whatever else it says, it has no sound for us. */
  if (g_strcmp0 (name, "org.qemu.Display1.Error.Invalid") == 0 && self->tries < TRIES)
    self->try_source = g_timeout_add (TRY_AGAIN_MS, try_again_cb, self);
}

static void
try_to_listen (LodgeAudio *self)
{
  GDBusConnection *connection = lodge_peer_get_connection (self->peer);
  g_autoptr (GDBusMessage) message
      = g_dbus_message_new_method_call (NULL, AUDIO_PATH, AUDIO_INTERFACE, "RegisterOutListener");
  g_autoptr (GUnixFDList) fds = NULL;
  int ends[2];

  self->tries++;
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    {
      g_autofree char *failure = g_strdup_printf ("cannot make a socket: %s", g_strerror (errno));

      finish (self, failure);
      return;
    }
  fds = g_unix_fd_list_new_from_array (&ends[1], 1);
  g_dbus_message_set_sender (message, SENDER);
  g_dbus_message_set_body (message, g_variant_new ("(h)", 0));
  g_dbus_message_set_unix_fd_list (message, fds);
  g_dbus_connection_send_message_with_reply (connection, message, G_DBUS_SEND_MESSAGE_FLAGS_NONE,
                                             LODGE_DISPLAY_OPEN_TIMEOUT_MS, NULL, NULL, registered_cb, g_object_ref (self));
  lodge_handshake_async (ends[0], lodge_peer_get_keyring (self->peer), LODGE_DISPLAY_OPEN_TIMEOUT_MS, self->cancellable,
                         authenticated_cb, g_object_ref (self));
}

static void
lodge_audio_dispose (GObject *object)
{
  LodgeAudio *self = LODGE_AUDIO (object);

  if (self->player != NULL)
    finish (self, NULL);
  g_clear_pointer (&self->player, lodge_audio_player_unref);
  g_clear_pointer (&self->shared, shared_unref);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->peer);
  g_clear_pointer (&self->failure, g_free);
  G_OBJECT_CLASS (lodge_audio_parent_class)->dispose (object);
}

static void
lodge_audio_class_init (LodgeAudioClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_audio_dispose;

  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
lodge_audio_init (LodgeAudio *self)
{
  self->cancellable = g_cancellable_new ();
}

LodgeAudio *
lodge_audio_new (LodgePeer *peer, const char *name)
{
  LodgeAudio *self = g_object_new (LODGE_TYPE_AUDIO, NULL);
  Shared *shared = g_new0 (Shared, 1);

  g_atomic_ref_count_init (&shared->refs);
  g_weak_ref_init (&shared->audio, self);
  g_mutex_init (&shared->mutex);
  shared->context = g_main_context_ref_thread_default ();
  self->shared = shared;
  self->peer = g_object_ref (peer);
  self->player = lodge_audio_player_new (name, schedule, shared_ref (shared), shared_unref);
  return self;
}

void
lodge_audio_listen (LodgeAudio *self)
{
  if (!self->closed && self->tries == 0)
    try_to_listen (self);
}

LodgeAudioState
lodge_audio_get_state (LodgeAudio *self)
{
  if (self->failure != NULL)
    return LODGE_AUDIO_FAILED;
  if (self->connection == NULL)
    return LODGE_AUDIO_NONE;
  switch (lodge_audio_player_get_state (self->player))
    {
    case LODGE_AUDIO_PLAYER_PLAYING:
      return LODGE_AUDIO_PLAYING;
    case LODGE_AUDIO_PLAYER_FAILED:
      return LODGE_AUDIO_FAILED;
    case LODGE_AUDIO_PLAYER_SILENT:
    default:
      return LODGE_AUDIO_SILENT;
    }
}

char *
lodge_audio_get_failure (LodgeAudio *self)
{
  return self->failure != NULL ? g_strdup (self->failure) : lodge_audio_player_get_failure (self->player);
}

void
lodge_audio_set_volume (LodgeAudio *self, guint volume, gboolean muted)
{
  lodge_audio_player_set_volume (self->player, volume, muted);
}

guint64
lodge_audio_get_dropped (LodgeAudio *self)
{
  return lodge_audio_player_get_dropped (self->player);
}

void
lodge_audio_close (LodgeAudio *self)
{
  finish (self, NULL);
}
