/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"
#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * LodgeSnapshotPage:
 *
 * The snapshots of a machine as a tree, and what can be done with the selected one. Its actions: snapshot.take, and for the
 * selected row restore, restore-disks, edit, delete, disposable, clone.
 *
 * Signal "open" (object path): a machine was made from a snapshot and runs; its console is wanted.
 */
#define LODGE_TYPE_SNAPSHOT_PAGE (lodge_snapshot_page_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSnapshotPage, lodge_snapshot_page, LODGE, SNAPSHOT_PAGE, AdwBin)

/* @list: (nullable): of the machine to be shown */
void lodge_snapshot_page_set_list (LodgeSnapshotPage *self, LodgeLibrary *library, LodgeSnapshotList *list);

/* Keys go to the tree, or to the one button there is. */
void lodge_snapshot_page_focus    (LodgeSnapshotPage *self);

G_END_DECLS
