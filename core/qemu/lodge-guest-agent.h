/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "core/qemu/lodge-qmp-value.h"
#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

#define LODGE_GUEST_AGENT_MAX_LINE (1024 * 1024)

/**
 * LodgeGuestAgent: qemu-guest-agent in a guest, on a connected stream.
 *
 * The guest is untrusted: what it says is bounded, and it may say nothing at all. There may be no agent; QEMU's socket takes
 * commands just the same, so the only sign is a time-out. Commands run one after the other. Each callback is
 * called exactly once: with the answer, with FAILED (message is the agent's own), NOT_RESPONDING, or G_IO_ERROR_CANCELLED.
 */
#define LODGE_TYPE_GUEST_AGENT (lodge_guest_agent_get_type ())
G_DECLARE_FINAL_TYPE (LodgeGuestAgent, lodge_guest_agent, LODGE, GUEST_AGENT, GObject)

LodgeGuestAgent *lodge_guest_agent_new             (GSocket *socket); /* connected, unix; a reference is taken */

/** lodge_guest_agent_set_timeout: milliseconds for each command from when it is its turn (default 5000) */
void             lodge_guest_agent_set_timeout     (LodgeGuestAgent *self, guint milliseconds);

/** lodge_guest_agent_execute_async: any command that answers ("guest-ping", "guest-info", ...). @arguments: (nullable) (transfer none) */
void             lodge_guest_agent_execute_async   (LodgeGuestAgent *self, const char *command, JsonObject *arguments,
                                                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
JsonNode        *lodge_guest_agent_execute_finish  (LodgeGuestAgent *self, GAsyncResult *result, GError **error);

/** lodge_guest_agent_shutdown_async: @mode: "powerdown", "reboot" or "halt". Done when an agent that is there was told; it does not answer to this. */
void             lodge_guest_agent_shutdown_async  (LodgeGuestAgent *self, const char *mode,
                                                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean         lodge_guest_agent_shutdown_finish (LodgeGuestAgent *self, GAsyncResult *result, GError **error);

/**
 * lodge_guest_agent_exec_async: runs @argv in the guest to its end.
 *
 * The agent has no event for that end, so it is asked ten times a second for as long as it takes; cancel to stop asking.
 */
void             lodge_guest_agent_exec_async      (LodgeGuestAgent *self, const char *const *argv,
                                                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

/** lodge_guest_agent_exec_finish: @exit_code: -1 for a signal. Returns: (transfer full): what it wrote to standard output */
GBytes          *lodge_guest_agent_exec_finish     (LodgeGuestAgent *self, GAsyncResult *result, int *exit_code, GError **error);

gboolean         lodge_guest_agent_is_closed       (LodgeGuestAgent *self);
void             lodge_guest_agent_close           (LodgeGuestAgent *self);

G_END_DECLS
