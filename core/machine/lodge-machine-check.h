/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"
#include "core/machine/lodge-job.h"
#include "core/qemu/lodge-sandbox.h"

G_BEGIN_DECLS

/** LodgeJobFunc: @job is about to take time; called at most once */
typedef void (*LodgeJobFunc) (LodgeJob *job, gpointer data);

/** lodge_machine_mark_in_use: from now on a guest may write to the disks of the machine in @folder; flushed in a thread */
void     lodge_machine_mark_in_use        (const char *folder);

/** lodge_machine_mark_closed: the guest's QEMU has closed them all */
void     lodge_machine_mark_closed        (const char *folder);

/**
 * lodge_machine_check_disks_async:
 * @profile, @folder: the machine, whose disks must be locked
 * @sandbox: (nullable)
 * @repair: a corrupt image is replaced by a repaired copy; the original stays as NAME.before-repair
 * @job: ended by this; cancelling it ends the check
 * @announce: (nullable): called when there is something to check, not only headers to look at
 *
 * Errors: WRONG_FORMAT (an image is not in its format any more), NEEDS_REPAIR (corrupt, and no repair was asked for or it
 * failed; the image is untouched), NOT_FOUND, NOT_READABLE, NO_SPACE, IO, NO_QEMU, CANCELLED
 */
void     lodge_machine_check_disks_async  (const LodgeProfile *profile, const char *folder, LodgeSandbox *sandbox,
                                           gboolean repair, LodgeJob *job, LodgeJobFunc announce, gpointer announce_data,
                                           GAsyncReadyCallback callback, gpointer data);

/** lodge_machine_check_disks_finish: @replaced: an image is another file now, which is not locked */
gboolean lodge_machine_check_disks_finish (GAsyncResult *result, gboolean *replaced, GError **error);

G_END_DECLS
