/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/* A window for when snapshots are taken by themselves: how often, before each start, how long they are kept, and why the last
 * one was left out. @from: it belongs to its window. */
void  lodge_snapshot_schedule_present (GtkWidget *from, LodgeSnapshotList *list);

/* Returns: (transfer full): one line: "Off", "Every 30 minutes; next: Today, 14:30", or why the last one was left out */
char *lodge_snapshot_schedule_text    (LodgeSnapshotList *list);

G_END_DECLS
