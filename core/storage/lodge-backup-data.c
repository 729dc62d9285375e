/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A backup's folder holds
 *
 *   manifest.json          what it is; without it there is data at most, which later backups may count to
 *   file-N                 the small files, in the manifest's order
 *   index-N                of each disk: 40 bytes for each block: SHA-256, number of the source, number of the block in its data;
 *                          all zero for a block of zeros
 *   data-0000, data-0001   the blocks that it added itself, 1024 in each
 *
 * and is called .new-ID until all of it is flushed. Each block is compared with the same one of the newest earlier backup, by its hash;
 * where they are the same the index counts to where that one has it. So each backup is whole by itself, costs what has
 * changed, and none is a link in a chain that would have to be read from its beginning. */

#include "config.h"

#include "core/storage/lodge-backup-data.h"

#include "core/config/lodge-atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD 40
#define HASH 32
#define DATA_BLOCKS 1024
#define COPY_BYTES (1024 * 1024)
#define RECORDS_AT_ONCE 16384

static const guint8 zeros[LODGE_BACKUP_BLOCK];

/* The data file that was used last: blocks come in runs. */
typedef struct
{
  int     fd; /* or -1 */
  guint   source;
  guint64 number;
  guint64 blocks; /* that it has */
} Open;

struct _LodgeBackupWriter
{
  LodgeBackupSet *set;      /* (owned) */
  LodgeBackup    *backup;   /* (owned) */
  LodgeBackup    *previous; /* (owned) (nullable) */
  char           *name;     /* (owned) .new-ID */
  int             folder;
  int             data;     /* or -1: the file of the last block */
  FILE           *index;    /* (nullable) of the disk that is being written */
  FILE           *earlier;  /* (nullable) the same disk's of @previous */
  GChecksum      *sum;      /* (owned) (nullable) of the index */
  char           *disk;     /* (owned) (nullable) its id */
  guint64         size;     /* its */
  GHashTable     *numbers;  /* source of @previous to ours, both plus one */
  Open            open;     /* of @previous' sources */
  guint8         *scratch;  /* (owned) (nullable) a block: what an earlier backup has is compared before it is counted to */
  gboolean        committed;
};

struct _LodgeBackupReader
{
  LodgeBackupSet *set; /* (unowned) */
  const LodgeBackup *backup; /* (unowned) */
  FILE           *index;
  guint64         used; /* blocks that are not zeros */
  Open            open;
};

guint64
lodge_backup_count_blocks (guint64 size)
{
  return size / LODGE_BACKUP_BLOCK + (size % LODGE_BACKUP_BLOCK != 0);
}

static void
hash_of (const guint8 *data, gsize length, guint8 *into)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = HASH;

  g_checksum_update (sum, data, (gssize) length);
  g_checksum_get_digest (sum, into, &size);
}

static guint32
get_u32 (const guint8 *at)
{
  return (guint32) at[0] << 24 | (guint32) at[1] << 16 | (guint32) at[2] << 8 | at[3];
}

static void
put_u32 (guint8 *at, guint32 value)
{
  for (guint i = 0; i < 4; i++)
    at[i] = (guint8) (value >> 8 * (3 - i));
}

static char *
data_name (guint64 number)
{
  return g_strdup_printf ("data-%04" G_GUINT64_FORMAT, number);
}

/* The file with block @block of @source. Returns: its descriptor, kept in @open, or -1 */
static int
open_data (Open *open, LodgeBackupSet *set, GPtrArray *sources, guint source, guint32 block, GError **error)
{
  guint64 number = block / DATA_BLOCKS;
  g_autofree char *name = NULL;
  struct stat st;
  int folder;

  if (open->fd < 0 || open->source != source || open->number != number)
    {
      if (open->fd >= 0)
        close (open->fd);
      open->fd = -1;
      folder = lodge_backup_set_open_backup (set, g_ptr_array_index (sources, source), error);
      if (folder < 0)
        return -1;
      name = data_name (number);
      open->fd = lodge_open_at (folder, name, error);
      close (folder);
      if (open->fd < 0)
        return -1;
      open->source = source;
      open->number = number;
      open->blocks = fstat (open->fd, &st) == 0 ? (guint64) st.st_size / LODGE_BACKUP_BLOCK : 0;
    }
  if (block % DATA_BLOCKS < open->blocks)
    return open->fd;
  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "data of the backup is cut off");
  return -1;
}

