/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-list.h"

#include "core/ipc/lodge-error.h"
#include "ui/lodge-snapshot-tree.h"

/* A core that says more is not believed. */
#define MAX_SNAPSHOTS 10000u

struct _LodgeSnapshotList
{
  GObject parent_instance;

  LodgeMachineItem *machine;  /* (owned) */
  LodgeIpcMachine *proxy;     /* (owned) (nullable) the one whose signal is heard */
  GListStore *rows;           /* (owned) of LodgeSnapshotItem */
  GHashTable *by_id;          /* (owned) id → LodgeSnapshotItem, owned */
  LodgeSnapshotItem *present; /* (owned) */
  GCancellable *cancellable;  /* (owned) */
  gboolean loaded;
  gboolean loading;
  gboolean again;             /* something changed while the core was asked */
};

static guint changed_signal;

G_DEFINE_FINAL_TYPE (LodgeSnapshotList, lodge_snapshot_list, G_TYPE_OBJECT)

static void reload (LodgeSnapshotList *self);

static gboolean
same_rows (LodgeSnapshotList *self, GPtrArray *rows)
{
  if (g_list_model_get_n_items (G_LIST_MODEL (self->rows)) != rows->len)
    return FALSE;
  for (guint i = 0; i < rows->len; i++)
    {
      g_autoptr (LodgeSnapshotItem) item = g_list_model_get_item (G_LIST_MODEL (self->rows), i);

      if (item != rows->pdata[i])
        return FALSE;
    }
  return TRUE;
}

/* @facts: aa{sv} */
static void
take_answer (LodgeSnapshotList *self, GVariant *facts)
{
  g_autoptr (GHashTable) old = g_steal_pointer (&self->by_id);
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  g_autoptr (GPtrArray) rows = NULL;
  const char *current = "";
  gsize n = MIN (g_variant_n_children (facts), MAX_SNAPSHOTS);

  self->by_id = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (facts, i);
      LodgeSnapshotItem *item;
      const char *id = "";

      g_variant_lookup (entry, "id", "&s", &id);
      if (*id == '\0' || g_hash_table_contains (self->by_id, id))
        continue;
      item = g_hash_table_lookup (old, id);
      item = item != NULL ? g_object_ref (item) : lodge_snapshot_item_new (id);
      lodge_snapshot_item_update (item, entry);
      g_hash_table_insert (self->by_id, (gpointer) lodge_snapshot_item_get_id (item), item);
      g_ptr_array_add (items, item);
      if (lodge_snapshot_item_is_current (item))
        current = lodge_snapshot_item_get_id (item);
    }

  lodge_snapshot_item_set_parent (self->present, current);
  if (items->len > 0)
    g_ptr_array_add (items, self->present);
  rows = lodge_snapshot_tree_arrange (items);
  if (!same_rows (self, rows))
    g_list_store_splice (self->rows, 0, g_list_model_get_n_items (G_LIST_MODEL (self->rows)), rows->pdata, rows->len);
  lodge_snapshot_item_touch (self->present);
  self->loaded = TRUE;
  g_signal_emit (self, changed_signal, 0);
}

static void
listed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  LodgeSnapshotList *self = g_task_get_source_object (task);
  g_autoptr (GVariant) facts = NULL;
  GError *error = NULL;

  if (!lodge_ipc_machine_call_list_snapshots_finish (LODGE_IPC_MACHINE (source), &facts, result, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  take_answer (self, facts);
  g_task_return_boolean (task, TRUE);
}

void
lodge_snapshot_list_reload_async (LodgeSnapshotList *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, self->cancellable, callback, user_data);

  g_task_set_source_tag (task, lodge_snapshot_list_reload_async);
  if (self->proxy == NULL)
    g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_CORE_GONE, "the core is gone");
  else
    lodge_ipc_machine_call_list_snapshots (self->proxy, g_variant_new ("a{sv}", NULL), self->cancellable, listed_cb,
                                           g_steal_pointer (&task));
}

