/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A guest outlives the core that started it, so what the next core must know about it is written
 * down before QEMU runs: QEMU is born behind a gate (LodgeProcess), its pid and start time go into
 * record.json, and only then is the gate opened. A core that dies before the record is written
 * takes the gate with it; one that dies after leaves a guest that the record knows.
 *
 * A pid alone proves nothing, because pids are used again. The record holds the boot id, the
 * start time in clock ticks and a hash of the command line, and all must fit.
 *
 * record.json is read again by a program that may be newer or older, and by one that cannot know
 * who wrote there since: it is bounded, and every value is checked.
 */

#include "core/machine/lodge-runtime-record.h"

#include "core/config/lodge-json.h"
#include "core/qemu/lodge-process.h"
#include "core/qemu/lodge-qmp-value.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define RECORD_VERSION 1
#define RECORD_FILE "record.json"
#define PROFILE_FILE "profile.json"
#define RECORD_MAX_BYTES (64 * 1024)
#define MAX_HELPERS 16
#define MAX_ADDRESSES 32
#define MAX_SAME_PREFIX 16
#define MAX_DEPTH 64 /* QEMU can write to the folder of its cookies */

static void
helper_free (gpointer data)
{
  LodgeRuntimeHelper *helper = data;

  g_free (helper->name);
  g_free (helper);
}

LodgeRuntimeRecord *
lodge_runtime_record_new (const char *dir, const char *id)
{
  LodgeRuntimeRecord *record = g_new0 (LodgeRuntimeRecord, 1);

  record->dir = g_strdup (dir);
  record->id = g_strdup (id);
  record->helpers = g_ptr_array_new_with_free_func (helper_free);
  record->argv_hashes = g_new0 (char *, 1);
  record->effective = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  return record;
}

void
lodge_runtime_record_free (LodgeRuntimeRecord *record)
{
  if (record == NULL)
    return;

  g_free (record->dir);
  g_free (record->id);
  g_free (record->folder);
  g_free (record->boot_id);
  g_strfreev (record->argv_hashes);
  g_ptr_array_unref (record->helpers);
  g_strfreev (record->addresses);
  g_variant_unref (record->effective);
  g_free (record);
}

void
lodge_runtime_record_add_helper (LodgeRuntimeRecord *record, const char *name, GPid pid,
                                 guint64 start_time)
{
  LodgeRuntimeHelper *helper = g_new0 (LodgeRuntimeHelper, 1);

  helper->name = g_strdup (name);
  helper->pid = pid;
  helper->start_time = start_time;
  g_ptr_array_add (record->helpers, helper);
}

/* As /proc/PID/cmdline has it: every argument followed by a NUL. */
static char *
hash_argv (const char *const *argv)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);

  for (gsize i = 0; argv[i] != NULL; i++)
    g_checksum_update (checksum, (const guchar *) argv[i], strlen (argv[i]) + 1);
  return g_strdup (g_checksum_get_string (checksum));
}

void
lodge_runtime_record_set_argv (LodgeRuntimeRecord *record, const char *const *confined,
                               const char *const *bare)
{
  g_autoptr (GStrvBuilder) hashes = g_strv_builder_new ();
  g_autofree char *first = hash_argv (confined);
  g_autofree char *second = hash_argv (bare);
  g_auto (GStrv) gate = lodge_process_gate (confined);
  g_autofree char *third = hash_argv ((const char *const *) gate);

  g_strv_builder_add_many (hashes, first, second, third, NULL);
  g_strfreev (record->argv_hashes);
  record->argv_hashes = g_strv_builder_end (hashes);
}

char *
lodge_runtime_boot_id (void)
{
  char *text = NULL;

  if (!g_file_get_contents ("/proc/sys/kernel/random/boot_id", &text, NULL, NULL))
    return g_strdup ("");
  return g_strstrip (text);
}

guint64
lodge_runtime_start_time (GPid pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", (int) pid);
  g_autofree char *text = NULL;
  const char *at;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;

  /* The second field is the command's name in parentheses and may hold anything, also ')'. */
  at = strrchr (text, ')');
  /* One that waits for its parent's look has ended. */
  if (at != NULL && (at[1] == '\0' || strchr ("ZXx", at[2]) != NULL))
    return 0;
  for (int field = 2; at != NULL && field < 22; field++)
    at = strchr (at + 1, ' ');
  return at != NULL ? g_ascii_strtoull (at + 1, NULL, 10) : 0;
}

