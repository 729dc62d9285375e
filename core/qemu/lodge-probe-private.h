/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-probe.h"

G_BEGIN_DECLS

/* What the parts of the probe share, and what its tests put in place of this host. */

/**
 * lodge_probe_full_async:
 * @root: before every path of the host (/proc, /dev, /usr/share, /etc); "" for the real one
 * @kvm_accel: what the probe guest runs on: "kvm"; a test uses "tcg"
 */
void     lodge_probe_full_async (const char *root, const LodgePaths *paths, const char *qemu, const char *kvm_accel, gboolean anew,
                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

/** lodge_probe_firmware: fills the firmware members of @host, see lodge-probe-firmware.c */
void     lodge_probe_firmware   (const char *root, LodgeHost *host);

/** lodge_probe_memory_from: from a meminfo of that root */
void     lodge_probe_memory_from (const char *root, LodgeHost *host);

/** lodge_probe_read: Returns: (transfer full) (nullable): a small file as text, at most @max bytes; NULL when it cannot be read */
char    *lodge_probe_read       (const char *path, gsize max);

/**
 * lodge_probe_kvm_async: whether guests can run with KVM.
 * @anew: also where it is known that they can; what is known is replaced by the answer
 *
 * Returns by finish: the reason, "ok" or one of those of LodgeHost; @message (nullable) is what was seen
 */
void     lodge_probe_kvm_async  (const char *root, const char *cache_dir, const char *qemu, const char *accel, gboolean anew,
                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
char    *lodge_probe_kvm_finish (GAsyncResult *result, char **message);

G_END_DECLS
