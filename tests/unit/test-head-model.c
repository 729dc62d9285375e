/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-head-model.h"

/* So that a list is cut after 20. */
#define ROW_HEIGHT 60
#define HEAD 21u

/* What whoever listens to a list knows of it, from its signals alone. */
typedef struct
{
  GListModel *list;
  GPtrArray *items; /* of GObject, not owned */
  guint changes;
  guint reselected;
} Listener;

static void
changed_cb (GListModel *list, guint position, guint removed, guint added, Listener *listener)
{
  listener->changes++;
  g_assert_cmpuint (position + removed, <=, listener->items->len);
  if (removed > 0)
    g_ptr_array_remove_range (listener->items, position, removed);
  for (guint i = position; i < position + added; i++)
    {
      g_autoptr (GObject) item = g_list_model_get_item (list, i);

      g_assert_nonnull (item);
      g_ptr_array_insert (listener->items, (int) i, item);
    }
}

static void
selection_changed_cb (GtkSelectionModel *list, guint position, guint n_items, Listener *listener)
{
  listener->reselected++;
  g_assert_cmpuint (n_items, >, 0);
  g_assert_cmpuint (position + n_items, <=, g_list_model_get_n_items (listener->list));
}

static void
assert_true_to (Listener *listener, GListModel *source, guint n)
{
  g_assert_cmpuint (g_list_model_get_n_items (listener->list), ==, n);
  g_assert_cmpuint (listener->items->len, ==, n);
  g_assert_null (g_list_model_get_item (listener->list, n));
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GObject) item = g_list_model_get_item (source, i);

      g_assert_true (item == listener->items->pdata[i]);
    }
}

typedef struct
{
  GListStore *source;
  GtkSingleSelection *selection;
  LodgeHeadModel *head;
  Listener listener;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer unused)
{
  fixture->source = g_list_store_new (G_TYPE_OBJECT);
  fixture->selection = gtk_single_selection_new (G_LIST_MODEL (g_object_ref (fixture->source)));
  fixture->head = lodge_head_model_new (GTK_SELECTION_MODEL (fixture->selection), ROW_HEIGHT);
  fixture->listener.list = G_LIST_MODEL (fixture->head);
  fixture->listener.items = g_ptr_array_new ();
  g_signal_connect (fixture->head, "items-changed", G_CALLBACK (changed_cb), &fixture->listener);
  g_signal_connect (fixture->head, "selection-changed", G_CALLBACK (selection_changed_cb), &fixture->listener);
}

static void
tear_down (Fixture *fixture, gconstpointer unused)
{
  g_object_unref (fixture->head);
  g_object_unref (fixture->selection);
  g_object_unref (fixture->source);
  g_ptr_array_unref (fixture->listener.items);
}

static void
add (Fixture *fixture, guint position, guint n)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (items, g_object_new (G_TYPE_OBJECT, NULL));
  g_list_store_splice (fixture->source, position, 0, items->pdata, n);
}

static void
replace_all (Fixture *fixture, guint n, gboolean cut)
{
  lodge_head_model_hold (fixture->head);
  g_list_store_remove_all (fixture->source);
  add (fixture, 0, n);
  fixture->listener.changes = 0;
  lodge_head_model_release (fixture->head, cut);
}

/* Of a whole list each change is told as it is. */
static void
test_whole (Fixture *fixture, gconstpointer unused)
{
  add (fixture, 0, 10);
  add (fixture, 3, 4);
  g_list_store_remove (fixture->source, 13);
  g_assert_cmpuint (fixture->listener.changes, ==, 3);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), 13);
  g_assert_false (lodge_head_model_grow (fixture->head, 5));
  g_assert_cmpuint (fixture->listener.changes, ==, 3);
}

static void
test_cut (Fixture *fixture, gconstpointer unused)
{
  add (fixture, 0, 15);
  replace_all (fixture, 50, TRUE);
  g_assert_cmpuint (fixture->listener.changes, ==, 1);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), HEAD);
  g_assert_true (lodge_head_model_grow (fixture->head, 16));
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), HEAD + 16);

  /* Again, before all was there. */
  replace_all (fixture, 200, TRUE);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), HEAD);
  g_assert_true (lodge_head_model_grow (fixture->head, 100));
  g_assert_false (lodge_head_model_grow (fixture->head, G_MAXUINT));
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), 200);

  /* Nothing to cut, or nobody wants it. */
  replace_all (fixture, HEAD, TRUE);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), HEAD);
  g_assert_false (lodge_head_model_grow (fixture->head, 1));
  replace_all (fixture, 100, FALSE);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), 100);
}

