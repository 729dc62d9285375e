/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "display/lodge-cursor.h"
#include "display/lodge-framebuffer.h"

G_BEGIN_DECLS

#define LODGE_TYPE_LISTENER (lodge_listener_get_type ())
/**
 * LodgeListener:
 *
 * The receiving end of one console's picture: a connection of its own on which QEMU calls us.
 * Messages are checked and merged into a #LodgeFramebuffer in GDBus' worker thread and answered
 * there, so neither a stalled main loop stalls QEMU nor does memory grow behind it.
 *
 * Signals, in the main context that it was made in:
 * - damaged: there is something new in the framebuffer; once, until it has been taken
 * - closed (GError *reason): once; the peer ended it or broke a bound
 */
G_DECLARE_FINAL_TYPE (LodgeListener, lodge_listener, LODGE, LISTENER, GObject)

/** @connection: authenticated, with message processing still delayed */
LodgeListener    *lodge_listener_new             (GDBusConnection *connection);

/** Returns: (transfer none) */
LodgeFramebuffer *lodge_listener_get_framebuffer (LodgeListener *self);

/** Returns: (transfer none): the guest's pointer shape and position */
LodgeCursor      *lodge_listener_get_cursor      (LodgeListener *self);
gboolean          lodge_listener_is_closed       (LodgeListener *self);
void              lodge_listener_close           (LodgeListener *self);

G_END_DECLS
