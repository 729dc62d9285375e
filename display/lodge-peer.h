/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

G_BEGIN_DECLS

#define LODGE_TYPE_PEER (lodge_peer_get_type ())
/**
 * LodgePeer:
 *
 * Calls QEMU on the main connection of a session and keeps the watch: a call that QEMU does not
 * answer within LODGE_PEER_TIMEOUT_MS means that its main loop hangs.
 *
 * Signals:
 * - not-responding: a call has timed out
 */
G_DECLARE_FINAL_TYPE (LodgePeer, lodge_peer, LODGE, PEER, GObject)

#define LODGE_PEER_TIMEOUT_MS 20000

/** lodge_peer_new: @keyring_fd: the folder of the peer's cookies, duplicated, or -1 */
LodgePeer       *lodge_peer_new            (GDBusConnection *connection, int keyring_fd);
GDBusConnection *lodge_peer_get_connection (LodgePeer *self);

/** lodge_peer_get_keyring: for the handshake of further connections; the peer's own, or -1 */
int              lodge_peer_get_keyring    (LodgePeer *self);

/** @reply: (nullable): NULL with @error. Called exactly once, also after the end of the session. */
typedef void (*LodgePeerFunc) (GVariant *reply, const GError *error, gpointer user_data);

/**
 * lodge_peer_call:
 * @arguments: (nullable) (transfer floating)
 * @fds: (nullable)
 * @callback: (nullable)
 */
void             lodge_peer_call           (LodgePeer     *self,
                                            const char    *path,
                                            const char    *interface,
                                            const char    *method,
                                            GVariant      *arguments,
                                            GUnixFDList   *fds,
                                            int            timeout_ms,
                                            LodgePeerFunc  callback,
                                            gpointer       user_data);

G_END_DECLS
