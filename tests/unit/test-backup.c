/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/storage/lodge-backup-data.h"

#include "core/config/lodge-file-tree.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK LODGE_BACKUP_BLOCK
#define MACHINE "0a1b2c3d-0000-4000-8000-000000000001"

typedef struct
{
  char *path;
  int   fd;
  gint64 time; /* of the next backup */
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  /* Where there is one, a file system that need not wait for a disk: much is flushed here. */
  f->path = g_strdup_printf ("%s/lodge-backup-XXXXXX", access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir ());
  g_assert_nonnull (g_mkdtemp (f->path));
  f->fd = open (f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  f->time = 1700000000;
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  close (f->fd);
  g_assert_true (lodge_file_tree_remove (f->path, NULL, NULL));
  g_free (f->path);
}

/* A disk as a string: each character is a block filled with it, '0' one of zeros. */
static LodgeBackupWriter *
begin (Fixture *f, GError **error)
{
  g_autoptr (LodgeBackupSet) set = lodge_backup_set_make (f->fd, MACHINE, "Box-0a1b2c3d", error);
  LodgeBackup *backup;

  if (set == NULL || !lodge_backup_set_lock (set, error))
    return NULL;
  backup = lodge_backup_new ();
  backup->id = lodge_backup_new_id (f->time++);
  backup->machine = g_strdup (MACHINE);
  backup->name = g_strdup ("Box");
  backup->created = f->time;
  return lodge_backup_writer_new (g_steal_pointer (&set), backup, error);
}

static gboolean
add_disk (LodgeBackupWriter *writer, const char *id, const char *blocks, GError **error)
{
  g_autofree guint8 *block = g_malloc (BLOCK);

  if (!lodge_backup_writer_begin_disk (writer, id, strlen (blocks) * BLOCK, error))
    return FALSE;
  for (const char *p = blocks; *p != '\0'; p++)
    {
      memset (block, *p, BLOCK);
      if (!lodge_backup_writer_add_block (writer, *p == '0' ? NULL : block, error))
        return FALSE;
    }
  return lodge_backup_writer_end_disk (writer, error);
}

static gboolean
write_backup (Fixture *f, const char *blocks, char **id, GError **error)
{
  g_autoptr (LodgeBackupWriter) writer = begin (f, error);

  if (writer == NULL || !lodge_backup_writer_add_file (writer, "machine.json", "{}", 2, error)
      || !add_disk (writer, "disk0", blocks, error) || !lodge_backup_writer_commit (writer, error))
    return FALSE;
  if (id != NULL)
    *id = g_strdup (lodge_backup_writer_get_backup (writer)->id);
  return TRUE;
}

static char *
make (Fixture *f, const char *blocks)
{
  g_autoptr (GError) error = NULL;
  char *id = NULL;

  write_backup (f, blocks, &id, &error);
  g_assert_no_error (error);
  return id;
}

static LodgeBackupSet *
open_set (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  LodgeBackupSet *set = lodge_backup_set_open (f->fd, "Box-0a1b2c3d.backup", &error);

  g_assert_no_error (error);
  return set;
}

/* What a backup holds, as such a string; NULL with an error. */
static char *
read_backup (Fixture *f, const char *id, GError **error)
{
  g_autoptr (LodgeBackupSet) set = open_set (f);
  g_autoptr (LodgeBackup) backup = lodge_backup_set_read (set, id, error);
  g_autoptr (LodgeBackupReader) reader = backup != NULL ? lodge_backup_reader_new (set, backup, 0, error) : NULL;
  g_autofree guint8 *block = g_malloc (BLOCK);
  g_autoptr (GString) text = g_string_new (NULL);

  if (reader == NULL || !lodge_backup_extract (set, backup, 0, -1, error))
    return NULL;
  for (guint64 n = lodge_backup_count_blocks (((LodgeBackupDisk *) g_ptr_array_index (backup->disks, 0))->size); n > 0; n--)
    {
      gboolean zero;

      if (!lodge_backup_reader_next (reader, block, &zero, error))
        return NULL;
      for (guint i = 0; !zero && i < BLOCK; i++)
        g_assert_cmpint (block[i], ==, block[0]);
      g_string_append_c (text, zero ? '0' : (char) block[0]);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
expect (Fixture *f, const char *id, const char *blocks)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = read_backup (f, id, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (found, ==, blocks);
}

static void
refuse (Fixture *f, const char *id, LodgeError code)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *found = read_backup (f, id, &error);

  g_assert_null (found);
  g_assert_error (error, LODGE_ERROR, (int) code);
}

static char *
path_in (Fixture *f, const char *id, const char *file)
{
  return g_build_filename (f->path, "Box-0a1b2c3d.backup", id, file, NULL);
}

static void
test_increments (Fixture *f, gconstpointer data)
{
  g_autofree char *a = make (f, "abc0e");
  g_autofree char *b = make (f, "abx0e");
  g_autofree char *c = make (f, "0bx0eff");
  g_autofree char *d = make (f, "0bx");
  g_autoptr (LodgeBackupSet) set = open_set (f);
  g_autoptr (LodgeBackup) second = lodge_backup_set_read (set, b, NULL);
  g_autoptr (LodgeBackup) third = lodge_backup_set_read (set, c, NULL);
  g_autoptr (GPtrArray) ids = lodge_backup_set_ids (set);

  g_assert_cmpuint (ids->len, ==, 4);
  g_assert_cmpuint (second->blocks, ==, 1);
  g_assert_true (lodge_backup_is_increment (second));
  g_assert_cmpuint (third->blocks, ==, 2);
  expect (f, a, "abc0e");
  expect (f, b, "abx0e");
  expect (f, c, "0bx0eff");
  expect (f, d, "0bx");
}

static void
test_delete (Fixture *f, gconstpointer data)
{
  g_autofree char *a = make (f, "abc");
  g_autofree char *b = make (f, "abd");
  g_autofree char *c = make (f, "xyd");
  g_autofree char *data_of_a = path_in (f, a, NULL);
  g_autofree char *data_of_b = path_in (f, b, NULL);
  g_autoptr (GError) error = NULL;

  {
    g_autoptr (LodgeBackupSet) set = open_set (f);

    g_assert_true (lodge_backup_set_lock (set, NULL));
    g_assert_true (lodge_backup_set_delete (set, a, &error));
    g_assert_false (lodge_backup_set_delete (set, a, &error));
    g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  }
  refuse (f, a, LODGE_ERROR_NOT_FOUND);
  expect (f, b, "abd");
  g_assert_true (g_file_test (data_of_a, G_FILE_TEST_IS_DIR));
  {
    g_autoptr (LodgeBackupSet) set = open_set (f);

    g_assert_true (lodge_backup_set_lock (set, NULL));
    g_assert_true (lodge_backup_set_delete (set, b, NULL));
  }
  /* The last one counts to b alone. */
  expect (f, c, "xyd");
  g_assert_false (g_file_test (data_of_a, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (data_of_b, G_FILE_TEST_IS_DIR));
}

static void
test_one_writes (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *first = make (f, "abc");
  g_autoptr (LodgeBackupWriter) writer = begin (f, &error);
  g_autoptr (LodgeBackupSet) set = open_set (f);

  g_assert_no_error (error);
  g_assert_cmpstr (lodge_backup_writer_get_backup (writer)->id, !=, first);
  g_assert_null (begin (f, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE);
  g_clear_error (&error);
  g_assert_false (lodge_backup_set_lock_shared (set, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE);
}

/* A block that rots is written again by a writer that looks. */
static void
test_compare (Fixture *f, gconstpointer data)
{
  g_autofree char *a = make (f, "abc");
  g_autofree char *path = path_in (f, a, "data-0000");
  g_autofree char *id = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_open (path, O_WRONLY | O_CLOEXEC, 0);

  g_assert_cmpint (pwrite (fd, "?", 1, BLOCK + 5), ==, 1);
  close (fd);
  refuse (f, a, LODGE_ERROR_DAMAGED);
  {
    g_autoptr (LodgeBackupWriter) writer = begin (f, &error);

    lodge_backup_writer_compare (writer);
    g_assert_true (lodge_backup_writer_add_file (writer, "machine.json", "{}", 2, NULL));
    g_assert_true (add_disk (writer, "disk0", "abc", NULL));
    g_assert_true (lodge_backup_writer_commit (writer, NULL));
    g_assert_cmpuint (lodge_backup_writer_get_backup (writer)->blocks, ==, 1);
    id = g_strdup (lodge_backup_writer_get_backup (writer)->id);
  }
  expect (f, id, "abc");
}

/* ---- What stands against it ---- */

static void
test_full (Fixture *f, gconstpointer data)
{
  g_autofree char *a = make (f, "abc");
  pid_t child = fork ();
  int status;

  /* A limit on files says what a full disk says, wherever it is reached. */
  if (child == 0)
    {
      static const rlim_t limits[] = { 0, 1, 100, BLOCK, 3 * BLOCK };

      signal (SIGXFSZ, SIG_IGN);
      for (gsize i = 0; i < G_N_ELEMENTS (limits); i++)
        {
          struct rlimit limit = { limits[i], RLIM_INFINITY };
          g_autoptr (GError) error = NULL;

          setrlimit (RLIMIT_FSIZE, &limit);
          if (write_backup (f, "defghijk", NULL, &error) || !g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE))
            _exit (1);
        }
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  expect (f, a, "abc");
  {
    g_autoptr (GDir) dir = NULL;
    g_autofree char *folder = path_in (f, NULL, NULL);
    const char *name;

    dir = g_dir_open (folder, 0, NULL);
    while ((name = g_dir_read_name (dir)) != NULL)
      g_assert_true (strcmp (name, ".lock") == 0 || strcmp (name, a) == 0);
  }
}

/* Backups and deletions, killed anywhere: what there is is whole, and what is half-made goes with the next lock. */
static void
test_kills (Fixture *f, gconstpointer data)
{
  const char *given = g_getenv ("LODGE_SEED");
  guint32 seed = given != NULL ? (guint32) g_ascii_strtoull (given, NULL, 10) : g_random_int ();
  g_autoptr (GRand) chance = g_rand_new_with_seed (seed);
  g_autofree char *first = make (f, "aaaabbbbcccc");
  gint64 began = g_get_monotonic_time ();
  g_autofree char *second = make (f, "aaaabbbbcccd");
  gint32 takes = second == NULL ? 0 : (gint32) MIN (g_get_monotonic_time () - began, 100000);
  guint n_more = 0;

  g_test_message ("LODGE_SEED %u", seed);
  for (guint round = 0; round < 20; round++)
    {
      pid_t child;
      int status;

      f->time += 100;
      child = fork ();
      if (child == 0)
        {
          for (guint i = 0;; i++)
            {
              g_autofree char *id = NULL;
              char disk[] = "aaaabbbbcccc";
              g_autoptr (LodgeBackupSet) set = NULL;

              disk[i % 12] = (char) ('d' + i % 7);
              if (!write_backup (f, disk, &id, NULL))
                _exit (1);
              set = open_set (f);
              if (i % 2 == 1 && (!lodge_backup_set_lock (set, NULL) || !lodge_backup_set_delete (set, id, NULL)))
                _exit (1);
            }
        }
      g_usleep ((gulong) g_rand_int_range (chance, 0, 4 * takes + 1));
      kill (child, SIGKILL);
      waitpid (child, &status, 0);
      g_assert_true (WIFSIGNALED (status));
      {
        g_autoptr (LodgeBackupSet) set = open_set (f);
        g_autoptr (GPtrArray) ids = lodge_backup_set_ids (set);

        n_more += ids->len - (round == 0 ? 2 : 1);
        for (guint i = 0; i < ids->len; i++)
          {
            g_autoptr (GError) error = NULL;
            g_autofree char *found = read_backup (f, g_ptr_array_index (ids, i), &error);

            g_assert_no_error (error);
            g_assert_cmpuint (strlen (found), ==, 12);
          }
        expect (f, first, "aaaabbbbcccc");
        g_assert_true (lodge_backup_set_lock (set, NULL));
        for (guint i = 1; i < ids->len; i++)
          g_assert_true (lodge_backup_set_delete (set, g_ptr_array_index (ids, i), NULL));
      }
    }
  g_assert_cmpuint (n_more, >, 0);
  /* What was deleted and is needed by none is gone, too. */
  {
    g_autofree char *folder = path_in (f, NULL, NULL);
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name (dir)) != NULL)
      g_assert_true (strcmp (name, ".lock") == 0 || strcmp (name, first) == 0);
  }
}

static void
replace_text (const char *path, const char *old, const char *new)
{
  g_autofree char *text = NULL;
  g_autoptr (GString) changed = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  changed = g_string_new (text);
  g_assert_cmpuint (g_string_replace (changed, old, new, 0), >, 0);
  g_assert_true (g_file_set_contents (path, changed->str, -1, NULL));
}

static void
test_links (Fixture *f, gconstpointer data)
{
  static const char *const names[] = { "manifest.json", "index-0", "data-0000", "file-0" };
  g_autofree char *outside = g_build_filename (f->path, "outside", NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *id = make (f, "abc");
      g_autofree char *path = path_in (f, id, names[i]);
      g_autoptr (GError) error = NULL;
      g_autofree char *found = NULL;

      expect (f, id, "abc");
      /* Its very contents, but behind a link; or something that never ends. */
      g_assert_cmpint (g_rename (path, outside), ==, 0);
      g_assert_cmpint (symlink (outside, path), ==, 0);
      found = read_backup (f, id, &error);
      g_assert_null (found);
      g_assert_nonnull (error);
      g_unlink (path);
      g_clear_error (&error);
      g_assert_cmpint (mkfifo (path, 0600), ==, 0);
      found = read_backup (f, id, &error);
      g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
      g_unlink (path);
      g_assert_cmpint (g_rename (outside, path), ==, 0);
      expect (f, id, "abc");
      {
        g_autoptr (LodgeBackupSet) set = open_set (f);

        g_assert_true (lodge_backup_set_lock (set, NULL));
        g_assert_true (lodge_backup_set_delete (set, id, NULL));
      }
    }
}

/* A folder that is a link is none of ours, and deleting follows none. */
static void
test_linked_folders (Fixture *f, gconstpointer data)
{
  g_autofree char *id = make (f, "abc");
  g_autofree char *set_path = path_in (f, NULL, NULL);
  g_autofree char *other = g_build_filename (f->path, "Other-0a1b2c3d.backup", NULL);
  g_autofree char *precious = g_build_filename (f->path, "precious", NULL);
  g_autofree char *inside = path_in (f, id, "data-9999");
  g_autofree char *half = path_in (f, ".new-20261122-000000-00000000", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (symlink (set_path, other), ==, 0);
  g_assert_null (lodge_backup_set_open (f->fd, "Other-0a1b2c3d.backup", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (lodge_backup_set_open (f->fd, "../Box-0a1b2c3d.backup", &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);

  g_assert_cmpint (g_mkdir (precious, 0700), ==, 0);
  g_assert_cmpint (symlink (precious, inside), ==, 0);
  g_assert_cmpint (symlink (precious, half), ==, 0);
  {
    g_autoptr (LodgeBackupSet) set = open_set (f);

    g_assert_true (lodge_backup_set_lock (set, NULL));
    g_assert_true (lodge_backup_set_delete (set, id, NULL));
  }
  g_assert_true (g_file_test (precious, G_FILE_TEST_IS_DIR));
}

static void
test_hostile (Fixture *f, gconstpointer data)
{
  static const struct
  {
    const char *old, *new;
    LodgeError code;
  } changes[] = {
    { "\"size\" : 786432", "\"size\" : 786433", LODGE_ERROR_DAMAGED },
    { "\"size\" : 786432", "\"size\" : -1", LODGE_ERROR_WRONG_FORMAT },
    { "\"size\" : 786432", "\"size\" : 9223372036854775807", LODGE_ERROR_WRONG_FORMAT },
    { "\"size\" : 2,", "\"size\" : 1,", LODGE_ERROR_DAMAGED },
    { "\"size\" : 2,", "\"size\" : 2000000000000,", LODGE_ERROR_WRONG_FORMAT },
    { "\"id\" : \"disk0\"", "\"id\" : \"../x\"", LODGE_ERROR_WRONG_FORMAT },
    { "\"role\" : \"machine.json\"", "\"role\" : \"tpm/../../x\"", LODGE_ERROR_WRONG_FORMAT },
    { "\"role\" : \"machine.json\"", "\"role\" : \"kernel\"", LODGE_ERROR_WRONG_FORMAT },
    { "\"schema\" : 1", "\"schema\" : 2", LODGE_ERROR_NEWER_SCHEMA },
    { "\"schema\" : 1", "\"schema\" : \"1\"", LODGE_ERROR_WRONG_FORMAT },
    { "\"block-size\" : 262144", "\"block-size\" : 1", LODGE_ERROR_WRONG_FORMAT },
    { "\"sources\" : [", "\"sources\" : [ \"/etc\",", LODGE_ERROR_WRONG_FORMAT },
    { "\"sources\" : [", "\"sources\" : { \"a\": [", LODGE_ERROR_WRONG_FORMAT },
    { "\"name\" : \"Box\"", "\"name\" : \"a/b\"", LODGE_ERROR_WRONG_FORMAT },
    { "\"state\" : \"off\"", "\"state\" : \"on\"", LODGE_ERROR_WRONG_FORMAT },
    { MACHINE, "no-id", LODGE_ERROR_WRONG_FORMAT },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++)
    {
      g_autofree char *id = make (f, "abc");
      g_autofree char *manifest = path_in (f, id, "manifest.json");

      g_test_message ("%s", changes[i].new);
      replace_text (manifest, changes[i].old, changes[i].new);
      refuse (f, id, changes[i].code);
      g_unlink (manifest);
    }
}

/* An index with the right hash that leads elsewhere. */
static void
test_hostile_index (Fixture *f, gconstpointer data)
{
  static const struct
  {
    guint8 source, block;
    LodgeError code;
  } places[] = { { 1, 0, LODGE_ERROR_DAMAGED }, { 255, 0, LODGE_ERROR_DAMAGED }, { 0, 200, LODGE_ERROR_DAMAGED }, { 0, 1, LODGE_ERROR_DAMAGED } };

  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_autofree char *id = make (f, "abc");
      g_autofree char *manifest = path_in (f, id, "manifest.json");
      g_autofree char *index = path_in (f, id, "index-0");
      g_autofree char *bytes = NULL, *before = NULL, *after = NULL;
      gsize length;

      g_assert_true (g_file_get_contents (index, &bytes, &length, NULL));
      g_assert_cmpuint (length, ==, 3 * 40);
      before = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) bytes, length);
      bytes[35] = (char) places[i].source;
      bytes[39] = (char) places[i].block;
      after = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) bytes, length);
      g_assert_true (g_file_set_contents (index, bytes, (gssize) length, NULL));
      refuse (f, id, LODGE_ERROR_DAMAGED);
      replace_text (manifest, before, after);
      refuse (f, id, places[i].code);
      g_unlink (manifest);
    }
}

/* What was found by verifying is kept, believed only in its own form, and goes with its backup. */
static void
test_notes (Fixture *f, gconstpointer data)
{
  static const char *const wrong[] = { "", "whole", "whole 5", "whole -5\n", "whole 5 6\n", "fine 5\n", "damaged 99999999999999999999\n" };
  g_autofree char *id = make (f, "ab");
  g_autoptr (LodgeBackupSet) set = open_set (f);
  g_autofree char *path = g_build_filename (f->path, set->name, id, "verified", NULL);
  gboolean whole = FALSE;
  gint64 time = 0;

  g_assert_false (lodge_backup_set_get_note (set, id, &time, &whole));
  lodge_backup_set_note (set, id, 1700000005, TRUE);
  g_assert_true (lodge_backup_set_get_note (set, id, &time, &whole));
  g_assert_true (whole);
  g_assert_cmpint (time, ==, 1700000005);
  lodge_backup_set_note (set, id, 1700000006, FALSE);
  g_assert_true (lodge_backup_set_get_note (set, id, &time, &whole));
  g_assert_false (whole);
  g_assert_cmpint (time, ==, 1700000006);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_assert_true (g_file_set_contents (path, wrong[i], -1, NULL));
      g_assert_false (lodge_backup_set_get_note (set, id, &time, &whole));
    }
  /* It follows no link, to read or to write. */
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (symlink ("../../victim", path), ==, 0);
  g_assert_false (lodge_backup_set_get_note (set, id, &time, &whole));
  lodge_backup_set_note (set, id, 1700000007, TRUE);
  g_assert_true (lodge_backup_set_get_note (set, id, &time, &whole));
  g_assert_true (lodge_backup_set_lock (set, NULL));
  g_assert_true (lodge_backup_set_delete (set, id, NULL));
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/backup/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("increments", test_increments);
  ADD ("delete", test_delete);
  ADD ("one-writes", test_one_writes);
  ADD ("compare", test_compare);
  ADD ("full", test_full);
  ADD ("kills", test_kills);
  ADD ("links", test_links);
  ADD ("linked-folders", test_linked_folders);
  ADD ("hostile", test_hostile);
  ADD ("hostile-index", test_hostile_index);
  ADD ("notes", test_notes);
#undef ADD
  return g_test_run ();
}
