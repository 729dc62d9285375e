/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * One watch on the bus name drives everything. Each time the name gets an owner, a new core proxy and
 * then a new object manager are made, both asynchronously; when it loses its owner, both are dropped
 * and the items stay in the library without proxies. GDBusObjectManagerClient would follow a new
 * owner by itself, but asks for the objects synchronously in that case, so no manager lives longer
 * than its owner.
 *
 *   no owner --StartServiceByName--> appeared --core proxy--> version fits --object manager--> ready
 *      ^                                                         | too old: Quit (once)          |
 *      +---------------------------------------------------------+----------- vanished ----------+
 *
 * A core that is older than this window is asked to leave, which it does without touching its
 * guests; the bus then starts the installed one. Starting is tried again with growing pauses, and so
 * is the reading of a core that is there but did not answer.
 */

#include "config.h"

#include "app/lodge-client.h"

#include "core/ipc/lodge-error.h"
#include "core/ipc/lodge-names.h"

#define RETRY_FIRST_MS 250u
#define RETRY_LAST_MS 16000u

/* Start may verify disks and wait for helpers; the default of 25 s is too short on a slow disk. */
#define CALL_TIMEOUT_MS 120000

struct _LodgeClient
{
  GObject parent_instance;

  LodgeLibrary *library;       /* (owned) */
  GDBusConnection *connection; /* (owned) (nullable) until the session bus is there */
  guint watch_id;
  GCancellable *cancellable;   /* (owned) of this object's life */

  /* Of the present owner of the name: */
  GCancellable *owner_cancellable; /* (owned) (nullable) */
  LodgeIpcCore *core;              /* (owned) (nullable) */
  GDBusObjectManager *manager;     /* (owned) (nullable) */

  gboolean asked_to_quit;
  guint retry_source;
  guint retry_ms;
};

G_DEFINE_FINAL_TYPE (LodgeClient, lodge_client, G_TYPE_OBJECT)

static void activate (LodgeClient *self);
static void connect_owner (LodgeClient *self);

static void
fail (LodgeClient *self, const GError *error)
{
  lodge_library_set_status (self->library, LODGE_LIBRARY_CORE_GONE, NULL, error);
}

static gboolean
retry_cb (gpointer user_data)
{
  LodgeClient *self = user_data;

  self->retry_source = 0;
  if (self->owner_cancellable != NULL)
    connect_owner (self);
  else
    activate (self);
  return G_SOURCE_REMOVE;
}

static void
retry_later (LodgeClient *self)
{
  if (self->retry_source != 0)
    return;

  self->retry_source = g_timeout_add (self->retry_ms, retry_cb, self);
  self->retry_ms = MIN (self->retry_ms * 2, RETRY_LAST_MS);
}

static void
started_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  LodgeClient *self = user_data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply != NULL || self->owner_cancellable != NULL)
    return;

  g_dbus_error_strip_remote_error (error);
  fail (self, error);
  retry_later (self);
}

static void
activate (LodgeClient *self)
{
  g_dbus_connection_call (self->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                          "org.freedesktop.DBus", "StartServiceByName",
                          g_variant_new ("(su)", LODGE_BUS_NAME, 0u), G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NONE, -1, self->cancellable, started_cb, self);
}

/* @fresh: collects machines that the library does not have yet */
static void
take_object (LodgeClient *self, GDBusObject *object, GPtrArray *fresh)
{
  g_autoptr (LodgeIpcMachine) machine = lodge_ipc_object_get_machine (LODGE_IPC_OBJECT (object));
  g_autoptr (LodgeIpcJob) job = lodge_ipc_object_get_job (LODGE_IPC_OBJECT (object));
  const char *path = g_dbus_object_get_object_path (object);
  LodgeMachineItem *known;

  if (job != NULL)
    lodge_library_add_job (self->library, job);
  if (machine == NULL)
    return;

  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (machine), CALL_TIMEOUT_MS);
  known = lodge_library_find (self->library, path);
  if (known != NULL)
    lodge_machine_item_set_proxy (known, machine);
  else
    {
      LodgeMachineItem *item = lodge_machine_item_new (path);

      lodge_machine_item_set_proxy (item, machine);
      g_ptr_array_add (fresh, item);
    }
}

