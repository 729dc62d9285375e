/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* When something that is done by itself is due, and which of its results are kept. Times are seconds since the epoch. */

/** How long is waited after something failed, before it is tried again. */
#define LODGE_AUTOMATIC_RETRY 600

/** lodge_automatic_is_enough: whether a snapshot may be taken by itself with so many bytes free, of so many */
gboolean lodge_automatic_is_enough (guint64 left, guint64 total);

/**
 * lodge_automatic_next:
 * @last: when it was done last, 0 for never
 * @every: seconds between two
 * @failed: when it failed last, 0 for not since
 * @now: a clock that was set back does not put it off for longer than @every
 *
 * Returns: when it is due next
 */
gint64  lodge_automatic_next (gint64 last, gint64 every, gint64 failed, gint64 now);

/**
 * lodge_automatic_thin:
 * @times: (element-type gint64): ascending
 *
 * All of the last hour are kept, then the first of each hour for a day, of each day for two weeks, of each week for twelve weeks; the newest one
 * always. Which one of an hour, day or week that is never changes, so that thinning often keeps what thinning once would.
 *
 * Returns: (transfer full) (element-type guint): the positions of those that go
 */
GArray *lodge_automatic_thin (GArray *times, gint64 now);

G_END_DECLS
