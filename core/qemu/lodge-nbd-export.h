/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-sandbox.h"

G_BEGIN_DECLS

/** The name that lodge_nbd_client_new() needs */
#define LODGE_NBD_EXPORT_NAME "disk"

/**
 * LodgeNbdExport: a qemu-nbd that gives the contents of one image to one client, and ends when that one takes leave. Confined: it
 * reaches nothing but the image and what that reads on in.
 */
typedef struct _LodgeNbdExport LodgeNbdExport;

/**
 * lodge_nbd_export_new:
 * @sandbox: (nullable)
 * @socket_dir: a folder of the user's own, where the socket lies until it is connected
 * @path, @format: the image, absolute
 * @below: (nullable): the files that it reads on in
 * @client: (out): the client's end
 *
 * Errors: NO_QEMU (no qemu-nbd), IO
 */
LodgeNbdExport *lodge_nbd_export_new        (LodgeSandbox *sandbox, const char *socket_dir, const char *path, const char *format,
                                             const char *const *below, gboolean writable, int *client, GError **error);
void            lodge_nbd_export_free       (LodgeNbdExport *self); /* ends it at once if it still runs */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeNbdExport, lodge_nbd_export_free)

/**
 * lodge_nbd_export_end_async: the client has taken leave: waits until all is written and the tool has ended. Errors: IO and those
 * that qemu-img has (message is what it said)
 */
void            lodge_nbd_export_end_async  (LodgeNbdExport *self, GAsyncReadyCallback callback, gpointer data);
gboolean        lodge_nbd_export_end_finish (GAsyncResult *result, GError **error);

/**
 * lodge_nbd_listen: a listening socket for a server that is given it
 * @clients: (array length=n): its connections; -1 on error
 *
 * Returns: the socket, which has no name any more; -1 on error. Error: IO
 */
int             lodge_nbd_listen            (const char *socket_dir, int *clients, guint n, GError **error);

G_END_DECLS
