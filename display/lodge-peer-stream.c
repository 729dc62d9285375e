/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * GDBus passes descriptors only on a connection whose authentication it did itself, and offers no
 * way to add a mechanism. So it is given one: until the dialogue is over, this connection's streams
 * are a stand-in for a server that accepts at once. The first read of that stand-in, in the thread
 * in which GDBus authenticates, holds the real dialogue on the socket; when it fails, the read fails
 * and so does the connection. From then on the streams are the socket's own. GDBus sends the first
 * byte, which carries the credentials, on the socket itself, so that is done when we are asked. */

#include "display/lodge-peer-stream.h"

#include "display/lodge-sasl.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LODGE_TYPE_SASL_INPUT (lodge_sasl_input_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSaslInput, lodge_sasl_input, LODGE, SASL_INPUT, GInputStream)

struct _LodgeSaslInput
{
  GInputStream parent_instance;
  GSocket *socket; /* (owned) */
  int keyring_fd;  /* (owned) */
  char *answers;   /* (owned) (nullable) what a server would have said; NULL before the dialogue */
  gsize at;
};

struct _LodgePeerStream
{
  GUnixConnection parent_instance;
  LodgeSaslInput *input; /* (owned) (nullable) */
  GOutputStream *output; /* (owned) takes what GDBus says to the stand-in */
};

G_DEFINE_FINAL_TYPE (LodgeSaslInput, lodge_sasl_input, G_TYPE_INPUT_STREAM)
G_DEFINE_FINAL_TYPE (LodgePeerStream, lodge_peer_stream, G_TYPE_UNIX_CONNECTION)

static gssize
lodge_sasl_input_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable,
                       GError **error)
{
  LodgeSaslInput *self = LODGE_SASL_INPUT (stream);
  gsize left;

  if (self->answers == NULL)
    {
      g_autofree char *guid = lodge_sasl_authenticate (self->socket, self->keyring_fd, cancellable, error);

      if (guid == NULL)
        return -1;
      self->answers = g_strdup_printf ("REJECTED EXTERNAL\r\nOK %s\r\nAGREE_UNIX_FD\r\n", guid);
    }
  left = strlen (self->answers + self->at);
  count = MIN (count, left);
  memcpy (buffer, self->answers + self->at, count);
  self->at += count;
  return (gssize) count;
}

static void
lodge_sasl_input_finalize (GObject *object)
{
  LodgeSaslInput *self = LODGE_SASL_INPUT (object);

  g_clear_object (&self->socket);
  g_free (self->answers);
  if (self->keyring_fd >= 0)
    close (self->keyring_fd);
  G_OBJECT_CLASS (lodge_sasl_input_parent_class)->finalize (object);
}

static void
lodge_sasl_input_class_init (LodgeSaslInputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_sasl_input_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = lodge_sasl_input_read;
}

static void
lodge_sasl_input_init (LodgeSaslInput *self)
{
  self->keyring_fd = -1;
}

static gboolean
authenticated (LodgePeerStream *self)
{
  return self->input == NULL || self->input->answers != NULL;
}

static GInputStream *
lodge_peer_stream_get_input_stream (GIOStream *stream)
{
  LodgePeerStream *self = LODGE_PEER_STREAM (stream);

  return authenticated (self) ? G_IO_STREAM_CLASS (lodge_peer_stream_parent_class)->get_input_stream (stream)
                              : G_INPUT_STREAM (self->input);
}

static GOutputStream *
lodge_peer_stream_get_output_stream (GIOStream *stream)
{
  LodgePeerStream *self = LODGE_PEER_STREAM (stream);

  return authenticated (self) ? G_IO_STREAM_CLASS (lodge_peer_stream_parent_class)->get_output_stream (stream)
                              : self->output;
}

static void
lodge_peer_stream_finalize (GObject *object)
{
  LodgePeerStream *self = LODGE_PEER_STREAM (object);

  g_clear_object (&self->input);
  g_clear_object (&self->output);
  G_OBJECT_CLASS (lodge_peer_stream_parent_class)->finalize (object);
}

static void
lodge_peer_stream_class_init (LodgePeerStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_peer_stream_finalize;
  G_IO_STREAM_CLASS (klass)->get_input_stream = lodge_peer_stream_get_input_stream;
  G_IO_STREAM_CLASS (klass)->get_output_stream = lodge_peer_stream_get_output_stream;
}

static void
lodge_peer_stream_init (LodgePeerStream *self)
{
}

GIOStream *
lodge_peer_stream_new (GSocket *socket, int keyring_fd)
{
  LodgePeerStream *self = g_object_new (LODGE_TYPE_PEER_STREAM, "socket", socket, NULL);

  self->input = g_object_new (LODGE_TYPE_SASL_INPUT, NULL);
  self->input->socket = g_object_ref (socket);
  if (keyring_fd >= 0)
    self->input->keyring_fd = fcntl (keyring_fd, F_DUPFD_CLOEXEC, 3);
  self->output = g_memory_output_stream_new_resizable ();
  return G_IO_STREAM (self);
}
