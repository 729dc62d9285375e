/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"
#include "core/machine/lodge-machine-set.h"

G_BEGIN_DECLS

/* Templates, clones, and which machine is built on which. The methods and properties of Core1.Machine of the same names. */

gboolean   lodge_machine_is_template       (LodgeMachine *self);
gboolean   lodge_machine_is_disposable     (LodgeMachine *self);
GVariant  *lodge_machine_get_origin        (LodgeMachine *self); /* (transfer floating) a{sv} */

/** lodge_machine_set_template_async: a template that machines depend on goes on as a machine in new, empty layers. Errors: WRONG_STATE, IN_USE, NOT_SUPPORTED (a disposable one), NO_SPACE, IO */
void       lodge_machine_set_template_async  (LodgeMachine *self, gboolean template, GVariant *options, GAsyncReadyCallback callback, gpointer data);
gboolean   lodge_machine_set_template_finish (LodgeMachine *self, GAsyncResult *result, GError **error);

/** LodgeCloned: what Clone made */
typedef struct
{
  GPtrArray  *ids;    /* (element-type utf8) */
  const char *kind;   /* "instant", "linked", "full" */
  const char *reason; /* why that kind: "asked", "no-copy-needed", "disk-outside", "many-layers", "has-memory", "memory-refused", "tpm" */
} LodgeCloned;

void         lodge_cloned_free             (LodgeCloned *cloned);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeCloned, lodge_cloned_free)

/**
 * lodge_machine_clone_async:
 * @options: kind s, count u (1 to 100), snapshot s
 * @disposable: the clones go when their guests end
 *
 * All clones appear, or none. A full one is a job. Errors: WRONG_STATE, IN_USE, NAME_INVALID, INVALID_ARGUMENT, NOT_SUPPORTED (the
 * kind that was asked for; says why), NOT_FOUND, NO_SPACE, IO, CANCELLED
 */
void         lodge_machine_clone_async     (LodgeMachine *self, const char *name, GVariant *options, gboolean disposable,
                                            GAsyncReadyCallback callback, gpointer data);
LodgeCloned *lodge_machine_clone_finish    (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_keep: a disposable machine becomes one that stays, by the name @name. Errors: WRONG_STATE (it is none), NAME_INVALID, IO */
gboolean     lodge_machine_keep            (LodgeMachine *self, const char *name, GVariant *options, GError **error);

/** lodge_machine_dependants_async: Returns: (transfer full): aa{sv}, machines whose disks go on from files of this one */
void         lodge_machine_dependants_async  (LodgeMachine *self, GVariant *options, GAsyncReadyCallback callback, gpointer data);
GVariant    *lodge_machine_dependants_finish (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_flatten_async: a job; the machine depends on no other any more. Errors: WRONG_STATE, IN_USE (a clone of it runs), NO_SPACE, IO, CANCELLED */
void         lodge_machine_flatten_async   (LodgeMachine *self, GVariant *options, GAsyncReadyCallback callback, gpointer data);
gboolean     lodge_machine_flatten_finish  (LodgeMachine *self, GAsyncResult *result, GError **error);

/**
 * lodge_machine_open_disposable_async: a clone that runs and goes when its guest ends
 * @share: a folder that it has, or -1; the caller's
 * @options: snapshot s, share-writable b
 *
 * Errors: those of Clone and of Start, and of lodge_share_new()
 */
void         lodge_machine_open_disposable_async  (LodgeMachine *self, LodgeMachineSet *machines, int share, GVariant *options,
                                                   GAsyncReadyCallback callback, gpointer data);
char        *lodge_machine_open_disposable_finish (LodgeMachine *self, GAsyncResult *result, GError **error); /* (transfer full) its id */

/** lodge_machine_discard_if_over: deletes a disposable machine without a guest for good */
void         lodge_machine_discard_if_over (LodgeMachine *self);

/** lodge_machine_recover_layers: takes back what a killed core left of a freeze in the machine's @folder */
void         lodge_machine_recover_layers  (const char *folder);

G_END_DECLS
