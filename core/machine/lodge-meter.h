/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-job.h"

G_BEGIN_DECLS

/** LodgeMeter: how far a thread is; the main loop tells the job of it. Part of another structure, zeroed at first. */
typedef struct
{
  LodgeJob *job;      /* (owned) */
  guint64   done;     /* atomic */
  guint64   total;    /* atomic */
  guint     timer_id;
} LodgeMeter;

/** lodge_meter_begin: in the main loop, as lodge_meter_end() */
void     lodge_meter_begin     (LodgeMeter *meter, LodgeJob *job);
void     lodge_meter_end       (LodgeMeter *meter);

/* For the thread. */
void     lodge_meter_set_total (LodgeMeter *meter, guint64 total);
void     lodge_meter_add       (LodgeMeter *meter, guint64 bytes);

/** lodge_meter_check: Error: CANCELLED when the job was */
gboolean lodge_meter_check     (LodgeMeter *meter, GError **error);

G_END_DECLS
