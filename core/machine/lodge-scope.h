/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * LodgeScope: puts the processes of a guest into a transient scope of the user's systemd, so that they are no part of the
 * core's unit: its resources are counted and limited apart, and stopping the unit leaves them alone.
 */

/** lodge_scope_name: Returns: (transfer full): "lodge-ID8-SERIAL.scope" */
char    *lodge_scope_name           (const char *machine_id, guint64 start_time);

/**
 * lodge_scope_request_async:
 * @connection: (nullable): the session bus
 * @pids: ends with 0
 *
 * Answered as soon as systemd has taken it on or there is none, and after 300 ms in any case: where it
 * cannot be had the processes stay where they are.
 */
void     lodge_scope_request_async  (GDBusConnection *connection, const char *name, const char *description,
                                     const guint32 *pids, GAsyncReadyCallback callback, gpointer data);
gboolean lodge_scope_request_finish (GAsyncResult *result);

G_END_DECLS
