/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-private.h"
#include "core/storage/lodge-snapshot.h"

G_BEGIN_DECLS

/**
 * lodge_machine_take_snapshot_async: TakeSnapshot
 * @options: a{sv}, see TakeSnapshot
 * Returns: (transfer full): the new snapshot's id
 */
void      lodge_machine_take_snapshot_async  (LodgeMachine *self, GVariant *options, GAsyncReadyCallback callback, gpointer data);
char     *lodge_machine_take_snapshot_finish (LodgeMachine *self, GAsyncResult *result, GError **error);

/**
 * lodge_machine_take_transient_async: the same for a clone that is being made, also of a machine that is occupied with that. @job is
 * told the progress and can cancel; the caller ends it. lodge_machine_drop_snapshot() must follow, and does at the next core's start.
 */
void      lodge_machine_take_transient_async (LodgeMachine *self, gboolean memory, LodgeJob *job, GAsyncReadyCallback callback, gpointer data);

/** lodge_machine_drop_snapshot: DeleteSnapshot without asking whether that may be now */
gboolean  lodge_machine_drop_snapshot        (LodgeMachine *self, const char *id, GError **error);

/** lodge_machine_restore_snapshot_async: RestoreSnapshot */
void      lodge_machine_restore_snapshot_async  (LodgeMachine *self, const char *id, GVariant *options,
                                                 GAsyncReadyCallback callback, gpointer data);

/** lodge_machine_delete_snapshot_async: DeleteSnapshot; done when the node is gone, the layers are merged after that */
void      lodge_machine_delete_snapshot_async   (LodgeMachine *self, const char *id, GVariant *options,
                                                 GAsyncReadyCallback callback, gpointer data);
gboolean  lodge_machine_snapshot_finish         (LodgeMachine *self, GAsyncResult *result, GError **error); /* of both */

/** lodge_machine_list_snapshots: ListSnapshots. Returns: (transfer floating): aa{sv} */
GVariant *lodge_machine_list_snapshots       (LodgeMachine *self);
gboolean  lodge_machine_edit_snapshot        (LodgeMachine *self, const char *id, GVariant *options, GError **error);
int       lodge_machine_open_snapshot_picture (LodgeMachine *self, const char *id, GError **error);

/** lodge_machine_forecast: Forecast. Returns: (transfer floating): a{sv}; NULL on error */
GVariant *lodge_machine_forecast             (LodgeMachine *self, const char *what, GVariant *options, GError **error);

/** Where what is restored is put together, and what it is called when it is whole; in the machine's folder */
#define LODGE_RESTORE_NEW_DIR "restore.new"
#define LODGE_RESTORE_DIR "restore"

/* ---- lodge-machine-undo.c ---- */

/** lodge_machine_undo_snapshot: under a guest that was found alive: takes back what a killed core has left half-made. Returns: whether something is under way now */
gboolean   lodge_machine_undo_snapshot    (LodgeMachine *self);

/** lodge_machine_forget_half_made: the same without a guest */
void       lodge_machine_forget_half_made (LodgeMachine *self);

/* ---- lodge-machine-merge.c ---- */

/** lodge_machine_note_nameless: @lines: files that a snapshot or machine.json named, relative to @folder, one a line; for a thread. Errors: NO_SPACE, IO */
gboolean   lodge_machine_note_nameless  (const char *folder, const char *lines, GError **error);

/** lodge_machine_has_nameless: whether any is noted */
gboolean   lodge_machine_has_nameless   (const char *folder);

/** lodge_machine_merge: (in the background) gives up layers that nothing names any more */
void       lodge_machine_merge          (LodgeMachine *self);

/** lodge_machine_recover_merge: ends what a killed core, or one that lost its connection, has left under way in a guest */
void       lodge_machine_recover_merge  (LodgeMachine *self);

/** lodge_machine_interrupt_merge: nobody waits for its end */
void       lodge_machine_interrupt_merge (LodgeMachine *self);

/** lodge_machine_forget_restore: takes away what a core left that was killed in a restore before the guest had ended, which lives on */
void       lodge_machine_forget_restore  (LodgeMachine *self);

/** lodge_machine_recover_snapshots: what a killed core left half-made is finished or undone; no guest runs */
void       lodge_machine_recover_snapshots (LodgeMachine *self);
void       lodge_machine_finish_restore (LodgeMachine *self);

G_END_DECLS
