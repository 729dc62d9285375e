/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LODGE_PROC "/proc"

/** LodgeProcessStat: what is asked of /proc/PID/stat */
typedef struct
{
  char    state;
  GPid    parent;
  guint64 start_time; /* clock ticks since boot */
} LodgeProcessStat;

/** lodge_process_read_stat: @proc: LODGE_PROC, or what a test has in its place. Returns: FALSE when there is no such process */
gboolean lodge_process_read_stat     (const char *proc, GPid pid, LodgeProcessStat *stat);

/**
 * lodge_process_list_children:
 *
 * The kernel's own list, where it keeps one (CONFIG_PROC_CHILDREN); else all processes are looked at.
 *
 * Returns: (transfer full) (element-type GPid): the children that @parent has now; pids can be used again at any time
 */
GArray  *lodge_process_list_children (const char *proc, GPid parent);

/**
 * lodge_process_tree_works: whether a thread of @pid, or of a process below it, has the processor, waits for it, or waits for a disk. One that
 * does not answer meanwhile is slow; one where everything sleeps waits for something else.
 */
gboolean lodge_process_tree_works    (const char *proc, GPid pid);

/** lodge_process_innermost: the program that a confinement of processes stands around, each the only child of the one before; @pid where there is none */
GPid     lodge_process_innermost     (const char *proc, GPid pid);

G_END_DECLS
