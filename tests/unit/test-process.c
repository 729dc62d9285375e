/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/qemu/lodge-process-tree.h"
#include "core/qemu/lodge-process.h"

typedef struct
{
  char         *folder;
  char         *log;
  LodgeProcess *process;
  guint         exits;
  int           status;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("lodge-process-XXXXXX", NULL);
  fixture->log = g_build_filename (fixture->folder, "log", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_unlink (fixture->log);
  g_assert_no_errno (g_rmdir (fixture->folder));
  g_free (fixture->folder);
  g_free (fixture->log);
}

static void
exited_cb (LodgeProcess *process, int status, gpointer data)
{
  Fixture *fixture = data;

  fixture->exits++;
  fixture->status = status;
}

static void
spawn (Fixture *fixture, const char *script, const LodgeFdMap *fds)
{
  const char *argv[] = { "sh", "-c", script, NULL };
  const char *envp[] = { "PATH=/usr/bin:/bin", "LODGE_TEST=yes", NULL };
  g_autoptr (GError) error = NULL;

  fixture->process = lodge_process_spawn (argv, envp, fds, fixture->log, &error);
  g_assert_no_error (error);
  g_signal_connect (fixture->process, "exited", G_CALLBACK (exited_cb), fixture);
}

static char *
wait_for_exit (Fixture *fixture)
{
  char *text = NULL;

  while (fixture->exits == 0)
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_cmpuint (fixture->exits, ==, 1);
  g_assert_false (lodge_process_is_alive (fixture->process));
  g_file_get_contents (fixture->log, &text, NULL, NULL);
  g_clear_object (&fixture->process);

  return text;
}

static void
wait_for_log (Fixture *fixture, const char *word)
{
  for (;;)
    {
      g_autofree char *text = NULL;

      g_file_get_contents (fixture->log, &text, NULL, NULL);
      if (text != NULL && strstr (text, word) != NULL)
        return;
      g_usleep (1000);
    }
}

static void
test_status (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  struct stat info;

  spawn (fixture, "echo out; echo err >&2; umask; echo $LODGE_TEST; cat; exit 7", NULL);
  g_assert_true (lodge_process_is_alive (fixture->process));
  lodge_process_release (fixture->process);
  text = wait_for_exit (fixture);
  g_assert_true (WIFEXITED (fixture->status));
  g_assert_cmpint (WEXITSTATUS (fixture->status), ==, 7);
  g_assert_cmpstr (text, ==, "out\nerr\n0077\nyes\n");
  g_assert_no_errno (stat (fixture->log, &info));
  g_assert_cmpint (info.st_mode & 0777, ==, 0600);
}

/* The command has not begun before release(), and never begins when the gate's other end is gone. */
static void
test_gate (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  g_autoptr (LodgeProcess) other = NULL;
  g_autoptr (GError) error = NULL;

  spawn (fixture, "echo begun", NULL);
  g_usleep (20000);
  g_file_get_contents (fixture->log, &text, NULL, NULL);
  g_assert_cmpstr (text, ==, "");
  g_clear_pointer (&text, g_free);

  other = lodge_process_adopt (lodge_process_get_pid (fixture->process),
                               lodge_process_get_start_time (fixture->process), &error);
  g_assert_no_error (error);
  g_signal_connect (other, "exited", G_CALLBACK (exited_cb), fixture);
  g_clear_object (&fixture->process);
  fixture->process = g_steal_pointer (&other);
  text = wait_for_exit (fixture);
  g_assert_cmpstr (text, ==, "");
  g_assert_cmpint (fixture->status, ==, -1);
}

/*
 * Nothing is open in the child but what was handed down (ls itself adds the folder it reads); swapped numbers arrive right. Of the ignored signals the
 * first 28 count: glibc ignores its two internal ones (32, 33) in what it spawns.
 */
static void
test_descriptors (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  int a[2], b[2], leaked;

  g_assert_no_errno (pipe (a));
  g_assert_no_errno (pipe (b));
  leaked = open ("/dev/null", O_RDONLY); /* not CLOEXEC */
  g_assert_no_errno (dup2 (a[0], 10));
  g_assert_no_errno (dup2 (b[0], 11));
  g_assert_cmpint (write (a[1], "a\n", 2) + write (b[1], "b\n", 2), ==, 4);

  spawn (fixture,
         "bash -c 'read -u 10 x; read -u 11 y; echo $x$y'; ls /proc/self/fd | wc -l; "
         "ps -o sid= $$ | grep -c $$; sed -n 's/^Sig\\(Ign\\|Blk\\):.*\\(.......\\)$/\\2/p' /proc/self/status",
         (LodgeFdMap[]){ { 11, 10 }, { 10, 11 }, { -1, -1 } });
  lodge_process_release (fixture->process);
  text = wait_for_exit (fixture);
  g_assert_cmpstr (text, ==,
                   "ba\n6\n1\n0000000\n0000000\n");
  close (a[0]), close (a[1]), close (b[0]), close (b[1]), close (10), close (11), close (leaked);
}

static void
test_adopt (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  GPid pid;
  guint64 start_time;

  spawn (fixture, "echo begun; exec sleep 1000", NULL);
  lodge_process_release (fixture->process);
  wait_for_log (fixture, "begun");
  pid = lodge_process_get_pid (fixture->process);
  start_time = lodge_process_get_start_time (fixture->process);
  g_clear_object (&fixture->process);

  g_assert_null (lodge_process_adopt (pid, start_time + 1, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (lodge_process_adopt (0, start_time, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
  g_clear_error (&error);

  fixture->process = lodge_process_adopt (pid, start_time, &error);
  g_assert_no_error (error);
  g_signal_connect (fixture->process, "exited", G_CALLBACK (exited_cb), fixture);
  lodge_process_kill (fixture->process);
  text = wait_for_exit (fixture);

  g_assert_null (lodge_process_adopt (pid, start_time, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND);
}

/* A process without bubblewrap that would go on when its children are dead. */
/* A core that was killed inside lodge_process_kill(). */
static void
test_adopt_stopped (Fixture *fixture, gconstpointer data)
{
  g_autofree char *stat_path = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  GPid pid;
  guint64 start_time;

  spawn (fixture, "echo begun; kill -STOP $$; echo gone", NULL);
  lodge_process_release (fixture->process);
  wait_for_log (fixture, "begun");
  pid = lodge_process_get_pid (fixture->process);
  start_time = lodge_process_get_start_time (fixture->process);
  stat_path = g_strdup_printf ("/proc/%d/stat", pid);
  while (text == NULL || strstr (text, ") T ") == NULL)
    {
      g_clear_pointer (&text, g_free);
      g_assert_true (g_file_get_contents (stat_path, &text, NULL, NULL));
      g_usleep (1000);
    }
  g_clear_pointer (&text, g_free);
  g_clear_object (&fixture->process);

  fixture->process = lodge_process_adopt (pid, start_time, &error);
  g_assert_no_error (error);
  g_signal_connect (fixture->process, "exited", G_CALLBACK (exited_cb), fixture);
  text = wait_for_exit (fixture);
  g_assert_cmpstr (text, ==, "begun\ngone\n");
}

static void
test_kill_stubborn (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  g_autofree char *left = NULL;

  spawn (fixture, "trap '' TERM; echo begun; while :; do sleep 4321.5; done", NULL);
  lodge_process_release (fixture->process);
  wait_for_log (fixture, "begun");
  lodge_process_kill (fixture->process);
  text = wait_for_exit (fixture);
  g_assert_true (WIFSIGNALED (fixture->status));
  do /* the kernel is done with it a moment later */
    {
      g_clear_pointer (&left, g_free);
      g_spawn_command_line_sync ("pgrep -f 'sleep 4321.5$'", &left, NULL, NULL, NULL);
    }
  while (*left != '\0');
}

/* What stands inside bubblewrap dies with it, also when it ignores what it can. */
static void
test_kill_inside (Fixture *fixture, gconstpointer data)
{
  const char *argv[] = { "bwrap", "--unshare-user", "--unshare-pid", "--ro-bind", "/", "/",
                         "--proc", "/proc", "--bind", fixture->folder, fixture->folder,
                         "--new-session", "--", "sh", "-c",
                         "trap '' TERM INT HUP; echo begun; exec sleep 4321.75", NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autofree char *left = NULL;

  fixture->process = lodge_process_spawn (argv, NULL, NULL, fixture->log, &error);
  g_assert_no_error (error);
  g_signal_connect (fixture->process, "exited", G_CALLBACK (exited_cb), fixture);
  lodge_process_release (fixture->process);
  while (g_strcmp0 (text, "begun\n") != 0)
    {
      g_clear_pointer (&text, g_free);
      g_file_get_contents (fixture->log, &text, NULL, NULL);
      if (text != NULL && strstr (text, "bwrap:") != NULL)
        {
          g_autofree char *said = wait_for_exit (fixture);

          g_test_skip (said);
          return;
        }
      g_usleep (1000);
    }
  g_clear_pointer (&text, g_free);

  lodge_process_kill (fixture->process);
  text = wait_for_exit (fixture);
  g_assert_true (WIFEXITED (fixture->status));
  g_assert_cmpint (WEXITSTATUS (fixture->status), ==, 128 + SIGKILL);
  g_spawn_command_line_sync ("pgrep -f 'sleep 4321.75'", &left, NULL, NULL, NULL);
  g_assert_cmpstr (left, ==, "");
}

static void
test_errors (Fixture *fixture, gconstpointer data)
{
  const char *missing[] = { "/nonexistent/qemu", NULL };
  const char *good[] = { "true", NULL };
  g_autofree char *deep = g_build_filename (fixture->folder, "no", "log", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (lodge_process_spawn (missing, NULL, NULL, NULL, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_QEMU_FAILED);
  g_clear_error (&error);
  g_assert_null (lodge_process_spawn (good, NULL, NULL, deep, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
  g_clear_error (&error);

  /* A link or a pipe where the log should be is not followed and does not block. */
  g_assert_no_errno (symlink ("/dev/null", fixture->log));
  g_assert_null (lodge_process_spawn (good, NULL, NULL, fixture->log, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
  g_clear_error (&error);
  g_assert_no_errno (g_unlink (fixture->log));
  g_assert_no_errno (mkfifo (fixture->log, 0600));
  g_assert_null (lodge_process_spawn (good, NULL, NULL, fixture->log, &error));
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_IO);
}

static guint
count_child (GArray *children, GPid pid)
{
  guint n = 0;

  for (guint i = 0; i < children->len; i++)
    n += g_array_index (children, GPid, i) == pid;
  return n;
}

/* The kernel's list and the look at all processes find the same; a folder plays a kernel that keeps no list. */
static void
test_children (Fixture *fixture, gconstpointer data)
{
  static const char line[] = "%d (a) b) S %d 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9\n";
  static const struct
  {
    GPid pid;
    GPid parent;
  } processes[] = { { 100, 1 }, { 101, 100 }, { 102, 101 }, { 103, 100 }, { 104, 103 } };
  g_autoptr (GArray) found = NULL;
  g_autoptr (GArray) own = NULL;
  LodgeProcessStat stat;

  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    {
      g_autofree char *folder = g_strdup_printf ("%s/%d", fixture->folder, processes[i].pid);
      g_autofree char *file = g_build_filename (folder, "stat", NULL);
      g_autofree char *text = g_strdup_printf (line, processes[i].pid, processes[i].parent);

      g_assert_no_errno (g_mkdir (folder, 0700));
      g_assert_true (g_file_set_contents (file, text, -1, NULL));
    }
  g_assert_true (lodge_process_read_stat (fixture->folder, 104, &stat));
  g_assert_cmpint (stat.parent, ==, 103);
  g_assert_cmpuint (stat.start_time, ==, 4711);
  g_assert_false (lodge_process_read_stat (fixture->folder, 105, &stat));
  found = lodge_process_list_children (fixture->folder, 100);
  g_assert_cmpuint (found->len, ==, 2);
  g_assert_cmpuint (count_child (found, 101) + count_child (found, 103), ==, 2);

  spawn (fixture, "exec sleep 1000", NULL);
  own = lodge_process_list_children (LODGE_PROC, getpid ());
  g_assert_cmpuint (count_child (own, lodge_process_get_pid (fixture->process)), ==, 1);
  lodge_process_kill (fixture->process);
  g_free (wait_for_exit (fixture));

  for (guint i = 0; i < G_N_ELEMENTS (processes); i++)
    {
      g_autofree char *file = g_strdup_printf ("%s/%d/stat", fixture->folder, processes[i].pid);
      g_autofree char *folder = g_path_get_dirname (file);

      g_unlink (file);
      g_rmdir (folder);
    }
}

static void
play_thread (Fixture *fixture, GPid pid, GPid parent, GPid thread, char state)
{
  g_autofree char *folder = g_strdup_printf ("%s/%d/task/%d", fixture->folder, pid, thread);
  g_autofree char *file = g_build_filename (folder, "stat", NULL);
  g_autofree char *whole = g_strdup_printf ("%s/%d/stat", fixture->folder, pid);
  g_autofree char *text = g_strdup_printf ("%d (a) %c %d 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9\n", thread, state, parent);

  g_assert_no_errno (g_mkdir_with_parents (folder, 0700));
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
  g_assert_true (g_file_set_contents (whole, text, -1, NULL));
}

static void
forget_process (Fixture *fixture, GPid pid, GPid thread)
{
  g_autofree char *folder = g_strdup_printf ("%s/%d", fixture->folder, pid);
  g_autofree char *task = g_build_filename (folder, "task", NULL);
  g_autofree char *one = g_strdup_printf ("%s/%d", task, thread);
  g_autofree char *file = g_build_filename (one, "stat", NULL);
  g_autofree char *whole = g_build_filename (folder, "stat", NULL);

  g_assert_no_errno (g_unlink (file));
  g_assert_no_errno (g_unlink (whole));
  g_assert_no_errno (g_rmdir (one));
  g_assert_no_errno (g_rmdir (task));
  g_assert_no_errno (g_rmdir (folder));
}

/* One thread of what is deep inside is enough. */
static void
test_works (Fixture *fixture, gconstpointer data)
{
  play_thread (fixture, 100, 1, 100, 'S');
  play_thread (fixture, 101, 100, 101, 'S');
  play_thread (fixture, 102, 101, 109, 'S');
  g_assert_false (lodge_process_tree_works (fixture->folder, 100));
  play_thread (fixture, 102, 101, 109, 'D');
  g_assert_true (lodge_process_tree_works (fixture->folder, 100));
  play_thread (fixture, 102, 101, 109, 'R');
  g_assert_true (lodge_process_tree_works (fixture->folder, 100));
  play_thread (fixture, 102, 1, 109, 'R');
  g_assert_false (lodge_process_tree_works (fixture->folder, 100));
  play_thread (fixture, 100, 1, 100, 'R');
  g_assert_true (lodge_process_tree_works (fixture->folder, 100));
  g_assert_false (lodge_process_tree_works (fixture->folder, 103));
  forget_process (fixture, 100, 100);
  forget_process (fixture, 101, 101);
  forget_process (fixture, 102, 109);

  spawn (fixture, "echo begun; while :; do :; done", NULL);
  while (lodge_process_tree_works (LODGE_PROC, lodge_process_get_pid (fixture->process)))
    g_usleep (1000); /* until the gate waits */
  lodge_process_release (fixture->process);
  wait_for_log (fixture, "begun");
  g_assert_true (lodge_process_tree_works (LODGE_PROC, lodge_process_get_pid (fixture->process)));
  lodge_process_kill (fixture->process);
  g_free (wait_for_exit (fixture));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/process/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("status", test_status);
  ADD ("gate", test_gate);
  ADD ("descriptors", test_descriptors);
  ADD ("adopt", test_adopt);
  ADD ("adopt-stopped", test_adopt_stopped);
  ADD ("children", test_children);
  ADD ("works", test_works);
  ADD ("kill-inside", test_kill_inside);
  ADD ("kill-stubborn", test_kill_stubborn);
  ADD ("errors", test_errors);
#undef ADD
  return g_test_run ();
}