gboolean
lodge_snapshot_list_reload_finish (LodgeSnapshotList *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
reloaded_cb (GObject *source, GAsyncResult *result, gpointer unused)
{
  LodgeSnapshotList *self = LODGE_SNAPSHOT_LIST (source);
  g_autoptr (GError) error = NULL;

  self->loading = FALSE;
  /* What is known stays; the next change is another chance. */
  if (!lodge_snapshot_list_reload_finish (self, result, &error))
    g_debug ("snapshots: %s", error->message);
  if (self->again)
    reload (self);
}

/* One question at a time: of many changes in a row the last counts. */
static void
reload (LodgeSnapshotList *self)
{
  self->again = self->loading;
  if (self->loading || g_cancellable_is_cancelled (self->cancellable))
    return;
  self->loading = TRUE;
  lodge_snapshot_list_reload_async (self, reloaded_cb, NULL);
}

static void
drop_proxy (LodgeSnapshotList *self)
{
  if (self->proxy != NULL)
    g_signal_handlers_disconnect_by_data (self->proxy, self);
  g_clear_object (&self->proxy);
}

static void
machine_changed_cb (LodgeSnapshotList *self)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (self->machine);

  if (proxy != self->proxy)
    {
      drop_proxy (self);
      if (proxy != NULL)
        {
          self->proxy = g_object_ref (proxy);
          g_signal_connect_swapped (proxy, "snapshots-changed", G_CALLBACK (reload), self);
          reload (self);
        }
    }
  lodge_snapshot_item_touch (self->present);
  g_signal_emit (self, changed_signal, 0);
}

static void
lodge_snapshot_list_dispose (GObject *object)
{
  LodgeSnapshotList *self = LODGE_SNAPSHOT_LIST (object);

  g_cancellable_cancel (self->cancellable);
  drop_proxy (self);

  G_OBJECT_CLASS (lodge_snapshot_list_parent_class)->dispose (object);
}

static void
lodge_snapshot_list_finalize (GObject *object)
{
  LodgeSnapshotList *self = LODGE_SNAPSHOT_LIST (object);

  g_clear_object (&self->machine);
  g_clear_object (&self->rows);
  g_clear_object (&self->present);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->by_id, g_hash_table_unref);

  G_OBJECT_CLASS (lodge_snapshot_list_parent_class)->finalize (object);
}

static void
lodge_snapshot_list_class_init (LodgeSnapshotListClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_snapshot_list_dispose;
  object_class->finalize = lodge_snapshot_list_finalize;

  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
lodge_snapshot_list_init (LodgeSnapshotList *self)
{
  self->rows = g_list_store_new (LODGE_TYPE_SNAPSHOT_ITEM);
  self->by_id = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
  self->present = lodge_snapshot_item_new ("");
  self->cancellable = g_cancellable_new ();
}

LodgeSnapshotList *
lodge_snapshot_list_new (LodgeMachineItem *machine)
{
  LodgeSnapshotList *self = g_object_new (LODGE_TYPE_SNAPSHOT_LIST, NULL);

  self->machine = g_object_ref (machine);
  g_signal_connect_object (machine, "changed", G_CALLBACK (machine_changed_cb), self, G_CONNECT_SWAPPED);
  machine_changed_cb (self);
  return self;
}

LodgeMachineItem *
lodge_snapshot_list_get_machine (LodgeSnapshotList *self)
{
  return self->machine;
}

GListModel *
lodge_snapshot_list_get_rows (LodgeSnapshotList *self)
{
  return G_LIST_MODEL (self->rows);
}

gboolean
lodge_snapshot_list_is_loaded (LodgeSnapshotList *self)
{
  return self->loaded;
}

guint
lodge_snapshot_list_get_n (LodgeSnapshotList *self)
{
  return g_hash_table_size (self->by_id);
}

guint64
lodge_snapshot_list_get_size (LodgeSnapshotList *self)
{
  GHashTableIter iter;
  gpointer item;
  guint64 size = 0;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &item))
    size += lodge_snapshot_item_get_size (item);
  return size;
}

LodgeSnapshotItem *
lodge_snapshot_list_find (LodgeSnapshotList *self, const char *id)
{
  return g_hash_table_lookup (self->by_id, id);
}

LodgeSnapshotItem *
lodge_snapshot_list_get_current (LodgeSnapshotList *self)
{
  return lodge_snapshot_list_find (self, lodge_snapshot_item_get_parent (self->present));
}

LodgeSnapshotItem *
lodge_snapshot_list_get_newest (LodgeSnapshotList *self)
{
  GHashTableIter iter;
  gpointer item;
  LodgeSnapshotItem *newest = NULL;

  g_hash_table_iter_init (&iter, self->by_id);
  while (g_hash_table_iter_next (&iter, NULL, &item))
    if (newest == NULL || lodge_snapshot_item_get_created (item) > lodge_snapshot_item_get_created (newest))
      newest = item;
  return newest;
}
