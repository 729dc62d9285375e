/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/config/lodge-generations.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct
{
  char *base;
  char *path;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  /* In memory, where flushing is quick, a killed process gets to many more moments of a save. */
  f->base = g_strdup ("/dev/shm/lodge-atomic-XXXXXX");
  if (data == NULL || g_mkdtemp (f->base) == NULL)
    {
      g_free (f->base);
      f->base = g_dir_make_tmp ("lodge-atomic-XXXXXX", NULL);
    }
  f->path = g_build_filename (f->base, "file", NULL);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_true (lodge_file_tree_remove (f->base, NULL, NULL));
  g_free (f->base);
  g_free (f->path);
}

static guint
count_files (Fixture *f)
{
  g_autoptr (GDir) dir = g_dir_open (f->base, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
assert_content (const char *path, const char *expected)
{
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, expected);
}

static void
test_write (Fixture *f, gconstpointer data)
{
  g_autofree char *left = g_strconcat (f->path, ".new", NULL);
  g_autofree char *victim = g_build_filename (f->base, "victim", NULL);
  g_autoptr (GError) error = NULL;
  struct stat st;

  g_assert_true (lodge_atomic_file_write (f->path, "one", 3, &error));
  g_assert_no_error (error);
  g_assert_true (lodge_atomic_file_write (f->path, "two", 3, &error));
  assert_content (f->path, "two");
  g_assert_cmpint (g_stat (f->path, &st), ==, 0);
  g_assert_cmpint (st.st_mode & 07777, ==, 0600);
  g_assert_cmpuint (count_files (f), ==, 1);

  /* What a killed writer left, or somebody put there, is not written through. */
  g_assert_true (g_file_set_contents (victim, "safe", -1, NULL));
  g_assert_cmpint (symlink (victim, left), ==, 0);
  g_assert_true (lodge_atomic_file_write (f->path, "three", 5, &error));
  assert_content (f->path, "three");
  assert_content (victim, "safe");
}

/* The file size limit is the full disk that every user can make. */
static void
limit_files (rlim_t bytes)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  limit.rlim_cur = MIN (bytes, limit.rlim_max);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
}

static void
test_full_disk (Fixture *f, gconstpointer data)
{
  g_autofree char *large = g_strnfill (100000, 'x');
  g_autoptr (GError) error = NULL;

  g_assert_true (lodge_atomic_file_write (f->path, "old", 3, NULL));
  limit_files (5000);
  g_assert_false (lodge_atomic_file_write (f->path, large, 100000, &error));
  limit_files (RLIM_INFINITY);
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE);
  assert_content (f->path, "old");
  g_assert_cmpuint (count_files (f), ==, 1);
}

static void
test_full_disk_profile (Fixture *f, gconstpointer data)
{
  g_autoptr (LodgeProfile) profile = lodge_profile_new ("m", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  g_autoptr (LodgeProfile) read = NULL;
  g_autoptr (GError) error = NULL;

  profile->cores = 1;
  g_assert_true (lodge_generations_save (f->base, profile, NULL));
  profile->cores = 2;
  g_assert_true (lodge_generations_save (f->base, profile, NULL));
  profile->cores = 3;
  limit_files (100);
  g_assert_false (lodge_generations_save (f->base, profile, &error));
  limit_files (RLIM_INFINITY);
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE);

  /* The generations did not move either. */
  read = lodge_generations_read (f->base, NULL);
  g_assert_cmpuint (read->cores, ==, 2);
  g_clear_pointer (&read, lodge_profile_free);
  read = lodge_generations_read_previous (f->base);
  g_assert_cmpuint (read->cores, ==, 1);
  g_assert_cmpuint (count_files (f), ==, 2);
}

