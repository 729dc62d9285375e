/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* LodgeFoundImage: a file that looks like an image by its name. */
typedef struct
{
  GFile *file;
  char  *display_name;
  char  *description; /* size and age, for people */
  gint64 modified;
} LodgeFoundImage;

/**
 * lodge_found_images_async:
 * @folder: (nullable): where to look, usually Downloads
 *
 * Lists the newest images of @folder (not of those below it), at most ten. A folder that is not
 * there has none.
 */
void       lodge_found_images_async  (const char *folder, GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data);

/* Returns: (transfer full) (element-type LodgeFoundImage): newest first */
GPtrArray *lodge_found_images_finish (GAsyncResult *result, GError **error);

G_END_DECLS
