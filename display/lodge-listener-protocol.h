/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "display/lodge-framebuffer.h"

G_BEGIN_DECLS

#define LODGE_LISTENER_PATH "/org/qemu/Display1/Listener"

/**
 * lodge_listener_protocol_handle:
 * @message: anything that came in on a listener's connection
 *
 * Carries out org.qemu.Display1.Listener and .Unix.Map on @framebuffer. Works in any thread and
 * keeps nothing of @message.
 *
 * Returns: (transfer full) (nullable): the reply to send, NULL when none is due. @error is set
 *   (LODGE_DISPLAY_ERROR_PROTOCOL) when the peer broke a rule: then the connection must be ended
 */
GDBusMessage *lodge_listener_protocol_handle (LodgeFramebuffer  *framebuffer,
                                              GDBusMessage      *message,
                                              GError           **error);

G_END_DECLS
