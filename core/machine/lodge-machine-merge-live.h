/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-private.h"

G_BEGIN_DECLS

/** LodgeMergeProgress: @fraction: 0.0 to 1.0 */
typedef void (*LodgeMergeProgress) (double fraction, gpointer data);

/**
 * lodge_merge_live_async: what the image @child reads in those between it and @below is copied into it, and it reads on in @below
 * @child, @below: paths of images of one disk; @below: (nullable) there is none
 *
 * A running QEMU does it, below the guest. Errors: NOT_SUPPORTED (QEMU does not have these files so, or may not write to @child),
 * NOT_RESPONDING (also: the guest ended), NO_SPACE, IO, G_IO_ERROR_CANCELLED. After each of them all reads as before.
 */
void     lodge_merge_live_async   (LodgeMachine *self, const char *child, const char *below, GCancellable *cancellable,
                                   LodgeMergeProgress progress, gpointer progress_data, GAsyncReadyCallback callback, gpointer data);
gboolean lodge_merge_live_finish  (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_merge_live_recover: ends what a killed core has left under way in a guest */
void     lodge_merge_live_recover (LodgeMachine *self);

G_END_DECLS
