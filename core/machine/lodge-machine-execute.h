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
/** lodge_machine_execute_captured_async: the same for a command of Lodge's own, whose output comes at its end; it is quicker, and takes the same finish function */
void            lodge_machine_execute_captured_async (LodgeMachine *self, const char *const *argv, GVariant *options,
                                                GAsyncReadyCallback callback, gpointer data);
LodgeExecution *lodge_machine_execute_finish   (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_get_agent: the one connection to the agent of the guest that runs; whether it answers shows. Returns: (transfer full). Error: IO */
LodgeGuestAgent *lodge_machine_get_agent       (LodgeMachine *self, GError **error);

/**
 * lodge_machine_settle_in: what a guest that has begun to run gets through its agent, before any other command: an instant clone its
 * host name, machine id, network addresses and time, where an agent answers; and the folder of the host that it has, without which no
 * command runs
 * @addresses: (element-type utf8) (nullable): see LodgeSaved; NULL: it is no instant clone
 */
void            lodge_machine_settle_in        (LodgeMachine *self, GPtrArray *addresses);

/** lodge_machine_host_name: a host name made of a machine's name, in letters, digits and hyphens */
char           *lodge_machine_host_name        (const char *name, const char *id, gboolean disposable);

G_END_DECLS
