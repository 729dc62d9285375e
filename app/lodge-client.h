/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeClient:
 *
 * Keeps a #LodgeLibrary in step with lodge-core: activates the core, follows its objects, and when
 * it leaves the bus keeps what was known and starts it again.
 */
#define LODGE_TYPE_CLIENT (lodge_client_get_type ())
G_DECLARE_FINAL_TYPE (LodgeClient, lodge_client, LODGE, CLIENT, GObject)

/**
 * lodge_client_new:
 * @connection: (nullable): a message bus; %NULL for the session bus
 * @favourite: id of the machine that comes with all its values at once, or ""
 *
 * Returns at once; lodge_library_get_status() tells how far it is.
 *
 * Returns: (transfer full):
 */
LodgeClient  *lodge_client_new         (GDBusConnection *connection, const char *favourite);

LodgeLibrary *lodge_client_get_library (LodgeClient *self);

/* Somebody asks for another try, which is made at once, not after the pause that has grown. */
void          lodge_client_retry       (LodgeClient *self);

G_END_DECLS