static void
set_runtime_error (GError **error, int errsv, const char *what, const char *path)
{
  if (errsv == ENOSPC || errsv == EDQUOT)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE, "no space to %s “%s”", what, path);
  else
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_RUNTIME_DIR, "cannot %s “%s”: %s", what, path,
                 g_strerror (errsv));
}

static gboolean
write_file (const char *dir, const char *name, const char *data, gsize length, GError **error)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);
  g_autofree char *temporary = g_strconcat (path, ".new", NULL);
  int errsv = 0;
  int fd = open (temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

  /* Atomic for a core that is killed, but never flushed: the record dies with the host's run, as
   * the guest does, and where this folder is on a disk each flush costs a start 10 ms. */
  for (gsize done = 0; fd >= 0 && errsv == 0 && done < length;)
    {
      gssize n = write (fd, data + done, length - done);

      if (n >= 0)
        done += n;
      else if (errno != EINTR)
        errsv = errno;
    }
  if (fd < 0 || (close (fd) != 0 && errsv == 0) || (errsv == 0 && rename (temporary, path) != 0))
    errsv = errno;
  if (errsv == 0)
    return TRUE;

  unlink (temporary);
  set_runtime_error (error, errsv, "write", path);
  return FALSE;
}

gboolean
lodge_runtime_record_write (const LodgeRuntimeRecord *record, const char *profile, gsize length,
                            GError **error)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;
  GVariantIter iter;
  const char *key;
  GVariant *value;
  gsize text_length;

#define STRING(name, member) (json_builder_set_member_name (builder, name), json_builder_add_string_value (builder, member))
#define NUMBER(name, member) (json_builder_set_member_name (builder, name), json_builder_add_int_value (builder, (gint64) (member)))
  json_builder_begin_object (builder);
  NUMBER ("version", RECORD_VERSION);
  STRING ("id", record->id);
  STRING ("folder", record->folder);
  STRING ("boot-id", record->boot_id);
  NUMBER ("pid", record->pid);
  NUMBER ("start-time", record->start_time);
  NUMBER ("started", record->started);
  json_builder_set_member_name (builder, "paused");
  json_builder_add_boolean_value (builder, record->paused);
  json_builder_set_member_name (builder, "ahead");
  json_builder_add_boolean_value (builder, record->ahead);
  json_builder_set_member_name (builder, "argv-hashes");
  json_builder_begin_array (builder);
  for (gsize i = 0; record->argv_hashes[i] != NULL; i++)
    json_builder_add_string_value (builder, record->argv_hashes[i]);
  json_builder_end_array (builder);
  if (record->addresses != NULL)
    {
      json_builder_set_member_name (builder, "addresses");
      json_builder_begin_array (builder);
      for (gsize i = 0; record->addresses[i] != NULL; i++)
        json_builder_add_string_value (builder, record->addresses[i]);
      json_builder_end_array (builder);
    }
  json_builder_set_member_name (builder, "helpers");
  json_builder_begin_array (builder);
  for (guint i = 0; i < record->helpers->len; i++)
    {
      LodgeRuntimeHelper *helper = g_ptr_array_index (record->helpers, i);

      json_builder_begin_object (builder);
      STRING ("name", helper->name);
      NUMBER ("pid", helper->pid);
      NUMBER ("start-time", helper->start_time);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "effective");
  json_builder_begin_object (builder);
  g_variant_iter_init (&iter, record->effective);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
      STRING (key, g_variant_get_string (value, NULL));
  json_builder_end_object (builder);
  json_builder_end_object (builder);
#undef STRING
#undef NUMBER

  root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  text = json_generator_to_data (generator, &text_length);

  return write_file (record->dir, PROFILE_FILE, profile, length, error)
         && write_file (record->dir, RECORD_FILE, text, text_length, error);
}

static gboolean
read_helpers (LodgeRuntimeRecord *record, JsonArray *helpers)
{
  if (helpers == NULL || json_array_get_length (helpers) > MAX_HELPERS)
    return FALSE;

  for (guint i = 0; i < json_array_get_length (helpers); i++)
    {
      JsonObject *object = lodge_qmp_element (helpers, i);
      const char *name = lodge_qmp_string (object, "name");
      gint64 pid = lodge_qmp_integer (object, "pid", -1);
      gint64 start_time = lodge_qmp_integer (object, "start-time", -1);

      if (name == NULL || pid <= 1 || pid > G_MAXINT || start_time <= 0)
        return FALSE;
      lodge_runtime_record_add_helper (record, name, (GPid) pid, (guint64) start_time);
    }
  return TRUE;
}

