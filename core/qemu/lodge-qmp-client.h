/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

#include "core/ipc/lodge-error.h"
#include "core/qemu/lodge-qmp-value.h"

G_BEGIN_DECLS

#define LODGE_QMP_MAX_LINE (16 * 1024 * 1024)

/**
 * LodgeQmpClient: one QMP monitor (docs/interop/qmp-spec of QEMU), on a connected stream.
 *
 * Commands may be queued at once; the greeting and qmp_capabilities are done by the client and are invisible to
 * callers. Each callback is called exactly once: with the return value, with QEMU's error (LODGE_ERROR_QEMU_FAILED,
 * message is QEMU's "desc"), with LODGE_ERROR_NOT_RESPONDING when the connection ends or the time-out passes, or with
 * G_IO_ERROR_CANCELLED. A command that is cancelled or timed out before its first byte was written is never sent; after
 * that QEMU may still carry it out. What QEMU sends is untrusted: a line longer than LODGE_QMP_MAX_LINE or not JSON
 * ends the connection. Commands under way keep the client alive: lodge_qmp_client_close() ends them.
 *
 * Signals: "event" (const char *name, JsonObject *data (nullable), gint64 microseconds);
 *          "closed" (const GError *error), exactly once, after all callbacks, from the main loop.
 */
#define LODGE_TYPE_QMP_CLIENT (lodge_qmp_client_get_type ())
G_DECLARE_FINAL_TYPE (LodgeQmpClient, lodge_qmp_client, LODGE, QMP_CLIENT, GObject)

LodgeQmpClient *lodge_qmp_client_new      (GSocket *socket); /* connected, unix; a reference is taken */

/** lodge_qmp_client_connect: connects to a listening unix socket without blocking and makes a client. Errors: NOT_RESPONDING, IO */
LodgeQmpClient *lodge_qmp_client_connect  (const char *path, GError **error);

/** lodge_qmp_client_set_timeout: milliseconds until a command without an answer fails (default 10000, 0: never); the connection stays */
void            lodge_qmp_client_set_timeout (LodgeQmpClient *self, guint milliseconds);

/**
 * lodge_qmp_client_execute_async:
 * @arguments: (nullable) (transfer none): see lodge_qmp_args_new()
 * @fd: a descriptor to pass along (SCM_RIGHTS; for getfd, add-fd), or -1; duplicated
 */
void            lodge_qmp_client_execute_async  (LodgeQmpClient *self, const char *command, JsonObject *arguments, int fd,
                                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

/** lodge_qmp_client_execute_finish: Returns: (transfer full): the value of "return" */
JsonNode       *lodge_qmp_client_execute_finish (LodgeQmpClient *self, GAsyncResult *result, GError **error);

/** lodge_qmp_client_ready_async: done when the capabilities are negotiated, however late that is; the time-out of commands does not count */
void            lodge_qmp_client_ready_async    (LodgeQmpClient *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_qmp_client_ready_finish   (LodgeQmpClient *self, GAsyncResult *result, GError **error);

gboolean        lodge_qmp_client_is_open        (LodgeQmpClient *self);
/** lodge_qmp_client_close: what is under way fails with NOT_RESPONDING, then "closed" follows */
void            lodge_qmp_client_close          (LodgeQmpClient *self);

G_END_DECLS
