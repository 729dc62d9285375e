/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * LodgeScope: puts the processes of a guest into a transient scope of the user's systemd, so that they are no part of the
 * core's unit: its resources are counted and limited apart, and stopping the unit leaves them alone.
 */

/** lodge_scope_name: Returns: (transfer full): "lodge-ID8-SERIAL.scope" */
char *lodge_scope_name  (const char *machine_id, guint64 start_time);

/**
 * lodge_scope_request:
 * @connection: (nullable): the session bus
 * @pids: ends with 0
 *
 * Asks for the scope and waits for nothing: where there is no systemd the processes stay where they are.
 */
void  lodge_scope_request (GDBusConnection *connection, const char *name, const char *description, const guint32 *pids);

G_END_DECLS
