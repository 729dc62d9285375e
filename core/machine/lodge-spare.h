/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-clone.h"
#include "core/machine/lodge-runtime-record.h"

G_BEGIN_DECLS

/* An instant clone of a template that is made ahead, for whoever asks for one next; see lodge-spare.c. */

/** lodge_spare_expect: somebody had an instant clone of this template; soon there is a spare for the next, for a while */
void     lodge_spare_expect (LodgeMachine *template);

/**
 * lodge_spare_take: the spare, if it is ready, becomes @clone's first copy, which is filled then and whose QEMU waits
 * Returns: whether there was one
 */
gboolean lodge_spare_take   (LodgeMachine *template, LodgeClone *clone);

/** lodge_spare_return: for a copy that was taken and does not become a machine after all; nothing for other copies */
void     lodge_spare_return (LodgeEngine *engine, const char *id);

/** lodge_spare_bring: the machine that a copy was taken with, as it appears in the library. Returns: (transfer full) (nullable) for any other */
LodgeMachine *lodge_spare_bring (LodgeEngine *engine, LodgeStoreEntry *entry);

/** lodge_spare_end: ends what a killed core has left of one */
void     lodge_spare_end    (const LodgeRuntimeRecord *record);

/** lodge_spare_drop: the template changes or goes */
void     lodge_spare_drop   (LodgeMachine *template);

/** lodge_spares_new: for the engine: those that are there, by the id of the machine that they would be */
GHashTable *lodge_spares_new (void);

G_END_DECLS
