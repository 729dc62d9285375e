/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-backup-set.h"

#include "core/config/lodge-atomic-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME ".lock"
#define NAME_MAX_BYTES 120
#define SLUG_MAX_BYTES 80
#define ENTRIES_MAX 100000
#define NOTE_NAME "verified"
#define NOTE_MAX 64

static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static gboolean
is_set_name (const char *name)
{
  gsize length = strlen (name);

  return *name != '.' && length <= NAME_MAX_BYTES && length > strlen (LODGE_BACKUP_SET_SUFFIX) && strspn (name, allowed) == length
         && g_str_has_suffix (name, LODGE_BACKUP_SET_SUFFIX);
}

static int
open_folder (int parent, const char *name)
{
  return openat (parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The names in a folder, sorted; those that @accept does not want are left out. */
static GPtrArray *
read_names (int folder, gboolean (*accept) (const char *), guint max, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  int fd = open_folder (folder, ".");
  DIR *dir = fd >= 0 ? fdopendir (fd) : NULL;
  struct dirent *entry;

  if (dir == NULL)
    {
      lodge_error_set_errno (error, errno, "reading", "the backup folder");
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  for (guint n = 0; n < ENTRIES_MAX && names->len < max && (entry = readdir (dir)) != NULL; n++)
    if (accept (entry->d_name))
      g_ptr_array_add (names, g_strdup (entry->d_name));
  closedir (dir);
  g_ptr_array_sort (names, compare);
  return g_steal_pointer (&names);
}

int
lodge_open_at (int folder, const char *name, GError **error)
{
  int fd = openat (folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat st;

  if (fd < 0 || fstat (fd, &st) != 0)
    {
      lodge_error_set_errno (error, errno, "opening", name);
      if (fd >= 0)
        close (fd);
      return -1;
    }
  if (S_ISREG (st.st_mode))
    return fd;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "“%s” of the backup is no file", name);
  close (fd);
  return -1;
}

static gboolean
accept_all (const char *name)
{
  return strcmp (name, ".") != 0 && strcmp (name, "..") != 0;
}

gboolean
lodge_remove_at (int folder, const char *name, GError **error)
{
  int fd = open_folder (folder, name);
  g_autoptr (GPtrArray) names = NULL;

  if (fd < 0)
    return lodge_error_set_errno (error, errno, "removing", name);
  names = read_names (fd, accept_all, ENTRIES_MAX, error);
  for (guint i = 0; names != NULL && i < names->len; i++)
    unlinkat (fd, g_ptr_array_index (names, i), 0);
  close (fd);
  return unlinkat (folder, name, AT_REMOVEDIR) == 0 || lodge_error_set_errno (error, errno, "removing", name);
}

/* ---- Sets ---- */

GPtrArray *
lodge_backup_set_names (int folder, GError **error)
{
  return read_names (folder, is_set_name, LODGE_BACKUP_SETS_MAX, error);
}

LodgeBackupSet *
lodge_backup_set_open (int folder, const char *name, GError **error)
{
  LodgeBackupSet *set;
  int fd = is_set_name (name) ? open_folder (folder, name) : -1;

  if (fd < 0)
    {
      if (!is_set_name (name) || errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
        g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no such backup in this folder");
      else
        lodge_error_set_errno (error, errno, "opening", name);
      return NULL;
    }
  set = g_new0 (LodgeBackupSet, 1);
  set->fd = fd;
  set->lock = -1;
  set->name = g_strdup (name);
  return set;
}

void
lodge_backup_set_free (LodgeBackupSet *set)
{
  if (set == NULL)
    return;
  close (set->fd);
  if (set->lock >= 0)
    close (set->lock);
  g_free (set->name);
  g_free (set);
}

LodgeBackupSet *
lodge_backup_set_make (int folder, const char *machine, const char *slug, GError **error)
{
  g_autofree char *mark = g_strdup_printf ("-%.8s", machine);
  g_autofree char *suffix = g_strconcat (mark, LODGE_BACKUP_SET_SUFFIX, NULL);
  g_autoptr (GPtrArray) names = lodge_backup_set_names (folder, error);
  g_autofree char *name = NULL;

  if (names == NULL)
    return NULL;
  for (guint i = 0; i < names->len && name == NULL; i++)
    if (g_str_has_suffix (g_ptr_array_index (names, i), suffix))
      name = g_strdup (g_ptr_array_index (names, i));
  if (name == NULL)
    {
      g_autofree char *begin = g_strndup (slug, SLUG_MAX_BYTES);

      g_strcanon (begin, allowed, '-');
      if (g_str_has_suffix (begin, mark))
        begin[strlen (begin) - strlen (mark)] = '\0';
      name = g_strconcat (*begin == '.' || *begin == '\0' ? "machine" : begin, suffix, NULL);
      if (mkdirat (folder, name, 0700) != 0 && errno != EEXIST)
        {
          lodge_error_set_errno (error, errno, "making", name);
          return NULL;
        }
      fsync (folder);
    }
  return lodge_backup_set_open (folder, name, error);
}

static gboolean
is_half_made (const char *name)
{
  return g_str_has_prefix (name, LODGE_BACKUP_NEW_PREFIX) && lodge_backup_is_id (name + strlen (LODGE_BACKUP_NEW_PREFIX));
}

gboolean
lodge_backup_set_lock (LodgeBackupSet *set, GError **error)
{
  g_autoptr (GPtrArray) half = NULL;

  set->lock = openat (set->fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (set->lock < 0)
    return lodge_error_set_errno (error, errno, "locking", set->name);
  /* A file system that has no locks has no second core either, as a rule. */
  if (flock (set->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE, "another backup into “%s” is under way", set->name);
      return FALSE;
    }
  half = read_names (set->fd, is_half_made, LODGE_BACKUPS_MAX, NULL);
  for (guint i = 0; half != NULL && i < half->len; i++)
    lodge_remove_at (set->fd, g_ptr_array_index (half, i), NULL);
  return TRUE;
}

gboolean
lodge_backup_set_lock_shared (LodgeBackupSet *set, GError **error)
{
  set->lock = openat (set->fd, LOCK_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  /* Without a lock to be had, on a copy that may only be read, nobody writes either. */
  if (set->lock < 0 || flock (set->lock, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
    return TRUE;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE, "a backup into “%s” is under way", set->name);
  return FALSE;
}

void
lodge_backup_set_remove_if_empty (LodgeBackupSet *set, int folder)
{
  g_autoptr (GPtrArray) names = read_names (set->fd, accept_all, 2, NULL);

  if (names == NULL || names->len != 1 || strcmp (g_ptr_array_index (names, 0), LOCK_NAME) != 0)
    return;
  unlinkat (set->fd, LOCK_NAME, 0);
  unlinkat (folder, set->name, AT_REMOVEDIR);
}

/* ---- Backups ---- */

int
lodge_backup_set_open_backup (LodgeBackupSet *set, const char *id, GError **error)
{
  int fd = lodge_backup_is_id (id) ? open_folder (set->fd, id) : -1;

  if (fd < 0)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no backup “%.24s” in “%s”", id, set->name);
  return fd;
}

static gboolean
has_manifest (LodgeBackupSet *set, const char *id)
{
  g_autofree char *path = g_build_filename (id, LODGE_BACKUP_MANIFEST, NULL);

  return faccessat (set->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

GPtrArray *
lodge_backup_set_ids (LodgeBackupSet *set)
{
  GPtrArray *ids = read_names (set->fd, lodge_backup_is_id, LODGE_BACKUPS_MAX, NULL);

  if (ids == NULL)
    return g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < ids->len;)
    if (has_manifest (set, g_ptr_array_index (ids, i)))
      i++;
    else
      g_ptr_array_remove_index (ids, i);
  return ids;
}

LodgeBackup *
lodge_backup_set_read (LodgeBackupSet *set, const char *id, GError **error)
{
  int folder = lodge_backup_set_open_backup (set, id, error);
  int fd = folder >= 0 ? lodge_open_at (folder, LODGE_BACKUP_MANIFEST, error) : -1;
  g_autofree char *text = NULL;
  g_autoptr (LodgeBackup) backup = NULL;
  gssize n = 0, length = 0;

  if (folder >= 0)
    close (folder);
  if (fd < 0)
    return NULL;
  text = g_malloc (LODGE_BACKUP_MANIFEST_MAX + 1);
  while (length <= LODGE_BACKUP_MANIFEST_MAX && (n = read (fd, text + length, LODGE_BACKUP_MANIFEST_MAX + 1 - length)) > 0)
    length += n;
  if (n < 0)
    lodge_error_set_errno (error, errno, "reading", LODGE_BACKUP_MANIFEST);
  else
    backup = lodge_backup_parse (text, (gsize) length, error);
  close (fd);
  if (backup != NULL && strcmp (backup->id, id) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "the backup in “%s” says that it is another one", id);
      return NULL;
    }
  return g_steal_pointer (&backup);
}

guint64
lodge_backup_set_size (LodgeBackupSet *set, const char *id)
{
  int fd = lodge_backup_set_open_backup (set, id, NULL);
  g_autoptr (GPtrArray) names = fd >= 0 ? read_names (fd, accept_all, ENTRIES_MAX, NULL) : NULL;
  guint64 size = 0;
  struct stat st;

  for (guint i = 0; names != NULL && i < names->len; i++)
    if (fstatat (fd, g_ptr_array_index (names, i), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG (st.st_mode))
      size += (guint64) st.st_blocks * 512;
  if (fd >= 0)
    close (fd);
  return size;
}

void
lodge_backup_set_note (LodgeBackupSet *set, const char *id, gint64 time, gboolean whole)
{
  int folder = lodge_backup_set_open_backup (set, id, NULL), fd;
  g_autofree char *text = g_strdup_printf ("%s %" G_GINT64_FORMAT "\n", whole ? "whole" : "damaged", time);

  if (folder < 0)
    return;
  /* One that is cut off says nothing, so it need not be put in place by renaming. */
  unlinkat (folder, NOTE_NAME, 0);
  fd = openat (folder, NOTE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  close (folder);
  if (fd < 0)
    return;
  if (write (fd, text, strlen (text)) != (gssize) strlen (text))
    g_debug ("%s: what was verified is not noted", id);
  close (fd);
}

gboolean
lodge_backup_set_get_note (LodgeBackupSet *set, const char *id, gint64 *time, gboolean *whole)
{
  int folder = lodge_backup_set_open_backup (set, id, NULL), fd = folder >= 0 ? lodge_open_at (folder, NOTE_NAME, NULL) : -1;
  char text[NOTE_MAX + 1] = "";
  g_auto (GStrv) words = NULL;
  gssize n = fd >= 0 ? read (fd, text, NOTE_MAX) : 0;
  guint64 number;

  if (folder >= 0)
    close (folder);
  if (fd >= 0)
    close (fd);
  if (n < 1 || n >= NOTE_MAX || text[n - 1] != '\n')
    return FALSE;
  text[n - 1] = '\0';
  words = g_strsplit (text, " ", 3);
  if (g_strv_length (words) != 2 || !g_ascii_string_to_unsigned (words[1], 10, 1, G_MAXINT64, &number, NULL)
      || (strcmp (words[0], "whole") != 0 && strcmp (words[0], "damaged") != 0))
    return FALSE;
  *time = (gint64) number;
  *whole = strcmp (words[0], "whole") == 0;
  return TRUE;
}

/* What no backup builds on any more goes: folders without a manifest whose data nobody counts to. */
static void
drop_unused (LodgeBackupSet *set)
{
  g_autoptr (GPtrArray) folders = read_names (set->fd, lodge_backup_is_id, LODGE_BACKUPS_MAX, NULL);
  g_autoptr (GHashTable) needed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; folders != NULL && i < folders->len; i++)
    {
      const char *id = g_ptr_array_index (folders, i);
      g_autoptr (LodgeBackup) backup = has_manifest (set, id) ? lodge_backup_set_read (set, id, NULL) : NULL;

      /* What a damaged one needs nobody knows. */
      if (backup == NULL && has_manifest (set, id))
        return;
      for (guint n = 0; backup != NULL && n < backup->sources->len; n++)
        g_hash_table_add (needed, g_strdup (g_ptr_array_index (backup->sources, n)));
    }
  for (guint i = 0; folders != NULL && i < folders->len; i++)
    if (!g_hash_table_contains (needed, g_ptr_array_index (folders, i)))
      lodge_remove_at (set->fd, g_ptr_array_index (folders, i), NULL);
}

gboolean
lodge_backup_set_delete (LodgeBackupSet *set, const char *id, GError **error)
{
  int folder = lodge_backup_set_open_backup (set, id, error);
  g_autoptr (GPtrArray) names = NULL;

  if (folder < 0)
    return FALSE;
  if (unlinkat (folder, LODGE_BACKUP_MANIFEST, 0) != 0)
    {
      if (errno == ENOENT)
        g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no backup “%s” in “%s”", id, set->name);
      else
        lodge_error_set_errno (error, errno, "removing", id);
      close (folder);
      return FALSE;
    }
  fsync (folder);
  /* Of what is left others can only need the data. */
  names = read_names (folder, accept_all, ENTRIES_MAX, NULL);
  for (guint i = 0; names != NULL && i < names->len; i++)
    if (!g_str_has_prefix (g_ptr_array_index (names, i), "data-"))
      unlinkat (folder, g_ptr_array_index (names, i), 0);
  close (folder);
  drop_unused (set);
  return TRUE;
}
