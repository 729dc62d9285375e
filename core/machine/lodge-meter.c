/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/machine/lodge-meter.h"

#define TICK_MS 250

static gboolean
tick_cb (gpointer data)
{
  LodgeMeter *meter = data;

  lodge_job_progress (meter->job, __atomic_load_n (&meter->done, __ATOMIC_RELAXED),
                      __atomic_load_n (&meter->total, __ATOMIC_RELAXED), g_get_monotonic_time ());
  return G_SOURCE_CONTINUE;
}

void
lodge_meter_begin (LodgeMeter *meter, LodgeJob *job)
{
  meter->job = g_object_ref (job);
  meter->timer_id = g_timeout_add (TICK_MS, tick_cb, meter);
}

void
lodge_meter_end (LodgeMeter *meter)
{
  g_clear_handle_id (&meter->timer_id, g_source_remove);
  g_clear_object (&meter->job);
}

void
lodge_meter_set_total (LodgeMeter *meter, guint64 total)
{
  __atomic_store_n (&meter->done, 0, __ATOMIC_RELAXED);
  __atomic_store_n (&meter->total, total, __ATOMIC_RELAXED);
}

void
lodge_meter_add (LodgeMeter *meter, guint64 bytes)
{
  __atomic_add_fetch (&meter->done, bytes, __ATOMIC_RELAXED);
}

gboolean
lodge_meter_check (LodgeMeter *meter, GError **error)
{
  if (!g_cancellable_is_cancelled (lodge_job_get_cancellable (meter->job)))
    return TRUE;
  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_CANCELLED, "it was cancelled");
  return FALSE;
}
