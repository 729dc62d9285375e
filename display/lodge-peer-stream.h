/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gunixconnection.h>

G_BEGIN_DECLS

#define LODGE_TYPE_PEER_STREAM (lodge_peer_stream_get_type ())
/**
 * LodgePeerStream:
 *
 * A unix connection that authenticates by lodge_sasl_authenticate() where a #GDBusConnection with
 * AUTHENTICATION_CLIENT thinks that it does so itself.
 */
G_DECLARE_FINAL_TYPE (LodgePeerStream, lodge_peer_stream, LODGE, PEER_STREAM, GUnixConnection)

/** lodge_peer_stream_new: @keyring_fd: a folder, duplicated, or -1 */
GIOStream *lodge_peer_stream_new (GSocket *socket, int keyring_fd);

G_END_DECLS