/* A list that comes altogether is cut by itself; one that is there, and gets some more, is not. */
static void
test_comes (Fixture *fixture, gconstpointer unused)
{
  add (fixture, 0, 100);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), HEAD);
  g_assert_false (lodge_head_model_grow (fixture->head, G_MAXUINT));
  add (fixture, 50, 100);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), 200);
  g_list_store_remove_all (fixture->source);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), 0);
  add (fixture, 0, 1);
  add (fixture, 0, 100);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), HEAD);
}

/* A model may be there first. */
static void
test_is_there (Fixture *fixture, gconstpointer unused)
{
  g_autoptr (LodgeHeadModel) second = NULL;

  add (fixture, 0, 100);
  second = lodge_head_model_new (GTK_SELECTION_MODEL (fixture->selection), ROW_HEIGHT);
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (second)), ==, HEAD);
  g_assert_true (lodge_head_model_grow (second, 1));
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (second)), ==, HEAD + 1);
}

/* What is selected is not the list's affair that is cut. */
static void
test_selected (Fixture *fixture, gconstpointer unused)
{
  GtkSelectionModel *head = GTK_SELECTION_MODEL (fixture->head);
  g_autoptr (GObject) last = NULL;

  add (fixture, 0, 100);
  lodge_head_model_grow (fixture->head, G_MAXUINT);
  gtk_single_selection_set_selected (fixture->selection, 99);
  last = g_list_model_get_item (G_LIST_MODEL (fixture->source), 99);
  g_assert_true (gtk_selection_model_is_selected (head, 99));
  g_assert_cmpuint (fixture->listener.reselected, ==, 1);

  lodge_head_model_hold (fixture->head);
  g_list_store_splice (fixture->source, 0, 50, NULL, 0);
  lodge_head_model_release (fixture->head, TRUE);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), HEAD);
  g_assert_true (gtk_single_selection_get_selected_item (fixture->selection) == last);
  for (guint i = 0; i < HEAD; i++)
    g_assert_false (gtk_selection_model_is_selected (head, i));

  /* Of what happens beyond the cut nobody hears. */
  gtk_single_selection_set_selected (fixture->selection, 30);
  g_assert_cmpuint (fixture->listener.reselected, ==, 1);
  g_assert_true (gtk_selection_model_select_item (head, 3, TRUE));
  g_assert_cmpuint (gtk_single_selection_get_selected (fixture->selection), ==, 3);
  g_assert_cmpuint (fixture->listener.reselected, ==, 2);

  /* What is selected while changes are held is told after them. */
  lodge_head_model_hold (fixture->head);
  g_list_store_splice (fixture->source, 10, 40, NULL, 0);
  gtk_single_selection_set_selected (fixture->selection, 9);
  g_assert_cmpuint (fixture->listener.reselected, ==, 2);
  lodge_head_model_release (fixture->head, TRUE);
  g_assert_cmpuint (fixture->listener.reselected, ==, 3);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), 10);
  g_assert_true (gtk_selection_model_is_selected (head, 9));
}

/* A change while the list is cut shows all of it, wherever the change is. */
static void
test_changed_while_cut (Fixture *fixture, gconstpointer unused)
{
  for (guint position = 0; position <= 100; position += 10)
    {
      replace_all (fixture, 100, TRUE);
      assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), HEAD);
      add (fixture, position, 3);
      g_assert_cmpuint (fixture->listener.changes, ==, 2);
      assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), 103);
    }
  replace_all (fixture, 100, TRUE);
  g_list_store_splice (fixture->source, 10, 85, NULL, 0);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), 15);
}

/* Nothing happened between the two. */
static void
test_unchanged (Fixture *fixture, gconstpointer unused)
{
  add (fixture, 0, 50);
  lodge_head_model_grow (fixture->head, G_MAXUINT);
  fixture->listener.changes = 0;
  lodge_head_model_hold (fixture->head);
  lodge_head_model_release (fixture->head, TRUE);
  g_assert_cmpuint (fixture->listener.changes, ==, 0);
  assert_true_to (&fixture->listener, G_LIST_MODEL (fixture->source), 50);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);

  g_test_add ("/head-model/whole", Fixture, NULL, set_up, test_whole, tear_down);
  g_test_add ("/head-model/cut", Fixture, NULL, set_up, test_cut, tear_down);
  g_test_add ("/head-model/comes", Fixture, NULL, set_up, test_comes, tear_down);
  g_test_add ("/head-model/is-there", Fixture, NULL, set_up, test_is_there, tear_down);
  g_test_add ("/head-model/selected", Fixture, NULL, set_up, test_selected, tear_down);
  g_test_add ("/head-model/changed-while-cut", Fixture, NULL, set_up, test_changed_while_cut, tear_down);
  g_test_add ("/head-model/unchanged", Fixture, NULL, set_up, test_unchanged, tear_down);

  return g_test_run ();
}