static void
take_one (LodgeClient *self, GDBusObject *object)
{
  g_autoptr (GPtrArray) fresh = g_ptr_array_new_with_free_func (g_object_unref);

  take_object (self, object, fresh);
  if (fresh->len > 0)
    lodge_library_add (self->library, fresh);
}

static void
object_added_cb (GDBusObjectManager *manager, GDBusObject *object, LodgeClient *self)
{
  take_one (self, object);
}

static void
interface_added_cb (GDBusObjectManager *manager, GDBusObject *object, GDBusInterface *interface, LodgeClient *self)
{
  take_one (self, object);
}

static void
object_removed_cb (GDBusObjectManager *manager, GDBusObject *object, LodgeClient *self)
{
  /* A manager whose owner left removes all its objects; those machines are kept. */
  g_autofree char *owner = g_dbus_object_manager_client_get_name_owner (G_DBUS_OBJECT_MANAGER_CLIENT (manager));

  if (owner == NULL)
    return;
  lodge_library_remove (self->library, g_dbus_object_get_object_path (object));
  lodge_library_remove_job (self->library, g_dbus_object_get_object_path (object));
}

static void
drop_missing (LodgeClient *self)
{
  GListModel *machines = lodge_library_get_machines (self->library);

  for (guint i = g_list_model_get_n_items (machines); i > 0; i--)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i - 1);
      const char *path = lodge_machine_item_get_object_path (item);
      g_autoptr (GDBusObject) object = g_dbus_object_manager_get_object (self->manager, path);

      if (object == NULL)
        lodge_library_remove (self->library, path);
    }
}

static void
manager_ready_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusObjectManager) manager = lodge_ipc_object_manager_client_new_finish (result, &error);
  g_autofree char *owner = NULL;
  g_autolist (GDBusObject) objects = NULL;
  g_autoptr (GPtrArray) fresh = g_ptr_array_new_with_free_func (g_object_unref);
  LodgeClient *self = user_data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (manager == NULL)
    {
      fail (self, error);
      retry_later (self);
      return;
    }

  /* The core left while the objects were read; the watch is about to say so. */
  owner = g_dbus_object_manager_client_get_name_owner (G_DBUS_OBJECT_MANAGER_CLIENT (manager));
  if (owner == NULL)
    return;

  self->manager = g_steal_pointer (&manager);
  g_signal_connect (self->manager, "object-added", G_CALLBACK (object_added_cb), self);
  g_signal_connect (self->manager, "interface-added", G_CALLBACK (interface_added_cb), self);
  g_signal_connect (self->manager, "object-removed", G_CALLBACK (object_removed_cb), self);

  objects = g_dbus_object_manager_get_objects (self->manager);
  for (GList *l = objects; l != NULL; l = l->next)
    take_object (self, l->data, fresh);
  lodge_library_add (self->library, fresh);
  drop_missing (self);

  self->retry_ms = RETRY_FIRST_MS;
  lodge_library_set_status (self->library, LODGE_LIBRARY_READY, self->core, NULL);
}

static void
quit_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  /* Whether the answer arrives before the core leaves does not matter: the watch tells. */
  lodge_ipc_core_call_quit_finish (LODGE_IPC_CORE (source), result, &error);
}

static void
core_ready_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeIpcCore) core = lodge_ipc_core_proxy_new_finish (result, &error);
  LodgeClient *self = user_data;
  guint version;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (core == NULL)
    {
      fail (self, error);
      retry_later (self);
      return;
    }

  self->core = g_steal_pointer (&core);
  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (self->core), CALL_TIMEOUT_MS);
  version = lodge_ipc_core_get_api_version (self->core);

  if (version < LODGE_API_VERSION && !self->asked_to_quit)
    {
      self->asked_to_quit = TRUE;
      lodge_ipc_core_call_quit (self->core, g_variant_new ("a{sv}", NULL), self->owner_cancellable, quit_cb, NULL);
      return;
    }
  if (version != LODGE_API_VERSION)
    {
      lodge_library_set_status (self->library, LODGE_LIBRARY_WRONG_VERSION, NULL, NULL);
      return;
    }

  lodge_ipc_object_manager_client_new (self->connection, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START,
                                       LODGE_BUS_NAME, LODGE_CORE_PATH, self->owner_cancellable,
                                       manager_ready_cb, self);
}

