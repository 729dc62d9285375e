/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * A qcow2 image without data, in clusters of 64 KiB as QEMU's own tool makes it:
 *
 *   0  header, its extensions, the name of the backing file
 *   1  table of refcount blocks: one entry, cluster 2
 *   2  the refcount block: 1 for each cluster of this file
 *   3  first level of the tables, all zero: every cluster is the backing's
 *
 * The clusters that hold nothing but zeros stay holes of the file.
 */

#include "config.h"

#include "core/storage/lodge-overlay.h"

#include "core/config/lodge-atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CLUSTER_BITS 16
#define CLUSTER (1u << CLUSTER_BITS)
#define HEADER_LENGTH 104
#define BACKING_FORMAT 0xe2792acau
#define NAME_AT 512
#define NAME_MAX_BYTES 1023
#define FORMAT_MAX_BYTES 15
/* What one entry of the first level covers: a cluster of 8-byte entries, each a cluster. */
#define COVERED ((guint64) CLUSTER / 8 * CLUSTER)
#define SIZE_MAX_BYTES ((guint64) 64 << 40)

static void
put_be (guint8 *at, guint64 value, guint bytes)
{
  for (guint i = 0; i < bytes; i++)
    at[i] = (guint8) (value >> 8 * (bytes - 1 - i));
}

static void
fill_header (guint8 *head, guint64 size, guint32 l1_entries, const char *backing, const char *format)
{
  gsize format_length = strlen (format);

  memcpy (head, "QFI\xfb", 4);
  put_be (head + 4, 3, 4);
  put_be (head + 8, NAME_AT, 8);
  put_be (head + 16, strlen (backing), 4);
  put_be (head + 20, CLUSTER_BITS, 4);
  put_be (head + 24, size, 8);
  put_be (head + 36, l1_entries, 4);
  put_be (head + 40, 3 * CLUSTER, 8);
  put_be (head + 48, CLUSTER, 8);
  put_be (head + 56, 1, 4);
  put_be (head + 96, 4, 4); /* refcounts of 16 bits */
  put_be (head + 100, HEADER_LENGTH, 4);
  put_be (head + HEADER_LENGTH, BACKING_FORMAT, 4);
  put_be (head + HEADER_LENGTH + 4, format_length, 4);
  memcpy (head + HEADER_LENGTH + 8, format, format_length);
  memcpy (head + NAME_AT, backing, strlen (backing));
}

static gboolean
write_at (int fd, const guint8 *data, gsize length, off_t offset)
{
  while (length > 0)
    {
      gssize n = pwrite (fd, data, length, offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      data += n;
      length -= (gsize) n;
      offset += n;
    }
  return TRUE;
}

static gboolean
write_image (int fd, guint64 size, const char *backing, const char *format)
{
  guint8 head[NAME_AT + NAME_MAX_BYTES + 1] = { 0 };
  guint8 table[8] = { 0 };
  guint32 l1_entries = (guint32) MAX ((size + COVERED - 1) / COVERED, 1);
  guint l1_clusters = (guint) (((guint64) l1_entries * 8 + CLUSTER - 1) / CLUSTER);
  guint n_clusters = 3 + l1_clusters;
  g_autofree guint8 *refcounts = g_malloc0 (n_clusters * 2);

  fill_header (head, size, l1_entries, backing, format);
  put_be (table, 2 * CLUSTER, 8);
  for (guint i = 0; i < n_clusters; i++)
    put_be (refcounts + 2 * i, 1, 2);

  return ftruncate (fd, (off_t) n_clusters * CLUSTER) == 0 && write_at (fd, head, sizeof head, 0)
         && write_at (fd, table, sizeof table, CLUSTER)
         && write_at (fd, refcounts, n_clusters * 2, 2 * CLUSTER);
}

/* @place: where it is made; @path: where it will be */
static gboolean
make (const char *place, const char *path, guint64 size, const char *backing, const char *backing_format, gboolean settle, GError **error)
{
  int number = 0;
  int fd;

  if (strlen (backing) > NAME_MAX_BYTES || strlen (backing_format) > FORMAT_MAX_BYTES || size > SIZE_MAX_BYTES)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "%s: the disk or the name of its base is too long", path);
      return FALSE;
    }

  fd = open (place, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return lodge_error_set_errno (error, errno, "making", place);
  /* QEMU counts in sectors; a size between two of them is the backing's own affair. */
  if (!write_image (fd, (size + 511) & ~(guint64) 511, backing, backing_format)
      || (settle && (fsync (fd) != 0 || lodge_rename_new (place, path) != 0)))
    number = errno;
  close (fd);
  if (number == 0)
    return TRUE;

  unlink (place);
  if (number == EEXIST)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_EXISTS, "%s is there already", path);
  else
    lodge_error_set_errno (error, number, "making", path);
  return FALSE;
}

gboolean
lodge_overlay_write (const char *path, guint64 size, const char *backing, const char *backing_format, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".new", NULL);

  /* Of a core that was killed. */
  unlink (temporary);
  return make (temporary, path, size, backing, backing_format, TRUE, error);
}

gboolean
lodge_overlay_write_new (const char *path, guint64 size, const char *backing, const char *backing_format, GError **error)
{
  return make (path, path, size, backing, backing_format, FALSE, error);
}
