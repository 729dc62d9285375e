/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * LodgeTrashItem: a machine's folder in the trash, "FOLDER.TIME" with a trash.json that says what it was.
 */
typedef struct
{
  char   *path;    /* where it is now */
  char   *id;
  char   *name;    /* the machine's, for people */
  char   *folder;  /* the folder's name before */
  gint64  deleted; /* seconds since the epoch */
  guint64 size;    /* bytes on the disk when it was moved here */
} LodgeTrashItem;

void       lodge_trash_item_free (LodgeTrashItem *item);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeTrashItem, lodge_trash_item_free)

/** lodge_trash_put: moves @folder (absolute), at once and atomically. Errors: NOT_FOUND, NO_SPACE, IO */
gboolean   lodge_trash_put       (const char *trash_dir, const char *folder, const char *id,
                                  const char *name, GError **error);

/** lodge_trash_list: Returns: (transfer container) (element-type LodgeTrashItem): newest first */
GPtrArray *lodge_trash_list      (const char *trash_dir);

/** lodge_trash_find: by id, unique id prefix (>= 4 characters) or unique name; of one id the newest. Errors: NOT_FOUND, AMBIGUOUS */
LodgeTrashItem *lodge_trash_find (const char *trash_dir, const char *text, GError **error);

/** lodge_trash_take: moves @item to @folder (absolute, must not be there). Errors: EXISTS, NOT_FOUND, IO */
gboolean   lodge_trash_take      (const LodgeTrashItem *item, const char *folder, GError **error);

/** lodge_trash_empty: deletes @ids, or all when %NULL or empty; long, for a thread. Errors: NOT_FOUND, IO, CANCELLED */
gboolean   lodge_trash_empty     (const char *trash_dir, const char *const *ids,
                                  GCancellable *cancellable, GError **error);

G_END_DECLS
