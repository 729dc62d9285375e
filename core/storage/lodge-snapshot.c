/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-snapshot.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-json.h"
#include "core/qemu/lodge-qmp-value.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA 1
#define FILE_NAME "snapshot.json"
#define MAX_BYTES (1024 * 1024)
#define MAX_SNAPSHOTS 10000
#define ID_LENGTH 8
#define CHUNK (1024 * 1024)

LodgeSnapshot *
lodge_snapshot_new (void)
{
  LodgeSnapshot *snapshot = g_new0 (LodgeSnapshot, 1);

  snapshot->id = g_strdup_printf ("%08x", g_random_int ());
  snapshot->name = g_strdup ("");
  snapshot->note = g_strdup ("");
  snapshot->created = g_get_real_time () / G_USEC_PER_SEC;
  snapshot->disks = g_ptr_array_new_with_free_func (g_free);
  return snapshot;
}

void
lodge_snapshot_free (LodgeSnapshot *snapshot)
{
  if (snapshot == NULL)
    return;

  g_free (snapshot->id);
  g_free (snapshot->parent);
  g_free (snapshot->name);
  g_free (snapshot->note);
  g_free (snapshot->reason);
  g_ptr_array_unref (snapshot->disks);
  g_free (snapshot);
}

gboolean
lodge_snapshot_check_text (const char *name, const char *note, GError **error)
{
  if (name != NULL && !lodge_name_validate (name, error))
    return FALSE;
  if (note == NULL || g_utf8_strlen (note, -1) <= LODGE_SNAPSHOT_NOTE_MAX)
    return TRUE;
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE, "note: that is out of range: 0 to %d characters",
               LODGE_SNAPSHOT_NOTE_MAX);
  return FALSE;
}

char *
lodge_snapshot_folder (const char *machine_folder, const char *id)
{
  return g_build_filename (machine_folder, LODGE_SNAPSHOTS_DIR, id, NULL);
}

gboolean
lodge_snapshot_write (const LodgeSnapshot *snapshot, const char *folder, GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  JsonObject *disks = json_object_new ();
  g_autofree char *path = g_build_filename (folder, FILE_NAME, NULL);
  g_autofree char *text = NULL;
  gsize length;

  json_object_set_int_member (object, "schema", SCHEMA);
  json_object_set_string_member (object, "id", snapshot->id);
  if (snapshot->parent != NULL)
    json_object_set_string_member (object, "parent", snapshot->parent);
  json_object_set_string_member (object, "name", snapshot->name);
  json_object_set_string_member (object, "note", snapshot->note);
  json_object_set_int_member (object, "created", snapshot->created);
  json_object_set_boolean_member (object, "automatic", snapshot->automatic);
  if (snapshot->transient)
    json_object_set_boolean_member (object, "transient", TRUE);
  json_object_set_boolean_member (object, "memory", snapshot->memory);
  if (snapshot->reason != NULL)
    json_object_set_string_member (object, "reason", snapshot->reason);
  json_object_set_int_member (object, "milliseconds", (gint64) (snapshot->seconds * 1000));
  json_object_set_int_member (object, "pause-milliseconds", (gint64) (snapshot->pause * 1000));
  for (guint i = 0; i + 1 < snapshot->disks->len; i += 2)
    json_object_set_string_member (disks, g_ptr_array_index (snapshot->disks, i), g_ptr_array_index (snapshot->disks, i + 1));
  json_object_set_object_member (object, "disks", disks);
  text = lodge_json_print (object, &length);
  return lodge_atomic_file_write (path, text, length, error);
}

static gboolean
is_id (const char *id)
{
  return strlen (id) == ID_LENGTH && strspn (id, "0123456789abcdef") == ID_LENGTH;
}

static char *
dup_or (const char *text, const char *fallback)
{
  return g_strdup (text != NULL ? text : fallback);
}

/* @name: of its folder */
static LodgeSnapshot *
read_from (const char *machine_folder, const char *name, const char *id, GError **error)
{
  g_autofree char *path = g_build_filename (machine_folder, LODGE_SNAPSHOTS_DIR, name, FILE_NAME, NULL);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (LodgeSnapshot) snapshot = NULL;
  JsonObject *object, *disks;
  JsonObjectIter iter;
  const char *disk;
  JsonNode *file;
  gsize length;

  if (!is_id (id))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no such snapshot");
      return NULL;
    }
  text = lodge_file_read (path, MAX_BYTES, &length, error);
  if (text == NULL || (node = lodge_json_parse (text, length, error)) == NULL)
    return NULL;
  object = lodge_qmp_node_object (node);
  disks = lodge_qmp_object (object, "disks");
  if (disks == NULL || g_strcmp0 (lodge_qmp_string (object, "id"), id) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is not the description of a snapshot", path);
      return NULL;
    }
  if (lodge_qmp_integer (object, "schema", 0) > SCHEMA)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NEWER_SCHEMA, "%s was written by a newer Lodge", path);
      return NULL;
    }
  snapshot = lodge_snapshot_new ();
  g_free (snapshot->id);
  g_free (snapshot->name);
  g_free (snapshot->note);
  snapshot->id = g_strdup (id);
  snapshot->parent = g_strdup (lodge_qmp_string (object, "parent"));
  snapshot->name = dup_or (lodge_qmp_string (object, "name"), id);
  snapshot->note = dup_or (lodge_qmp_string (object, "note"), "");
  snapshot->created = lodge_qmp_integer (object, "created", 0);
  snapshot->automatic = lodge_qmp_boolean (object, "automatic", FALSE);
  snapshot->transient = lodge_qmp_boolean (object, "transient", FALSE);
  snapshot->memory = lodge_qmp_boolean (object, "memory", FALSE);
  snapshot->reason = g_strdup (lodge_qmp_string (object, "reason"));
  snapshot->seconds = (double) lodge_qmp_integer (object, "milliseconds", 0) / 1000;
  snapshot->pause = (double) lodge_qmp_integer (object, "pause-milliseconds", 0) / 1000;
  json_object_iter_init (&iter, disks);
  while (json_object_iter_next (&iter, &disk, &file))
    {
      const char *frozen = lodge_qmp_string (disks, disk);

      if (frozen == NULL)
        continue;
      g_ptr_array_add (snapshot->disks, g_strdup (disk));
      g_ptr_array_add (snapshot->disks, g_strdup (frozen));
    }
  return g_steal_pointer (&snapshot);
}