/* An index whose hash is the one of the manifest, at its beginning. @used: (out) (optional): its blocks that are not zeros */
static FILE *
open_index (LodgeBackupSet *set, const LodgeBackup *backup, guint number, guint64 *used, GError **error)
{
  const LodgeBackupDisk *disk = g_ptr_array_index (backup->disks, number);
  guint64 size = lodge_backup_count_blocks (disk->size) * RECORD, seen = 0, filled = 0;
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree char *name = g_strdup_printf ("index-%u", number);
  g_autofree guint8 *records = g_malloc (RECORDS_AT_ONCE * RECORD);
  int folder = lodge_backup_set_open_backup (set, backup->id, error);
  int fd = folder >= 0 ? lodge_open_at (folder, name, error) : -1;
  FILE *file = fd >= 0 ? fdopen (fd, "r") : NULL;
  gsize n;

  if (folder >= 0)
    close (folder);
  if (file == NULL)
    return NULL;
  while (seen <= size && (n = fread (records, 1, RECORDS_AT_ONCE * RECORD, file)) > 0)
    {
      g_checksum_update (sum, records, (gssize) n);
      seen += n;
      for (gsize at = 0; at + RECORD <= n; at += RECORD)
        filled += memcmp (records + at, zeros, RECORD) != 0;
    }
  if (used != NULL)
    *used = filled;
  if (ferror (file))
    lodge_error_set_errno (error, errno, "reading", name);
  else if (seen != size || strcmp (g_checksum_get_string (sum), disk->sha256) != 0)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "the backup's list of the blocks of “%s” is not what it was", disk->id);
  else if (fseeko (file, 0, SEEK_SET) == 0)
    return file;
  fclose (file);
  return NULL;
}

/* ---- Writer ---- */

static LodgeBackup *
find_previous (LodgeBackupSet *set, const char *machine)
{
  g_autoptr (GPtrArray) ids = lodge_backup_set_ids (set);

  for (guint i = ids->len; i > 0; i--)
    {
      g_autoptr (LodgeBackup) backup = lodge_backup_set_read (set, g_ptr_array_index (ids, i - 1), NULL);

      if (backup != NULL && strcmp (backup->machine, machine) == 0)
        return g_steal_pointer (&backup);
    }
  return NULL;
}

