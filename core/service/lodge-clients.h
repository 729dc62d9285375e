/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * LodgeClients: who uses the core: every peer that has sent it a message and is still on the bus.
 *
 * Signal: "changed" when the number has changed.
 */
#define LODGE_TYPE_CLIENTS (lodge_clients_get_type ())
G_DECLARE_FINAL_TYPE (LodgeClients, lodge_clients, LODGE, CLIENTS, GObject)

LodgeClients *lodge_clients_new   (GDBusConnection *connection);
guint         lodge_clients_count (LodgeClients *self);

G_END_DECLS
