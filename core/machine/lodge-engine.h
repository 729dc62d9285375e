/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-amounts.h"
#include "core/config/lodge-store.h"
#include "core/qemu/lodge-capabilities.h"
#include "core/qemu/lodge-probe.h"
#include "core/qemu/lodge-sandbox.h"

G_BEGIN_DECLS

/**
 * LodgeEngine: what all machines of one core share: where things lie, the store, and what the
 * probes found out about this host. The probes are begun with lodge_engine_probe() and nothing
 * waits for them but what needs their answers.
 *
 * Signal: "changed" when an answer of a probe has come.
 */
#define LODGE_TYPE_ENGINE (lodge_engine_get_type ())
G_DECLARE_FINAL_TYPE (LodgeEngine, lodge_engine, LODGE, ENGINE, GObject)

typedef struct _LodgeIdentifier LodgeIdentifier;

/** lodge_engine_new: @paths: must outlive it; @session: (nullable): the session bus, for the user's systemd */
LodgeEngine       *lodge_engine_new            (const LodgePaths *paths, LodgeStore *store, GDBusConnection *session);

/** lodge_engine_probe: begins the probes */
void               lodge_engine_probe          (LodgeEngine *self);

/**
 * lodge_engine_look_again: after Doctor, so that machines start with what it found
 * @host: (transfer full): in place of what is known; the confinement and QEMU are probed afresh
 */
void               lodge_engine_look_again     (LodgeEngine *self, LodgeHost *host);

/**
 * lodge_engine_prepare_async:
 *
 * Waits for what a start on @arch needs; at once when it is known. A QEMU that was replaced or
 * installed meanwhile is probed again. Errors: NO_QEMU, QEMU_TOO_OLD, QEMU_FAILED
 */
void               lodge_engine_prepare_async  (LodgeEngine *self, LodgeArch arch, GCancellable *cancellable,
                                                GAsyncReadyCallback callback, gpointer data);
LodgeCapabilities *lodge_engine_prepare_finish (LodgeEngine *self, GAsyncResult *result, GError **error);

const LodgePaths  *lodge_engine_get_paths      (LodgeEngine *self);
GDBusConnection   *lodge_engine_get_session    (LodgeEngine *self); /* (nullable) */
LodgeStore        *lodge_engine_get_store      (LodgeEngine *self);
const LodgeHost   *lodge_engine_get_host       (LodgeEngine *self); /* (nullable) until probed; memory is fresh */
/** lodge_engine_look_for_audio: a sound server comes and goes with the session; done before each start */
void               lodge_engine_look_for_audio (LodgeEngine *self);
LodgeSandbox      *lodge_engine_get_sandbox    (LodgeEngine *self); /* (nullable) until probed */

/**
 * lodge_engine_wait_sandbox_async:
 *
 * Waits for the confinement alone, which is known long before the rest is.
 *
 * Returns: (transfer full) (nullable): NULL when the core is about to end
 */
void               lodge_engine_wait_sandbox_async  (LodgeEngine *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
LodgeSandbox      *lodge_engine_wait_sandbox_finish (LodgeEngine *self, GAsyncResult *result, GError **error);

/**
 * LodgePromisedFunc: bytes that running guests have not taken yet of what is theirs. For the machine @except (nullable) it is
 * the other way round: what it has taken comes off, since it would give that back.
 */
typedef gint64 (*LodgePromisedFunc) (gpointer data, const char *except);

/** lodge_engine_set_promised: who knows the guests tells of their memory; @func: (nullable): nobody does any more */
void               lodge_engine_set_promised   (LodgeEngine *self, LodgePromisedFunc func, gpointer data);

/** lodge_engine_get_amounts: what this host has and has free, now */
void               lodge_engine_get_amounts    (LodgeEngine *self, const char *except, LodgeAmountsHost *host);

/** lodge_engine_get_identifier: which system an image holds: core/machine/lodge-identifier.h. Returns: (transfer none): */
LodgeIdentifier   *lodge_engine_get_identifier (LodgeEngine *self);

/** lodge_engine_get_memories: what lodge-fork-open.c keeps. Returns: (transfer none): */
GHashTable        *lodge_engine_get_memories   (LodgeEngine *self);
/** lodge_engine_get_spares: what lodge-spare.c keeps. Returns: (transfer none) (element-type utf8 LodgeMachine): */
GHashTable        *lodge_engine_get_spares     (LodgeEngine *self);

/** lodge_engine_get_facts: the Host property of Core1. Returns: (transfer floating): a{sv} */
GVariant          *lodge_engine_get_facts      (LodgeEngine *self);

/** lodge_engine_check_profile: whether this host can give @profile's cores and memory. Error: OUT_OF_RANGE */
gboolean           lodge_engine_check_profile  (LodgeEngine *self, const LodgeProfile *profile, GError **error);

G_END_DECLS
