/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-engine.h"
#include "core/machine/lodge-machine-state.h"
#include "core/machine/lodge-runtime-record.h"

G_BEGIN_DECLS

/**
 * LodgeMachine: one machine at run time: its state, its guest when it has one, and all that a
 * client can ask of it. Each method looks in the table of lodge-machine-state.c first; options
 * that it does not know are refused with INVALID_ARGUMENT.
 *
 * Signals: "changed": any of what the getters give may have changed;
 *          "stopped" (const char *reason, GVariant *details): the guest ended unasked;
 *          "job" (LodgeJob *job): long work for this machine begins;
 *          "snapshots": the list of its snapshots has changed;
 *          "vanished": its folder is gone and no guest runs: the object is of no more use.
 */
#define LODGE_TYPE_MACHINE (lodge_machine_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachine, lodge_machine, LODGE, MACHINE, GObject)

/** lodge_machine_new: @entry: (nullable): the store's; NULL for a guest whose folder is gone, which is then adopted */
LodgeMachine     *lodge_machine_new             (LodgeEngine *engine, const char *id, LodgeStoreEntry *entry);

/** lodge_machine_set_entry: tells of a change in the store; @entry: (nullable): NULL: the folder is gone */
void              lodge_machine_set_entry       (LodgeMachine *self, LodgeStoreEntry *entry);

/** lodge_machine_adopt_async: takes over the guest of an earlier core. @record is verified and taken */
void              lodge_machine_adopt_async     (LodgeMachine *self, LodgeRuntimeRecord *record,
                                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean          lodge_machine_adopt_finish    (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_tidy: all guests that live have been adopted: removes what a killed core left of a machine that has none */
void              lodge_machine_tidy            (LodgeMachine *self);

const char       *lodge_machine_get_id          (LodgeMachine *self);
const char       *lodge_machine_get_name        (LodgeMachine *self);
const char       *lodge_machine_get_folder      (LodgeMachine *self);
LodgeMachineState lodge_machine_get_state       (LodgeMachine *self);
const char       *lodge_machine_get_reason      (LodgeMachine *self);
gint64            lodge_machine_get_created     (LodgeMachine *self);
gint64            lodge_machine_get_last_started(LodgeMachine *self);
const char       *lodge_machine_get_current_snapshot (LodgeMachine *self); /* "": none */
gboolean          lodge_machine_has_guest       (LodgeMachine *self);

/* The properties of Core1.Machine of the same name. (transfer floating), but the details are (transfer none) */
GVariant         *lodge_machine_get_details     (LodgeMachine *self);
GVariant         *lodge_machine_get_settings    (LodgeMachine *self);
GVariant         *lodge_machine_get_effective   (LodgeMachine *self);
GVariant         *lodge_machine_get_fault       (LodgeMachine *self);
GStrv             lodge_machine_get_pending     (LodgeMachine *self); /* (transfer full) */

/**
 * lodge_machine_call_async: Start, Pause, Resume, Reset, Shutdown, ForceOff, InsertMedium, EjectMedium:
 * the methods that give nothing back. @options: a{sv}; @medium: (nullable): path for InsertMedium
 */
void              lodge_machine_call_async      (LodgeMachine *self, LodgeMethod method, GVariant *options, const char *medium,
                                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean          lodge_machine_call_finish     (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_set_settings_async: Returns: (transfer full): the keys that wait for the next start */
void              lodge_machine_set_settings_async  (LodgeMachine *self, GVariant *settings, GVariant *options, GCancellable *cancellable,
                                                     GAsyncReadyCallback callback, gpointer data);
GStrv             lodge_machine_set_settings_finish (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_check_settings: CheckSettings. Returns: (transfer floating): a{sv} */
GVariant         *lodge_machine_check_settings      (LodgeMachine *self, GVariant *settings, GVariant *options, GError **error);

/** lodge_machine_open_keyring: for OpenDisplay. Returns: the folder of the running QEMU's D-Bus cookies, the caller's, or -1. Error: WRONG_STATE, IO */
int            lodge_machine_open_keyring   (LodgeMachine *self, GError **error);

/** lodge_machine_open_async: OpenDisplay (@channel NULL), OpenChannel or Screenshot (@method says which). Returns: a descriptor, the caller's */
void              lodge_machine_open_async      (LodgeMachine *self, LodgeMethod method, const char *channel, GVariant *options,
                                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
int               lodge_machine_open_finish     (LodgeMachine *self, GAsyncResult *result, GError **error);

void              lodge_machine_send_keys_async (LodgeMachine *self, const char *const *keys, GVariant *options,
                                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
void              lodge_machine_type_text_async (LodgeMachine *self, const char *text, GVariant *options,
                                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
gboolean          lodge_machine_input_finish    (LodgeMachine *self, GAsyncResult *result, GError **error);

/** lodge_machine_get_log: Returns: (transfer full): the end of the log, at most 256 KiB of UTF-8; empty when there is none */
char             *lodge_machine_get_log         (LodgeMachine *self);

/** lodge_machine_arrange: Delete, RestorePrevious, MakeSeparate: what is done to the folder, at once */
gboolean          lodge_machine_arrange         (LodgeMachine *self, LodgeMethod method, GVariant *options, GError **error);

/** lodge_machine_check_options: @known: NULL-terminated pairs of name and type string. Error: INVALID_ARGUMENT */
gboolean          lodge_machine_check_options   (GVariant *options, const char *const *known, GError **error);

G_END_DECLS
