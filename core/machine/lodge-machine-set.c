/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-machine-set.h"

#include "core/machine/lodge-machine-family.h"
#include "core/machine/lodge-spare.h"
#include "core/storage/lodge-disk-intent.h"
#include "core/qemu/lodge-process-tree.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHORTEST_ID 4

struct _LodgeMachineSet
{
  GObject parent_instance;

  LodgeEngine *engine;  /* (owned) */
  GHashTable *machines; /* (element-type utf8 LodgeMachine) by id */
  GTask *load;          /* (owned) (nullable) the load that waits for adoptions */
  guint adopting;
};

G_DEFINE_FINAL_TYPE (LodgeMachineSet, lodge_machine_set, G_TYPE_OBJECT)

enum { ADDED, REMOVED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
vanished_cb (LodgeMachine *machine, LodgeMachineSet *self)
{
  g_autoptr (LodgeMachine) kept = g_object_ref (machine);

  if (g_hash_table_remove (self->machines, lodge_machine_get_id (machine)))
    {
      g_signal_handlers_disconnect_by_data (machine, self);
      g_signal_emit (self, signals[REMOVED], 0, kept);
    }
}

/* @machine: taken */
static LodgeMachine *
insert (LodgeMachineSet *self, LodgeMachine *machine)
{
  g_hash_table_insert (self->machines, g_strdup (lodge_machine_get_id (machine)), machine);
  g_signal_connect (machine, "vanished", G_CALLBACK (vanished_cb), self);
  return machine;
}

static LodgeMachine *
add_machine (LodgeMachineSet *self, const char *id, LodgeStoreEntry *entry)
{
  return insert (self, lodge_machine_new (self->engine, id, entry));
}

static void
entry_added_cb (LodgeStore *store, LodgeStoreEntry *entry, LodgeMachineSet *self)
{
  LodgeMachine *machine = g_hash_table_lookup (self->machines, entry->id);

  if (machine != NULL)
    lodge_machine_set_entry (machine, entry);
  else if ((machine = lodge_spare_bring (self->engine, entry)) != NULL)
    g_signal_emit (self, signals[ADDED], 0, insert (self, machine));
  else
    g_signal_emit (self, signals[ADDED], 0, add_machine (self, entry->id, entry));
}

static void
entry_changed_cb (LodgeStore *store, LodgeStoreEntry *entry, LodgeMachineSet *self)
{
  LodgeMachine *machine = g_hash_table_lookup (self->machines, entry->id);

  if (machine != NULL)
    lodge_machine_set_entry (machine, entry);
}

static void
entry_removed_cb (LodgeStore *store, const char *id, LodgeMachineSet *self)
{
  LodgeMachine *machine = g_hash_table_lookup (self->machines, id);

  if (machine != NULL)
    lodge_machine_set_entry (machine, NULL);
}

/* The resident memory of a process and of what it started: bubblewrap stands around QEMU, twice. */
static guint64
resident_of (guint pid, guint depth)
{
  g_autofree char *statm = g_strdup_printf ("/proc/%u/statm", pid);
  g_autofree char *text = NULL;
  unsigned long pages = 0;
  guint64 resident;

  if (!g_file_get_contents (statm, &text, NULL, NULL) || sscanf (text, "%*u %lu", &pages) != 1)
    return 0;
  resident = (guint64) pages * (guint64) sysconf (_SC_PAGESIZE);
  if (depth > 0)
    {
      g_autoptr (GArray) children = lodge_process_list_children (LODGE_PROC, (GPid) pid);

      for (guint i = 0; i < MIN (children->len, 8); i++)
        resident += resident_of ((guint) g_array_index (children, GPid, i), depth - 1);
    }
  return resident;
}

static gint64
promised_cb (gpointer data, const char *except)
{
  LodgeMachineSet *self = data;
  GHashTableIter iter;
  gpointer machine;
  gint64 promised = 0;

  g_hash_table_iter_init (&iter, self->machines);
  while (g_hash_table_iter_next (&iter, NULL, &machine))
    if (lodge_machine_has_guest (machine))
      {
        g_autoptr (GVariant) settings = g_variant_ref_sink (lodge_machine_get_settings (machine));
        g_autoptr (GVariant) effective = g_variant_ref_sink (lodge_machine_get_effective (machine));
        guint64 memory = 0, resident;
        guint32 pid = 0;

        g_variant_lookup (settings, "memory", "t", &memory);
        g_variant_lookup (effective, "pid", "u", &pid);
        resident = pid != 0 ? resident_of (pid, 3) : 0;
        if (g_strcmp0 (lodge_machine_get_id (machine), except) == 0)
          promised -= (gint64) resident;
        else
          promised += memory > resident ? (gint64) (memory - resident) : 0;
      }
  return promised;
}

static void
lodge_machine_set_dispose (GObject *object)
{
  LodgeMachineSet *self = LODGE_MACHINE_SET (object);
  GHashTableIter iter;
  gpointer machine;

  g_signal_handlers_disconnect_by_data (lodge_engine_get_store (self->engine), self);
  lodge_engine_set_promised (self->engine, NULL, NULL);
  g_hash_table_iter_init (&iter, self->machines);
  while (g_hash_table_iter_next (&iter, NULL, &machine))
    g_signal_handlers_disconnect_by_data (machine, self);
  g_hash_table_remove_all (self->machines);

  G_OBJECT_CLASS (lodge_machine_set_parent_class)->dispose (object);
}

static void
lodge_machine_set_finalize (GObject *object)
{
  LodgeMachineSet *self = LODGE_MACHINE_SET (object);

  g_hash_table_unref (self->machines);
  g_object_unref (self->engine);

  G_OBJECT_CLASS (lodge_machine_set_parent_class)->finalize (object);
}

static void
lodge_machine_set_class_init (LodgeMachineSetClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_machine_set_dispose;
  object_class->finalize = lodge_machine_set_finalize;
  signals[ADDED] = g_signal_new ("added", LODGE_TYPE_MACHINE_SET, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 1, LODGE_TYPE_MACHINE);
  signals[REMOVED] = g_signal_new ("removed", LODGE_TYPE_MACHINE_SET, G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 1, LODGE_TYPE_MACHINE);
}

static void
lodge_machine_set_init (LodgeMachineSet *self)
{
  self->machines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
}

LodgeMachineSet *
lodge_machine_set_new (LodgeEngine *engine)
{
  LodgeMachineSet *self = g_object_new (LODGE_TYPE_MACHINE_SET, NULL);
  LodgeStore *store = lodge_engine_get_store (engine);

  self->engine = g_object_ref (engine);
  g_signal_connect (store, "added", G_CALLBACK (entry_added_cb), self);
  g_signal_connect (store, "changed", G_CALLBACK (entry_changed_cb), self);
  g_signal_connect (store, "removed", G_CALLBACK (entry_removed_cb), self);
  lodge_engine_set_promised (engine, promised_cb, self);
  return self;
}

static void
loaded (LodgeMachineSet *self)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->load);
  g_autoptr (GList) machines = lodge_machine_set_list (self);

  /* The table changes while disposable ones go. */
  for (GList *item = machines; item != NULL; item = item->next)
    g_object_ref (item->data);
  for (GList *item = machines; item != NULL; item = item->next)
    {
      lodge_machine_tidy (item->data);
      /* All guests that run are known: a disposable machine without one is of a core that was killed. */
      lodge_machine_discard_if_over (item->data);
      g_object_unref (item->data);
    }
  g_task_return_boolean (task, TRUE);
}

