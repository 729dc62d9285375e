/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "display/lodge-audio.h"
#include "display/lodge-console.h"

G_BEGIN_DECLS

#define LODGE_TYPE_DISPLAY_SESSION (lodge_display_session_get_type ())
/**
 * LodgeDisplaySession:
 *
 * One peer-to-peer connection to QEMU's D-Bus display, from the connected socket that the core
 * hands out (OpenDisplay) to its end. QEMU serves one such connection at a time: a new one ends
 * the old one.
 *
 * Signals:
 * - closed (GError *reason): once, when the session has ended for whatever cause; reason is in
 *   LODGE_DISPLAY_ERROR. Not emitted for lodge_display_session_close().
 */
G_DECLARE_FINAL_TYPE (LodgeDisplaySession, lodge_display_session, LODGE, DISPLAY_SESSION, GObject)

/**
 * lodge_display_session_new_async:
 * @fd: a connected Unix socket on which the peer is the authentication server; the session takes
 *   ownership, also when it fails
 * @keyring_fd: the folder in which a confined QEMU keeps its authentication cookies, or -1 for a
 *   QEMU in our own namespaces; ownership likewise
 *
 * Authenticates, reads the properties of the machine and of its consoles. Errors: LODGE_DISPLAY_ERROR
 * and G_IO_ERROR_CANCELLED. Fails by itself with NOT_RESPONDING when the peer is silent for 10 s.
 */
void lodge_display_session_new_async (int                  fd,
                                      int                  keyring_fd,
                                      GCancellable        *cancellable,
                                      GAsyncReadyCallback  callback,
                                      gpointer             user_data);
LodgeDisplaySession *lodge_display_session_new_finish (GAsyncResult *result, GError **error);

/** Returns: (transfer none): the name QEMU was given with -name, or "" */
const char *lodge_display_session_get_name (LodgeDisplaySession *self);

/** Returns: (transfer none): a #GListModel of #LodgeConsole; it does not change during a session */
GListModel *lodge_display_session_get_consoles (LodgeDisplaySession *self);

/** Returns: (transfer none) (nullable): the first graphic console, else the first one */
LodgeConsole *lodge_display_session_get_primary_console (LodgeDisplaySession *self);

/** Returns: (transfer none): the machine's sound, which flows once lodge_audio_listen() was called */
LodgeAudio *lodge_display_session_get_audio (LodgeDisplaySession *self);

gboolean lodge_display_session_is_closed (LodgeDisplaySession *self);

/** Ends the session and its listeners at once; dropping the last reference does so too. */
void lodge_display_session_close (LodgeDisplaySession *self);

G_END_DECLS
