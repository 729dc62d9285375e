/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * lodge_snapshot_take:
 * @from: where its end is told, by a toast with Rename
 *
 * Takes a snapshot at once, named by its time. Where the memory cannot be kept the reason is told, and the disks alone
 * are offered.
 */
void lodge_snapshot_take (GtkWidget *from, LodgeMachineItem *machine);

G_END_DECLS
