/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-sandbox.h"

G_BEGIN_DECLS

/**
 * lodge_qemu_rebase_async: gives a qcow2 image another parent, copying into it what it read in those between
 * @path: absolute
 * @below: absolute, NULL-terminated: all that it reads on in now, which the tool may read
 * @backing: as it is to be written in the image, relative to it; "" for none
 * @backing_format: (nullable): with a @backing
 *
 * The header is changed last: at every moment the image reads the same. Errors: as those of lodge-qemu-img.h
 */
void     lodge_qemu_rebase_async  (LodgeSandbox *sandbox, const char *path, const char *const *below, const char *backing,
                                   const char *backing_format, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean lodge_qemu_rebase_finish (GAsyncResult *result, GError **error);

G_END_DECLS
