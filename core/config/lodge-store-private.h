/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-folder-watch.h"
#include "core/config/lodge-registry.h"
#include "core/config/lodge-store.h"
#include "core/config/lodge-trash.h"

#include <sys/stat.h>

G_BEGIN_DECLS

/* What lodge-store.c (the operations) and lodge-store-scan.c (what is seen of the folder) share. */

typedef struct
{
  LodgeStoreEntry public;
  char           *name; /* (owned) of the folder, without the path */
  struct stat     seen; /* machine.json when it was read; zero when there was none */
} LodgeStoreItem;

struct _LodgeStore
{
  GObject           parent_instance;

  char             *machines_dir; /* (owned) */
  char             *trash_dir;    /* (owned) */
  char             *lock_path;    /* (owned) */
  LodgeRegistry    *registry;     /* (owned) */
  LodgeFolderWatch *watch;        /* (owned) */
  GHashTable       *folders;      /* (owned) name to (owned) item */
  GHashTable       *ids;          /* (owned) id to (unowned) item; the keys are the items' own */
  int               lock;         /* held while this store lives, or -1 */
  gboolean          quiet;        /* loading: no signals */
};

enum { LODGE_STORE_ADDED, LODGE_STORE_CHANGED, LODGE_STORE_REMOVED, LODGE_STORE_N_SIGNALS };
extern guint lodge_store_signals[LODGE_STORE_N_SIGNALS];

void lodge_store_item_free   (gpointer item);

/** lodge_store_scan_folder: makes the item of the folder @name what the folder is now; adds, changes or removes it */
void lodge_store_scan_folder (LodgeStore *self, const char *name);
void lodge_store_scan_all    (LodgeStore *self);

/* lodge-store-family.c */

/** lodge_store_check_purge: whether none that stays, in the trash or out of it, is built on what would go. @ids: as lodge_trash_empty() has them. Error: HAS_DEPENDANTS */
gboolean lodge_store_check_purge    (LodgeStore *self, const char *const *ids, GError **error);

/** lodge_store_check_undelete: whether what @item is built on is not in the trash itself. Error: NOT_FOUND */
gboolean lodge_store_check_undelete (LodgeStore *self, const LodgeTrashItem *item, GError **error);

G_END_DECLS
