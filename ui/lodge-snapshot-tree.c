/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A branch is the way from one item down to where it leaves another branch. Its newest item is found by following the main
 * child of each: the one that leads to the present, else the one whose descendants are newest. Then the rows are written
 * from there back: before each item those other branches that leave it, one lane further to the right each, whose lines
 * join the item's lane in its row. While a branch is written, the lanes left of it pass by.
 *
 *      you are here      0 |
 *      after the update  0 |
 *        experiment      0 | 1 |
 *      before            0 |/
 */

#include "config.h"

#include "ui/lodge-snapshot-tree.h"

typedef struct Node Node;

struct Node
{
  LodgeSnapshotItem *item; /* (unowned) */
  Node *parent;            /* (unowned) (nullable) */
  GPtrArray *children;     /* (owned) of Node, not owned; the main one first */
  gint64 newest;           /* time of the newest of its descendants */
  gboolean present;        /* the present is among them */
  guint waiting;           /* children whose newest is not known yet */
  gboolean reached;
};

static void
node_free (gpointer data)
{
  Node *node = data;

  g_ptr_array_unref (node->children);
  g_free (node);
}

static int
compare_nodes (gconstpointer a, gconstpointer b)
{
  const Node *first = *(Node *const *) a;
  const Node *second = *(Node *const *) b;

  if (first->present != second->present)
    return first->present ? -1 : 1;
  if (first->newest != second->newest)
    return first->newest > second->newest ? -1 : 1;
  return g_strcmp0 (lodge_snapshot_item_get_id (first->item), lodge_snapshot_item_get_id (second->item));
}

static guint32
lane_bit (guint lane)
{
  return 1u << MIN (lane, LODGE_SNAPSHOT_LANES - 1);
}

static void write_branch (Node *first, guint lane, guint32 passing, GPtrArray *rows);

static void
write_row (Node *node, guint lane, guint32 passing, GPtrArray *rows)
{
  LodgeSnapshotPlace place = { .lane = MIN (lane, LODGE_SNAPSHOT_LANES - 1) };
  guint32 beside = passing | lane_bit (lane);

  for (guint i = 1; i < node->children->len; i++)
    {
      write_branch (node->children->pdata[i], lane + i, beside, rows);
      place.joining |= lane_bit (lane + i);
      beside |= lane_bit (lane + i);
    }
  place.joining &= ~lane_bit (lane);
  place.passing = passing & ~lane_bit (lane);
  place.above = node->children->len > 0;
  place.below = node->parent != NULL;
  lodge_snapshot_item_set_place (node->item, &place);
  g_ptr_array_add (rows, g_object_ref (node->item));
}

static void
write_branch (Node *first, guint lane, guint32 passing, GPtrArray *rows)
{
  Node *node = first;

  while (node->children->len > 0)
    node = node->children->pdata[0];
  for (;; node = node->parent)
    {
      write_row (node, lane, passing, rows);
      if (node == first)
        return;
    }
}

/* From the leaves to the roots: what is in a circle is never reached. */
static void
find_newest (GPtrArray *nodes)
{
  g_autoptr (GPtrArray) ready = g_ptr_array_new ();

  for (guint i = 0; i < nodes->len; i++)
    if (((Node *) nodes->pdata[i])->waiting == 0)
      g_ptr_array_add (ready, nodes->pdata[i]);

  while (ready->len > 0)
    {
      Node *node = g_ptr_array_steal_index_fast (ready, ready->len - 1);

      node->reached = TRUE;
      g_ptr_array_sort (node->children, compare_nodes);
      if (node->parent == NULL)
        continue;
      node->parent->newest = MAX (node->parent->newest, node->newest);
      node->parent->present = node->parent->present || node->present;
      if (--node->parent->waiting == 0)
        g_ptr_array_add (ready, node->parent);
    }
}

GPtrArray *
lodge_snapshot_tree_arrange (GPtrArray *items)
{
  g_autoptr (GHashTable) by_id = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) nodes = g_ptr_array_new_with_free_func (node_free);
  g_autoptr (GPtrArray) roots = g_ptr_array_new ();
  GPtrArray *rows = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < items->len; i++)
    {
      Node *node = g_new0 (Node, 1);

      node->item = items->pdata[i];
      node->children = g_ptr_array_new ();
      node->present = lodge_snapshot_item_is_present (node->item);
      node->newest = node->present ? G_MAXINT64 : lodge_snapshot_item_get_created (node->item);
      g_ptr_array_add (nodes, node);
      if (!node->present)
        g_hash_table_insert (by_id, (gpointer) lodge_snapshot_item_get_id (node->item), node);
    }
  for (guint i = 0; i < nodes->len; i++)
    {
      Node *node = nodes->pdata[i];
      Node *parent = g_hash_table_lookup (by_id, lodge_snapshot_item_get_parent (node->item));

      if (parent == NULL)
        continue;
      node->parent = parent;
      parent->waiting++;
      g_ptr_array_add (parent->children, node);
    }

  find_newest (nodes);
  for (guint i = 0; i < nodes->len; i++)
    {
      Node *node = nodes->pdata[i];

      /* Part of a circle, or below one: it stands alone. */
      if (!node->reached)
        {
          g_ptr_array_set_size (node->children, 0);
          node->parent = NULL;
          node->newest = lodge_snapshot_item_get_created (node->item);
        }
      else if (node->parent != NULL && !node->parent->reached)
        node->parent = NULL;
      if (node->parent == NULL)
        g_ptr_array_add (roots, node);
    }
  g_ptr_array_sort (roots, compare_nodes);
  for (guint i = 0; i < roots->len; i++)
    write_branch (roots->pdata[i], 0, 0, rows);
  return rows;
}
