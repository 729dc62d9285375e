/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"

G_BEGIN_DECLS

/**
 * LodgeMachineSet: all machines of one core: those of the store, and those whose folder is gone
 * while their guest runs on.
 *
 * Signals: "added" (LodgeMachine *), "removed" (LodgeMachine *).
 */
#define LODGE_TYPE_MACHINE_SET (lodge_machine_set_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachineSet, lodge_machine_set, LODGE, MACHINE_SET, GObject)

LodgeMachineSet *lodge_machine_set_new          (LodgeEngine *engine);

/**
 * lodge_machine_set_load_async:
 *
 * Loads the store and adopts the guests that run; done when each of them has said how it is, or has
 * had its time. Error: IO (the store cannot be read)
 */
void             lodge_machine_set_load_async   (LodgeMachineSet *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean         lodge_machine_set_load_finish  (LodgeMachineSet *self, GAsyncResult *result, GError **error);

LodgeMachine    *lodge_machine_set_lookup       (LodgeMachineSet *self, const char *id); /* (nullable) (transfer none) */
/**
 * lodge_machine_set_find: the machine with that id, beginning of an id (four characters or more) or name, also
 * one whose folder is gone while its guest runs. Errors: NOT_FOUND, AMBIGUOUS. Returns: (transfer none):
 */
LodgeMachine    *lodge_machine_set_find         (LodgeMachineSet *self, const char *text, GError **error);
GList           *lodge_machine_set_list         (LodgeMachineSet *self); /* (transfer container) (element-type LodgeMachine) */
guint            lodge_machine_set_count_guests (LodgeMachineSet *self);

/** lodge_machine_set_drop_spares: ends what was started ahead (lodge-spare.h); for a core that leaves */
void             lodge_machine_set_drop_spares  (LodgeMachineSet *self);

G_END_DECLS
