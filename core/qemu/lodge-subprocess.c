/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/qemu/lodge-subprocess.h"

#include "core/qemu/lodge-process-tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK         (32 * 1024)
#define LINGER_SECONDS 5
#define MAX_COMPLAINT 2048

typedef struct
{
  GSubprocess    *process;   /* (owned) */
  GString        *output;    /* (owned) */
  GString        *complaint; /* (owned) */
  gsize           max_output;
  LodgeOutputFunc func;
  gpointer        func_data;
  guint           pending;   /* standard output, standard error, the end of the process */
  GError         *error;     /* (owned) (nullable) the first one */
  GCancellable   *readers;   /* (owned) ends reading after an error: a child of the tool may keep the streams open */
  guint           linger_id; /* source: until then a tool that was killed may keep them */
} Run;

static void
run_free (Run *run)
{
  g_clear_handle_id (&run->linger_id, g_source_remove);
  g_clear_object (&run->process);
  g_clear_object (&run->readers);
  if (run->output != NULL)
    g_string_free (run->output, TRUE);
  g_string_free (run->complaint, TRUE);
  g_clear_error (&run->error);
  g_free (run);
}

void
lodge_output_free (LodgeOutput *output)
{
  g_free (output->text);
  g_free (output->complaint);
  g_free (output);
}

static char *
tidy_complaint (const GString *complaint)
{
  g_autofree char *valid = g_utf8_make_valid (complaint->str, complaint->len);

  g_strstrip (valid);
  for (char *p = valid; *p != '\0'; p++)
    if ((guchar) *p < 0x20)
      *p = ' ';

  return g_steal_pointer (&valid);
}

/* bubblewrap has what it stands around die with it only a moment after that was born, and a kill may come before: so it is held
 * still, and those go first. */
void
lodge_subprocess_end (GSubprocess *process)
{
  const char *identifier = g_subprocess_get_identifier (process);
  g_autoptr (GArray) children = NULL;
  int pid = identifier != NULL ? atoi (identifier) : 0;

  if (pid > 0)
    {
      kill (pid, SIGSTOP);
      children = lodge_process_list_children (LODGE_PROC, pid);
      for (guint i = 0; i < children->len; i++)
        kill (g_array_index (children, GPid, i), SIGKILL);
    }
  g_subprocess_force_exit (process);
}

static void
take_error (GTask *task, GError *error)
{
  Run *run = g_task_get_task_data (task);

  if (run->error != NULL)
    {
      g_error_free (error);
      return;
    }
  run->error = error;
  lodge_subprocess_end (run->process);
  g_cancellable_cancel (run->readers);
}

/* One of the three parts is over. Drops its reference to @task. */
static void
part_done (GTask *task)
{
  Run *run = g_task_get_task_data (task);
  LodgeOutput *output;

  if (--run->pending == 0)
    {
      if (run->error != NULL)
        g_task_return_error (task, g_steal_pointer (&run->error));
      else
        {
          output = g_new0 (LodgeOutput, 1);
          output->exit_code = g_subprocess_get_if_exited (run->process) ? g_subprocess_get_exit_status (run->process) : -1;
          output->complaint = tidy_complaint (run->complaint);
          output->length = run->output->len;
          output->text = g_string_free (g_steal_pointer (&run->output), FALSE);
          g_task_return_pointer (task, output, (GDestroyNotify) lodge_output_free);
        }
    }
  g_object_unref (task);
}

static void
take_output (GTask *task, const char *chunk, gsize length)
{
  Run *run = g_task_get_task_data (task);

  if (run->func != NULL)
    run->func (chunk, length, run->func_data);
  else if (run->output->len + length > run->max_output)
    take_error (task, g_error_new (LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                                   "the program says more than %" G_GSIZE_FORMAT " bytes", run->max_output));
  else
    g_string_append_len (run->output, chunk, length);
}

static void
output_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Run *run = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  gsize length = 0;
  const char *chunk = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;

  if (bytes == NULL)
    take_error (task, g_error_new (LODGE_ERROR, LODGE_ERROR_IO, "output: %s", error->message));
  if (length == 0 || g_cancellable_is_cancelled (run->readers))
    {
      part_done (task);
      return;
    }

  if (run->error == NULL)
    take_output (task, chunk, length);

  g_input_stream_read_bytes_async (G_INPUT_STREAM (source), CHUNK, G_PRIORITY_DEFAULT, run->readers, output_cb, task);
}