LodgeSnapshot *
lodge_snapshot_read (const char *machine_folder, const char *id, GError **error)
{
  return read_from (machine_folder, id, id, error);
}

LodgeSnapshot *
lodge_snapshot_read_half_made (const char *machine_folder, const char *id, GError **error)
{
  g_autofree char *name = g_strconcat (LODGE_SNAPSHOTS_NEW_PREFIX, id, NULL);

  return read_from (machine_folder, name, id, error);
}

static int
compare (gconstpointer a, gconstpointer b)
{
  const LodgeSnapshot *first = *(LodgeSnapshot *const *) a;
  const LodgeSnapshot *second = *(LodgeSnapshot *const *) b;

  if (first->created != second->created)
    return first->created < second->created ? -1 : 1;
  return strcmp (first->id, second->id);
}

GPtrArray *
lodge_snapshot_list (const char *machine_folder)
{
  g_autofree char *path = g_build_filename (machine_folder, LODGE_SNAPSHOTS_DIR, NULL);
  GPtrArray *list = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_snapshot_free);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && list->len < MAX_SNAPSHOTS && (name = g_dir_read_name (dir)) != NULL)
    {
      LodgeSnapshot *snapshot = is_id (name) ? lodge_snapshot_read (machine_folder, name, NULL) : NULL;

      if (snapshot != NULL)
        g_ptr_array_add (list, snapshot);
    }
  g_ptr_array_sort (list, compare);
  return list;
}

LodgeSnapshot *
lodge_snapshot_find (GPtrArray *list, const char *id)
{
  for (guint i = 0; i < list->len && id != NULL; i++)
    if (strcmp (((LodgeSnapshot *) g_ptr_array_index (list, i))->id, id) == 0)
      return g_ptr_array_index (list, i);
  return NULL;
}

LodgeProfile *
lodge_snapshot_read_profile (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "machine.json", NULL);
  gsize length;
  g_autofree char *text = lodge_file_read (path, LODGE_PROFILE_MAX_BYTES, &length, error);

  return text != NULL ? lodge_profile_from_json (text, length, error) : NULL;
}

/* ---- Files ---- */

static int
copy_bytes (int in, int out)
{
  g_autofree char *buffer = NULL;
  gssize n;

  if (ioctl (out, FICLONE, in) == 0)
    return 0;
  buffer = g_malloc (CHUNK);
  while ((n = read (in, buffer, CHUNK)) > 0)
    for (gssize done = 0; done < n;)
      {
        gssize written = write (out, buffer + done, (gsize) (n - done));

        if (written <= 0)
          return written == 0 ? ENOSPC : errno;
        done += written;
      }
  return n < 0 ? errno : 0;
}

gboolean
lodge_file_duplicate (const char *from, const char *to, GError **error)
{
  g_autofree char *half = g_strconcat (to, ".new", NULL);
  int in = open (from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  int out = -1, number = 0;
  struct stat st;

  if (in < 0 || fstat (in, &st) != 0)
    number = errno;
  else if (!S_ISREG (st.st_mode))
    number = EINVAL;
  else
    {
      unlink (half);
      out = open (half, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      number = out < 0 ? errno : copy_bytes (in, out);
    }
  if (number == 0 && (fsync (out) != 0 || rename (half, to) != 0))
    number = errno;
  if (in >= 0)
    close (in);
  if (out >= 0)
    close (out);
  if (number == 0)
    return TRUE;
  if (out >= 0)
    unlink (half);
  return lodge_error_set_errno (error, number, "copying", from);
}

gboolean
lodge_file_reflink (const char *from, const char *to)
{
  int in = open (from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  int out = in >= 0 ? open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
  gboolean good = out >= 0 && ioctl (out, FICLONE, in) == 0;

  if (in >= 0)
    close (in);
  if (out >= 0)
    close (out);
  if (out >= 0 && !good)
    unlink (to);
  return good;
}

gboolean
lodge_folder_duplicate (const char *from, const char *to, GError **error)
{
  g_autoptr (GDir) dir = g_dir_open (from, 0, NULL);
  const char *name;

  if (dir == NULL)
    return TRUE;
  if (mkdir (to, 0700) != 0 && errno != EEXIST)
    return lodge_error_set_errno (error, errno, "making", to);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *source = g_build_filename (from, name, NULL);
      g_autofree char *target = g_build_filename (to, name, NULL);
      struct stat st;

      if (lstat (source, &st) == 0 && S_ISREG (st.st_mode) && !lodge_file_duplicate (source, target, error))
        return FALSE;
    }
  return lodge_folder_sync (to, error);
}

gboolean
lodge_file_share (const char *from, const char *to, GError **error)
{
  struct stat st;

  if (lstat (from, &st) != 0)
    return lodge_error_set_errno (error, errno, "opening", from);
  if (!S_ISREG (st.st_mode))
    return lodge_error_set_errno (error, EINVAL, "opening", from);
  unlink (to);
  return link (from, to) == 0 || lodge_file_duplicate (from, to, error);
}
