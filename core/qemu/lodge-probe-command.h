/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * LodgeCommandResult: how a short-lived program ended and what it said. The text is what the program
 * wrote, so it is untrusted; it is bounded, and NUL-terminated beyond its length.
 */
typedef struct
{
  char    *output;
  gsize    output_length;
  char    *errors;      /* the first LODGE_COMMAND_MAX_ERRORS bytes of stderr, valid UTF-8, trimmed */
  int      wait_status; /* as of waitpid(); meaningless when timed_out, flooded or stopped */
  gboolean timed_out;
  gboolean flooded;     /* it wrote more than was allowed */
  gboolean stopped;     /* the check function had seen enough */
} LodgeCommandResult;

#define LODGE_COMMAND_MAX_ERRORS (64 * 1024)

/**
 * LodgeCommandCheck: called after each piece of output while the program still runs.
 *
 * Returns: TRUE when nothing more is needed; the program is then killed
 */
typedef gboolean (*LodgeCommandCheck) (const char *output, gsize length, GPid pid, gpointer data);

typedef struct
{
  const char *const *argv;
  const char        *input;       /* (nullable) written to stdin, which then stays open; at most 60 KiB */
  gsize              max_output;
  guint              timeout;     /* milliseconds */
  LodgeCommandCheck  check;       /* (nullable) */
  gpointer           check_data;  /* must live until the callback */
  gconstpointer      file;        /* (nullable) what the program finds in the file LODGE_COMMAND_FILE */
  gsize              file_length;
} LodgeCommand;

#define LODGE_COMMAND_FILE_FD 20
#define LODGE_COMMAND_FILE "/proc/self/fd/20"

void                lodge_command_result_free (LodgeCommandResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeCommandResult, lodge_command_result_free)

/**
 * lodge_command_run_async:
 *
 * Starts a program that examines something and ends soon: it leads a process group that is killed as
 * a whole when the time is over, and it dies with its parent. @command is copied as far as it is needed.
 * Errors: NOT_FOUND (no such program), QEMU_FAILED (it cannot be started), CANCELLED
 */
void                lodge_command_run_async   (const LodgeCommand *command, GCancellable *cancellable,
                                               GAsyncReadyCallback callback, gpointer data);
LodgeCommandResult *lodge_command_run_finish  (GAsyncResult *result, GError **error);

/**
 * lodge_command_result_describe:
 *
 * Returns: (transfer full): why it did not do its work, as the end of a sentence: "ended by signal 11
 * (Segmentation fault)", with the first line of stderr that says something
 */
char               *lodge_command_result_describe (const LodgeCommandResult *result);

G_END_DECLS