LodgeBackupWriter *
lodge_backup_writer_new (LodgeBackupSet *set, LodgeBackup *backup, GError **error)
{
  LodgeBackupWriter *self = g_new0 (LodgeBackupWriter, 1);

  self->set = set;
  self->backup = backup;
  self->data = -1;
  self->open.fd = -1;
  self->folder = -1;
  self->numbers = g_hash_table_new (NULL, NULL);
  g_ptr_array_add (backup->sources, g_strdup (backup->id));
  self->previous = find_previous (set, backup->machine);
  self->name = g_strconcat (LODGE_BACKUP_NEW_PREFIX, backup->id, NULL);
  if (mkdirat (set->fd, self->name, 0700) == 0)
    self->folder = openat (set->fd, self->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (self->folder < 0)
    {
      lodge_error_set_errno (error, errno, "making", self->name);
      lodge_backup_writer_free (self);
      return NULL;
    }
  return self;
}

void
lodge_backup_writer_free (LodgeBackupWriter *self)
{
  if (self->index != NULL)
    fclose (self->index);
  if (self->earlier != NULL)
    fclose (self->earlier);
  if (self->data >= 0)
    close (self->data);
  if (self->open.fd >= 0)
    close (self->open.fd);
  if (self->folder >= 0)
    close (self->folder);
  if (!self->committed)
    lodge_remove_at (self->set->fd, self->name, NULL);
  g_clear_pointer (&self->sum, g_checksum_free);
  g_hash_table_unref (self->numbers);
  lodge_backup_free (self->backup);
  lodge_backup_free (self->previous);
  lodge_backup_set_free (self->set);
  g_free (self->scratch);
  g_free (self->disk);
  g_free (self->name);
  g_free (self);
}

void
lodge_backup_writer_compare (LodgeBackupWriter *self)
{
  if (self->scratch == NULL)
    self->scratch = g_malloc (LODGE_BACKUP_BLOCK);
}

LodgeBackup *
lodge_backup_writer_get_backup (LodgeBackupWriter *self)
{
  return self->backup;
}

LodgeBackupSet *
lodge_backup_writer_get_set (LodgeBackupWriter *self)
{
  return self->set;
}

static int
create (LodgeBackupWriter *self, const char *name, GError **error)
{
  int fd = openat (self->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  if (fd < 0)
    lodge_error_set_errno (error, errno, "making", name);
  return fd;
}

static gboolean
write_all (int fd, const guint8 *data, gsize length, GError **error)
{
  while (length > 0)
    {
      gssize n = write (fd, data, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return lodge_error_set_errno (error, n == 0 ? ENOSPC : errno, "writing", "the backup");
      data += n;
      length -= (gsize) n;
    }
  return TRUE;
}

/* Flushed and closed. */
static gboolean
finish_file (int fd, GError **error)
{
  int number = fsync (fd) != 0 ? errno : 0;

  /* It is not read again soon, and if it is, it should come from the disk. */
  posix_fadvise (fd, 0, 0, POSIX_FADV_DONTNEED);
  if (close (fd) != 0 && number == 0)
    number = errno;
  return number == 0 || lodge_error_set_errno (error, number, "writing", "the backup");
}

gboolean
lodge_backup_writer_add_file (LodgeBackupWriter *self, const char *role, const void *data, gsize length, GError **error)
{
  g_autofree char *name = g_strdup_printf ("file-%u", self->backup->files->len);
  g_autofree char *sha256 = g_compute_checksum_for_data (G_CHECKSUM_SHA256, data, length);
  int fd = create (self, name, error);

  if (fd < 0)
    return FALSE;
  if (!write_all (fd, data, length, error))
    {
      close (fd);
      return FALSE;
    }
  lodge_backup_add_file (self->backup, role, length, sha256);
  return finish_file (fd, error);
}

gboolean
lodge_backup_writer_copy_file (LodgeBackupWriter *self, const char *role, const char *path, GError **error)
{
  g_autofree char *name = g_strdup_printf ("file-%u", self->backup->files->len);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *buffer = g_malloc (COPY_BYTES);
  int from = lodge_open_at (AT_FDCWD, path, error);
  int fd = from >= 0 ? create (self, name, error) : -1;
  gboolean good = fd >= 0;
  guint64 size = 0;
  gssize n = 0;

  while (good && (n = read (from, buffer, COPY_BYTES)) > 0)
    {
      g_checksum_update (sum, buffer, n);
      size += (guint64) n;
      good = write_all (fd, buffer, (gsize) n, error);
      if (good && size > LODGE_BACKUP_FILE_MAX)
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "%s is too large for a backup", path);
          good = FALSE;
        }
    }
  if (good && n < 0)
    good = lodge_error_set_errno (error, errno, "reading", path);
  if (from >= 0)
    close (from);
  if (!good)
    {
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  lodge_backup_add_file (self->backup, role, size, g_checksum_get_string (sum));
  return finish_file (fd, error);
}

gboolean
lodge_backup_writer_begin_disk (LodgeBackupWriter *self, const char *id, guint64 size, GError **error)
{
  g_autofree char *name = g_strdup_printf ("index-%u", self->backup->disks->len);
  int earlier = self->previous != NULL ? lodge_backup_find_disk (self->previous, id) : -1;
  int fd = create (self, name, error);

  if (fd < 0)
    return FALSE;
  g_assert (self->index == NULL);
  self->index = fdopen (fd, "w");
  if (earlier >= 0)
    self->earlier = open_index (self->set, self->previous, (guint) earlier, NULL, NULL);
  self->sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_free (self->disk);
  self->disk = g_strdup (id);
  self->size = size;
  return TRUE;
}

/* Our number of a source of the previous backup; 0 when there are too many, which is our own. */
static guint
number_of (LodgeBackupWriter *self, guint theirs)
{
  guint number = GPOINTER_TO_UINT (g_hash_table_lookup (self->numbers, GUINT_TO_POINTER (theirs + 1)));

  if (number == 0 && self->backup->sources->len < LODGE_BACKUP_SOURCES_MAX)
    {
      g_ptr_array_add (self->backup->sources, g_strdup (g_ptr_array_index (self->previous->sources, theirs)));
      number = self->backup->sources->len;
      g_hash_table_insert (self->numbers, GUINT_TO_POINTER (theirs + 1), GUINT_TO_POINTER (number));
    }
  return number != 0 ? number - 1 : 0;
}

/* Fills in where the previous backup has the same block, if it has. */
static gboolean
find_earlier (LodgeBackupWriter *self, guint8 *record)
{
  guint8 theirs[RECORD], hash[HASH];
  guint source, number;
  guint32 block;
  int fd;

  if (self->earlier == NULL)
    return FALSE;
  if (fread (theirs, 1, RECORD, self->earlier) != RECORD)
    {
      fclose (self->earlier);
      self->earlier = NULL;
      return FALSE;
    }
  source = get_u32 (theirs + HASH);
  block = get_u32 (theirs + HASH + 4);
  if (record == NULL || memcmp (theirs, record, HASH) != 0 || source >= self->previous->sources->len
      || (fd = open_data (&self->open, self->set, self->previous->sources, source, block, NULL)) < 0)
    return FALSE;
  if (self->scratch != NULL)
    {
      if (pread (fd, self->scratch, LODGE_BACKUP_BLOCK, (off_t) (block % DATA_BLOCKS) * LODGE_BACKUP_BLOCK) != LODGE_BACKUP_BLOCK)
        return FALSE;
      hash_of (self->scratch, LODGE_BACKUP_BLOCK, hash);
      if (memcmp (hash, record, HASH) != 0)
        return FALSE;
    }
  number = number_of (self, source);
  put_u32 (record + HASH, number);
  memcpy (record + HASH + 4, theirs + HASH + 4, 4);
  return number != 0;
}

static gboolean
append_data (LodgeBackupWriter *self, const guint8 *block, GError **error)
{
  if (self->backup->blocks % DATA_BLOCKS == 0)
    {
      g_autofree char *name = data_name (self->backup->blocks / DATA_BLOCKS);
      int last = self->data;

      self->data = -1;
      if ((last >= 0 && !finish_file (last, error)) || (self->data = create (self, name, error)) < 0)
        return FALSE;
    }
  if (!write_all (self->data, block, LODGE_BACKUP_BLOCK, error))
    return FALSE;
  self->backup->blocks++;
  return TRUE;
}

gboolean
lodge_backup_writer_add_block (LodgeBackupWriter *self, const guint8 *block, GError **error)
{
  guint8 record[RECORD] = { 0 };

  if (block == NULL || memcmp (block, zeros, LODGE_BACKUP_BLOCK) == 0)
    find_earlier (self, NULL);
  else
    {
      hash_of (block, LODGE_BACKUP_BLOCK, record);
      if (!find_earlier (self, record))
        {
          put_u32 (record + HASH, 0);
          put_u32 (record + HASH + 4, (guint32) self->backup->blocks);
          if (!append_data (self, block, error))
            return FALSE;
        }
    }
  g_checksum_update (self->sum, record, RECORD);
  return fwrite (record, 1, RECORD, self->index) == RECORD || lodge_error_set_errno (error, errno, "writing", "the backup");
}

gboolean
lodge_backup_writer_end_disk (LodgeBackupWriter *self, GError **error)
{
  FILE *index = g_steal_pointer (&self->index);
  gboolean good;

  if (self->earlier != NULL)
    fclose (self->earlier);
  self->earlier = NULL;
  good = fflush (index) == 0 && fsync (fileno (index)) == 0;
  if (!good)
    lodge_error_set_errno (error, errno, "writing", "the backup");
  if (fclose (index) != 0 && good)
    good = lodge_error_set_errno (error, errno, "writing", "the backup");
  lodge_backup_add_disk (self->backup, self->disk, self->size, g_checksum_get_string (self->sum));
  g_clear_pointer (&self->sum, g_checksum_free);
  return good;
}

gboolean
lodge_backup_writer_commit (LodgeBackupWriter *self, GError **error)
{
  gsize length;
  g_autofree char *text = NULL;
  int fd;

  if (self->data >= 0)
    {
      fd = self->data;
      self->data = -1;
      if (!finish_file (fd, error))
        return FALSE;
    }
  text = lodge_backup_print (self->backup, &length);
  if (length > LODGE_BACKUP_MANIFEST_MAX)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "the backup's description is too large");
      return FALSE;
    }
  fd = create (self, LODGE_BACKUP_MANIFEST, error);
  if (fd < 0)
    return FALSE;
  if (!write_all (fd, (const guint8 *) text, length, error))
    {
      close (fd);
      return FALSE;
    }
  if (!finish_file (fd, error))
    return FALSE;
  if (fsync (self->folder) != 0 || renameat (self->set->fd, self->name, self->set->fd, self->backup->id) != 0)
    return lodge_error_set_errno (error, errno, "naming", self->backup->id);
  self->committed = TRUE;
  return fsync (self->set->fd) == 0 || lodge_error_set_errno (error, errno, "naming", self->backup->id);
}

