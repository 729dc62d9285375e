/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-family-private.h"

G_BEGIN_DECLS

/** LodgeCloneCopy: one of the machines that are made */
typedef struct
{
  LodgeProfile *profile; /* (owned) (nullable) until it is committed */
  char *id;              /* (owned) */
  char *prepared;        /* (owned) (nullable) the hidden folder */
} LodgeCloneCopy;

/** LodgeClone: machines that are being made after another one, all of one kind; see lodge-machine-clone.c */
typedef struct
{
  char *name;            /* (owned) */
  guint count;
  gboolean linked;
  gboolean instant;      /* and linked */
  gboolean chosen;       /* by us, and not by the caller */
  gboolean disposable;
  const char *reason;
  char *snapshot;        /* (owned) (nullable) id */
  char *source;          /* (owned) the parent's folder */
  LodgeProfile *parent;  /* (owned) as it was when the clone was asked for */
  LodgeFrozen *frozen;   /* (owned) (nullable) the moment that they are made of */
  GPtrArray *locks;      /* (owned) (nullable) */
  GPtrArray *copies;     /* (element-type LodgeCloneCopy) */
  gboolean ahead;        /* the first of them is filled already, and its QEMU waits */
  LodgeJob *job;         /* (owned) */
  guint64 done, total;   /* full: bytes */
} LodgeClone;

LodgeClone *lodge_clone_new         (LodgeMachine *parent, const char *name, gboolean disposable);
void        lodge_clone_free        (LodgeClone *clone);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeClone, lodge_clone_free)

/**
 * lodge_clone_choose: settles the kind, and why
 * @asked: (nullable): "instant", "linked", "full"; the best when NULL or "best"
 *
 * Errors: INVALID_ARGUMENT, NOT_SUPPORTED (says why), and of the name and the count NAME_INVALID, OUT_OF_RANGE
 */
gboolean    lodge_clone_choose      (LodgeClone *clone, LodgeMachine *parent, const char *asked, GError **error);
const char *lodge_clone_kind        (const LodgeClone *clone);

/** lodge_clone_check_space: whether there is space for all, once the moment is held. Errors: NO_SPACE, IO, WRONG_FORMAT */
gboolean    lodge_clone_check_space (LodgeClone *clone, GError **error);

/** lodge_clone_prepare: makes the copies' profiles and hidden folders. @capabilities: (nullable). Errors: those of lodge_store_prepare() and of validating */
gboolean    lodge_clone_prepare     (LodgeClone *clone, LodgeStore *store, LodgeCapabilities *capabilities, GError **error);

/** lodge_clone_find_disk: (nullable) (transfer none) */
LodgeDisk  *lodge_clone_find_disk   (const LodgeProfile *profile, const char *id);

/** lodge_clone_fill_async: makes the files in the copies' hidden folders; @clone is the caller's all the while. Errors: NO_SPACE, IO, WRONG_FORMAT, CANCELLED (the job was) */
void        lodge_clone_fill_async  (LodgeClone *clone, LodgeSandbox *sandbox, GAsyncReadyCallback callback, gpointer data);
gboolean    lodge_clone_fill_finish (GAsyncResult *result, GError **error);

G_END_DECLS
