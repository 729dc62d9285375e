/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/qemu/lodge-process.h"

G_BEGIN_DECLS

/**
 * LodgeHelper: a LodgeProcess that serves one guest (passt, swtpm), and what it says. It outlives the core like the guest
 * does, and ends by itself when QEMU's end of its socket is closed.
 */
#define LODGE_TYPE_HELPER (lodge_helper_get_type ())
G_DECLARE_FINAL_TYPE (LodgeHelper, lodge_helper, LODGE, HELPER, GObject)

/**
 * lodge_helper_spawn: behind the gate: record lodge_helper_get_process(), then lodge_process_release() it.
 * @fds: as for lodge_process_spawn()
 * @log_path: (nullable): where it says why it ends
 * Errors: HELPER_FAILED when it cannot be started, IO
 */
LodgeHelper  *lodge_helper_spawn       (const char *name, const char *const *argv, const LodgeFdMap *fds,
                                        const char *log_path, GError **error);

/** lodge_helper_adopt: Error: NOT_FOUND */
LodgeHelper  *lodge_helper_adopt       (const char *name, GPid pid, guint64 start_time, const char *log_path,
                                        GError **error);

const char   *lodge_helper_get_name    (LodgeHelper *self);
LodgeProcess *lodge_helper_get_process (LodgeHelper *self); /* (transfer none) */

/** lodge_helper_last_words: (transfer full) (nullable): the last line of sense in its log since it was started, at most 500 characters */
char         *lodge_helper_last_words  (LodgeHelper *self);

/** lodge_helper_failure: (transfer full): HELPER_FAILED with its name, its last words or else how it ended (@wait_status of "exited") */
GError       *lodge_helper_failure     (LodgeHelper *self, int wait_status);

G_END_DECLS