/* ---- Reader ---- */

LodgeBackupReader *
lodge_backup_reader_new (LodgeBackupSet *set, const LodgeBackup *backup, guint disk, GError **error)
{
  guint64 used;
  FILE *index = open_index (set, backup, disk, &used, error);
  LodgeBackupReader *self;

  if (index == NULL)
    return NULL;
  self = g_new0 (LodgeBackupReader, 1);
  self->set = set;
  self->backup = backup;
  self->index = index;
  self->used = used;
  self->open.fd = -1;
  return self;
}

void
lodge_backup_reader_free (LodgeBackupReader *self)
{
  fclose (self->index);
  if (self->open.fd >= 0)
    close (self->open.fd);
  g_free (self);
}

guint64
lodge_backup_reader_get_data (LodgeBackupReader *self)
{
  return self->used * LODGE_BACKUP_BLOCK;
}

gboolean
lodge_backup_reader_next (LodgeBackupReader *self, guint8 *block, gboolean *zero, GError **error)
{
  guint8 record[RECORD], hash[HASH];
  guint32 source, number;
  gssize n;
  int fd;

  if (fread (record, 1, RECORD, self->index) != RECORD)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "the backup's list of blocks is cut off");
      return FALSE;
    }
  *zero = memcmp (record, zeros, RECORD) == 0;
  if (*zero)
    return TRUE;
  source = get_u32 (record + HASH);
  number = get_u32 (record + HASH + 4);
  if (source >= self->backup->sources->len)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "the backup counts to another that it does not name");
      return FALSE;
    }
  fd = open_data (&self->open, self->set, self->backup->sources, source, number, error);
  if (fd < 0)
    return FALSE;
  n = pread (fd, block, LODGE_BACKUP_BLOCK, (off_t) (number % DATA_BLOCKS) * LODGE_BACKUP_BLOCK);
  if (n < 0)
    return lodge_error_set_errno (error, errno, "reading", "the backup");
  if (n == LODGE_BACKUP_BLOCK)
    hash_of (block, LODGE_BACKUP_BLOCK, hash);
  if (n == LODGE_BACKUP_BLOCK && memcmp (hash, record, HASH) == 0)
    return TRUE;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "a block of the backup %s is not what it was", (char *) g_ptr_array_index (self->backup->sources, source));
  return FALSE;
}

