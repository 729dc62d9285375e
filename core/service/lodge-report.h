/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-set.h"

G_BEGIN_DECLS

/**
 * lodge_report_write_async:
 * @fd: a regular file (or memory), where the tar.gz goes; taken
 * @machine_id: (nullable): that machine only
 * @findings: aa{sv} of the doctor
 *
 * Writes a bundle for a bug report from which what tells who and where has been taken out.
 * Errors: INVALID_ARGUMENT (@fd is something else), NOT_FOUND (no such machine), IO, NO_SPACE
 */
void     lodge_report_write_async  (int fd, LodgeEngine *engine, LodgeMachineSet *machines, const char *machine_id,
                                    GVariant *findings, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean lodge_report_write_finish (GAsyncResult *result, GError **error);

G_END_DECLS
