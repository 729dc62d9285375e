/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-job.h"

#define CHANGED_INTERVAL (G_USEC_PER_SEC / 4)
#define RATE_WINDOW (3 * G_USEC_PER_SEC)

struct _LodgeJob
{
  GObject parent_instance;

  char *kind;                /* (owned) */
  char *machine_id;          /* (owned) (nullable) */
  GCancellable *cancellable; /* (owned) */
  LodgeJobState state;
  GError *error;             /* (owned) (nullable) */

  guint64 done;
  guint64 total;
  guint64 rate;
  gint64 window_start;       /* microseconds, 0 before the first progress */
  guint64 window_done;
  gint64 last_changed;
};

G_DEFINE_FINAL_TYPE (LodgeJob, lodge_job, G_TYPE_OBJECT)

enum { CHANGED, ENDED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
lodge_job_finalize (GObject *object)
{
  LodgeJob *self = LODGE_JOB (object);

  g_free (self->kind);
  g_free (self->machine_id);
  g_object_unref (self->cancellable);
  g_clear_error (&self->error);

  G_OBJECT_CLASS (lodge_job_parent_class)->finalize (object);
}

static void
lodge_job_class_init (LodgeJobClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_job_finalize;

  signals[CHANGED] = g_signal_new ("changed", LODGE_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
  signals[ENDED] = g_signal_new ("ended", LODGE_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
lodge_job_init (LodgeJob *self)
{
  self->cancellable = g_cancellable_new ();
}

LodgeJob *
lodge_job_new (const char *kind, const char *machine_id)
{
  LodgeJob *self = g_object_new (LODGE_TYPE_JOB, NULL);

  self->kind = g_strdup (kind);
  self->machine_id = g_strdup (machine_id);
  return self;
}

void
lodge_job_progress (LodgeJob *self, guint64 done, guint64 total, gint64 now)
{
  g_return_if_fail (LODGE_IS_JOB (self));

  if (self->state != LODGE_JOB_RUNNING)
    return;

  if (self->window_start == 0 || done < self->window_done)
    {
      self->window_start = now;
      self->window_done = done;
    }
  else if (now > self->window_start)
    {
      self->rate = (guint64) ((double) (done - self->window_done) * G_USEC_PER_SEC
                              / (double) (now - self->window_start));
      if (now - self->window_start >= RATE_WINDOW)
        {
          self->window_start = now;
          self->window_done = done;
        }
    }
  self->total = total;
  self->done = total != 0 ? MIN (done, total) : done;

  if (self->last_changed == 0 || now - self->last_changed >= CHANGED_INTERVAL)
    {
      self->last_changed = now;
      g_signal_emit (self, signals[CHANGED], 0);
    }
}

void
lodge_job_end (LodgeJob *self, const GError *error)
{
  g_return_if_fail (LODGE_IS_JOB (self));

  if (self->state != LODGE_JOB_RUNNING)
    return;

  if (error == NULL)
    self->state = LODGE_JOB_DONE;
  else if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_CANCELLED)
           || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    self->state = LODGE_JOB_CANCELLED;
  else
    self->state = LODGE_JOB_FAILED;
  self->error = error != NULL ? g_error_copy (error) : NULL;
  self->rate = 0;

  g_object_ref (self);
  g_signal_emit (self, signals[CHANGED], 0);
  g_signal_emit (self, signals[ENDED], 0);
  g_object_unref (self);
}

void
lodge_job_cancel (LodgeJob *self)
{
  g_return_if_fail (LODGE_IS_JOB (self));

  if (self->state == LODGE_JOB_RUNNING)
    g_cancellable_cancel (self->cancellable);
}

GCancellable *
lodge_job_get_cancellable (LodgeJob *self)
{
  return self->cancellable;
}

const char *
lodge_job_get_kind (LodgeJob *self)
{
  return self->kind;
}

const char *
lodge_job_get_machine_id (LodgeJob *self)
{
  return self->machine_id;
}

LodgeJobState
lodge_job_get_state (LodgeJob *self)
{
  return self->state;
}

const char *
lodge_job_get_state_name (LodgeJob *self)
{
  static const char *const names[] = { "running", "done", "cancelled", "failed" };

  return names[self->state];
}

double
lodge_job_get_progress (LodgeJob *self)
{
  if (self->state == LODGE_JOB_DONE)
    return 1.0;
  return self->total != 0 ? (double) self->done / (double) self->total : -1.0;
}

guint64
lodge_job_get_rate (LodgeJob *self)
{
  return self->rate;
}

gint64
lodge_job_get_time_left (LodgeJob *self)
{
  if (self->state != LODGE_JOB_RUNNING)
    return 0;
  if (self->total == 0 || self->rate == 0)
    return -1;
  return (gint64) ((self->total - self->done + self->rate - 1) / self->rate);
}

const GError *
lodge_job_get_error (LodgeJob *self)
{
  return self->error;
}