static void
test_read (Fixture *f, gconstpointer data)
{
  g_autofree char *fifo = g_build_filename (f->base, "fifo", NULL);
  g_autofree char *text = NULL;
  gsize length;
  g_autoptr (GError) error = NULL;

  g_assert_null (lodge_file_read (f->path, 10, &length, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (f->path, "0123456789", 10, NULL));
  text = lodge_file_read (f->path, 10, &length, &error);
  g_assert_cmpmem (text, length, "0123456789", 10);
  g_assert_null (lodge_file_read (f->path, 9, &length, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
  g_clear_error (&error);
  g_assert_null (lodge_file_read (f->base, 10, &length, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
  g_clear_error (&error);
  /* Nobody writes to it: to wait would be for ever. */
  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_assert_null (lodge_file_read (fifo, 10, &length, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT);
}

/* In a child: saves without end, and tells each save that is done. */
static void
save_for_ever (Fixture *f, guint counter, int acknowledge)
{
  g_autoptr (LodgeProfile) profile = lodge_generations_read (f->base, NULL);

  for (;;)
    {
      profile->created = ++counter;
      if (!lodge_generations_save (f->base, profile, NULL) ||
          write (acknowledge, &counter, sizeof counter) != sizeof counter)
        _exit (1);
    }
}

/* Whatever moment the core is killed at: machine.json is whole, has every save that was told done, and so
 * have the generations before it. */
static void
test_kills (Fixture *f, gconstpointer data)
{
  guint n_kills = 400;
  g_autoptr (LodgeProfile) first = lodge_profile_new ("m", LODGE_FAMILY_LINUX, LODGE_ARCH_X86_64);
  guint counter = 0;
  guint saves = 0;

  first->created = 0;
  g_assert_true (lodge_generations_save (f->base, first, NULL));

  for (guint i = 0; i < n_kills; i++)
    {
      g_autoptr (LodgeProfile) now = NULL;
      g_autoptr (LodgeProfile) previous = NULL;
      g_autoptr (GError) error = NULL;
      guint told = counter;
      guint number;
      int pipe_fds[2];
      pid_t pid;

      g_assert_cmpint (pipe2 (pipe_fds, O_CLOEXEC), ==, 0);
      pid = fork ();
      g_assert_cmpint (pid, >=, 0);
      if (pid == 0)
        save_for_ever (f, counter, pipe_fds[1]);
      close (pipe_fds[1]);
      g_usleep (g_test_rand_int_range (0, 4000));
      g_assert_cmpint (kill (pid, SIGKILL), ==, 0);
      g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
      while (read (pipe_fds[0], &number, sizeof number) == sizeof number)
        told = number;
      close (pipe_fds[0]);

      now = lodge_generations_read (f->base, &error);
      g_assert_no_error (error);
      g_assert_cmpint (now->created, >=, told);
      g_assert_cmpint (now->created, <=, told + 1);
      saves += now->created - counter;
      counter = now->created;
      if (counter > 0)
        {
          previous = lodge_generations_read_previous (f->base);
          g_assert_nonnull (previous);
          g_assert_cmpint (previous->created, <=, now->created);
        }
      g_assert_cmpuint (count_files (f), <=, 5);
    }

  g_test_message ("%u kills, %u saves", n_kills, saves);
  g_assert_cmpuint (saves, >, 0);
}

#define ADD(name, func) g_test_add ("/atomic-file/" name, Fixture, NULL, set_up, func, tear_down)
#define ADD_IN_MEMORY(name, func)                                                                  \
  g_test_add ("/atomic-file/" name, Fixture, "in memory", set_up, func, tear_down)

/* What is written into a folder that nobody knows yet is flushed as a whole; neither that nor the writing goes through a link. */
static void
test_tree (Fixture *f, gconstpointer data)
{
  g_autofree char *inner = g_build_filename (f->base, "inner", NULL);
  g_autofree char *deep = g_build_filename (inner, "deep", NULL);
  g_autofree char *link_path = g_build_filename (inner, "link", NULL);
  g_autofree char *none = g_build_filename (f->base, "none", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir (inner, 0700), ==, 0);
  g_assert_true (lodge_file_write_new (f->path, "one", 3, &error));
  g_assert_true (lodge_file_write_new (deep, "two", 3, &error));
  g_assert_no_error (error);
  assert_content (deep, "two");
  g_assert_cmpint (symlink ("/nowhere", link_path), ==, 0);
  g_assert_false (lodge_file_write_new (f->path, "other", 5, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_false (lodge_file_write_new (link_path, "other", 5, &error));
  g_clear_error (&error);
  assert_content (f->path, "one");
  g_assert_true (lodge_file_tree_flush (f->base, &error));
  g_assert_no_error (error);
  g_assert_false (lodge_file_tree_flush (none, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);

  g_assert_true (lodge_file_replace (f->path, "three", 5, &error));
  g_assert_no_error (error);
  assert_content (f->path, "three");
  g_assert_cmpuint (count_files (f), ==, 2);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  signal (SIGXFSZ, SIG_IGN);
  ADD ("tree", test_tree);
  ADD ("write", test_write);
  ADD ("full-disk", test_full_disk);
  ADD ("full-disk-profile", test_full_disk_profile);
  ADD ("read", test_read);
  ADD_IN_MEMORY ("kills", test_kills);
  return g_test_run ();
}
