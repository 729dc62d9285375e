/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * lodge_identify_async:
 * @fd: the image, open for reading; kept by the caller
 *
 * Asks the core which system an image holds; lodge-identify, confined, looks at it.
 */
void        lodge_identify_async  (LodgeLibrary *library, const char *display_name, int fd, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

/* Returns: (transfer full): what Core1.Identify says, a{sv} */
GVariant   *lodge_identify_finish (GAsyncResult *result, GError **error);

/* Of such a dictionary: a word, or "" (transfer none) */
const char *lodge_identified_string (GVariant *identified, const char *key);

/* The name of the icon that it names; (transfer full) */
char       *lodge_identified_icon (GVariant *identified);

G_END_DECLS
