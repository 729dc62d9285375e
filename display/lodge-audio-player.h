/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "display/lodge-audio-stream.h"

G_BEGIN_DECLS

/**
 * LodgeAudioPlayer:
 *
 * Plays the streams of one machine through SDL. Everything here returns at once and may be called from any thread: what
 * talks to the host's sound server is a thread of the player's own. SDL is loaded with the first sound.
 */
typedef struct _LodgeAudioPlayer LodgeAudioPlayer;

#define LODGE_AUDIO_MAX_STREAMS 8

typedef enum
{
  LODGE_AUDIO_PLAYER_SILENT,  /* no stream plays */
  LODGE_AUDIO_PLAYER_PLAYING,
  LODGE_AUDIO_PLAYER_FAILED,  /* a stream would play, but this host plays no sound */
} LodgeAudioPlayerState;

/** Called in the player's thread when the state has changed. */
typedef void (*LodgeAudioPlayerNotify) (gpointer user_data);

/** @name: of the machine, for the host's mixer; @destroy: of @user_data, in any thread */
LodgeAudioPlayer     *lodge_audio_player_new         (const char *name, LodgeAudioPlayerNotify notify, gpointer user_data,
                                                      GDestroyNotify destroy);
LodgeAudioPlayer     *lodge_audio_player_ref         (LodgeAudioPlayer *self);
void                  lodge_audio_player_unref       (LodgeAudioPlayer *self);

/** lodge_audio_player_stop: for good; its thread closes the devices and lets go of it, which is not waited for */
void                  lodge_audio_player_stop        (LodgeAudioPlayer *self);

/** Replaces a stream of the same id. Errors: LODGE_DISPLAY_ERROR_PROTOCOL: cannot be played, too many. */
gboolean              lodge_audio_player_add         (LodgeAudioPlayer *self, guint64 id, const LodgeAudioFormat *format,
                                                      GError **error);

/* Those below do nothing for a stream that is not there: the peer may be a message ahead of us. */
void                  lodge_audio_player_remove      (LodgeAudioPlayer *self, guint64 id);
void                  lodge_audio_player_set_enabled (LodgeAudioPlayer *self, guint64 id, gboolean enabled);
void                  lodge_audio_player_set_gain    (LodgeAudioPlayer *self, guint64 id, guint8 gain);

/** Returns: FALSE when @length is not of whole frames */
gboolean              lodge_audio_player_write       (LodgeAudioPlayer *self, guint64 id, const guint8 *data, gsize length);

/** @volume: 0 to 100; what waits is not heard louder or softer later, but now */
void                  lodge_audio_player_set_volume  (LodgeAudioPlayer *self, guint volume, gboolean muted);

LodgeAudioPlayerState lodge_audio_player_get_state   (LodgeAudioPlayer *self);

/** Returns: (transfer full): what SDL said when it failed, or "" */
char                 *lodge_audio_player_get_failure (LodgeAudioPlayer *self);

/** Returns: frames that gave way, over all streams that are there */
guint64               lodge_audio_player_get_dropped (LodgeAudioPlayer *self);

G_END_DECLS
