/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-file-tree.h"

#include "core/config/lodge-atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

static FTS *
open_tree (const char *path)
{
  char *const roots[] = { (char *) path, NULL };

  return fts_open (roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
}

static gboolean
remove_one (const FTSENT *entry, GError **error)
{
  int number = 0;

  switch (entry->fts_info)
    {
    case FTS_D:
      /* What came from read-only media keeps its mode, which would forbid deleting in it. */
      if ((entry->fts_statp->st_mode & S_IRWXU) != S_IRWXU)
        chmod (entry->fts_path, S_IRWXU);
      return TRUE;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
      number = entry->fts_errno;
      break;
    case FTS_DP:
      if (rmdir (entry->fts_path) != 0)
        number = errno;
      break;
    default:
      if (unlink (entry->fts_path) != 0)
        number = errno;
      break;
    }

  return number == 0 || number == ENOENT ||
         lodge_error_set_errno (error, number, "deleting", entry->fts_path);
}

gboolean
lodge_file_tree_remove (const char *path, GCancellable *cancellable, GError **error)
{
  FTS *tree = open_tree (path);
  FTSENT *entry;
  gboolean good = tree != NULL || lodge_error_set_errno (error, errno, "deleting", path);

  while (good && (entry = fts_read (tree)) != NULL)
    {
      if (g_cancellable_is_cancelled (cancellable))
        {
          g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_CANCELLED, "deleting was cancelled");
          good = FALSE;
        }
      else
        {
          good = remove_one (entry, error);
        }
    }
  if (tree != NULL)
    fts_close (tree);

  return good;
}

guint64
lodge_file_tree_size (const char *path)
{
  FTS *tree = open_tree (path);
  FTSENT *entry;
  guint64 size = 0;

  while (tree != NULL && (entry = fts_read (tree)) != NULL)
    if (entry->fts_info != FTS_DP && entry->fts_info != FTS_NS && entry->fts_info != FTS_ERR)
      size += (guint64) entry->fts_statp->st_blocks * 512;
  if (tree != NULL)
    fts_close (tree);

  return size;
}

static gboolean
flush_one (const FTSENT *entry, GError **error)
{
  int fd, number = 0;

  switch (entry->fts_info)
    {
    case FTS_F:
      if (entry->fts_statp->st_nlink > 1)
        return TRUE;
      fd = open (entry->fts_path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
      if (fd < 0 || fsync (fd) != 0)
        number = errno;
      if (fd >= 0)
        close (fd);
      return number == 0 || lodge_error_set_errno (error, number, "flushing", entry->fts_path);
    case FTS_DP:
      return lodge_folder_sync (entry->fts_path, error);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
      return lodge_error_set_errno (error, entry->fts_errno, "flushing", entry->fts_path);
    default:
      return TRUE;
    }
}

gboolean
lodge_file_tree_flush (const char *path, GError **error)
{
  FTS *tree = open_tree (path);
  FTSENT *entry;
  gboolean good = tree != NULL || lodge_error_set_errno (error, errno, "flushing", path);

  while (good && (entry = fts_read (tree)) != NULL)
    good = flush_one (entry, error);
  if (tree != NULL)
    fts_close (tree);

  return good;
}