static void
drop_owner (LodgeClient *self)
{
  g_cancellable_cancel (self->owner_cancellable);
  g_clear_object (&self->owner_cancellable);
  if (self->manager != NULL)
    g_signal_handlers_disconnect_by_data (self->manager, self);
  g_clear_object (&self->manager);
  g_clear_object (&self->core);
  lodge_library_remove_job (self->library, NULL);
}

static void
connect_owner (LodgeClient *self)
{
  drop_owner (self);
  self->owner_cancellable = g_cancellable_new ();
  lodge_ipc_core_proxy_new (self->connection, G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START, LODGE_BUS_NAME, LODGE_CORE_PATH,
                            self->owner_cancellable, core_ready_cb, self);
}

static void
appeared_cb (GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
  LodgeClient *self = user_data;

  g_clear_handle_id (&self->retry_source, g_source_remove);
  connect_owner (self);
}

static void
vanished_cb (GDBusConnection *connection, const char *name, gpointer user_data)
{
  LodgeClient *self = user_data;
  GListModel *machines = lodge_library_get_machines (self->library);
  guint n = g_list_model_get_n_items (machines);

  if (connection == NULL)
    {
      g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CORE_GONE,
                                                      "The connection to the session bus is closed");

      drop_owner (self);
      fail (self, error);
      return;
    }

  drop_owner (self);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      lodge_machine_item_set_proxy (item, NULL);
    }

  if (lodge_library_get_status (self->library) != LODGE_LIBRARY_CONNECTING
      && lodge_library_get_status (self->library) != LODGE_LIBRARY_CORE_GONE)
    fail (self, NULL);

  /* The first try is at once; a core that ends again and again is met with growing pauses. */
  if (self->retry_ms == RETRY_FIRST_MS)
    {
      self->retry_ms *= 2;
      activate (self);
    }
  else
    retry_later (self);
}

static void
watch (LodgeClient *self)
{
  self->watch_id = g_bus_watch_name_on_connection (self->connection, LODGE_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                   appeared_cb, vanished_cb, self, NULL);
}

static void
bus_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_bus_get_finish (result, &error);
  LodgeClient *self = user_data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (connection == NULL)
    {
      fail (self, error);
      return;
    }

  self->connection = g_steal_pointer (&connection);
  watch (self);
}

static void
lodge_client_dispose (GObject *object)
{
  LodgeClient *self = LODGE_CLIENT (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->watch_id, g_bus_unwatch_name);
  g_clear_handle_id (&self->retry_source, g_source_remove);
  drop_owner (self);
  g_clear_object (&self->connection);

  G_OBJECT_CLASS (lodge_client_parent_class)->dispose (object);
}

static void
lodge_client_finalize (GObject *object)
{
  LodgeClient *self = LODGE_CLIENT (object);

  g_clear_object (&self->cancellable);
  g_clear_object (&self->library);

  G_OBJECT_CLASS (lodge_client_parent_class)->finalize (object);
}

static void
lodge_client_class_init (LodgeClientClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_client_dispose;
  object_class->finalize = lodge_client_finalize;
}

static void
lodge_client_init (LodgeClient *self)
{
  self->library = lodge_library_new ();
  self->cancellable = g_cancellable_new ();
  self->retry_ms = RETRY_FIRST_MS;
}

LodgeClient *
lodge_client_new (GDBusConnection *connection)
{
  LodgeClient *self = g_object_new (LODGE_TYPE_CLIENT, NULL);

  if (connection != NULL)
    {
      self->connection = g_object_ref (connection);
      watch (self);
    }
  else
    g_bus_get (G_BUS_TYPE_SESSION, self->cancellable, bus_cb, self);

  return self;
}

LodgeLibrary *
lodge_client_get_library (LodgeClient *self)
{
  return self->library;
}

void
lodge_client_retry (LodgeClient *self)
{
  LodgeLibraryStatus status = lodge_library_get_status (self->library);

  if (status == LODGE_LIBRARY_READY || status == LODGE_LIBRARY_CONNECTING)
    return;

  g_clear_handle_id (&self->retry_source, g_source_remove);
  self->retry_ms = RETRY_FIRST_MS;
  self->asked_to_quit = FALSE;
  lodge_library_set_status (self->library, LODGE_LIBRARY_CONNECTING, NULL, NULL);
  if (self->connection == NULL)
    g_bus_get (G_BUS_TYPE_SESSION, self->cancellable, bus_cb, self);
  else if (self->owner_cancellable != NULL)
    connect_owner (self);
  else
    activate (self);
}
