/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/storage/lodge-backup.h"

G_BEGIN_DECLS

/*
 * The backups of one machine: a folder SLUG-1a2b3c4d.backup within the folder that a person chose, with a folder for each backup.
 *
 * All of it may come from somebody else, or vanish at any moment. So everything is opened relative to a descriptor, by names that
 * were checked, and no link is followed. For threads: a disk that sleeps or is far away makes any of this wait.
 */

#define LODGE_BACKUP_SET_SUFFIX ".backup"
#define LODGE_BACKUP_NEW_PREFIX ".new-" /* being made */
#define LODGE_BACKUP_SETS_MAX 1000
#define LODGE_BACKUPS_MAX 4096

typedef struct
{
  int   fd;
  int   lock;   /* or -1 */
  char *name;
} LodgeBackupSet;

/** lodge_backup_set_open: @folder: a descriptor of the folder with the sets; @name: untrusted. Errors: NOT_FOUND, NOT_READABLE, IO */
LodgeBackupSet *lodge_backup_set_open    (int folder, const char *name, GError **error);

/** lodge_backup_set_make: the one of @machine, which is made when there is none; @slug: for its name. Errors: as above, NO_SPACE */
LodgeBackupSet *lodge_backup_set_make    (int folder, const char *machine, const char *slug, GError **error);
void            lodge_backup_set_free    (LodgeBackupSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeBackupSet, lodge_backup_set_free)

/** lodge_backup_set_names: Returns: (transfer full) (element-type utf8): the sets in @folder, in their order; at most LODGE_BACKUP_SETS_MAX */
GPtrArray      *lodge_backup_set_names   (int folder, GError **error);

/** lodge_backup_set_lock: for whoever writes or deletes, until the set is freed. Also removes what a killed core left half-made. Error: IN_USE */
gboolean        lodge_backup_set_lock    (LodgeBackupSet *set, GError **error);

/** lodge_backup_set_lock_shared: for whoever reads. Error: IN_USE */
gboolean        lodge_backup_set_lock_shared (LodgeBackupSet *set, GError **error);

/** lodge_backup_set_remove_if_empty: the folder of a set without backups goes from @folder. @set: locked */
void            lodge_backup_set_remove_if_empty (LodgeBackupSet *set, int folder);

/** lodge_backup_set_ids: Returns: (transfer full) (element-type utf8): the whole ones, oldest first */
GPtrArray      *lodge_backup_set_ids     (LodgeBackupSet *set);

/** lodge_backup_set_read: Errors: NOT_FOUND, WRONG_FORMAT, NEWER_SCHEMA, IO */
LodgeBackup    *lodge_backup_set_read    (LodgeBackupSet *set, const char *id, GError **error);

/** lodge_backup_set_size: bytes that the backup @id occupies itself; what it shares with earlier ones is not in it */
guint64         lodge_backup_set_size    (LodgeBackupSet *set, const char *id);

/**
 * lodge_backup_set_note: keeps beside the backup @id that all of it was read and compared at @time, and was @whole or not. Where the folder
 * cannot be written to it is not kept.
 */
void            lodge_backup_set_note    (LodgeBackupSet *set, const char *id, gint64 time, gboolean whole);

/** lodge_backup_set_get_note: Returns: whether there is a note; then @time and @whole are what it says */
gboolean        lodge_backup_set_get_note (LodgeBackupSet *set, const char *id, gint64 *time, gboolean *whole);

/** lodge_backup_set_delete: the others stay whole: data that they need stays until the last of them goes. @set: locked. Errors: NOT_FOUND, IO */
gboolean        lodge_backup_set_delete  (LodgeBackupSet *set, const char *id, GError **error);

/* ---- For the writer and the reader ---- */

/** lodge_backup_set_open_backup: Returns: a descriptor of the folder of @id, or -1. Errors: NOT_FOUND, IO */
int             lodge_backup_set_open_backup (LodgeBackupSet *set, const char *id, GError **error);

/** lodge_open_at: a regular file in a folder, for reading, following nothing. Errors: as lodge_error_set_errno(), WRONG_FORMAT */
int             lodge_open_at            (int folder, const char *name, GError **error);

/** lodge_remove_at: a folder with the files in it, but no folders. Errors: IO */
gboolean        lodge_remove_at          (int folder, const char *name, GError **error);

G_END_DECLS
