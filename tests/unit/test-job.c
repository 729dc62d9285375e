/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-job.h"

#define MIB (1024 * 1024)

static void
count_cb (LodgeJob *job, gpointer data)
{
  ++*(guint *) data;
}

static void
test_progress (void)
{
  g_autoptr (LodgeJob) job = lodge_job_new ("copy", "id");
  guint changed = 0;
  gint64 now = 1000;

  g_signal_connect (job, "changed", G_CALLBACK (count_cb), &changed);
  g_assert_cmpfloat (lodge_job_get_progress (job), ==, -1.0);
  g_assert_cmpint (lodge_job_get_time_left (job), ==, -1);

  for (guint i = 0; i <= 100; i++, now += G_USEC_PER_SEC / 100)
    lodge_job_progress (job, i * MIB, 1000 * MIB, now);

  g_assert_cmpfloat_with_epsilon (lodge_job_get_progress (job), 0.1, 0.001);
  g_assert_cmpuint (lodge_job_get_rate (job), ==, 100 * MIB);
  g_assert_cmpint (lodge_job_get_time_left (job), ==, 9);
  g_assert_cmpuint (changed, <=, 5);
  g_assert_cmpuint (changed, >=, 4);
}

static void
test_rate_follows (void)
{
  g_autoptr (LodgeJob) job = lodge_job_new ("copy", NULL);
  gint64 now = 1;

  for (guint i = 0; i < 4; i++, now += G_USEC_PER_SEC)
    lodge_job_progress (job, i * 100 * MIB, 10000ull * MIB, now);
  for (guint i = 0; i < 4; i++, now += G_USEC_PER_SEC)
    lodge_job_progress (job, 300 * MIB + i * 10 * MIB, 10000ull * MIB, now);
  g_assert_cmpuint (lodge_job_get_rate (job), <=, 10 * MIB);

  /* Work that begins again, as after an error, gives no absurd rate. */
  lodge_job_progress (job, 0, 10000ull * MIB, now);
  g_assert_cmpuint (lodge_job_get_rate (job), <=, 10 * MIB);
}

static void
test_end_once (void)
{
  g_autoptr (LodgeJob) job = lodge_job_new ("copy", NULL);
  g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NO_SPACE, "full");
  guint ended = 0;

  g_signal_connect (job, "ended", G_CALLBACK (count_cb), &ended);
  lodge_job_end (job, error);
  lodge_job_end (job, NULL);
  lodge_job_progress (job, 5, 10, 5);
  g_assert_cmpuint (ended, ==, 1);
  g_assert_cmpstr (lodge_job_get_state_name (job), ==, "failed");
  g_assert_error (lodge_job_get_error (job), LODGE_ERROR, LODGE_ERROR_NO_SPACE);
  g_assert_cmpfloat (lodge_job_get_progress (job), ==, -1.0);
}

static void
test_cancel (void)
{
  g_autoptr (LodgeJob) job = lodge_job_new ("copy", NULL);
  g_autoptr (GError) error = NULL;

  lodge_job_cancel (job);
  g_assert_true (g_cancellable_set_error_if_cancelled (lodge_job_get_cancellable (job), &error));
  lodge_job_end (job, error);
  g_assert_cmpint (lodge_job_get_state (job), ==, LODGE_JOB_CANCELLED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/job/progress", test_progress);
  g_test_add_func ("/job/rate-follows", test_rate_follows);
  g_test_add_func ("/job/end-once", test_end_once);
  g_test_add_func ("/job/cancel", test_cancel);

  return g_test_run ();
}
