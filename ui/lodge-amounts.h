/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/* How much memory and how many cores a machine should have, as Core1.Amounts says: a{sv}. */

/**
 * lodge_amounts_async:
 * @os, @family: (nullable): what it is for
 * @machine: (nullable): id of a machine that is there already
 */
void     lodge_amounts_async  (LodgeLibrary *library, const char *os, const char *family, const char *machine,
                               GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/* Returns: (transfer full) */
GVariant *lodge_amounts_finish (GAsyncResult *result, GError **error);

/* What is known of the host until the answer is there. (transfer full) */
GVariant *lodge_amounts_guess  (LodgeLibrary *library);

/* A number among them, of either width; 0 where it is missing. */
guint64   lodge_amounts_get    (GVariant *amounts, const char *key);

/* What @value means, in words, (nullable) where all is well. (transfer full) */
char     *lodge_amounts_judge_memory (GVariant *amounts, guint64 memory);
char     *lodge_amounts_judge_cores  (GVariant *amounts, guint cores);

G_END_DECLS
