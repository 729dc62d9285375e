/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"
#include "core/ipc/lodge-value-text.h"

G_BEGIN_DECLS

/**
 * LodgeErrorContext: what the client knows about a failed operation and the core's message does
 * not say in words for people. All may be unset.
 */
typedef struct
{
  const char *machine; /* (nullable) name of the machine, or what was typed for it */
  const char *file;    /* (nullable) display name of the file that was given */
  const char *role;    /* (nullable) what @file was given as: "iso", "disk", "kernel", "initrd", "image" (iso or disk), "output" (to be written), "backups" (the folder with them), "trash" (what is looked for there) */
  const char *state;   /* (nullable) the machine's State after the failure */
  gboolean    lookup;  /* @machine is what was looked up, so NOT_FOUND speaks of the machine itself */
  LodgeSettingTitle title; /* (nullable) what a setting is called where people do not see its key */
} LodgeErrorContext;

/**
 * lodge_error_text:
 * @context: (nullable):
 *
 * The sentence for the person, translated: what happened, and what to do about it. The
 * technical message is not part of it; clients show that as details.
 *
 * Returns: (transfer full): without a newline
 */
char       *lodge_error_text        (const GError *error, const LodgeErrorContext *context);

/**
 * lodge_data_folder_text:
 * @folder: data_dir of LodgePaths
 *
 * Why the core cannot be started although it is there, as far as a client can see for itself.
 *
 * Returns: (transfer full) (nullable): NULL when the folder can be used
 */
char       *lodge_data_folder_text  (const char *folder);

/**
 * lodge_state_text:
 *
 * Returns: (transfer none): the word for a Machine.State ("Running"), translated; unknown states as they are
 */
const char *lodge_state_text        (const char *state);

/**
 * lodge_state_reason_text:
 * @reason: a Machine.StateReason
 * @details: (nullable): its StateDetails, a{sv}
 * @machine: the machine's name
 *
 * Why a machine is in its state, for the reasons that a person has to know.
 *
 * Returns: (transfer full) (nullable): NULL where there is nothing to say
 */
char       *lodge_state_reason_text (const char *reason, GVariant *details, const char *machine);

/**
 * lodge_fault_text:
 * @code: Fault's "code"; or "broken-alone" for a client that looks whether there is an earlier description
 *
 * Returns: (transfer full): what is wrong with the folder of @machine, and what to do
 */
char       *lodge_fault_text        (const char *code, const char *machine);

/**
 * lodge_left_out_text:
 * @automatic: (nullable): a Machine.Automatic, a{sv}
 *
 * Returns: (transfer full) (nullable): that the last start of @machine went without the snapshot before it, why, and what to do; NULL where it did not
 */
char       *lodge_left_out_text     (GVariant *automatic, const char *machine);

/**
 * lodge_identity_text:
 * @identity: (nullable): "identity" of Machine.Effective
 *
 * Returns: (transfer full) (nullable): what to tell of a clone that has the identity of its parent; NULL when nothing
 */
char       *lodge_identity_text     (const char *identity, const char *machine);

G_END_DECLS
