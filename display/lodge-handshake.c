/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-handshake.h"

#include <unistd.h>

#include "display/lodge-display-error.h"
#include "display/lodge-peer-stream.h"

typedef struct
{
  GCancellable *inner;       /* (owned): stops the thread, for the caller or for the clock */
  GCancellable *outer;       /* (owned) (nullable) */
  gulong outer_handler;
  guint timer;               /* 0 once it has fired */
  gboolean timed_out;
} Handshake;

static void
handshake_free (gpointer data)
{
  Handshake *handshake = data;

  g_clear_handle_id (&handshake->timer, g_source_remove);
  g_cancellable_disconnect (handshake->outer, handshake->outer_handler);
  g_clear_object (&handshake->outer);
  g_clear_object (&handshake->inner);
  g_free (handshake);
}

static void
outer_cancelled_cb (GCancellable *outer, gpointer inner)
{
  g_cancellable_cancel (inner);
}

static gboolean
timeout_cb (gpointer user_data)
{
  Handshake *handshake = user_data;

  handshake->timer = 0;
  handshake->timed_out = TRUE;
  g_cancellable_cancel (handshake->inner);
  return G_SOURCE_REMOVE;
}

static void
connected_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Handshake *handshake = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  GDBusConnection *connection = g_dbus_connection_new_finish (result, &error);

  g_clear_handle_id (&handshake->timer, g_source_remove);
  if (connection != NULL)
    g_task_return_pointer (task, connection, g_object_unref);
  else if (handshake->timed_out)
    g_task_return_new_error (task, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_NOT_RESPONDING,
                             "the peer does not authenticate");
  else if (g_cancellable_is_cancelled (handshake->inner))
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_CANCELLED, "cancelled");
  else
    g_task_return_new_error (task, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_FAILED,
                             "cannot authenticate: %s", error->message);
}

void
lodge_handshake_async (int fd, int keyring_fd, guint timeout_ms, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);
  Handshake *handshake = g_new0 (Handshake, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GIOStream) stream = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);

  handshake->inner = g_cancellable_new ();
  g_task_set_task_data (task, handshake, handshake_free);
  if (socket == NULL)
    {
      close (fd);
      g_task_return_new_error (task, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_FAILED,
                               "not a socket: %s", error->message);
      g_object_unref (task);
      return;
    }
  stream = lodge_peer_stream_new (socket, keyring_fd);
  if (cancellable != NULL)
    {
      handshake->outer = g_object_ref (cancellable);
      handshake->outer_handler = g_cancellable_connect (cancellable,
                                                        G_CALLBACK (outer_cancelled_cb),
                                                        g_object_ref (handshake->inner),
                                                        g_object_unref);
    }
  handshake->timer = g_timeout_add (timeout_ms, timeout_cb, handshake);
  /* GDBus runs the whole of this in a thread, which is what keeps QEMU from waiting for us. */
  g_dbus_connection_new (stream, NULL,
                         G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                         | G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                         NULL, handshake->inner, connected_cb, task);
}

GDBusConnection *
lodge_handshake_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
