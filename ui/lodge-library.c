/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-library.h"

struct _LodgeLibrary
{
  GObject parent_instance;

  GListStore *machines;      /* (owned) of LodgeMachineItem */
  GListStore *jobs;          /* (owned) of LodgeIpcJob */
  GHashTable *by_path;       /* (owned) object path → item, both of the store */
  LodgeIpcCore *core;        /* (owned) (nullable) */
  GVariant *host;            /* (owned) (nullable) the last known Host */
  LodgeLibraryStatus status;
  GError *error;             /* (owned) (nullable) */
};

static guint changed_signal;

G_DEFINE_FINAL_TYPE (LodgeLibrary, lodge_library, G_TYPE_OBJECT)

static void
read_host (LodgeLibrary *self)
{
  GVariant *host = self->core != NULL ? lodge_ipc_core_get_host (self->core) : NULL;

  if (host == NULL)
    return;
  g_clear_pointer (&self->host, g_variant_unref);
  self->host = g_variant_ref (host);
}

static void
core_properties_changed_cb (LodgeLibrary *self)
{
  read_host (self);
  g_signal_emit (self, changed_signal, 0);
}

static void
drop_core (LodgeLibrary *self)
{
  if (self->core != NULL)
    g_signal_handlers_disconnect_by_data (self->core, self);
  g_clear_object (&self->core);
}

static void
lodge_library_finalize (GObject *object)
{
  LodgeLibrary *self = LODGE_LIBRARY (object);

  drop_core (self);
  g_clear_pointer (&self->by_path, g_hash_table_unref);
  g_clear_object (&self->machines);
  g_clear_object (&self->jobs);
  g_clear_pointer (&self->host, g_variant_unref);
  g_clear_error (&self->error);

  G_OBJECT_CLASS (lodge_library_parent_class)->finalize (object);
}

static void
lodge_library_class_init (LodgeLibraryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_library_finalize;

  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 0);
}

static void
lodge_library_init (LodgeLibrary *self)
{
  self->machines = g_list_store_new (LODGE_TYPE_MACHINE_ITEM);
  self->jobs = g_list_store_new (LODGE_IPC_TYPE_JOB);
  self->by_path = g_hash_table_new (g_str_hash, g_str_equal);
}

LodgeLibrary *
lodge_library_new (void)
{
  return g_object_new (LODGE_TYPE_LIBRARY, NULL);
}

GListModel *
lodge_library_get_machines (LodgeLibrary *self)
{
  return G_LIST_MODEL (self->machines);
}

LodgeMachineItem *
lodge_library_find (LodgeLibrary *self, const char *object_path)
{
  return g_hash_table_lookup (self->by_path, object_path);
}

void
lodge_library_add (LodgeLibrary *self, GPtrArray *items)
{
  for (guint i = 0; i < items->len; i++)
    g_hash_table_insert (self->by_path, (gpointer) lodge_machine_item_get_object_path (items->pdata[i]),
                         items->pdata[i]);
  g_list_store_splice (self->machines, g_list_model_get_n_items (G_LIST_MODEL (self->machines)), 0, items->pdata,
                       items->len);
}

void
lodge_library_remove (LodgeLibrary *self, const char *object_path)
{
  LodgeMachineItem *item = lodge_library_find (self, object_path);
  guint position;

  if (item == NULL)
    return;
  g_hash_table_remove (self->by_path, object_path);
  if (g_list_store_find (self->machines, item, &position))
    g_list_store_remove (self->machines, position);
}

GListModel *
lodge_library_get_jobs (LodgeLibrary *self)
{
  return G_LIST_MODEL (self->jobs);
}

void
lodge_library_add_job (LodgeLibrary *self, LodgeIpcJob *job)
{
  lodge_library_remove_job (self, g_dbus_proxy_get_object_path (G_DBUS_PROXY (job)));
  g_list_store_append (self->jobs, job);
}

void
lodge_library_remove_job (LodgeLibrary *self, const char *object_path)
{
  for (guint i = g_list_model_get_n_items (G_LIST_MODEL (self->jobs)); i > 0; i--)
    {
      g_autoptr (GDBusProxy) job = g_list_model_get_item (G_LIST_MODEL (self->jobs), i - 1);

      if (object_path == NULL || g_str_equal (g_dbus_proxy_get_object_path (job), object_path))
        g_list_store_remove (self->jobs, i - 1);
    }
}

LodgeIpcCore *
lodge_library_get_core (LodgeLibrary *self)
{
  return self->core;
}

LodgeLibraryStatus
lodge_library_get_status (LodgeLibrary *self)
{
  return self->status;
}

const GError *
lodge_library_get_error (LodgeLibrary *self)
{
  return self->error;
}

void
lodge_library_set_status (LodgeLibrary *self, LodgeLibraryStatus status, LodgeIpcCore *core, const GError *error)
{
  self->status = status;
  g_clear_error (&self->error);
  if (error != NULL)
    self->error = g_error_copy (error);

  if (core != self->core)
    {
      drop_core (self);
      if (core != NULL)
        {
          self->core = g_object_ref (core);
          g_signal_connect_swapped (core, "g-properties-changed", G_CALLBACK (core_properties_changed_cb), self);
          read_host (self);
        }
    }
  g_signal_emit (self, changed_signal, 0);
}

gboolean
lodge_library_has_feature (LodgeLibrary *self, const char *feature)
{
  const char *const *features = self->core != NULL ? lodge_ipc_core_get_features (self->core) : NULL;

  return features != NULL && g_strv_contains (features, feature);
}

const char *
lodge_library_host_string (LodgeLibrary *self, const char *key, const char *fallback)
{
  const char *value;

  return self->host != NULL && g_variant_lookup (self->host, key, "&s", &value) ? value : fallback;
}

const char *
lodge_library_host_first (LodgeLibrary *self, const char *key, const char *fallback)
{
  g_autoptr (GVariant) list = NULL;
  const char *first;

  if (self->host == NULL)
    return fallback;
  list = g_variant_lookup_value (self->host, key, G_VARIANT_TYPE_STRING_ARRAY);
  if (list == NULL || g_variant_n_children (list) == 0)
    return fallback;

  /* The words lie in the dictionary's own data, which outlives this view of it. */
  g_variant_get_child (list, 0, "&s", &first);
  return first;
}

guint64
lodge_library_host_uint (LodgeLibrary *self, const char *key, guint64 fallback)
{
  guint64 wide;
  guint32 narrow;

  if (self->host == NULL)
    return fallback;
  if (g_variant_lookup (self->host, key, "t", &wide))
    return wide;
  if (g_variant_lookup (self->host, key, "u", &narrow))
    return narrow;
  return fallback;
}
