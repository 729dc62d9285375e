/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "display/lodge-peer.h"

G_BEGIN_DECLS

/**
 * LodgeAudioState:
 * @LODGE_AUDIO_NONE: QEMU's sound does not come here: the machine has no sound card, or it plays by itself
 * @LODGE_AUDIO_SILENT: it does, and the guest plays nothing
 * @LODGE_AUDIO_PLAYING: it is played
 * @LODGE_AUDIO_FAILED: it cannot be played; lodge_audio_get_failure() says why
 */
typedef enum
{
  LODGE_AUDIO_NONE,
  LODGE_AUDIO_SILENT,
  LODGE_AUDIO_PLAYING,
  LODGE_AUDIO_FAILED,
} LodgeAudioState;

#define LODGE_TYPE_AUDIO (lodge_audio_get_type ())
/**
 * LodgeAudio:
 *
 * The sound of a machine, from QEMU to the host's sound server; made by #LodgeDisplaySession.
 *
 * Signals:
 * - changed: another state
 */
G_DECLARE_FINAL_TYPE (LodgeAudio, lodge_audio, LODGE, AUDIO, GObject)

/** @name: of the machine, for the host's mixer */
LodgeAudio     *lodge_audio_new         (LodgePeer *peer, const char *name);

/** lodge_audio_listen: has QEMU send its sound from now on; once */
void            lodge_audio_listen      (LodgeAudio *self);
LodgeAudioState lodge_audio_get_state   (LodgeAudio *self);

/** Returns: (transfer full): technical English, "" where there is nothing to say */
char           *lodge_audio_get_failure (LodgeAudio *self);

/** @volume: 0 to 100. Takes effect at once. */
void            lodge_audio_set_volume  (LodgeAudio *self, guint volume, gboolean muted);

/** Returns: frames that were not played because they came faster than they can be */
guint64         lodge_audio_get_dropped (LodgeAudio *self);

/** Ends it for good. */
void            lodge_audio_close       (LodgeAudio *self);

G_END_DECLS
