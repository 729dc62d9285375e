/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

#define LODGE_KEYRING_DIR    "keyring" /* a folder: the cookies of QEMU's D-Bus */
#define LODGE_SOCKET_QMP     "qmp.sock"
#define LODGE_SOCKET_RESCUE  "rescue.sock"
#define LODGE_SOCKET_AGENT   "agent.sock"
#define LODGE_SOCKET_VDAGENT "vdagent.sock"
#define LODGE_SOCKET_SERIAL  "serial.sock"

/** LodgeRuntimeHelper: a process that serves one guest */
typedef struct
{
  char   *name; /* "passt", "swtpm" */
  GPid    pid;
  guint64 start_time;
} LodgeRuntimeHelper;

/**
 * LodgeRuntimeRecord: what the next core must know to find, verify and adopt a guest. Written
 * before QEMU runs and never again, so adopting works on a read-only or full runtime folder.
 */
typedef struct
{
  char      *dir;        /* absolute; not stored: it is where the record lies */
  char      *id;         /* the machine's */
  char      *folder;     /* the machine's folder at start */
  char      *boot_id;
  GPid       pid;
  guint64    start_time; /* clock ticks since boot, /proc/PID/stat field 22 */
  GStrv      argv_hashes;/* SHA-256 of /proc/PID/cmdline: any of them (the confined command, the bare one, the gate) */
  gint64     started;    /* seconds since the epoch */
  gboolean   ahead;      /* it is no machine's guest yet: lodge-spare.c */
  gboolean   paused;     /* it was asked to stand still before its first instruction */
  GPtrArray *helpers;    /* (element-type LodgeRuntimeHelper) */
  GStrv      addresses;  /* (nullable) of a guest that was forked: LodgeSaved.addresses */
  GVariant  *effective;  /* a{sv} of plain strings: the Effective property without pid and started */
} LodgeRuntimeRecord;

LodgeRuntimeRecord *lodge_runtime_record_new        (const char *dir, const char *id);
void                lodge_runtime_record_free       (LodgeRuntimeRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeRuntimeRecord, lodge_runtime_record_free)

void                lodge_runtime_record_add_helper (LodgeRuntimeRecord *record, const char *name, GPid pid, guint64 start_time);
void                lodge_runtime_record_set_argv   (LodgeRuntimeRecord *record, const char *const *confined, const char *const *bare);

/**
 * lodge_runtime_record_write:
 * @profile: machine.json as it is at this start
 *
 * Writes profile.json, then record.json, each atomically. Errors: RUNTIME_DIR, NO_SPACE
 */
gboolean            lodge_runtime_record_write      (const LodgeRuntimeRecord *record, const char *profile, gsize length, GError **error);

/** lodge_runtime_record_read: Errors: NOT_FOUND, IO (not a record of this version; untrusted) */
LodgeRuntimeRecord *lodge_runtime_record_read       (const char *dir, GError **error);

/** lodge_runtime_record_is_alive: whether the process is the one that was recorded, whatever it runs */
gboolean            lodge_runtime_record_is_alive   (const LodgeRuntimeRecord *record);

/** lodge_runtime_record_verify: is_alive, and it runs the recorded command line */
gboolean            lodge_runtime_record_verify     (const LodgeRuntimeRecord *record);

/** lodge_runtime_record_end_helpers: kills those that run still; for a record whose guest is gone */
void                lodge_runtime_record_end_helpers (const LodgeRuntimeRecord *record);

/* Of the kernel; both are arguments of nothing because a test can compare with /proc itself. */
char               *lodge_runtime_boot_id           (void);
guint64             lodge_runtime_start_time        (GPid pid); /* 0 when there is no such process, or it has ended */

/**
 * lodge_runtime_dir_create:
 * @parent: LodgePaths.runtime_dir
 *
 * Makes PARENT/ID8 for machine @id with mode 0700, or ID8-2 … where another machine has the same
 * first eight digits. What a dead guest of the same machine left there is removed.
 * Errors: RUNTIME_DIR, NO_SPACE, IN_USE (a live guest of this machine is there)
 */
char               *lodge_runtime_dir_create        (const char *parent, const char *id, GError **error);

/** lodge_runtime_dir_remove: removes the folder and what is in it, never following a link; silent about what it cannot remove */
void                lodge_runtime_dir_remove        (const char *dir);

/**
 * lodge_runtime_dir_scan:
 *
 * Removes the folders of guests that are dead.
 * Returns: (transfer full) (element-type LodgeRuntimeRecord): those that verify
 */
GPtrArray          *lodge_runtime_dir_scan          (const char *parent);

/**
 * lodge_runtime_listen:
 *
 * Returns: a listening unix socket DIR/NAME, close-on-exec, or -1. Errors: RUNTIME_DIR (also: the path is too long), NO_SPACE
 */
int                 lodge_runtime_listen            (const char *dir, const char *name, GError **error);

/** lodge_runtime_connect: Returns: a socket connected to DIR/NAME without waiting, or -1. Errors: NOT_FOUND, IN_USE, IO */
int                 lodge_runtime_connect           (const char *dir, const char *name, GError **error);

G_END_DECLS