static int
open_file (LodgeBackupSet *set, const LodgeBackup *backup, guint number, GError **error)
{
  g_autofree char *name = g_strdup_printf ("file-%u", number);
  int folder = lodge_backup_set_open_backup (set, backup->id, error);
  int fd = folder >= 0 ? lodge_open_at (folder, name, error) : -1;

  if (folder >= 0)
    close (folder);
  return fd;
}

gboolean
lodge_backup_extract (LodgeBackupSet *set, const LodgeBackup *backup, guint number, int into, GError **error)
{
  const LodgeBackupFile *file = g_ptr_array_index (backup->files, number);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guint8 *buffer = g_malloc (COPY_BYTES);
  int fd = open_file (set, backup, number, error);
  gboolean good = fd >= 0;
  guint64 size = 0;
  gssize n = 0;

  while (good && size <= file->size && (n = read (fd, buffer, COPY_BYTES)) > 0)
    {
      size += (guint64) n;
      g_checksum_update (sum, buffer, n);
      good = into < 0 || write_all (into, buffer, (gsize) n, error);
    }
  if (good && n < 0)
    good = lodge_error_set_errno (error, errno, "reading", file->role);
  if (fd >= 0)
    close (fd);
  if (good && (size != file->size || strcmp (g_checksum_get_string (sum), file->sha256) != 0))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "“%s” of the backup is not what it was", file->role);
      return FALSE;
    }
  return good;
}

char *
lodge_backup_read_file (LodgeBackupSet *set, const LodgeBackup *backup, const char *role, gsize max, gsize *length, GError **error)
{
  for (guint i = 0; i < backup->files->len; i++)
    {
      const LodgeBackupFile *file = g_ptr_array_index (backup->files, i);
      g_autofree char *data = NULL, *sha256 = NULL;
      int fd;
      gsize done = 0;
      gssize n = 0;

      if (strcmp (file->role, role) != 0)
        continue;
      if (file->size > max)
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "“%s” of the backup is too large", role);
          return NULL;
        }
      fd = open_file (set, backup, i, error);
      if (fd < 0)
        return NULL;
      data = g_malloc (file->size + 1);
      while (done < file->size && (n = read (fd, data + done, file->size - done)) > 0)
        done += (gsize) n;
      close (fd);
      data[done] = '\0';
      sha256 = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) data, done);
      if (done != file->size || strcmp (sha256, file->sha256) != 0)
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_DAMAGED, "“%s” of the backup is not what it was", role);
          return NULL;
        }
      *length = done;
      return g_steal_pointer (&data);
    }
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the backup has no “%s”", role);
  return NULL;
}
