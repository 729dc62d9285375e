/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"
#include "core/qemu/lodge-guest-agent.h"

G_BEGIN_DECLS

#define LODGE_EXECUTE_ARGS_MAX 1024
#define LODGE_EXECUTE_BYTES_MAX (256 * 1024)
#define LODGE_EXECUTE_INPUT_MAX (512 * 1024)

/**
 * LodgeExecution: a command that runs in the guest, as its caller sees it: three pipes to read from. What the command writes
 * comes through @output and @errors while it runs; @status gives one line at its end and then closes:
 *
 *   "exit N", "signal N", "timeout" (it was ended for its time), "lost MESSAGE" (nothing is known any more)
 *
 * Closing @status ends the command.
 */
typedef struct
{
  int output;
  int errors;
  int status;
} LodgeExecution;

/** lodge_execution_free: closes what is still there; -1 marks what was taken */
void            lodge_execution_free           (LodgeExecution *execution);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeExecution, lodge_execution_free)

/**
 * lodge_machine_execute_async:
 * @argv: at most 1024 words, 256 KiB; the program is looked for in the guest's PATH
 * @input: (nullable): its standard input, at most 512 KiB
 * @options: environment as ("NAME=VALUE"), folder s, timeout u (seconds that the command may run), wait u (seconds for the
 * guest agent to answer, for a guest that starts; 5 if not given)
 *
 * Runs a command through the guest agent. Done when it was begun. Guests that have no shell (Windows) give their output at the end.
 * Errors: WRONG_STATE, INVALID_ARGUMENT, NOT_RESPONDING (no agent answers), FAILED (the agent's words: no such program, ...)
 */
void            lodge_machine_execute_async    (LodgeMachine *self, const char *const *argv, GBytes *input, GVariant *options,
                                                GAsyncReadyCallback callback, gpointer data);
/* Such a word of a command of Lodge's own becomes the seconds since the epoch when the command begins. */
#define LODGE_EXECUTE_NOW "@"

/**
 * lodge_machine_execute_captured_async: the same for a command of Lodge's own, whose output comes at its end; it is quicker, waits for no other
 * of Lodge's own, and takes the same finish function
 */
void            lodge_machine_execute_captured_async (LodgeMachine *self, const char *const *argv, GVariant *options,
                                                GAsyncReadyCallback callback, gpointer data);
LodgeExecution *lodge_machine_execute_finish   (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_get_agent: the one connection to the agent of the guest that runs; whether it answers shows. Returns: (transfer full). Error: IO */
LodgeGuestAgent *lodge_machine_get_agent       (LodgeMachine *self, GError **error);

G_END_DECLS
