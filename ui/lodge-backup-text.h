/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/* The words for backups. All translated, all (transfer full). @facts: an entry of Core1.ListBackups; @now: seconds since the
 * epoch. */

/* Its time, "Today, 14:05"; @named: with the name of its machine before it. Of one that cannot be used: that. */
char *lodge_backup_text_title   (GVariant *facts, gboolean named, gint64 now);

/* One line: "20 GB, of which 310 MB were new · machine was off · found whole today, 15:00"; why it cannot be used. */
char *lodge_backup_text_facts   (GVariant *facts, gint64 now);

/* What restoring @item in place would take away: "changes since Today, 14:05"; %NULL when it was not started since. */
char *lodge_backup_text_loss    (GVariant *facts, LodgeMachineItem *item, gint64 now);

/* For the card: how often, into which folder, when last. */
char *lodge_backup_text_summary (LodgeMachineItem *item, gint64 now);

/* Returns: (nullable): why the last thing that was to be done by itself, @what "snapshot" or "backup", was not, what to do, and
 * when it is tried again. */
char *lodge_backup_text_trouble (LodgeMachineItem *item, const char *what, gint64 now);

/* The error of a call with the folder at @path. */
char *lodge_backup_text_error   (const GError *error, const char *path);

G_END_DECLS
