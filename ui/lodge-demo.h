/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * lodge_demo_create_async:
 *
 * "Try Lodge": makes a machine from the demo guest under a free name and starts it. Needs the
 * core's feature "demo".
 *
 * The finish function returns (transfer full) the machine's object path, also when only the start
 * failed: the machine is there then and its page says why it does not run.
 */
void  lodge_demo_create_async  (LodgeLibrary *library, GAsyncReadyCallback callback, gpointer user_data);
char *lodge_demo_create_finish (GAsyncResult *result, GError **error);

/**
 * lodge_demo_free_name:
 *
 * Returns: (transfer full): @wish, with a number behind it when a machine has that name already
 */
char *lodge_demo_free_name     (LodgeLibrary *library, const char *wish);

G_END_DECLS
