/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-sandbox.h"
#include "core/storage/lodge-recognise.h"

G_BEGIN_DECLS

/**
 * lodge_identify_async:
 * @sandbox: (nullable): without one the helper runs unconfined
 * @share_dir: share/lodge
 * @fd: the image, open for reading; duplicated
 * @display_name: what the person calls it, for the error
 *
 * Has lodge-identify say which system an image holds, in a process that has nothing but that descriptor.
 * Errors: TEXT_FILE, COMPRESSED, DAMAGED, WRONG_FORMAT, NOT_READABLE, IO, HELPER_FAILED (it crashed or took too
 * long), G_IO_ERROR_CANCELLED
 */
void              lodge_identify_async  (LodgeSandbox *sandbox, const char *share_dir, int fd, const char *display_name,
                                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
LodgeRecognition *lodge_identify_finish (GAsyncResult *result, GError **error);

G_END_DECLS
