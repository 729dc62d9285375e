/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"

G_BEGIN_DECLS

/** LodgeClockFunc: Returns: seconds since the epoch */
typedef gint64 (*LodgeClockFunc) (gpointer data);

/**
 * LodgeAutomatic: takes snapshots and makes backups of machines by itself, as their settings say: snapshot-every, backup-every. It sleeps
 * until the next one is due. What fails is tried again ten minutes later, and told in the meantime.
 *
 * Signal: "changed" (LodgeMachine *): what lodge_automatic_describe() says of it.
 */
#define LODGE_TYPE_AUTOMATIC (lodge_automatic_get_type ())
G_DECLARE_FINAL_TYPE (LodgeAutomatic, lodge_automatic, LODGE, AUTOMATIC, GObject)

/** lodge_automatic_new: @clock: is asked with @data */
LodgeAutomatic *lodge_automatic_new      (LodgeEngine *engine, LodgeClockFunc clock, gpointer data);

/** lodge_automatic_watch: cares for @machine from now on, until it vanishes */
void            lodge_automatic_watch    (LodgeAutomatic *self, LodgeMachine *machine);

/** lodge_automatic_tick: begins what is due. Returns: when the next is, 0 for nothing; it is called then by itself */
gint64          lodge_automatic_tick     (LodgeAutomatic *self);

/** lodge_automatic_describe: the property Automatic of @machine. Returns: (transfer floating): a{sv} */
GVariant       *lodge_automatic_describe (LodgeAutomatic *self, LodgeMachine *machine);

/* ---- Before a start ---- */

/**
 * lodge_automatic_before_start: takes the snapshot that the setting snapshot-before-start asks for, if it does and something has changed since
 * the last one. Whatever comes of it, the machine is to be started then; the property Automatic says when it was left out, and why.
 *
 * Returns: whether @callback will be called, with @data; else there is nothing to wait for
 */
gboolean        lodge_automatic_before_start (LodgeMachine *machine, GAsyncReadyCallback callback, gpointer data);

/** lodge_automatic_left_out: that snapshot could not be taken. @error: (nullable): taken; NULL for one that was not left out, or not asked for */
void            lodge_automatic_left_out     (LodgeMachine *machine, GError *error);

/** lodge_automatic_has_space: whether a snapshot may be taken by itself: more than 2 GiB and 5 % of the disk are free. Error: NO_SPACE */
gboolean        lodge_automatic_has_space    (const char *folder, GError **error);

G_END_DECLS
