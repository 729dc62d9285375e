/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-paths.h"
#include "core/qemu/lodge-host.h"

G_BEGIN_DECLS

/**
 * lodge_probe_host_async:
 *
 * @qemu: (nullable): the QEMU of the host's own architecture, for the probe guest
 * @anew: the probe guest runs also where it is known that it can; the answer replaces what is known
 *
 * Fills a LodgeHost: KVM by CPU flags and, where they are there, a short probe guest (that it works is kept, by
 * kernel release, QEMU binary and boot id); firmware; render node; helpers. Reads /proc, /dev and the PATH; what is not found is absent, and the only error is CANCELLED's of GIO.
 */
void       lodge_probe_host_async  (const LodgePaths *paths, const char *qemu, gboolean anew, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer data);
LodgeHost *lodge_probe_host_finish (GAsyncResult *result, GError **error);

/** lodge_probe_memory: refreshes memory and memory_available from /proc/meminfo (cheap) */
void       lodge_probe_memory      (LodgeHost *host);

/** lodge_probe_audio: looks again for a sound server that answers (cheap); to be done before each start that uses one */
void       lodge_probe_audio       (const LodgePaths *paths, LodgeHost *host);

G_END_DECLS
