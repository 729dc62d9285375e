/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

typedef enum
{
  LODGE_CONFINEMENT_NONE,       /* nothing; never chosen, only told: see lodge_sandbox_judge() */
  LODGE_CONFINEMENT_SECCOMP,    /* QEMU's -sandbox alone */
  LODGE_CONFINEMENT_LANDLOCK,   /* file access by Landlock, and -sandbox */
  LODGE_CONFINEMENT_BUBBLEWRAP, /* namespaces by bubblewrap, and -sandbox */
} LodgeConfinement;

const char *lodge_confinement_name (LodgeConfinement level);

/**
 * LodgeSandboxSpec: what one process may reach, besides /usr and what a loader needs. Paths are absolute and must exist;
 * the arrays are NULL-terminated and may be NULL. The environment inside is PATH, HOME (/tmp), LANG and @environment.
 */
typedef struct
{
  const char *const *read_write;  /* folders and files */
  const char *const *read_only;
  const char *const *devices;     /* "/dev/kvm", render node */
  gboolean           network;     /* keep the host's network namespace (QEMU's own user network) */
  gboolean           new_session; /* LodgeProcess makes one outside already; inside bubblewrap it is another */
  const char        *folder;      /* (nullable) working directory, else "/" */
  const char *const *environment; /* "NAME=VALUE" */
  gboolean           die_with_parent; /* for tools that are of no use without the core; never for a guest or its helpers */
  const char        *moved_from;  /* (nullable) a folder, which with all that is below it is seen */
  const char        *moved_to;    /* (nullable) here instead (bubblewrap alone) */
  const char *const *frozen;      /* files that stay read-only also inside a folder of @read_write (bubblewrap) */
} LodgeSandboxSpec;

/**
 * LodgeSandbox: which confinement this host allows, found by trying it, and the way to wrap a command in it.
 * Keep one: probing takes some ten milliseconds.
 */
#define LODGE_TYPE_SANDBOX (lodge_sandbox_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSandbox, lodge_sandbox, LODGE, SANDBOX, GObject)

/** lodge_sandbox_probe_async: tries bubblewrap with the options Lodge uses, then Landlock. Never fails but when cancelled. */
void             lodge_sandbox_probe_async  (GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

/** lodge_sandbox_probe_programs_async: with these programs (nullable: there is none) in place of the installed ones; @timeout: milliseconds that each may take */
void             lodge_sandbox_probe_programs_async (const char *bwrap, const char *landlock, guint timeout, GCancellable *cancellable,
                                                     GAsyncReadyCallback callback, gpointer data);
LodgeSandbox    *lodge_sandbox_probe_finish (GAsyncResult *result, GError **error);

/** lodge_sandbox_new: @program: (nullable): path of bwrap or lodge-landlock, as @level needs */
LodgeSandbox    *lodge_sandbox_new          (LodgeConfinement level, const char *reason, const char *program);

LodgeConfinement lodge_sandbox_get_level    (LodgeSandbox *self);

/** lodge_sandbox_get_reason: "ok", or why bubblewrap was not taken: "no-bubblewrap", "no-user-namespaces", "bubblewrap-failed" */
const char      *lodge_sandbox_get_reason   (LodgeSandbox *self);

/**
 * lodge_sandbox_judge: how well a QEMU is confined in it
 * @seccomp: whether that QEMU has a -sandbox of its own
 * @reason: (out): lodge_sandbox_get_reason(), or "no-seccomp"
 */
LodgeConfinement lodge_sandbox_judge        (LodgeSandbox *self, gboolean seccomp, const char **reason);

/** lodge_sandbox_wrap: Returns: (transfer full): the command line around @argv; pure */
GStrv            lodge_sandbox_wrap         (LodgeSandbox *self, const LodgeSandboxSpec *spec, const char *const *argv);

G_END_DECLS
