/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * lodge_handshake_async:
 * @fd: (transfer full): a connected Unix socket on which the peer is the authentication server
 * @keyring_fd: the folder of the peer's cookies (lodge-sasl.h), or -1; not taken
 *
 * Authenticates in a thread of its own and makes a connection whose message processing is still
 * delayed. Errors: LODGE_DISPLAY_ERROR_NOT_RESPONDING after @timeout_ms, LODGE_DISPLAY_ERROR_FAILED,
 * G_IO_ERROR_CANCELLED.
 */
void             lodge_handshake_async  (int                  fd,
                                         int                  keyring_fd,
                                         guint                timeout_ms,
                                         GCancellable        *cancellable,
                                         GAsyncReadyCallback  callback,
                                         gpointer             user_data);
GDBusConnection *lodge_handshake_finish (GAsyncResult *result, GError **error);

G_END_DECLS
