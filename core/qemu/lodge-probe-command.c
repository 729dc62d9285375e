/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation
 *
 * The input is put into the pipe before the program is started: it fits the pipe's buffer, so nothing
 * has to be written later and a program that closes its stdin cannot raise SIGPIPE here. The write
 * end stays open until the end, because QEMU drops commands that it has not begun when its
 * monitor is closed.
 *
 * Three things must happen before a run is complete: stdout ends, stderr ends, the program is reaped. A time-out,
 * too much output or a satisfied check completes it at once; whatever still holds the
 * pipes is killed with the process group and no longer listened to.
 */
#include "config.h"
#include "core/qemu/lodge-probe-command.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK (64 * 1024)
#define MAX_STDIN (60 * 1024)

typedef struct
{
  GSubprocess      *process;      /* (owned) */
  GCancellable     *reading;      /* (owned) ends the reads when the run is complete */
  GByteArray       *output;       /* (owned) */
  GByteArray       *errors;       /* (owned) */
  gsize             max_output;
  LodgeCommandCheck check;        /* (nullable) */
  gpointer          check_data;
  gulong            cancelled_id; /* on the task's cancellable */
  guint             timeout_id;
  guint             open;         /* of stdout, stderr, the process: how many have not ended */
  int               input_fd;     /* our end of its stdin, -1 when it has none */
  gboolean          complete;
  gboolean          timed_out, flooded, stopped;
} Run;

static void
run_free (Run *run)
{
  g_clear_handle_id (&run->timeout_id, g_source_remove);
  g_clear_object (&run->process);
  g_clear_object (&run->reading);
  g_clear_pointer (&run->output, g_byte_array_unref);
  g_clear_pointer (&run->errors, g_byte_array_unref);
  if (run->input_fd >= 0)
    close (run->input_fd);
  g_free (run);
}

void
lodge_command_result_free (LodgeCommandResult *result)
{
  if (result == NULL)
    return;
  g_free (result->output);
  g_free (result->errors);
  g_free (result);
}

static void
kill_group (Run *run)
{
  /* The identifier is NULL as soon as the process has been reaped, so the number is not somebody else's. */
  const char *identifier = g_subprocess_get_identifier (run->process);

  if (identifier != NULL)
    {
      GPid pid = atoi (identifier);

      /* The group exists from the child's first instructions on; before that only the child does. */
      if (kill (-pid, SIGKILL) < 0)
        kill (pid, SIGKILL);
    }
}

static void
run_complete (GTask *task, GError *error)
{
  Run *run = g_task_get_task_data (task);

  if (run->complete)
    {
      g_clear_error (&error);
      return;
    }
  run->complete = TRUE;
  g_clear_handle_id (&run->timeout_id, g_source_remove);
  if (run->cancelled_id != 0)
    g_signal_handler_disconnect (g_task_get_cancellable (task), run->cancelled_id);
  run->cancelled_id = 0;
  kill_group (run);
  g_cancellable_cancel (run->reading);

  if (error != NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  LodgeCommandResult *result = g_new0 (LodgeCommandResult, 1);

  result->wait_status = run->open == 0 ? g_subprocess_get_status (run->process) : 0;
  result->timed_out = run->timed_out;
  result->flooded = run->flooded;
  result->stopped = run->stopped;
  result->output_length = run->output->len;
  g_byte_array_append (run->output, (const guint8 *) "", 1);
  result->output = (char *) g_byte_array_free (g_steal_pointer (&run->output), FALSE);
  g_byte_array_append (run->errors, (const guint8 *) "", 1);
  result->errors = g_utf8_make_valid ((const char *) run->errors->data, run->errors->len - 1);
  g_strstrip (result->errors);
  g_task_return_pointer (task, result, (GDestroyNotify) lodge_command_result_free);
}

static void
run_part_ended (GTask *task)
{
  Run *run = g_task_get_task_data (task);

  run->open--;
  if (run->open == 0)
    run_complete (task, NULL);
}

static void
read_errors_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Run *run = g_task_get_task_data (task);
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, NULL);

  if (run->complete)
    return;
  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    {
      run_part_ended (task);
      return;
    }
  /* What is beyond the limit is read and dropped, so that a talkative program does not block. */
  if (run->errors->len < LODGE_COMMAND_MAX_ERRORS)
    g_byte_array_append (run->errors, g_bytes_get_data (bytes, NULL),
                         MIN (g_bytes_get_size (bytes), LODGE_COMMAND_MAX_ERRORS - run->errors->len));
  g_input_stream_read_bytes_async (G_INPUT_STREAM (source), CHUNK, G_PRIORITY_DEFAULT, run->reading,
                                   read_errors_cb, g_object_ref (task));
}

