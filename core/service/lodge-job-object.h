/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-job.h"

G_BEGIN_DECLS

/**
 * lodge_job_object_export: @number: of the object path
 *
 * Puts @job on the bus as org.lodgevm.Core1.Job below @manager; the object goes
 * ten seconds after the job's end, so that a client that was busy still learns how it ended.
 */
void lodge_job_object_export (GDBusObjectManagerServer *manager, guint number, LodgeJob *job);

G_END_DECLS