static void
adopted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeMachineSet) self = data;
  LodgeMachine *machine = LODGE_MACHINE (source);
  g_autoptr (GError) error = NULL;

  /* It died between the look at its record and now: as if it had never been there. */
  if (!lodge_machine_adopt_finish (machine, result, &error))
    {
      g_debug ("%s: not adopted: %s", lodge_machine_get_id (machine), error->message);
      if (lodge_store_lookup (lodge_engine_get_store (self->engine), lodge_machine_get_id (machine)) == NULL)
        vanished_cb (machine, self);
    }

  if (--self->adopting == 0 && self->load != NULL)
    loaded (self);
}

void
lodge_machine_set_load_async (LodgeMachineSet *self, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  g_autoptr (GPtrArray) records = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_set_load_async);
  if (!lodge_store_load (lodge_engine_get_store (self->engine), &error))
    {
      g_task_return_error (task, error);
      return;
    }
  entries = lodge_store_list (lodge_engine_get_store (self->engine));
  for (guint i = 0; i < entries->len; i++)
    {
      LodgeStoreEntry *entry = g_ptr_array_index (entries, i);

      lodge_machine_recover_layers (entry->folder);
      lodge_disk_intent_recover (entry->folder, lodge_engine_get_paths (self->engine)->trash_dir);
      if (!g_hash_table_contains (self->machines, entry->id))
        entry_added_cb (NULL, entry, self);
    }

  records = lodge_runtime_dir_scan (lodge_engine_get_paths (self->engine)->runtime_dir);
  g_ptr_array_set_free_func (records, NULL);
  self->adopting = 1;
  for (guint i = 0; i < records->len; i++)
    {
      LodgeRuntimeRecord *record = g_ptr_array_index (records, i);
      LodgeMachine *machine = g_hash_table_lookup (self->machines, record->id);

      if (record->ahead)
        {
          lodge_spare_end (record);
          lodge_runtime_record_free (record);
          continue;
        }
      if (machine != NULL && lodge_machine_has_guest (machine))
        {
          lodge_runtime_record_free (record);
          continue;
        }
      if (machine == NULL)
        {
          machine = add_machine (self, record->id, NULL);
          g_signal_emit (self, signals[ADDED], 0, machine);
        }
      self->adopting++;
      lodge_machine_adopt_async (machine, record, cancellable, adopted_cb, g_object_ref (self));
    }

  self->load = g_steal_pointer (&task);
  if (--self->adopting == 0)
    loaded (self);
}

