/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-private.h"
#include "core/machine/lodge-saved.h"
#include "core/storage/lodge-sparse-copy.h"

G_BEGIN_DECLS

/** lodge_machine_remove_folder: deletes a folder or file below the machine's, in a thread; its name is free at once */
void        lodge_machine_remove_folder  (const char *machine_folder, const char *name);

/** lodge_machine_save: Save; @task: taken */
void        lodge_machine_save           (LodgeMachine *self, GTask *task);

/** lodge_machine_describe: what the guest of @self runs as, for launch.json. Errors: NOT_RESPONDING. Returns: (transfer full): */
LodgeSaved *lodge_machine_describe       (LodgeMachine *self, GError **error);

/**
 * lodge_machine_create_memory: the file or files in @folder that the guest's memory is to be written to
 * @ram: (out) (nullable): where its memory is in a file that can be copied: into LODGE_SAVED_RAM; the descriptor is that of the devices then
 *
 * Errors: as lodge_error_set_errno(). Returns: a descriptor, the caller's, or -1
 */
int         lodge_machine_create_memory  (LodgeMachine *self, const char *folder, LodgeSparseCopy **ram, GError **error);

/** lodge_machine_guess_memory: bytes that the guest's memory will take on the disk, at most */
guint64     lodge_machine_guess_memory   (LodgeMachine *self);

/** lodge_machine_look_for_saved: makes the state of a machine without guest fit to what is in its folder */
void        lodge_machine_look_for_saved (LodgeMachine *self);

/** lodge_machine_discard_saved: Errors: IO. The files are deleted in a thread */
gboolean    lodge_machine_discard_saved  (LodgeMachine *self, GError **error);

/** lodge_machine_consume_saved: the guest that was made of it is about to run; from now on it cannot be resumed again. Error: IO */
gboolean    lodge_machine_consume_saved  (LodgeMachine *self, GError **error);

/**
 * lodge_machine_spend_saved: the same for a guest that was started paused, which keeps its saved/ until something happens to it that
 * is not in there; without effect on any other. Error: IO
 */
gboolean    lodge_machine_spend_saved    (LodgeMachine *self, GError **error);

/** lodge_machine_drop_used: deletes what a guest was made of, in a thread */
void        lodge_machine_drop_used      (LodgeMachine *self);

/** lodge_machine_saving_ended: QEMU is gone, before the state changes. Returns: whether the memory is saved */
gboolean    lodge_machine_saving_ended   (LodgeMachine *self);

/** lodge_machine_saving_answer: the same guest's Save is answered, after the state has changed. @save: (nullable): taken */
void        lodge_machine_saving_answer  (gpointer save);

/** lodge_machine_remove_begun: what a writer of small files had begun when its core was killed */
void        lodge_machine_remove_begun   (LodgeMachine *self);

/**
 * lodge_machine_recover_saving: what an earlier core left in the middle of a Save or of a resume is
 * finished or undone, for a guest that was adopted and that QEMU says is in @status.
 * Returns: whether it was anything, and so @status is dealt with
 */
gboolean    lodge_machine_recover_saving (LodgeMachine *self, const char *status);

G_END_DECLS
