/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"

G_BEGIN_DECLS

/* The disks of a machine: the methods of Core1.Machine of the same names; @options: a{sv}. What takes time is a job. */

/** lodge_machine_list_disks_async: Returns: (transfer full): aa{sv} */
void      lodge_machine_list_disks_async    (LodgeMachine *self, GVariant *options, GAsyncReadyCallback callback, gpointer data);
GVariant *lodge_machine_list_disks_finish   (LodgeMachine *self, GAsyncResult *result, GError **error);

/**
 * lodge_machine_add_disk_async:
 * @fd: of the option "image", or -1; duplicated
 *
 * Returns: (transfer full): its id. Errors: WRONG_STATE, INVALID_ARGUMENT, OUT_OF_RANGE (also: its bus is full), NOT_FOUND, NOT_READABLE,
 * WRONG_FORMAT, EXISTS, IN_USE, HAS_DEPENDANTS, NO_SPACE, NOT_SUPPORTED, IO, CANCELLED
 */
void      lodge_machine_add_disk_async      (LodgeMachine *self, int fd, GVariant *options, GAsyncReadyCallback callback, gpointer data);
char     *lodge_machine_add_disk_finish     (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_detach_disk_async: Errors: WRONG_STATE, NOT_FOUND, IN_USE (the guest does not let go of it, and it was to be deleted), HAS_DEPENDANTS, IO */
void      lodge_machine_detach_disk_async   (LodgeMachine *self, const char *id, GVariant *options, GAsyncReadyCallback callback, gpointer data);

/** lodge_machine_grow_disk_async: Errors: WRONG_STATE, NOT_FOUND, OUT_OF_RANGE (smaller, or too large), NOT_SUPPORTED (the format), HAS_DEPENDANTS, IN_USE, NO_SPACE, IO */
void      lodge_machine_grow_disk_async     (LodgeMachine *self, const char *id, guint64 size, GVariant *options, GAsyncReadyCallback callback, gpointer data);

/** lodge_machine_compact_disk_async: Errors: WRONG_STATE, NOT_FOUND, NOT_SUPPORTED (layered, or not in the folder), HAS_DEPENDANTS, IN_USE, NO_SPACE, IO, CANCELLED */
void      lodge_machine_compact_disk_async  (LodgeMachine *self, const char *id, GVariant *options, GAsyncReadyCallback callback, gpointer data);

/** lodge_machine_convert_disk_async: Errors: those of compacting */
void      lodge_machine_convert_disk_async  (LodgeMachine *self, const char *id, const char *format, GVariant *options,
                                             GAsyncReadyCallback callback, gpointer data);

/** lodge_machine_disk_finish: of the last four. @bytes: (nullable): what compacting gave back */
gboolean  lodge_machine_disk_finish         (LodgeMachine *self, GAsyncResult *result, guint64 *bytes, GError **error);

G_END_DECLS
