/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

#define LODGE_SNAPSHOTS_DIR "snapshots"
#define LODGE_SNAPSHOTS_NEW_PREFIX ".new-" /* being made */
#define LODGE_SNAPSHOT_RUNNING "running" /* a file in it until then: the guest is to run afterwards */
#define LODGE_SNAPSHOT_NAME_MAX 128 /* characters */
#define LODGE_SNAPSHOT_NOTE_MAX 4096

/**
 * LodgeSnapshot: snapshots/ID/snapshot.json: one moment of a machine. Beside it lie machine.json (the profile then, its
 * disks' files being the frozen ones), vars.qcow2 and tpm/ where the machine has them, and with memory also memory and launch.json (LodgeSaved).
 */
typedef struct
{
  char      *id;        /* eight hexadecimal digits */
  char      *parent;    /* (nullable) id; it need not be there any more */
  char      *name;
  char      *note;
  gint64     created;   /* seconds since the epoch */
  gboolean   automatic;
  gboolean   transient; /* for a clone that is being made: nobody is told of it, and it goes */
  gboolean   memory;
  char      *reason;    /* (nullable) why the memory of a guest that ran is not in it */
  double     seconds;   /* how long it took; */
  double     pause;     /* and for how much of that the guest stood still */
  GPtrArray *disks;     /* (element-type utf8) id, file (relative to the machine's folder), id, file, ... */
} LodgeSnapshot;

LodgeSnapshot *lodge_snapshot_new      (void); /* with a new id and the present time */
void           lodge_snapshot_free     (LodgeSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeSnapshot, lodge_snapshot_free)

/** lodge_snapshot_check_text: Errors: NAME_INVALID, OUT_OF_RANGE */
gboolean       lodge_snapshot_check_text (const char *name, const char *note, GError **error);

/** lodge_snapshot_folder: Returns: (transfer full): where snapshot @id of the machine in @machine_folder lies */
char          *lodge_snapshot_folder   (const char *machine_folder, const char *id);

/** lodge_snapshot_write: snapshot.json into @folder, atomically. Errors: NO_SPACE, IO */
gboolean       lodge_snapshot_write    (const LodgeSnapshot *snapshot, const char *folder, GError **error);

/** lodge_snapshot_read: untrusted. Errors: NOT_FOUND (also: @id is no id), WRONG_FORMAT, NEWER_SCHEMA, IO */
LodgeSnapshot *lodge_snapshot_read     (const char *machine_folder, const char *id, GError **error);

/** lodge_snapshot_read_half_made: one that a killed core has left. Errors: the same */
LodgeSnapshot *lodge_snapshot_read_half_made (const char *machine_folder, const char *id, GError **error);

/** lodge_snapshot_list: those that can be read, oldest first. Returns: (transfer full) (element-type LodgeSnapshot) */
GPtrArray     *lodge_snapshot_list     (const char *machine_folder);

/** lodge_snapshot_find: in a list. Returns: (transfer none) (nullable) */
LodgeSnapshot *lodge_snapshot_find     (GPtrArray *list, const char *id);

/** lodge_snapshot_read_profile: the machine.json of a snapshot. Errors: NOT_FOUND, BROKEN_PROFILE, NEWER_SCHEMA, IO */
LodgeProfile  *lodge_snapshot_read_profile (const char *folder, GError **error);

/**
 * lodge_file_duplicate: a copy of a small regular file, by reference where the file system can, flushed; replaces @to. Errors: as
 * lodge_error_set_errno()
 */
gboolean       lodge_file_duplicate    (const char *from, const char *to, GError **error);

/** lodge_file_reflink: a new file that shares its blocks with one, whatever its size; not flushed. Returns: FALSE, and nothing is made, where the file system cannot */
gboolean       lodge_file_reflink      (const char *from, const char *to);

/** lodge_folder_duplicate: the same with the regular files of a folder; one that is not there makes none */
gboolean       lodge_folder_duplicate  (const char *from, const char *to, GError **error);

/** lodge_file_share: a second name for a file that nobody changes any more; a copy where the file system has no such thing */
gboolean       lodge_file_share        (const char *from, const char *to, GError **error);

G_END_DECLS
