/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/qemu/lodge-log-file.h"

typedef struct
{
  char *folder;
  char *path;
  char *old;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("lodge-log-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->folder, "log", NULL);
  fixture->old = g_build_filename (fixture->folder, "log.old", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_unlink (fixture->path);
  g_unlink (fixture->old);
  g_assert_no_errno (g_rmdir (fixture->folder));
  g_free (fixture->folder);
  g_free (fixture->path);
  g_free (fixture->old);
}

static gint64
size_of (const char *path)
{
  struct stat info;

  return stat (path, &info) == 0 ? info.st_size : -1;
}

/* A writer with O_APPEND, as QEMU is, goes on over the cut, and the end is complete lines. */
static void
test_bounds (Fixture *fixture, gconstpointer data)
{
  g_autoptr (LodgeLogFile) log = NULL;
  g_autofree char *text = NULL;
  g_autofree char *tail = NULL;
  int fd = open (fixture->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

  log = lodge_log_file_new (fixture->path);
  for (guint i = 0; size_of (fixture->path) <= LODGE_LOG_MAX_BYTES; i++)
    {
      g_autofree char *line = g_strdup_printf ("line %08u\n", i);

      g_assert_cmpint (write (fd, line, strlen (line)), ==, strlen (line));
    }
  while (size_of (fixture->path) > LODGE_LOG_MAX_BYTES)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (write (fd, "last\n", 5), ==, 5);
  close (fd);

  g_assert_cmpint (size_of (fixture->path), <=, LODGE_LOG_KEEP_BYTES + 5);
  g_assert_cmpint (size_of (fixture->path), >, LODGE_LOG_KEEP_BYTES - 100);
  g_assert_true (g_file_get_contents (fixture->path, &text, NULL, NULL));
  g_assert_true (g_str_has_prefix (text, "line "));
  tail = lodge_log_file_tail (fixture->path, 0, 30);
  g_assert_true (g_str_has_prefix (tail, "line 000"));
  g_assert_true (g_str_has_suffix (tail, "\nlast\n"));
}

static void
test_rotate (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;

  lodge_log_file_rotate (fixture->path);
  g_assert_cmpint (size_of (fixture->old), ==, -1);
  g_assert_true (g_file_set_contents (fixture->path, "one", -1, NULL));
  lodge_log_file_rotate (fixture->path);
  g_assert_true (g_file_set_contents (fixture->path, "second", -1, NULL));
  lodge_log_file_rotate (fixture->path);
  lodge_log_file_rotate (fixture->path);
  g_assert_cmpint (size_of (fixture->path), ==, -1);
  g_assert_true (g_file_get_contents (fixture->old, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "second");
}

static void
test_tail (Fixture *fixture, gconstpointer data)
{
  static const struct
  {
    const char *text;
    gint64 start;
    gsize max;
    const char *tail;
  } rows[] = {
    { "", 0, 100, "" },
    { "one\ntwo\n", 0, 100, "one\ntwo\n" },
    { "one\ntwo\n", 4, 100, "two\n" },
    { "one\ntwo\n", 8, 100, "" },
    { "one\ntwo\n", 900, 100, "one\ntwo\n" }, /* cut since */
    { "one\ntwo\n", 0, 6, "two\n" },
    { "a\033[31m\xff\tb\n", 0, 100, "a [31m\xef\xbf\xbd\tb\n" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *tail = NULL;

      g_assert_true (g_file_set_contents (fixture->path, rows[i].text, -1, NULL));
      tail = lodge_log_file_tail (fixture->path, rows[i].start, rows[i].max);
      g_assert_cmpstr (tail, ==, rows[i].tail);
    }
}

/* The guest's folder is QEMU's to write: what stands for the log is not followed. */
static void
test_links (Fixture *fixture, gconstpointer data)
{
  g_autofree char *secret = g_build_filename (fixture->folder, "secret", NULL);
  g_autofree char *big = g_strnfill (LODGE_LOG_MAX_BYTES + 1, 's');
  g_autofree char *tail = NULL;
  g_autofree char *hard = NULL;
  g_autoptr (LodgeLogFile) log = NULL;

  g_assert_true (g_file_set_contents (secret, big, -1, NULL));
  g_assert_no_errno (symlink (secret, fixture->path));
  log = lodge_log_file_new (fixture->path);
  tail = lodge_log_file_tail (fixture->path, 0, 10);
  g_assert_cmpstr (tail, ==, "");
  g_assert_cmpint (size_of (secret), ==, LODGE_LOG_MAX_BYTES + 1);

  g_assert_no_errno (g_unlink (fixture->path));
  g_assert_no_errno (link (secret, fixture->path));
  hard = lodge_log_file_tail (fixture->path, 0, 10);
  g_assert_cmpstr (hard, ==, "");
  g_unlink (secret);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/log-file/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("bounds", test_bounds);
  ADD ("rotate", test_rotate);
  ADD ("tail", test_tail);
  ADD ("links", test_links);
#undef ADD
  return g_test_run ();
}
