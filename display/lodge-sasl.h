/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * lodge_sasl_authenticate:
 * @socket: connected; the NUL byte that opens the dialogue has been sent
 * @keyring_fd: a folder with the peer's cookies, or -1; not taken
 *
 * The client's side of D-Bus authentication, until after BEGIN, with descriptor passing agreed on.
 * Blocks, so it is for a thread; @cancellable ends it. The peer is untrusted.
 *
 * Returns: (transfer full): the peer's GUID. Errors: G_IO_ERROR_PERMISSION_DENIED when it refuses,
 * G_IO_ERROR_INVALID_DATA when it says what no server says, and those of #GSocket
 */
char *lodge_sasl_authenticate (GSocket *socket, int keyring_fd, GCancellable *cancellable, GError **error);

G_END_DECLS
