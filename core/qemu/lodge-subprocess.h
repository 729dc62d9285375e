/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-sandbox.h"

G_BEGIN_DECLS

/**
 * LodgeOutput: what a short-lived tool said before it ended.
 */
typedef struct
{
  int    exit_code; /* -1: ended by a signal */
  char  *text;      /* standard output, ends with NUL */
  gsize  length;
  char  *complaint; /* the end of standard error as valid UTF-8 on one line; may be empty */
} LodgeOutput;

void         lodge_output_free (LodgeOutput *output);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeOutput, lodge_output_free)

/** lodge_subprocess_end: kills a tool that may be wrapped by a sandbox, with what is inside; one that has ended is left alone */
void         lodge_subprocess_end (GSubprocess *process);

/** LodgeOutputFunc: @chunk is new standard output (not kept then); not terminated */
typedef void (*LodgeOutputFunc) (const char *chunk, gsize length, gpointer data);

/**
 * lodge_subprocess_run_async:
 * @sandbox: (nullable): with @spec; the tool must not need more than that
 * @max_output: bytes of standard output; a tool that says more is ended
 * @func: (nullable): takes standard output as it comes, instead of keeping it
 *
 * Runs a tool of ours or of QEMU to its end, with LC_ALL=C and /dev/null as input. An exit code is no error.
 * Cancelling ends the tool. Errors: NOT_FOUND (no such program), IO, OUT_OF_RANGE (too much output), G_IO_ERROR_CANCELLED
 */
void         lodge_subprocess_run_async  (LodgeSandbox *sandbox, const LodgeSandboxSpec *spec, const char *const *argv,
                                          gsize max_output, LodgeOutputFunc func, gpointer func_data,
                                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

/** lodge_subprocess_run_input_async: the same with a descriptor as input, which is duplicated */
void         lodge_subprocess_run_input_async (LodgeSandbox *sandbox, const LodgeSandboxSpec *spec, const char *const *argv,
                                               int input, gsize max_output, GCancellable *cancellable,
                                               GAsyncReadyCallback callback, gpointer data);
LodgeOutput *lodge_subprocess_run_finish (GAsyncResult *result, GError **error);

G_END_DECLS
