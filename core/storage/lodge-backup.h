/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/*
 * A backup, as its manifest describes it: machine.json and other small files, and of each disk the contents in blocks, each of which lies in
 * the data of this backup or, when it was the same then, of an earlier one. docs/BACKUP.md has the format.
 */

#define LODGE_BACKUP_BLOCK (256 * 1024)
#define LODGE_BACKUP_MANIFEST "manifest.json"
#define LODGE_BACKUP_MANIFEST_MAX (1024 * 1024)
#define LODGE_BACKUP_SOURCES_MAX 4096
#define LODGE_BACKUP_DISKS_MAX 32
#define LODGE_BACKUP_FILES_MAX 64
#define LODGE_BACKUP_FILE_MAX (1024ull * 1024 * 1024)
#define LODGE_BACKUP_DISK_MAX (64ull << 40)

/** How the contents were when they were read. */
typedef enum
{
  LODGE_BACKUP_OFF,     /* no guest ran */
  LODGE_BACKUP_FROZEN,  /* the guest agent had the guest write all and hold still */
  LODGE_BACKUP_RUNNING, /* as after a power cut */
} LodgeBackupKind;

typedef struct
{
  char    *role;   /* "machine.json", "vars", "kernel", "initrd", "tpm/NAME" */
  guint64  size;
  char    *sha256; /* 64 hexadecimal digits */
} LodgeBackupFile;

typedef struct
{
  char    *id;     /* of the machine's disk */
  guint64  size;   /* as the guest sees it */
  char    *sha256; /* of its index */
} LodgeBackupDisk;

typedef struct
{
  char           *id;       /* lodge_backup_new_id() */
  char           *machine;  /* id */
  char           *name;     /* of the machine then */
  gint64          created;  /* seconds since the epoch */
  LodgeBackupKind kind;
  guint64         blocks;   /* that it added itself */
  GPtrArray      *sources;  /* (element-type utf8) ids of the backups that the index counts to; the first is its own */
  GPtrArray      *files;    /* (element-type LodgeBackupFile) */
  GPtrArray      *disks;    /* (element-type LodgeBackupDisk) */
} LodgeBackup;

LodgeBackup *lodge_backup_new       (void);
void         lodge_backup_free      (LodgeBackup *backup);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeBackup, lodge_backup_free)

/** lodge_backup_new_id: Returns: (transfer full): "20261122-071500-1a2b3c4d"; sorts by @time */
char        *lodge_backup_new_id    (gint64 time);

/** lodge_backup_is_id: whether it can be one, and so the name of a folder; @text: untrusted */
gboolean     lodge_backup_is_id     (const char *text);

const char  *lodge_backup_kind_name (LodgeBackupKind kind);

void         lodge_backup_add_file  (LodgeBackup *backup, const char *role, guint64 size, const char *sha256);
void         lodge_backup_add_disk  (LodgeBackup *backup, const char *id, guint64 size, const char *sha256);

/** lodge_backup_is_increment: whether it counts to blocks of earlier ones */
gboolean     lodge_backup_is_increment (const LodgeBackup *backup);

/** lodge_backup_find_file, lodge_backup_find_disk: Returns: its number, or -1 */
int          lodge_backup_find_file (const LodgeBackup *backup, const char *role);
int          lodge_backup_find_disk (const LodgeBackup *backup, const char *id);

/** lodge_backup_is_role: whether it is a file that a backup may have; @role: untrusted */
gboolean     lodge_backup_is_role   (const char *role);

/**
 * lodge_backup_parse: a manifest, untrusted: what comes back is within all bounds, has no name that leads anywhere, and has no
 * disk or file twice. Errors: WRONG_FORMAT (message says what), NEWER_SCHEMA
 */
LodgeBackup *lodge_backup_parse     (const char *data, gsize length, GError **error);
char        *lodge_backup_print     (const LodgeBackup *backup, gsize *length);

G_END_DECLS
