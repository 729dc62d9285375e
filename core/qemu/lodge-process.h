/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * LodgeProcess: a process that outlives the core: QEMU, or one of its helpers.
 *
 * It is born in two steps. lodge_process_spawn() starts a gate (a shell that waits for a line on a socket and
 * then becomes the command), so that its pid and start time can be written down before the command runs;
 * lodge_process_release() lets it go. A core that dies in between closes the socket and the gate ends: there is
 * never a guest that no record knows. A later core makes the same object with lodge_process_adopt().
 * Its end is seen through a pidfd in both cases.
 *
 * Signal: "exited" (int wait_status or -1 when it was not our child), exactly once, from the main loop.
 */
#define LODGE_TYPE_PROCESS (lodge_process_get_type ())
G_DECLARE_FINAL_TYPE (LodgeProcess, lodge_process, LODGE, PROCESS, GObject)

typedef struct { int source; int target; } LodgeFdMap; /* target -1 ends an array */

/**
 * lodge_process_spawn:
 * @fds: descriptors to hand down, by number in the child; ends with {-1, -1}
 * @log_path: (nullable): where stdout and stderr are appended (O_NOFOLLOW, 0600); /dev/null when NULL
 *
 * The child leads its own session, has signals and umask reset, and nothing of ours open but @fds.
 * Errors: IO, QEMU_FAILED when the program cannot be started
 */
LodgeProcess *lodge_process_spawn     (const char *const *argv, const char *const *envp, const LodgeFdMap *fds,
                                       const char *log_path, GError **error);
void          lodge_process_release   (LodgeProcess *self);

/** lodge_process_gate: Returns: (transfer full): the command line that the process has until it becomes @argv */
GStrv         lodge_process_gate      (const char *const *argv);

/** lodge_process_adopt: Error: NOT_FOUND when no process with that pid and start time (clock ticks since boot, /proc/PID/stat field 22) lives */
LodgeProcess *lodge_process_adopt     (GPid pid, guint64 start_time, GError **error);

GPid          lodge_process_get_pid        (LodgeProcess *self);
guint64       lodge_process_get_start_time (LodgeProcess *self);
gboolean      lodge_process_is_alive       (LodgeProcess *self);

/**
 * lodge_process_kill:
 *
 * SIGKILLs the process and, where bubblewrap stands around it, what is inside; it cannot be refused. "exited" comes when
 * all of it is gone, and then with bubblewrap's way to tell a signal: exit code 128 + signal.
 */
void          lodge_process_kill           (LodgeProcess *self);

G_END_DECLS