/* NULL: @array is no list of at most @max words. */
static GStrv
read_words (JsonArray *array, guint max)
{
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();

  if (array == NULL || json_array_get_length (array) > max)
    return NULL;
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
        return NULL;
      g_strv_builder_add (words, json_node_get_string (node));
    }
  return g_strv_builder_end (words);
}

static gboolean
read_object (LodgeRuntimeRecord *record, JsonObject *object)
{
  g_auto (GStrv) hashes = NULL;
  JsonObject *effective = lodge_qmp_object (object, "effective");
  GVariantDict dict;
  JsonObjectIter iter;
  const char *key;
  JsonNode *value;
  gint64 pid = lodge_qmp_integer (object, "pid", -1);
  gint64 start_time = lodge_qmp_integer (object, "start-time", -1);

  record->id = g_strdup (lodge_qmp_string (object, "id"));
  record->folder = g_strdup (lodge_qmp_string (object, "folder"));
  record->boot_id = g_strdup (lodge_qmp_string (object, "boot-id"));
  record->started = lodge_qmp_integer (object, "started", -1);
  record->paused = lodge_qmp_boolean (object, "paused", FALSE);
  record->ahead = lodge_qmp_boolean (object, "ahead", FALSE);
  if (lodge_qmp_integer (object, "version", -1) != RECORD_VERSION || record->id == NULL
      || !g_uuid_string_is_valid (record->id) || record->folder == NULL || !g_path_is_absolute (record->folder) || record->boot_id == NULL
      || pid <= 1 || pid > G_MAXINT || start_time <= 0 || effective == NULL
      || (hashes = read_words (lodge_qmp_array (object, "argv-hashes"), 4)) == NULL)
    return FALSE;
  record->pid = (GPid) pid;
  record->start_time = (guint64) start_time;

  g_strfreev (record->argv_hashes);
  record->argv_hashes = g_steal_pointer (&hashes);
  record->addresses = read_words (lodge_qmp_array (object, "addresses"), MAX_ADDRESSES);

  g_variant_dict_init (&dict, NULL);
  json_object_iter_init (&iter, effective);
  while (json_object_iter_next (&iter, &key, &value))
    if (JSON_NODE_HOLDS_VALUE (value) && json_node_get_value_type (value) == G_TYPE_STRING)
      g_variant_dict_insert (&dict, key, "s", json_node_get_string (value));
  g_variant_unref (record->effective);
  record->effective = g_variant_ref_sink (g_variant_dict_end (&dict));

  return read_helpers (record, lodge_qmp_array (object, "helpers"));
}

LodgeRuntimeRecord *
lodge_runtime_record_read (const char *dir, GError **error)
{
  g_autoptr (LodgeRuntimeRecord) record = lodge_runtime_record_new (dir, NULL);
  g_autofree char *path = g_build_filename (dir, RECORD_FILE, NULL);
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;
  struct stat st;
  gsize length;

  if (lstat (path, &st) != 0)
    {
      g_set_error (error, LODGE_ERROR, errno == ENOENT ? LODGE_ERROR_NOT_FOUND : LODGE_ERROR_IO,
                   "cannot look at “%s”: %s", path, g_strerror (errno));
      return NULL;
    }
  if (!S_ISREG (st.st_mode) || st.st_size > RECORD_MAX_BYTES || st.st_uid != getuid ()
      || !g_file_get_contents (path, &text, &length, NULL)
      || (root = lodge_json_parse (text, length, NULL)) == NULL
      || lodge_qmp_node_object (root) == NULL || !read_object (record, lodge_qmp_node_object (root)))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IO, "“%s” is not a run-time record", path);
      return NULL;
    }

  return g_steal_pointer (&record);
}

gboolean
lodge_runtime_record_is_alive (const LodgeRuntimeRecord *record)
{
  g_autofree char *boot_id = lodge_runtime_boot_id ();

  return strcmp (boot_id, record->boot_id) == 0
         && lodge_runtime_start_time (record->pid) == record->start_time;
}

