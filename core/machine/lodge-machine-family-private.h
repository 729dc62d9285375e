/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-private.h"

G_BEGIN_DECLS

/* What lodge-machine-family.c, -freeze.c, -clone.c, -flatten.c and -disposable.c share. */

/** lodge_machine_find_dependants: Returns: (transfer container) (element-type LodgeStoreEntry): of what machine.json of each says, so none in the trash */
GPtrArray   *lodge_machine_find_dependants     (LodgeMachine *self);

/** lodge_machine_set_depended: sets HAS_DEPENDANTS. @names: (element-type utf8) of machines */
void         lodge_machine_set_depended        (GError **error, GPtrArray *names);

/** lodge_machine_check_no_dependants: Error: HAS_DEPENDANTS, which names them */
gboolean     lodge_machine_check_no_dependants (LodgeMachine *self, GError **error);

/**
 * lodge_machine_check_disks_unused_async: whether none of the files that a guest would write to is read on in by another machine, or by
 * something in the trash. See to it that no clone is made until it has answered. Errors: HAS_DEPENDANTS, NOT_FOUND (the folder is gone)
 */
void         lodge_machine_check_disks_unused_async  (LodgeMachine *self, GAsyncReadyCallback callback, gpointer data);
gboolean     lodge_machine_check_disks_unused_finish (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_occupy: until lodge_machine_release() the machine, which is off, refuses what would change its disks. Counts. */
void         lodge_machine_occupy              (LodgeMachine *self, const char *doing);
void         lodge_machine_release             (LodgeMachine *self);

/** LodgeFrozen: a file that does not change any more and holds the present contents of a disk */
typedef struct
{
  char   *disk;   /* id */
  char   *path;   /* absolute */
  char   *format;
  guint64 size;   /* bytes, as the guest sees them */
} LodgeFrozenDisk;

typedef struct
{
  GPtrArray    *disks;     /* (element-type LodgeFrozenDisk) */
  LodgeProfile *profile;   /* (nullable) as it was then, where that is not the present one */
  char         *firmware;  /* (nullable) folder with the UEFI variables and the TPM's state of then */
  char         *memory;    /* (nullable) folder with the mapped memory of then */
  char         *transient; /* (nullable) id of a snapshot that goes with it: lodge_machine_let_go() */
} LodgeFrozen;

LodgeFrozen *lodge_frozen_new                  (void);
void         lodge_frozen_free                 (LodgeFrozen *frozen);
void         lodge_frozen_add                  (LodgeFrozen *frozen, const char *disk, const char *path, const char *format, guint64 size);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeFrozen, lodge_frozen_free)

/**
 * lodge_machine_freeze_async: the machine, which is off and occupied, goes on in new layers; one that has written nothing since
 * the last freeze keeps those that it has. Errors: IN_USE, NOT_FOUND, NO_SPACE, WRONG_FORMAT, IO
 */
void         lodge_machine_freeze_async        (LodgeMachine *self, GAsyncReadyCallback callback, gpointer data);
LodgeFrozen *lodge_machine_freeze_finish       (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_frozen_now: the disks as they are, of a machine whose files nobody will write to: a template, or one that is locked */
LodgeFrozen *lodge_machine_frozen_now          (LodgeMachine *self, GError **error);

/**
 * lodge_machine_hold_async: a moment of the machine, which is occupied, to make clones of; lodge_machine_let_go() when they are there
 * @snapshot: (nullable): id; the present when NULL
 * @memory: with its memory
 * @job: is told the progress and can cancel; the caller ends it
 *
 * Errors: those of TakeSnapshot, of lodge_machine_freeze_async() and of lodge_fork_map_async()
 */
void         lodge_machine_hold_async          (LodgeMachine *self, const char *snapshot, gboolean memory, LodgeJob *job,
                                                GAsyncReadyCallback callback, gpointer data);
LodgeFrozen *lodge_machine_hold_finish         (LodgeMachine *self, GAsyncResult *result, GError **error);
void         lodge_machine_let_go              (LodgeMachine *self, LodgeFrozen *frozen);

/** lodge_machine_has_memory: whether that moment has memory; @snapshot: (nullable) */
gboolean     lodge_machine_has_memory          (LodgeMachine *self, const char *snapshot);

/** lodge_machine_recover_forks: what a killed core left of such a moment goes, also while a guest runs */
void         lodge_machine_recover_forks       (LodgeMachine *self);

G_END_DECLS
