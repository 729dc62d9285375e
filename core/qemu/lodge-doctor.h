/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-paths.h"
#include "core/qemu/lodge-host.h"
#include "core/qemu/lodge-sandbox.h"

G_BEGIN_DECLS

/**
 * lodge_doctor_examine_async:
 * @paths: where Lodge keeps things
 * @sandbox: (nullable): the confinement that was found; NULL to try it afresh
 *
 * Examines this host afresh, whatever the probes' caches say (that of KVM is put right): what docs/DBUS.md lists under "Doctor findings". It only looks,
 * apart from the runtime folder, which it makes when it is missing, and tries with a file that it removes.
 */
void      lodge_doctor_examine_async  (const LodgePaths *paths, LodgeSandbox *sandbox, GCancellable *cancellable,
                                       GAsyncReadyCallback callback, gpointer data);

/**
 * lodge_doctor_examine_finish:
 * @host: (out) (optional) (transfer full): what was found of the host, with findings alone
 *
 * Returns: (transfer full) (nullable): aa{sv} for Core1's Doctor; NULL only when cancelled
 */
GVariant *lodge_doctor_examine_finish (GAsyncResult *result, LodgeHost **host, GError **error);

G_END_DECLS
