/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/* The words for snapshots: what the windows say about them. All translated, all (transfer full) unless said otherwise.
 * @now: seconds since the epoch. */

/* A length of time in one unit: "41 minutes". */
char *lodge_snapshot_text_span    (gint64 seconds);

/* "Today, 14:05", "Yesterday, 9:12", "3 March 2026, 14:05". */
char *lodge_snapshot_text_when    (gint64 created, gint64 now);

/* What a snapshot is called; one that is named by its time, by how people say that time. The present: "You Are Here". */
char *lodge_snapshot_text_title   (LodgeSnapshotItem *item, gint64 now);

/* One line: "Today, 14:05 · with memory · 240 MB". Of the present: how the machine is, and since when it changed. */
char *lodge_snapshot_text_facts   (LodgeSnapshotItem *item, LodgeSnapshotList *list, gint64 now);

/* The whole row as a screen reader says it. */
char *lodge_snapshot_text_spoken  (LodgeSnapshotItem *item, LodgeSnapshotList *list, gint64 now);

/* What going to another state would take away: "41 minutes of changes"; %NULL when nothing changed since a snapshot. */
char *lodge_snapshot_text_loss    (LodgeSnapshotList *list, gint64 now);

/* For the card: "3 snapshots, 240 MB". */
char *lodge_snapshot_text_summary (LodgeSnapshotList *list);

/* Why memory cannot be kept: sentences for the "reasons" of Machine.Forecast, with what helps; a general one for none. */
char *lodge_snapshot_text_reasons (const char *const *reasons);

G_END_DECLS