static void
complaint_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Run *run = g_task_get_task_data (task);
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, NULL);
  gsize length = 0;
  const char *chunk = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;

  if (length == 0 || g_cancellable_is_cancelled (run->readers))
    {
      part_done (task);
      return;
    }
  g_string_append_len (run->complaint, chunk, length);
  if (run->complaint->len > MAX_COMPLAINT)
    g_string_erase (run->complaint, 0, run->complaint->len - MAX_COMPLAINT);

  g_input_stream_read_bytes_async (G_INPUT_STREAM (source), CHUNK, G_PRIORITY_DEFAULT, run->readers, complaint_cb, task);
}

static gboolean
lingered_cb (gpointer data)
{
  Run *run = data;

  run->linger_id = 0;
  g_cancellable_cancel (run->readers);
  return G_SOURCE_REMOVE;
}

static void
ended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GSubprocess *process = G_SUBPROCESS (source);
  Run *run = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  if (g_subprocess_wait_finish (process, result, &error))
    {
      part_done (task);
      return;
    }

  /* Cancelled: the second wait sees the end that is made here. What bubblewrap stands around dies a moment after it, and
   * has closed the files that it worked on when the streams are at their end. */
  if (run->error == NULL)
    {
      run->error = g_steal_pointer (&error);
      run->linger_id = g_timeout_add_seconds (LINGER_SECONDS, lingered_cb, run);
    }
  lodge_subprocess_end (process);
  g_subprocess_wait_async (process, NULL, ended_cb, task);
}

/* @input: -1 for none */
static void
run (LodgeSandbox *sandbox, const LodgeSandboxSpec *spec, const char *const *argv, int input,
     gsize max_output, LodgeOutputFunc func, gpointer func_data, GCancellable *cancellable,
     GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                                                        G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_auto (GStrv) command = NULL;
  g_autoptr (GError) error = NULL;
  Run *state = g_new0 (Run, 1);

  g_task_set_source_tag (task, run);
  g_task_set_task_data (task, state, (GDestroyNotify) run_free);
  g_task_set_check_cancellable (task, FALSE);
  state->output = g_string_new (NULL);
  state->complaint = g_string_new (NULL);
  state->max_output = max_output;
  state->func = func;
  state->func_data = func_data;

  if (g_cancellable_set_error_if_cancelled (cancellable, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  g_subprocess_launcher_setenv (launcher, "LC_ALL", "C", TRUE);
  if (input >= 0)
    g_subprocess_launcher_take_stdin_fd (launcher, fcntl (input, F_DUPFD_CLOEXEC, 3));
  if (sandbox != NULL)
    command = lodge_sandbox_wrap (sandbox, spec, argv);
  state->process = g_subprocess_launcher_spawnv (
      launcher, command != NULL ? (const char *const *) command : argv, &error);
  if (state->process == NULL)
    {
      gboolean missing = g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);

      g_task_return_new_error (task, LODGE_ERROR, missing ? LODGE_ERROR_NOT_FOUND : LODGE_ERROR_IO, "%s",
                               error->message);
      return;
    }

  state->pending = 3;
  state->readers = g_cancellable_new ();
  g_input_stream_read_bytes_async (g_subprocess_get_stdout_pipe (state->process), CHUNK, G_PRIORITY_DEFAULT,
                                   state->readers, output_cb, g_object_ref (task));
  g_input_stream_read_bytes_async (g_subprocess_get_stderr_pipe (state->process), CHUNK, G_PRIORITY_DEFAULT,
                                   state->readers, complaint_cb, g_object_ref (task));
  g_subprocess_wait_async (state->process, cancellable, ended_cb, g_object_ref (task));
}

void
lodge_subprocess_run_async (LodgeSandbox *sandbox, const LodgeSandboxSpec *spec, const char *const *argv,
                            gsize max_output, LodgeOutputFunc func, gpointer func_data,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  run (sandbox, spec, argv, -1, max_output, func, func_data, cancellable, callback, data);
}

void
lodge_subprocess_run_input_async (LodgeSandbox *sandbox, const LodgeSandboxSpec *spec, const char *const *argv,
                                  int input, gsize max_output, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer data)
{
  run (sandbox, spec, argv, input, max_output, NULL, NULL, cancellable, callback, data);
}

LodgeOutput *
lodge_subprocess_run_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}