static void
read_output_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Run *run = g_task_get_task_data (task);
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, NULL);

  if (run->complete)
    return;
  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    {
      run_part_ended (task);
      return;
    }
  if (run->output->len + g_bytes_get_size (bytes) > run->max_output)
    {
      run->flooded = TRUE;
      run_complete (task, NULL);
      return;
    }
  g_byte_array_append (run->output, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

  const char *identifier = g_subprocess_get_identifier (run->process);

  if (run->check != NULL && identifier != NULL
      && run->check ((const char *) run->output->data, run->output->len, atoi (identifier), run->check_data))
    {
      run->stopped = TRUE;
      run_complete (task, NULL);
      return;
    }
  g_input_stream_read_bytes_async (G_INPUT_STREAM (source), CHUNK, G_PRIORITY_DEFAULT, run->reading,
                                   read_output_cb, g_object_ref (task));
}

static void
wait_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Run *run = g_task_get_task_data (task);

  /* Only our own cancellable can make this fail, and then the run is complete. */
  if (g_subprocess_wait_finish (G_SUBPROCESS (source), result, NULL) && !run->complete)
    run_part_ended (task);
}

static gboolean
timeout_cb (gpointer data)
{
  GTask *task = data;
  Run *run = g_task_get_task_data (task);

  run->timeout_id = 0;
  run->timed_out = TRUE;
  run_complete (task, NULL);
  return G_SOURCE_REMOVE;
}

/* Runs inside g_cancellable_cancel(), where the handler must not be disconnected: from the main loop then. */
static gboolean
cancelled_idle_cb (gpointer data)
{
  run_complete (data, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "cancelled"));
  return G_SOURCE_REMOVE;
}

static void
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, cancelled_idle_cb, g_object_ref (data), g_object_unref);
}

