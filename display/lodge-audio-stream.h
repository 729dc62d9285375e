/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** LodgeAudioFormat: interleaved samples as the peer declares them */
typedef struct
{
  guint bits;               /* of one sample: 8, 16 or 32 */
  gboolean is_signed;
  gboolean is_float;
  gboolean big_endian;
  guint rate;               /* frames a second */
  guint channels;
} LodgeAudioFormat;

/** lodge_audio_format_check: whether it can be played; errors: LODGE_DISPLAY_ERROR_PROTOCOL */
gboolean lodge_audio_format_check      (const LodgeAudioFormat *format, GError **error);

/** Returns: bytes of one sample of every channel */
guint    lodge_audio_format_frame_size (const LodgeAudioFormat *format);

/**
 * LodgeAudioStream:
 *
 * Samples on their way from one thread, which writes, to another, which plays. Holds at most
 * LODGE_AUDIO_MAX_MS of sound: what was written first gives way. May be used from any thread.
 */
typedef struct _LodgeAudioStream LodgeAudioStream;

#define LODGE_AUDIO_MAX_MS 200
/* What is gathered before anything is played, and what an overflow leaves. */
#define LODGE_AUDIO_START_MS 60

LodgeAudioStream       *lodge_audio_stream_new         (const LodgeAudioFormat *format);
LodgeAudioStream       *lodge_audio_stream_ref         (LodgeAudioStream *self);
void                    lodge_audio_stream_unref       (LodgeAudioStream *self);
const LodgeAudioFormat *lodge_audio_stream_get_format  (LodgeAudioStream *self);

/** @length: whole frames, else nothing is taken and FALSE returned */
gboolean                lodge_audio_stream_write       (LodgeAudioStream *self, const guint8 *data, gsize length);

/** Takes whole frames for all of @length or gives silence, also while too little is there to begin. */
void                    lodge_audio_stream_read        (LodgeAudioStream *self, guint8 *data, gsize length);

/** Forgets what waits. */
void                    lodge_audio_stream_clear       (LodgeAudioStream *self);

/** Returns: milliseconds of sound that wait */
guint                   lodge_audio_stream_get_latency (LodgeAudioStream *self);

/** Returns: frames that gave way since the beginning */
guint64                 lodge_audio_stream_get_dropped (LodgeAudioStream *self);

/** lodge_audio_stream_set_gain: what the guest has set, 0 to 255; goes into lodge_audio_stream_get_gain() alone */
void                    lodge_audio_stream_set_gain    (LodgeAudioStream *self, guint8 gain);
guint8                  lodge_audio_stream_get_gain    (LodgeAudioStream *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeAudioStream, lodge_audio_stream_unref)

G_END_DECLS
