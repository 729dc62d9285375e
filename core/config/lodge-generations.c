/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * Theory of operation
 *
 * A save first brings the new bytes to the disk beside machine.json. Then the generations move up by renames, and
 * the file in use becomes .1 by a second name (a link), so that there is a machine.json at every
 * moment. The last rename is the commit. A core killed between the link and the commit leaves .1 and machine.json
 * as one inode; the next save sees that and does not move the generations a second time.
 */

#include "config.h"

#include "core/config/lodge-generations.h"

#include "core/config/lodge-atomic-file.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
generation_path (const char *folder, guint number)
{
  g_autofree char *name = number > 0 ? g_strdup_printf (LODGE_MACHINE_FILE ".%u", number)
                                     : g_strdup (LODGE_MACHINE_FILE);

  return g_build_filename (folder, name, NULL);
}

static LodgeProfile *
read_generation (const char *folder, guint number, GError **error)
{
  g_autofree char *path = generation_path (folder, number);
  g_autofree char *data = NULL;
  gsize length;
  g_autoptr (GError) local = NULL;

  data = lodge_file_read (path, LODGE_PROFILE_MAX_BYTES, &length, &local);
  if (data == NULL)
    {
      if (local->code == LODGE_ERROR_NOT_FOUND)
        g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE, "machine.json is missing");
      else if (local->code == LODGE_ERROR_WRONG_FORMAT)
        g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_BROKEN_PROFILE,
                             "machine.json is not a file of at most 1 MiB");
      else
        g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }

  return lodge_profile_from_json (data, length, error);
}

LodgeProfile *
lodge_generations_read (const char *folder, GError **error)
{
  return read_generation (folder, 0, error);
}

LodgeProfile *
lodge_generations_read_previous (const char *folder)
{
  for (guint number = 1; number <= LODGE_GENERATIONS; number++)
    {
      LodgeProfile *profile = read_generation (folder, number, NULL);

      if (profile != NULL)
        return profile;
    }

  return NULL;
}

static gboolean
same_inode (const char *a, const char *b)
{
  struct stat st_a, st_b;

  return lstat (a, &st_a) == 0 && lstat (b, &st_b) == 0 && st_a.st_dev == st_b.st_dev &&
         st_a.st_ino == st_b.st_ino;
}

static gboolean
has_generation (const char *folder, guint number)
{
  g_autofree char *path = generation_path (folder, number);
  struct stat st;

  return lstat (path, &st) == 0;
}

/* Where the file system has no links, a copy serves. */
static gboolean
keep_current (const char *current, const char *first, const char *data, gsize length, GError **error)
{
  if (link (current, first) == 0)
    return TRUE;
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
    return lodge_atomic_file_write (first, data, length, error);

  return lodge_error_set_errno (error, errno, "keeping", current);
}

static gboolean
move_up (const char *folder, const char *current, const char *old, gsize length, GError **error)
{
  g_autofree char *first = generation_path (folder, 1);
  guint hole = 1;

  if (same_inode (current, first))
    return TRUE;

  /* Up to the first number that is free, so that saves which fail again and again behind this step
   * (a full disk) do not push the older generations out one by one. */
  while (hole < LODGE_GENERATIONS && has_generation (folder, hole))
    hole++;
  for (guint number = hole; number > 1; number--)
    {
      g_autofree char *from = generation_path (folder, number - 1);
      g_autofree char *to = generation_path (folder, number);

      if (rename (from, to) != 0 && errno != ENOENT)
        return lodge_error_set_errno (error, errno, "moving", from);
    }

  return keep_current (current, first, old, length, error);
}

gboolean
lodge_generations_save (const char *folder, const LodgeProfile *profile, GError **error)
{
  g_autofree char *current = generation_path (folder, 0);
  g_autofree char *temporary = NULL;
  g_autofree char *old = NULL;
  g_autofree char *data = NULL;
  gsize length, old_length = 0;
  int number;

  data = lodge_profile_to_json (profile, &length);
  if (length > LODGE_PROFILE_MAX_BYTES)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                           "machine.json would become larger than 1 MiB");
      return FALSE;
    }

  old = lodge_file_read (current, LODGE_PROFILE_MAX_BYTES, &old_length, NULL);
  if (old != NULL && old_length == length && memcmp (old, data, length) == 0)
    return TRUE;

  temporary = lodge_atomic_file_prepare (current, data, length, error);
  if (temporary == NULL)
    return FALSE;

  if (old != NULL && !move_up (folder, current, old, old_length, error))
    {
      g_unlink (temporary);
      return FALSE;
    }
  if (rename (temporary, current) != 0)
    {
      number = errno;
      g_unlink (temporary);
      return lodge_error_set_errno (error, number, "replacing", current);
    }

  return lodge_folder_sync (folder, error);
}

gboolean
lodge_generations_restore (const char *folder, GError **error)
{
  g_autofree char *current = generation_path (folder, 0);
  g_autofree char *broken = g_strconcat (current, ".broken", NULL);
  g_autoptr (LodgeProfile) profile = lodge_generations_read_previous (folder);
  g_autofree char *temporary = NULL;
  g_autofree char *data = NULL;
  gsize length;
  int number;

  if (profile == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND,
                           "there is no older machine.json that can be read");
      return FALSE;
    }

  /* On a full disk the broken file stays where it is, and with it the chance to mend it by hand. */
  data = lodge_profile_to_json (profile, &length);
  temporary = lodge_atomic_file_prepare (current, data, length, error);
  if (temporary == NULL)
    return FALSE;

  if ((rename (current, broken) != 0 && errno != ENOENT) || rename (temporary, current) != 0)
    {
      number = errno;
      g_unlink (temporary);
      return lodge_error_set_errno (error, number, "restoring", current);
    }

  return lodge_folder_sync (folder, error);
}