gboolean
lodge_machine_set_load_finish (LodgeMachineSet *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

LodgeMachine *
lodge_machine_set_lookup (LodgeMachineSet *self, const char *id)
{
  return g_hash_table_lookup (self->machines, id);
}

/* The store knows the rest better: broken ones, names of folders, what is ambiguous. */
static LodgeMachine *
find_without_folder (LodgeMachineSet *self, const char *text)
{
  GHashTableIter iter;
  gpointer machine;

  g_hash_table_iter_init (&iter, self->machines);
  while (g_hash_table_iter_next (&iter, NULL, &machine))
    {
      const char *id = lodge_machine_get_id (machine);

      if (lodge_store_lookup (lodge_engine_get_store (self->engine), id) == NULL
          && (strcmp (lodge_machine_get_name (machine), text) == 0
              || (strlen (text) >= SHORTEST_ID && g_str_has_prefix (id, text))))
        return machine;
    }
  return NULL;
}

LodgeMachine *
lodge_machine_set_find (LodgeMachineSet *self, const char *text, GError **error)
{
  g_autoptr (GError) local = NULL;
  LodgeStoreEntry *entry = lodge_store_find (lodge_engine_get_store (self->engine), text, &local);
  LodgeMachine *machine = entry != NULL ? lodge_machine_set_lookup (self, entry->id) : NULL;

  if (machine == NULL && g_error_matches (local, LODGE_ERROR, LODGE_ERROR_NOT_FOUND))
    machine = find_without_folder (self, text);
  if (machine != NULL)
    return machine;
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  else
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "there is no such machine");
  return NULL;
}

GList *
lodge_machine_set_list (LodgeMachineSet *self)
{
  return g_hash_table_get_values (self->machines);
}

guint
lodge_machine_set_count_guests (LodgeMachineSet *self)
{
  GHashTableIter iter;
  gpointer machine;
  guint n = 0;

  g_hash_table_iter_init (&iter, self->machines);
  while (g_hash_table_iter_next (&iter, NULL, &machine))
    n += lodge_machine_has_guest (machine);
  return n;
}

void
lodge_machine_set_drop_spares (LodgeMachineSet *self)
{
  GHashTableIter iter;
  gpointer machine;

  g_hash_table_iter_init (&iter, self->machines);
  while (g_hash_table_iter_next (&iter, NULL, &machine))
    lodge_spare_drop (machine);
}
