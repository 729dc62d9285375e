/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"
#include "core/ipc/lodge-paths.h"

G_BEGIN_DECLS

/**
 * LodgeStoreEntry: one folder below machines/, good or not.
 */
typedef struct
{
  char         *folder;  /* absolute path */
  char         *id;      /* the profile's id; for a folder that cannot be read a stable id made from its name */
  LodgeProfile *profile; /* (nullable) NULL when it cannot be read */
  GError       *fault;   /* (nullable) BROKEN_PROFILE, NEWER_SCHEMA, EXISTS (the id is another folder's), NOT_READABLE */
  gboolean      has_previous; /* an older good generation exists */
} LodgeStoreEntry;

#define LODGE_TYPE_STORE (lodge_store_get_type ())
G_DECLARE_FINAL_TYPE (LodgeStore, lodge_store, LODGE, STORE, GObject)

/**
 * lodge_store_new: the library of machines below paths->machines_dir, and its trash.
 *
 * File operations are small and done at once (a save is bounded at 3 ms by the bench); what can be long
 * (emptying the trash, copying) is _async. Follows the folder: one copied in by hand appears, one
 * that vanishes disappears.
 *
 * Signals: "added" (LodgeStoreEntry*), "changed" (LodgeStoreEntry*), "removed" (const char *id).
 * The entries belong to the store and live until "removed".
 */
LodgeStore      *lodge_store_new          (const LodgePaths *paths);

/**
 * lodge_store_load:
 *
 * Reads every folder and starts to follow changes. A broken folder is an entry with a fault, never an error. Error: IO when
 * the folder itself cannot be made or read.
 */
gboolean         lodge_store_load         (LodgeStore *self, GError **error);
GPtrArray       *lodge_store_list         (LodgeStore *self); /* (transfer container) (element-type LodgeStoreEntry) */
LodgeStoreEntry *lodge_store_lookup       (LodgeStore *self, const char *id); /* (nullable) (transfer none) */

/** lodge_store_find: by id, unique id prefix (>= 4 characters) or unique name. Errors: NOT_FOUND, AMBIGUOUS */
LodgeStoreEntry *lodge_store_find         (LodgeStore *self, const char *text, GError **error);

/**
 * lodge_store_prepare:
 *
 * Makes a hidden folder beside the machines to build a new one in; lodge_store_commit() renames it
 * into place with its machine.json, lodge_store_abandon() removes it. What a killed core left there is removed at the next load.
 */
char            *lodge_store_prepare      (LodgeStore *self, const LodgeProfile *profile, GError **error);
LodgeStoreEntry *lodge_store_commit       (LodgeStore *self, const char *prepared, LodgeProfile *profile, GError **error);
void             lodge_store_abandon      (LodgeStore *self, const char *prepared);

/** lodge_store_save: replaces machine.json atomically, keeping three generations. Takes ownership of @profile on success. */
gboolean         lodge_store_save         (LodgeStore *self, const char *id, LodgeProfile *profile, GError **error);

gboolean         lodge_store_restore_previous (LodgeStore *self, const char *id, GError **error);
gboolean         lodge_store_make_separate    (LodgeStore *self, const char *id, GError **error);

/** lodge_store_trash: moves the folder to the trash (rename, so at once and atomic). */
gboolean         lodge_store_trash        (LodgeStore *self, const char *id, GError **error);
GVariant        *lodge_store_list_trash   (LodgeStore *self); /* aa{sv}, see ListTrash; (transfer floating) */
LodgeStoreEntry *lodge_store_undelete     (LodgeStore *self, const char *text, GError **error);
void             lodge_store_empty_trash_async  (LodgeStore *self, const char *const *ids, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean         lodge_store_empty_trash_finish (LodgeStore *self, GAsyncResult *result, GError **error);

G_END_DECLS
