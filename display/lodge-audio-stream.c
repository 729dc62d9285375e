/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * The guest writes by the host's clock, the sound card takes by its own, and either may pause. So a reader begins when
 * START_MS are there and begins anew after it has found nothing, which costs one gap instead of many; a writer who is
 * too fast loses the oldest samples down to START_MS, so that sound never lags behind the picture by more than MAX_MS.
 */

#include "display/lodge-audio-stream.h"

#include <string.h>

#include "display/lodge-display-error.h"

#define MIN_RATE 4000
#define MAX_RATE 192000
#define MAX_CHANNELS 8

struct _LodgeAudioStream
{
  gatomicrefcount refs;
  LodgeAudioFormat format;
  gsize frame;               /* bytes */
  gsize size, start;         /* bytes: of the ring, of what it begins with */
  guint8 silence;

  GMutex mutex;              /* for all below */
  guint8 *ring;              /* (owned) */
  gsize at, fill;            /* bytes: where the oldest lies, how much there is */
  gboolean flowing;
  guint64 dropped;           /* frames */
  guint8 gain;
};

gboolean
lodge_audio_format_check (const LodgeAudioFormat *format, GError **error)
{
  gboolean known = format->is_float ? format->bits == 32
                                    : format->bits == 8 || (format->is_signed && (format->bits == 16 || format->bits == 32));

  /* The numbers of channels that the player can mix. */
  if (known && format->rate >= MIN_RATE && format->rate <= MAX_RATE && format->channels >= 1
      && format->channels <= MAX_CHANNELS && (format->channels == 1 || format->channels % 2 == 0))
    return TRUE;
  g_set_error (error, LODGE_DISPLAY_ERROR, LODGE_DISPLAY_ERROR_PROTOCOL,
               "sound of %u bits (%s), %u Hz, %u channels cannot be played", format->bits,
               format->is_float ? "float" : format->is_signed ? "signed" : "unsigned", format->rate, format->channels);
  return FALSE;
}

guint
lodge_audio_format_frame_size (const LodgeAudioFormat *format)
{
  return format->bits / 8 * format->channels;
}

LodgeAudioStream *
lodge_audio_stream_new (const LodgeAudioFormat *format)
{
  LodgeAudioStream *self = g_new0 (LodgeAudioStream, 1);

  g_atomic_ref_count_init (&self->refs);
  g_mutex_init (&self->mutex);
  self->format = *format;
  self->frame = lodge_audio_format_frame_size (format);
  self->size = (gsize) format->rate * LODGE_AUDIO_MAX_MS / 1000 * self->frame;
  self->start = (gsize) format->rate * LODGE_AUDIO_START_MS / 1000 * self->frame;
  self->silence = format->bits == 8 && !format->is_signed ? 0x80 : 0;
  self->ring = g_malloc (self->size);
  self->gain = 255;
  return self;
}

LodgeAudioStream *
lodge_audio_stream_ref (LodgeAudioStream *self)
{
  g_atomic_ref_count_inc (&self->refs);
  return self;
}

void
lodge_audio_stream_unref (LodgeAudioStream *self)
{
  if (!g_atomic_ref_count_dec (&self->refs))
    return;
  g_mutex_clear (&self->mutex);
  g_free (self->ring);
  g_free (self);
}

const LodgeAudioFormat *
lodge_audio_stream_get_format (LodgeAudioStream *self)
{
  return &self->format;
}

/* Under the mutex. */
static void
drop (LodgeAudioStream *self, gsize length)
{
  self->dropped += length / self->frame;
  self->at = (self->at + length) % self->size;
  self->fill -= length;
}

gboolean
lodge_audio_stream_write (LodgeAudioStream *self, const guint8 *data, gsize length)
{
  gsize end, first;

  if (length % self->frame != 0)
    return FALSE;
  /* Nothing may lie nowhere. */
  if (length == 0)
    return TRUE;
  g_mutex_lock (&self->mutex);
  if (self->fill + length > self->size)
    {
      /* The newest START_MS stay. */
      gsize old = length < self->start ? self->start - length : 0;

      drop (self, self->fill - old);
      if (length > self->start)
        {
          self->dropped += (length - self->start) / self->frame;
          data += length - self->start;
          length = self->start;
        }
    }

  end = (self->at + self->fill) % self->size;
  first = MIN (length, self->size - end);
  memcpy (self->ring + end, data, first);
  memcpy (self->ring, data + first, length - first);
  self->fill += length;
  g_mutex_unlock (&self->mutex);
  return TRUE;
}

void
lodge_audio_stream_read (LodgeAudioStream *self, guint8 *data, gsize length)
{
  gsize take, first;

  g_mutex_lock (&self->mutex);
  if (!self->flowing && self->fill >= self->start)
    self->flowing = TRUE;
  take = self->flowing ? MIN (length - length % self->frame, self->fill) : 0;
  first = MIN (take, self->size - self->at);
  memcpy (data, self->ring + self->at, first);
  memcpy (data + first, self->ring, take - first);
  self->at = (self->at + take) % self->size;
  self->fill -= take;
  if (take < length)
    {
      memset (data + take, self->silence, length - take);
      self->flowing = FALSE;
    }
  g_mutex_unlock (&self->mutex);
}

void
lodge_audio_stream_clear (LodgeAudioStream *self)
{
  g_mutex_lock (&self->mutex);
  self->at = self->fill = 0;
  self->flowing = FALSE;
  g_mutex_unlock (&self->mutex);
}

guint
lodge_audio_stream_get_latency (LodgeAudioStream *self)
{
  guint latency;

  g_mutex_lock (&self->mutex);
  latency = (guint) (self->fill / self->frame * 1000 / self->format.rate);
  g_mutex_unlock (&self->mutex);
  return latency;
}

guint64
lodge_audio_stream_get_dropped (LodgeAudioStream *self)
{
  guint64 dropped;

  g_mutex_lock (&self->mutex);
  dropped = self->dropped;
  g_mutex_unlock (&self->mutex);
  return dropped;
}

void
lodge_audio_stream_set_gain (LodgeAudioStream *self, guint8 gain)
{
  g_mutex_lock (&self->mutex);
  self->gain = gain;
  g_mutex_unlock (&self->mutex);
}

guint8
lodge_audio_stream_get_gain (LodgeAudioStream *self)
{
  guint8 gain;

  g_mutex_lock (&self->mutex);
  gain = self->gain;
  g_mutex_unlock (&self->mutex);
  return gain;
}