gboolean
lodge_runtime_record_verify (const LodgeRuntimeRecord *record)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/cmdline", (int) record->pid);
  g_autofree char *text = NULL;
  g_autofree char *hash = NULL;
  gsize length;

  if (!lodge_runtime_record_is_alive (record) || !g_file_get_contents (path, &text, &length, NULL)
      || length == 0)
    return FALSE;

  hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) text, length);
  return g_strv_contains ((const char *const *) record->argv_hashes, hash);
}

void
lodge_runtime_record_end_helpers (const LodgeRuntimeRecord *record)
{
  g_autofree char *boot_id = lodge_runtime_boot_id ();

  if (strcmp (boot_id, record->boot_id) != 0)
    return;
  for (guint i = 0; i < record->helpers->len; i++)
    {
      LodgeRuntimeHelper *helper = g_ptr_array_index (record->helpers, i);
      g_autoptr (LodgeProcess) process = lodge_process_adopt (helper->pid, helper->start_time, NULL);

      if (process != NULL)
        lodge_process_kill (process);
    }
}

/* A folder whose record cannot be read: another version's, or broken. Whoever listens on its sockets is a guest. */
static gboolean
is_served (const char *dir)
{
  g_autoptr (GError) error = NULL;
  int fd = lodge_runtime_connect (dir, LODGE_SOCKET_RESCUE, &error);

  if (fd >= 0)
    close (fd);
  return fd >= 0 || g_error_matches (error, LODGE_ERROR, LODGE_ERROR_IN_USE);
}

/* bubblewrap may have been killed while no core looked on: what it stood around has its command line or the bare
 * one, runs on, and is served by the same sockets. */
static gboolean
find_inner (LodgeRuntimeRecord *record)
{
  GPid pid = record->pid;
  guint64 start_time = record->start_time;
  GDir *entries = is_served (record->dir) ? g_dir_open ("/proc", 0, NULL) : NULL;
  gboolean found = FALSE;
  const char *name;

  while (entries != NULL && !found && (name = g_dir_read_name (entries)) != NULL)
    if (g_ascii_isdigit (*name))
      {
        record->pid = (GPid) g_ascii_strtoll (name, NULL, 10);
        record->start_time = lodge_runtime_start_time (record->pid);
        found = record->start_time != 0 && lodge_runtime_record_verify (record);
      }
  g_clear_pointer (&entries, g_dir_close);
  if (!found)
    {
      record->pid = pid;
      record->start_time = start_time;
    }
  return found;
}

static gboolean
make_parents (const char *parent, GError **error)
{
  struct stat st;

  if (g_mkdir_with_parents (parent, 0700) != 0)
    {
      set_runtime_error (error, errno, "make the folder", parent);
      return FALSE;
    }
  /* Below /tmp, where there is no XDG_RUNTIME_DIR, somebody else may have made it first. */
  if (lstat (parent, &st) != 0 || !S_ISDIR (st.st_mode) || st.st_uid != getuid ()
      || (st.st_mode & 0022) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_RUNTIME_DIR,
                   "“%s” is not a folder of this user alone", parent);
      return FALSE;
    }
  return TRUE;
}

char *
lodge_runtime_dir_create (const char *parent, const char *id, GError **error)
{
  if (!make_parents (parent, error))
    return NULL;

  for (guint i = 1; i <= MAX_SAME_PREFIX; i++)
    {
      g_autofree char *name = i == 1 ? g_strndup (id, 8) : g_strdup_printf ("%.8s-%u", id, i);
      g_autofree char *dir = g_build_filename (parent, name, NULL);
      g_autoptr (LodgeRuntimeRecord) record = NULL;
      g_autoptr (GError) local = NULL;
      int errsv;

      if (mkdir (dir, 0700) == 0)
        return g_steal_pointer (&dir);
      errsv = errno;
      if (errsv != EEXIST)
        {
          set_runtime_error (error, errsv, "make the folder", dir);
          return NULL;
        }

      record = lodge_runtime_record_read (dir, &local);
      if (record != NULL && strcmp (record->id, id) != 0)
        continue;
      if (record == NULL && !g_error_matches (local, LODGE_ERROR, LODGE_ERROR_NOT_FOUND) && is_served (dir))
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE,
                       "a guest runs that this version of Lodge does not know: %s", local->message);
          return NULL;
        }
      if (record != NULL && lodge_runtime_record_is_alive (record))
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE,
                       "process %d still runs this machine", (int) record->pid);
          return NULL;
        }
      if (record != NULL)
        lodge_runtime_record_end_helpers (record);
      lodge_runtime_dir_remove (dir);
      if (mkdir (dir, 0700) == 0)
        return g_steal_pointer (&dir);
      set_runtime_error (error, errno, "make the folder", dir);
      return NULL;
    }

  g_set_error (error, LODGE_ERROR, LODGE_ERROR_RUNTIME_DIR,
               "too many machines whose id begins with %.8s run", id);
  return NULL;
}

