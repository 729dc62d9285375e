/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * LodgeNbdClient: a disk's contents, read or written through an export of QEMU's (the NBD protocol). It waits for each answer,
 * so it is for worker threads. QEMU is confined since it may be taken over by an image, so what it answers is bounded.
 *
 * Errors of all: IO (also when the export ends), NO_SPACE; WRONG_FORMAT when it does not speak the protocol
 */
typedef struct _LodgeNbdClient LodgeNbdClient;

/** The most that is read or written at once */
#define LODGE_NBD_MAX_BYTES (1024 * 1024)

/** LodgeNbdExtentFunc: @zero: reads as zeros, whether it is allocated or not */
typedef void (*LodgeNbdExtentFunc) (guint64 offset, guint64 length, gboolean zero, gpointer data);

/** lodge_nbd_client_new: @fd: a connected stream socket, taken; @name: of the export */
LodgeNbdClient *lodge_nbd_client_new       (int fd, const char *name, GError **error);
void            lodge_nbd_client_free      (LodgeNbdClient *self); /* takes leave, so that a server that waits for that ends */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeNbdClient, lodge_nbd_client_free)

guint64         lodge_nbd_client_get_size  (LodgeNbdClient *self);

/** lodge_nbd_client_map: tells of all extents in their order; of an export that cannot say it, that all is data */
gboolean        lodge_nbd_client_map       (LodgeNbdClient *self, LodgeNbdExtentFunc func, gpointer data, GError **error);

gboolean        lodge_nbd_client_read      (LodgeNbdClient *self, guint64 offset, guint8 *into, guint32 length, GError **error);
gboolean        lodge_nbd_client_write     (LodgeNbdClient *self, guint64 offset, const guint8 *from, guint32 length, GError **error);
gboolean        lodge_nbd_client_flush     (LodgeNbdClient *self, GError **error);

G_END_DECLS
