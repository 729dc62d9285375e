/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

typedef enum { LODGE_JOB_RUNNING, LODGE_JOB_DONE, LODGE_JOB_CANCELLED, LODGE_JOB_FAILED } LodgeJobState;

/**
 * LodgeJob: long work that a person may watch and cancel: making a disk, copying. Whoever does the
 * work owns the job, tells it how far it is and ends it; the job knows nothing of the work.
 *
 * Signals: "changed" (at most four times a second while it runs), "ended" (exactly once).
 */
#define LODGE_TYPE_JOB (lodge_job_get_type ())
G_DECLARE_FINAL_TYPE (LodgeJob, lodge_job, LODGE, JOB, GObject)

/** lodge_job_new: @machine_id: (nullable): the machine it works for */
LodgeJob      *lodge_job_new             (const char *kind, const char *machine_id);

/**
 * lodge_job_progress:
 * @done: bytes done so far
 * @total: bytes in all, 0 when unknown
 * @now: microseconds of a monotonic clock
 *
 * The rate is that of the last seconds, so that it follows a disk that slows down.
 */
void           lodge_job_progress        (LodgeJob *self, guint64 done, guint64 total, gint64 now);

/** lodge_job_end: @error: (nullable): NULL: done; CANCELLED: cancelled; else failed */
void           lodge_job_end             (LodgeJob *self, const GError *error);

/** lodge_job_cancel: asks the work to stop; without effect once it has ended */
void           lodge_job_cancel          (LodgeJob *self);
GCancellable  *lodge_job_get_cancellable (LodgeJob *self);

const char    *lodge_job_get_kind        (LodgeJob *self);
const char    *lodge_job_get_machine_id  (LodgeJob *self); /* (nullable) */
LodgeJobState  lodge_job_get_state       (LodgeJob *self);
const char    *lodge_job_get_state_name  (LodgeJob *self);
double         lodge_job_get_progress    (LodgeJob *self); /* 0.0-1.0, -1 unknown */
guint64        lodge_job_get_rate        (LodgeJob *self); /* bytes a second, 0 unknown */
gint64         lodge_job_get_time_left   (LodgeJob *self); /* seconds, -1 unknown */
const GError  *lodge_job_get_error       (LodgeJob *self); /* (nullable) */

G_END_DECLS
