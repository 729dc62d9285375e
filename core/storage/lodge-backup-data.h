/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/storage/lodge-backup-set.h"

G_BEGIN_DECLS

/**
 * LodgeBackupWriter: a backup that is being made, in a folder of its own that nobody takes for a backup; lodge_backup_writer_commit() gives it
 * its name when all of it is on the disk. What the newest earlier backup of the machine has already is not written again. For a thread.
 * Errors of all: NO_SPACE, NOT_FOUND (the folder has gone), IO
 */
typedef struct _LodgeBackupWriter LodgeBackupWriter;

/** lodge_backup_writer_new: @set: locked, taken; @backup: taken: with id, machine, name, created and kind */
LodgeBackupWriter *lodge_backup_writer_new        (LodgeBackupSet *set, LodgeBackup *backup, GError **error);

/** lodge_backup_writer_free: one that was not committed leaves nothing */
void               lodge_backup_writer_free       (LodgeBackupWriter *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeBackupWriter, lodge_backup_writer_free)

LodgeBackup       *lodge_backup_writer_get_backup (LodgeBackupWriter *self);

LodgeBackupSet    *lodge_backup_writer_get_set    (LodgeBackupWriter *self);

/** lodge_backup_writer_compare: what is there already is read, too, so that a block that was damaged since is written again */
void               lodge_backup_writer_compare    (LodgeBackupWriter *self);

/** lodge_backup_writer_add_file: Error also OUT_OF_RANGE */
gboolean           lodge_backup_writer_add_file   (LodgeBackupWriter *self, const char *role, const void *data, gsize length, GError **error);
gboolean           lodge_backup_writer_copy_file  (LodgeBackupWriter *self, const char *role, const char *path, GError **error);

/** lodge_backup_writer_begin_disk: then each block of the disk, then lodge_backup_writer_end_disk() */
gboolean           lodge_backup_writer_begin_disk (LodgeBackupWriter *self, const char *id, guint64 size, GError **error);

/** lodge_backup_writer_add_block: the next one; @block: LODGE_BACKUP_BLOCK bytes (the last one filled up with zeros), or NULL for zeros */
gboolean           lodge_backup_writer_add_block  (LodgeBackupWriter *self, const guint8 *block, GError **error);
gboolean           lodge_backup_writer_end_disk   (LodgeBackupWriter *self, GError **error);

/** lodge_backup_writer_commit: all is on the disk, then it has its name */
gboolean           lodge_backup_writer_commit     (LodgeBackupWriter *self, GError **error);

/**
 * LodgeBackupReader: the contents of one disk of a backup, block after block. Each is compared with its hash. For a thread.
 * Errors of all: DAMAGED (something is not what it was), NOT_FOUND (data of an earlier backup is gone), IO
 */
typedef struct _LodgeBackupReader LodgeBackupReader;

LodgeBackupReader *lodge_backup_reader_new        (LodgeBackupSet *set, const LodgeBackup *backup, guint disk, GError **error);
void               lodge_backup_reader_free       (LodgeBackupReader *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeBackupReader, lodge_backup_reader_free)

/** lodge_backup_reader_next: @block: LODGE_BACKUP_BLOCK bytes; @zero: it is zeros, and @block is not touched. Not to be called after the last one */
gboolean           lodge_backup_reader_next       (LodgeBackupReader *self, guint8 *block, gboolean *zero, GError **error);

/** lodge_backup_reader_get_data: Returns: bytes of the disk that are not zeros, by whole blocks */
guint64            lodge_backup_reader_get_data   (LodgeBackupReader *self);

/** lodge_backup_extract: the file number @number is compared with its hash, and written to @into, a descriptor or -1 */
gboolean           lodge_backup_extract           (LodgeBackupSet *set, const LodgeBackup *backup, guint number, int into, GError **error);

/** lodge_backup_read_file: Returns: (transfer full): the file of @role; NULL on error. Errors: NOT_FOUND, DAMAGED, OUT_OF_RANGE (more than @max), IO */
char              *lodge_backup_read_file         (LodgeBackupSet *set, const LodgeBackup *backup, const char *role, gsize max, gsize *length,
                                                   GError **error);

/** lodge_backup_count_blocks: Returns: how many blocks a disk of @size bytes has */
guint64            lodge_backup_count_blocks      (guint64 size);

G_END_DECLS
