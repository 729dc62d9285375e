/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/machine/lodge-automatic-plan.h"

#define HOUR 3600
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define SPACE_LEFT (2ull * 1024 * 1024 * 1024)
#define PART_LEFT 20

static const struct
{
  gint64 age;    /* up to which */
  gint64 period; /* the first one in each is kept; 0: all are */
} rules[] = { { HOUR, 0 }, { DAY, HOUR }, { 2 * WEEK, DAY }, { 12 * WEEK, WEEK } };

gboolean
lodge_automatic_is_enough (guint64 left, guint64 total)
{
  return left >= SPACE_LEFT && left >= total / PART_LEFT;
}

gint64
lodge_automatic_next (gint64 last, gint64 every, gint64 failed, gint64 now)
{
  gint64 next = last == 0 ? now : MIN (last, now) + every;

  return failed == 0 ? next : MAX (next, MIN (failed, now) + LODGE_AUTOMATIC_RETRY);
}

GArray *
lodge_automatic_thin (GArray *times, gint64 now)
{
  GArray *gone = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i + 1 < times->len; i++)
    {
      gint64 time = g_array_index (times, gint64, i), period = -1;

      for (gsize r = 0; r < G_N_ELEMENTS (rules) && period < 0; r++)
        if (now - time < rules[r].age)
          period = rules[r].period;
      /* The first of its period: none before it is of the same one. */
      if (period < 0 || (period > 0 && i > 0 && g_array_index (times, gint64, i - 1) / period == time / period))
        g_array_append_val (gone, i);
    }
  return gone;
}
