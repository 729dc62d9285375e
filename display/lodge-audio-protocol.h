/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "display/lodge-audio-player.h"

G_BEGIN_DECLS

#define LODGE_AUDIO_LISTENER_PATH "/org/qemu/Display1/AudioOutListener"

/* Of one Write; QEMU sends 10 ms at a time. */
#define LODGE_AUDIO_MAX_WRITE (1024 * 1024)

/**
 * lodge_audio_protocol_handle:
 * @message: anything that came in on the sound's connection
 *
 * Carries out org.qemu.Display1.AudioOutListener on @player. Works in any thread and keeps nothing of @message.
 *
 * Returns: (transfer full) (nullable): the reply to send, NULL when none is due. @error is set
 *   (LODGE_DISPLAY_ERROR_PROTOCOL) when the peer broke a rule: then the connection must be ended
 */
GDBusMessage *lodge_audio_protocol_handle (LodgeAudioPlayer *player, GDBusMessage *message, GError **error);

G_END_DECLS
