/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-snapshot-item.h"

G_BEGIN_DECLS

/**
 * lodge_snapshot_tree_arrange:
 * @items: of #LodgeSnapshotItem, the present among them, in any order
 *
 * Puts them into the order of their rows, newest above, each branch in one piece, and gives each its place. The way from
 * the present to its oldest ancestor is straight in the first lane; other branches lie to the right of it, just above
 * what they come from. Whatever @items say, each is in the result once: parents that are not there make an item a root,
 * and so does a circle.
 *
 * Returns: (transfer full): the same items, with references
 */
GPtrArray *lodge_snapshot_tree_arrange (GPtrArray *items);

G_END_DECLS
