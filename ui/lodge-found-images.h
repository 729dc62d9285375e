/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/** LodgeFoundImage: a file that looks like a disc or disk image by its name. */
typedef struct
{
  GFile  *file;
  char   *display_name;
  char   *size;     /* for people: "640 MB" */
  char   *age;      /* for people: "3 days ago" */
  gint64  modified;
} LodgeFoundImage;

/**
 * lodge_found_images_async:
 * @folder: (nullable): usually the downloads
 * @recent: (nullable): further paths, those used lately
 *
 * Looks in another thread at the files in @folder, not below it, and at those of @recent that are still there.
 */
void       lodge_found_images_async  (const char *folder, const char *const *recent, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data);

/* Returns: (transfer full) (element-type LodgeFoundImage): the newest first, at most ten */
GPtrArray *lodge_found_images_finish (GAsyncResult *result, GError **error);

G_END_DECLS
