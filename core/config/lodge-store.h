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
  char         *id;      /* the profile's; of a folder that cannot be read the one it had, or a stable one made from its name */
  LodgeProfile *profile; /* (nullable) with a fault: the last that could be read, NULL when there was none */
  GError       *fault;   /* (nullable) BROKEN_PROFILE, NEWER_SCHEMA, EXISTS (the id is another folder's), NOT_READABLE, IO */
  gboolean      has_previous; /* with a fault: an older good generation exists */
} LodgeStoreEntry;

#define LODGE_TYPE_STORE (lodge_store_get_type ())
G_DECLARE_FINAL_TYPE (LodgeStore, lodge_store, LODGE, STORE, GObject)

/**
 * lodge_store_new: the library of machines below paths->machines_dir, and its trash.
 *
 * File operations are small and done at once (a save is bounded at 3 ms by the bench); what can be long
 * (emptying the trash, copying) is _async. Follows the folder: one copied in by hand appears, one
 * that vanishes disappears, a machine.json edited by hand is read again.
 *
 * Signals: "added" (LodgeStoreEntry*), "changed" (LodgeStoreEntry*), "removed" (const char *id).
 * The entries belong to the store and live until after "removed"; their strings and profile may
 * be replaced with each "changed".
 */
LodgeStore      *lodge_store_new          (const LodgePaths *paths);

/**
 * lodge_store_load:
 *
 * Reads every folder, without signals, and starts to follow changes. To be called once, by the
 * one core of a user. A broken folder is an entry with a fault, never an error. Errors: IO,
 * NOT_READABLE, NO_SPACE when the folder itself cannot be made or read.
 */
gboolean         lodge_store_load         (LodgeStore *self, GError **error);
GPtrArray       *lodge_store_list         (LodgeStore *self); /* (transfer container) (element-type LodgeStoreEntry) */
LodgeStoreEntry *lodge_store_lookup       (LodgeStore *self, const char *id); /* (nullable) (transfer none) */

/** lodge_store_find: by id, unique name or unique id prefix (>= 4 characters); a broken machine also by its folder's name. Errors: NOT_FOUND, AMBIGUOUS (lists the ids) */
LodgeStoreEntry *lodge_store_find         (LodgeStore *self, const char *text, GError **error);

/* Before the name of a machine's folder until that is whole. */
#define LODGE_STORE_NEW_PREFIX ".new-"

/**
 * lodge_store_prepare:
 *
 * Makes a hidden folder beside the machines to build a new one in, with disks/, firmware/, log/,
 * snapshots/ and tpm/; lodge_store_commit() renames it into place with its machine.json and takes
 * ownership of @profile on success, lodge_store_abandon() removes it. What a killed core left there is
 * removed at the next load. Errors: NO_SPACE, NOT_READABLE, IO; commit also EXISTS when the id is taken
 */
char            *lodge_store_prepare      (LodgeStore *self, const LodgeProfile *profile, GError **error);
LodgeStoreEntry *lodge_store_commit       (LodgeStore *self, const char *prepared, LodgeProfile *profile, GError **error);
void             lodge_store_abandon      (LodgeStore *self, const char *prepared);

/**
 * lodge_store_save:
 *
 * Replaces machine.json atomically, keeping three generations, and emits "changed". Takes ownership of
 * @profile on success. A machine with a fault is never written: that fault is the error.
 * Other errors: NOT_FOUND, NO_SPACE, NOT_READABLE, IO, and those of lodge_profile_validate()
 */
gboolean         lodge_store_save         (LodgeStore *self, const char *id, LodgeProfile *profile, GError **error);

/** lodge_store_restore_previous: Errors: WRONG_STATE (no broken machine.json), NOT_FOUND, IO */
gboolean         lodge_store_restore_previous (LodgeStore *self, const char *id, GError **error);
/** lodge_store_make_separate: a copy gets a new id and new MAC addresses: "removed" of the old entry, "added" of the new. Errors: WRONG_STATE, IO */
gboolean         lodge_store_make_separate    (LodgeStore *self, const char *id, GError **error);

/** lodge_store_trash: moves the folder to the trash (rename, so at once and atomic). */
gboolean         lodge_store_trash        (LodgeStore *self, const char *id, GError **error);
/** lodge_store_discard: deletes the machine for good, without the trash: at once gone from here, its files a little later. Errors: NOT_FOUND, IO */
gboolean         lodge_store_discard      (LodgeStore *self, const char *id, GError **error);
const char      *lodge_store_get_trash_dir (LodgeStore *self);
GVariant        *lodge_store_list_trash   (LodgeStore *self); /* aa{sv}, see ListTrash; (transfer floating) */
LodgeStoreEntry *lodge_store_undelete     (LodgeStore *self, const char *text, GError **error);
void             lodge_store_empty_trash_async  (LodgeStore *self, const char *const *ids, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean         lodge_store_empty_trash_finish (LodgeStore *self, GAsyncResult *result, GError **error);

G_END_DECLS