static void
remove_at (int parent_fd, const char *name, guint depth)
{
  g_autofree char *path = NULL;
  int fd;
  GDir *entries;
  const char *entry;

  if (unlinkat (parent_fd, name, 0) == 0 || errno == ENOENT || depth == 0)
    return;
  fd = openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return;

  path = g_strdup_printf ("/proc/self/fd/%d", fd);
  entries = g_dir_open (path, 0, NULL);
  while (entries != NULL && (entry = g_dir_read_name (entries)) != NULL)
    remove_at (fd, entry, depth - 1);
  g_clear_pointer (&entries, g_dir_close);
  close (fd);
  unlinkat (parent_fd, name, AT_REMOVEDIR);
}

void
lodge_runtime_dir_remove (const char *dir)
{
  remove_at (AT_FDCWD, dir, MAX_DEPTH);
}

GPtrArray *
lodge_runtime_dir_scan (const char *parent)
{
  GPtrArray *records = g_ptr_array_new_with_free_func ((GDestroyNotify) lodge_runtime_record_free);
  GDir *entries = g_dir_open (parent, 0, NULL);
  const char *name;

  while (entries != NULL && (name = g_dir_read_name (entries)) != NULL)
    {
      g_autofree char *dir = g_build_filename (parent, name, NULL);
      g_autoptr (LodgeRuntimeRecord) record = NULL;
      g_autoptr (GError) error = NULL;
      struct stat st;

      if (lstat (dir, &st) != 0 || !S_ISDIR (st.st_mode))
        continue;
      record = lodge_runtime_record_read (dir, &error);
      if (record != NULL
          && (lodge_runtime_record_verify (record)
              || (!lodge_runtime_record_is_alive (record) && find_inner (record))))
        g_ptr_array_add (records, g_steal_pointer (&record));
      else if (record != NULL && !lodge_runtime_record_is_alive (record))
        {
          lodge_runtime_record_end_helpers (record);
          lodge_runtime_dir_remove (dir);
        }
      else if (record == NULL
               && (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND) || !is_served (dir)))
        lodge_runtime_dir_remove (dir);
    }
  g_clear_pointer (&entries, g_dir_close);

  return records;
}

static int
make_address (const char *dir, const char *name, struct sockaddr_un *address, GError **error)
{
  g_autofree char *path = g_build_filename (dir, name, NULL);

  if (strlen (path) >= sizeof address->sun_path)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_RUNTIME_DIR,
                   "the path of a socket would be longer than %zu bytes: “%s”; "
                   "set XDG_RUNTIME_DIR to a shorter one",
                   sizeof address->sun_path - 1, path);
      return -1;
    }
  address->sun_family = AF_UNIX;
  strcpy (address->sun_path, path);
  return 0;
}

int
lodge_runtime_listen (const char *dir, const char *name, GError **error)
{
  struct sockaddr_un address = { 0 };
  int fd;

  if (make_address (dir, name, &address, error) != 0)
    return -1;

  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) != 0 || listen (fd, 4) != 0)
    {
      set_runtime_error (error, errno, "listen on", address.sun_path);
      if (fd >= 0)
        close (fd);
      return -1;
    }
  return fd;
}

int
lodge_runtime_connect (const char *dir, const char *name, GError **error)
{
  struct sockaddr_un address = { 0 };
  int fd;

  if (make_address (dir, name, &address, error) != 0)
    return -1;

  /* Not blocking while it connects: a full backlog must not hold the main loop. */
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) != 0)
    {
      int errsv = errno;

      g_set_error (error, LODGE_ERROR,
                   errsv == ENOENT || errsv == ECONNREFUSED ? LODGE_ERROR_NOT_FOUND
                   : errsv == EAGAIN                        ? LODGE_ERROR_IN_USE
                                                            : LODGE_ERROR_IO,
                   "cannot connect to “%s”: %s", address.sun_path, g_strerror (errsv));
      if (fd >= 0)
        close (fd);
      return -1;
    }
  return fd;
}
