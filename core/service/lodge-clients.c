/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A filter sees every incoming call, also those that GDBus answers by itself (GetManagedObjects is
 * all that a window calls while it only looks on). The filter runs in GDBus' worker thread: it
 * compares with the last sender, which is nearly always the same, and hands on only new names. */

#include "core/service/lodge-clients.h"

#include <string.h>

struct _LodgeClients
{
  GObject parent_instance;

  GDBusConnection *connection; /* (owned) */
  GHashTable *watches;         /* (element-type utf8 guint) unique name -> name watch */
  guint filter_id;
};

G_DEFINE_FINAL_TYPE (LodgeClients, lodge_clients, G_TYPE_OBJECT)

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

typedef struct
{
  GWeakRef clients;
  GMutex lock;
  GHashTable *seen; /* (element-type utf8) names handed on; cleared when it grows large */
} Filter;

typedef struct
{
  LodgeClients *clients; /* (owned) (nullable) */
  char *sender;          /* (owned) */
} Arrival;

#define MAX_SEEN 256

static void
name_vanished_cb (GDBusConnection *connection, const char *name, gpointer data)
{
  LodgeClients *self = data;
  guint watch = GPOINTER_TO_UINT (g_hash_table_lookup (self->watches, name));

  if (watch == 0)
    return;
  g_hash_table_remove (self->watches, name);
  g_bus_unwatch_name (watch);
  g_signal_emit (self, signals[CHANGED], 0);
}

static gboolean
arrived_cb (gpointer data)
{
  Arrival *arrival = data;
  LodgeClients *self = arrival->clients;

  if (self->connection != NULL && !g_hash_table_contains (self->watches, arrival->sender))
    {
      guint watch = g_bus_watch_name_on_connection (self->connection, arrival->sender,
                                                    G_BUS_NAME_WATCHER_FLAGS_NONE, NULL,
                                                    name_vanished_cb, self, NULL);

      g_hash_table_insert (self->watches, g_strdup (arrival->sender), GUINT_TO_POINTER (watch));
      g_signal_emit (self, signals[CHANGED], 0);
    }
  return G_SOURCE_REMOVE;
}

static void
arrival_free (gpointer data)
{
  Arrival *arrival = data;

  g_object_unref (arrival->clients);
  g_free (arrival->sender);
  g_free (arrival);
}

static GDBusMessage *
filter_cb (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer data)
{
  Filter *filter = data;
  const char *sender = g_dbus_message_get_sender (message);
  gboolean known;

  if (!incoming || sender == NULL || sender[0] != ':'
      || g_dbus_message_get_message_type (message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL)
    return message;

  g_mutex_lock (&filter->lock);
  known = g_hash_table_contains (filter->seen, sender);
  if (!known)
    {
      if (g_hash_table_size (filter->seen) >= MAX_SEEN)
        g_hash_table_remove_all (filter->seen);
      g_hash_table_add (filter->seen, g_strdup (sender));
    }
  g_mutex_unlock (&filter->lock);

  if (!known)
    {
      LodgeClients *clients = g_weak_ref_get (&filter->clients);

      if (clients != NULL)
        {
          Arrival *arrival = g_new0 (Arrival, 1);

          arrival->clients = clients;
          arrival->sender = g_strdup (sender);
          g_idle_add_full (G_PRIORITY_HIGH, arrived_cb, arrival, arrival_free);
        }
    }
  return message;
}

static void
filter_free (gpointer data)
{
  Filter *filter = data;

  g_weak_ref_clear (&filter->clients);
  g_mutex_clear (&filter->lock);
  g_hash_table_unref (filter->seen);
  g_free (filter);
}

static void
lodge_clients_dispose (GObject *object)
{
  LodgeClients *self = LODGE_CLIENTS (object);
  GHashTableIter iter;
  gpointer watch;

  if (self->filter_id != 0)
    g_dbus_connection_remove_filter (self->connection, self->filter_id);
  self->filter_id = 0;
  g_hash_table_iter_init (&iter, self->watches);
  while (g_hash_table_iter_next (&iter, NULL, &watch))
    g_bus_unwatch_name (GPOINTER_TO_UINT (watch));
  g_hash_table_remove_all (self->watches);
  g_clear_object (&self->connection);

  G_OBJECT_CLASS (lodge_clients_parent_class)->dispose (object);
}

static void
lodge_clients_finalize (GObject *object)
{
  g_hash_table_unref (LODGE_CLIENTS (object)->watches);

  G_OBJECT_CLASS (lodge_clients_parent_class)->finalize (object);
}

static void
lodge_clients_class_init (LodgeClientsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_clients_dispose;
  object_class->finalize = lodge_clients_finalize;
  signals[CHANGED] = g_signal_new ("changed", LODGE_TYPE_CLIENTS, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
}

static void
lodge_clients_init (LodgeClients *self)
{
  self->watches = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

LodgeClients *
lodge_clients_new (GDBusConnection *connection)
{
  LodgeClients *self = g_object_new (LODGE_TYPE_CLIENTS, NULL);
  Filter *filter = g_new0 (Filter, 1);

  self->connection = g_object_ref (connection);
  g_weak_ref_init (&filter->clients, self);
  g_mutex_init (&filter->lock);
  filter->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->filter_id = g_dbus_connection_add_filter (connection, filter_cb, filter, filter_free);
  return self;
}

guint
lodge_clients_count (LodgeClients *self)
{
  return g_hash_table_size (self->watches);
}
