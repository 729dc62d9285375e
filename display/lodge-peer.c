/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-peer.h"

#include <fcntl.h>
#include <unistd.h>

struct _LodgePeer
{
  GObject parent_instance;

  GDBusConnection *connection;    /* (owned) */
  int keyring_fd;                 /* (owned) or -1 */
};

enum
{
  SIGNAL_NOT_RESPONDING,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgePeer, lodge_peer, G_TYPE_OBJECT)

typedef struct
{
  LodgePeer *peer;                /* (owned) */
  LodgePeerFunc callback;
  gpointer user_data;
} Call;

static void
lodge_peer_finalize (GObject *object)
{
  LodgePeer *self = LODGE_PEER (object);

  g_clear_object (&self->connection);
  if (self->keyring_fd >= 0)
    close (self->keyring_fd);
  G_OBJECT_CLASS (lodge_peer_parent_class)->finalize (object);
}

static void
lodge_peer_class_init (LodgePeerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_peer_finalize;

  signals[SIGNAL_NOT_RESPONDING]
      = g_signal_new ("not-responding", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                      NULL, G_TYPE_NONE, 0);
}

static void
lodge_peer_init (LodgePeer *self)
{
}

LodgePeer *
lodge_peer_new (GDBusConnection *connection, int keyring_fd)
{
  LodgePeer *self = g_object_new (LODGE_TYPE_PEER, NULL);

  self->connection = g_object_ref (connection);
  self->keyring_fd = keyring_fd >= 0 ? fcntl (keyring_fd, F_DUPFD_CLOEXEC, 3) : -1;
  return self;
}

GDBusConnection *
lodge_peer_get_connection (LodgePeer *self)
{
  return self->connection;
}

int
lodge_peer_get_keyring (LodgePeer *self)
{
  return self->keyring_fd;
}

static void
called_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *call = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;
  gboolean timed_out;

  reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), NULL, result,
                                                           &error);
  /* An error of that name sent by the peer is an answer. */
  timed_out = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
              && !g_dbus_error_is_remote_error (error);
  if (call->callback != NULL)
    call->callback (reply, error, call->user_data);
  if (timed_out)
    g_signal_emit (call->peer, signals[SIGNAL_NOT_RESPONDING], 0);
  g_object_unref (call->peer);
  g_free (call);
}

void
lodge_peer_call (LodgePeer *self, const char *path, const char *interface, const char *method,
                 GVariant *arguments, GUnixFDList *fds, int timeout_ms, LodgePeerFunc callback,
                 gpointer user_data)
{
  Call *call = g_new (Call, 1);

  call->peer = g_object_ref (self);
  call->callback = callback;
  call->user_data = user_data;
  g_dbus_connection_call_with_unix_fd_list (self->connection, NULL, path, interface, method,
                                            arguments, NULL, G_DBUS_CALL_FLAGS_NONE, timeout_ms, fds,
                                            NULL, called_cb, call);
}
