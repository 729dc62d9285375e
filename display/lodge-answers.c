/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-answers.h"

#include "display/lodge-display-error.h"

/* QEMU waits for hardly any answers, so a peer that leaves this many lie is no QEMU. */
#define MAX_UNREAD 1024
#define FLUSH_AFTER 64

struct _LodgeAnswers
{
  gatomicrefcount refs;
  GMutex mutex;              /* for all below */
  guint unread, in_flush;
  gboolean flushing;
};

LodgeAnswers *
lodge_answers_new (void)
{
  LodgeAnswers *self = g_new0 (LodgeAnswers, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->mutex);
  return self;
}

LodgeAnswers *
lodge_answers_ref (LodgeAnswers *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
lodge_answers_unref (LodgeAnswers *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_mutex_clear (&self->mutex);
  g_free (self);
}

static void
flushed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeAnswers *self = user_data;

  g_dbus_connection_flush_finish (G_DBUS_CONNECTION (source), result, NULL);
  g_mutex_lock (&self->mutex);
  self->flushing = FALSE;
  self->unread -= self->in_flush;
  g_mutex_unlock (&self->mutex);
  lodge_answers_unref (self);
}

gboolean
lodge_answers_send (LodgeAnswers *self, GDBusConnection *connection, GDBusMessage *answer, GError **error)
{
  gboolean flush = FALSE, too_many;

  g_mutex_lock (&self->mutex);
  too_many = ++self->unread > MAX_UNREAD;
  if (self->unread >= FLUSH_AFTER && !self->flushing)
    {
      flush = self->flushing = TRUE;
      self->in_flush = self->unread;
    }
  g_mutex_unlock (&self->mutex);

  if (too_many)
    {
      g_set_error_literal (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
                           "the peer does not read the answers to its calls");
      return FALSE;
    }
  g_dbus_connection_send_message (connection, answer, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
  if (flush)
    g_dbus_connection_flush (connection, NULL, flushed_cb, lodge_answers_ref (self));
  return TRUE;
}