static void
child_setup (gpointer data)
{
  setpgid (0, 0);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

/* Makes the pipe for stdin with @input in it. Returns its read end, or -1. */
static int
fill_stdin (const char *input, int *write_end)
{
  int fds[2];
  gsize length = strlen (input);

  g_return_val_if_fail (length <= MAX_STDIN, -1);
  if (!g_unix_open_pipe (fds, FD_CLOEXEC, NULL))
    return -1;
  if (write (fds[1], input, length) != (gssize) length)
    {
      close (fds[0]);
      close (fds[1]);
      return -1;
    }
  *write_end = fds[1];
  return fds[0];
}

/* Makes a file in memory, so that nothing has to be cleaned up. Returns -1 when it cannot be made. */
static int
make_file (gconstpointer data, gsize length)
{
  int fd = memfd_create ("lodge-probe", MFD_CLOEXEC);

  if (fd >= 0 && write (fd, data, length) != (gssize) length)
    {
      close (fd);
      return -1;
    }
  return fd;
}

void
lodge_command_run_async (const LodgeCommand *command, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GError) error = NULL;
  Run *run = g_new0 (Run, 1);
  GSubprocessFlags flags = G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE;

  run->input_fd = -1;
  run->max_output = command->max_output;
  run->check = command->check;
  run->check_data = command->check_data;
  run->output = g_byte_array_new ();
  run->errors = g_byte_array_new ();
  run->reading = g_cancellable_new ();
  run->open = 3;
  g_task_set_source_tag (task, lodge_command_run_async);
  g_task_set_task_data (task, run, (GDestroyNotify) run_free);
  /* Completion stays in the hands of run_complete(), which also kills the program. */
  g_task_set_check_cancellable (task, FALSE);
  if (g_cancellable_is_cancelled (cancellable))
    {
      run->complete = TRUE;
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_CANCELLED, "cancelled");
      return;
    }

  launcher = g_subprocess_launcher_new (flags);
  g_subprocess_launcher_set_child_setup (launcher, child_setup, NULL, NULL);
  g_subprocess_launcher_set_cwd (launcher, "/");
  g_subprocess_launcher_setenv (launcher, "LC_ALL", "C.UTF-8", TRUE);
  if (command->input != NULL)
    {
      int fd = fill_stdin (command->input, &run->input_fd);

      if (fd < 0)
        {
          g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "cannot make a pipe");
          return;
        }
      g_subprocess_launcher_take_stdin_fd (launcher, fd);
    }
  if (command->file != NULL)
    {
      int fd = make_file (command->file, command->file_length);

      if (fd < 0)
        {
          g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "cannot make a file in memory");
          return;
        }
      g_subprocess_launcher_take_fd (launcher, fd, LODGE_COMMAND_FILE_FD);
    }
  run->process = g_subprocess_launcher_spawnv (launcher, command->argv, &error);
  if (run->process == NULL)
    {
      gboolean missing = g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);

      g_task_return_new_error (task, LODGE_ERROR, missing ? LODGE_ERROR_NOT_FOUND : LODGE_ERROR_QEMU_FAILED,
                               "%s", error->message);
      return;
    }
  /* The launcher keeps its copy of the read end until it is finalized; end of file depends on it. */
  g_subprocess_launcher_close (launcher);

  run->timeout_id = g_timeout_add (command->timeout, timeout_cb, task);
  if (cancellable != NULL)
    run->cancelled_id = g_signal_connect (cancellable, "cancelled", G_CALLBACK (cancelled_cb), task);
  g_input_stream_read_bytes_async (g_subprocess_get_stdout_pipe (run->process), CHUNK, G_PRIORITY_DEFAULT,
                                   run->reading, read_output_cb, g_object_ref (task));
  g_input_stream_read_bytes_async (g_subprocess_get_stderr_pipe (run->process), CHUNK, G_PRIORITY_DEFAULT,
                                   run->reading, read_errors_cb, g_object_ref (task));
  g_subprocess_wait_async (run->process, run->reading, wait_cb, g_object_ref (task));
}

LodgeCommandResult *
lodge_command_run_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* The line of stderr that most likely says why: the last one that is not empty, at most 400 bytes of it. */
static char *
last_words (const char *errors)
{
  const char *line = strrchr (errors, '\n');

  return g_utf8_make_valid (line != NULL ? line + 1 : errors,
                            MIN (strlen (line != NULL ? line + 1 : errors), 400));
}

char *
lodge_command_result_describe (const LodgeCommandResult *result)
{
  g_autofree char *how = NULL;
  g_autofree char *words = last_words (result->errors);

  if (result->timed_out)
    how = g_strdup ("did not answer in time");
  else if (result->flooded)
    how = g_strdup ("wrote more than was expected");
  else if (!result->stopped && WIFSIGNALED (result->wait_status))
    how = g_strdup_printf ("was ended by signal %d (%s)", WTERMSIG (result->wait_status),
                           g_strsignal (WTERMSIG (result->wait_status)));
  else if (!result->stopped && WIFEXITED (result->wait_status) && WEXITSTATUS (result->wait_status) != 0)
    how = g_strdup_printf ("ended with code %d", WEXITSTATUS (result->wait_status));
  else
    how = g_strdup ("gave an answer that cannot be understood");
  return *words != '\0' ? g_strdup_printf ("%s: %s", how, words) : g_steal_pointer (&how);
}
