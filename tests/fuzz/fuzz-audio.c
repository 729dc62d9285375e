/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <gio/gio.h>
#include <stdint.h>
#include <string.h>

#include "display/lodge-audio-protocol.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* A player without a sound server: what comes is read at once, here. */
struct _LodgeAudioPlayer
{
  LodgeAudioStream *stream;  /* (owned) (nullable): the last one */
  guint64 id;
};

gboolean
lodge_audio_player_add (LodgeAudioPlayer *self, guint64 id, const LodgeAudioFormat *format, GError **error)
{
  if (!lodge_audio_format_check (format, error))
    return FALSE;
  g_clear_pointer (&self->stream, lodge_audio_stream_unref);
  self->stream = lodge_audio_stream_new (format);
  self->id = id;
  return TRUE;
}

void
lodge_audio_player_remove (LodgeAudioPlayer *self, guint64 id)
{
  if (id == self->id)
    g_clear_pointer (&self->stream, lodge_audio_stream_unref);
}

void
lodge_audio_player_set_enabled (LodgeAudioPlayer *self, guint64 id, gboolean enabled)
{
  if (self->stream != NULL && id == self->id)
    lodge_audio_stream_clear (self->stream);
}

void
lodge_audio_player_set_gain (LodgeAudioPlayer *self, guint64 id, guint8 gain)
{
#ifdef LODGE_PLANTED_BUG
  char line[4] = " ";

  memset (line, ' ', (gsize) (gain & 31));
  g_assert (line[0] != '\1');
#endif
  if (self->stream != NULL)
    lodge_audio_stream_set_gain (self->stream, gain);
}

gboolean
lodge_audio_player_write (LodgeAudioPlayer *self, guint64 id, const guint8 *data, gsize length)
{
  static guint8 played[8192];

  if (self->stream == NULL)
    return TRUE;
  if (!lodge_audio_stream_write (self->stream, data, length))
    return FALSE;
  g_assert (lodge_audio_stream_get_latency (self->stream) <= LODGE_AUDIO_MAX_MS);
  lodge_audio_stream_read (self->stream, played, MIN (length, sizeof played));
  return TRUE;
}

/* D-Bus messages one after the other, as they come on the sound's connection. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  LodgeAudioPlayer player = { NULL, 0 };

  while (size >= 16)
    {
      gssize needed = g_dbus_message_bytes_needed ((guchar *) data, size, NULL);
      g_autoptr (GDBusMessage) message = NULL;
      g_autoptr (GDBusMessage) reply = NULL;
      g_autoptr (GError) error = NULL;

      if (needed <= 0 || (gsize) needed > size)
        break;
      message = g_dbus_message_new_from_blob ((guchar *) data, (gsize) needed, G_DBUS_CAPABILITY_FLAGS_NONE, NULL);
      data += needed;
      size -= (gsize) needed;
      if (message == NULL)
        continue;
      reply = lodge_audio_protocol_handle (&player, message, &error);
      g_assert (error == NULL || reply == NULL);
      if (error != NULL)
        break;
    }
  g_clear_pointer (&player.stream, lodge_audio_stream_unref);
  return 0;
}
