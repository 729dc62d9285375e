/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * One watch on the bus name drives everything. Each time the name gets an owner, the core's own properties, its machines
 * and its jobs are asked for, in one go; when it loses its owner, the items stay in the library without a core to call.
 *
 *   no owner --StartServiceByName--> appeared --GetAll--> version fits --ListMachines--> ready
 *      ^                                                     | too old: Quit (once)        |
 *      +-----------------------------------------------------+---------- vanished ---------+
 *
 * At the start the questions go out together with that for the owner, so that the core works on its answer while this
 * program sets up its toolkit. Answers come in the order of the questions: the owner's name is known before them. No
 * proxies and no GDBusObjectManagerClient: a thousand machines are a thousand small dictionaries of one answer, with what
 * a list shows, and three subscriptions tell of all their changes. The machine that was looked at last comes whole, since it
 * will be looked at first; the others ask for the rest of theirs when somebody wants it.
 *
 * A core that is older than this window is asked to leave, which it does without touching its
 * guests; the bus then starts the installed one. Starting is tried again with growing pauses, and so
 * is the reading of a core that is there but did not answer.
 */

#include "config.h"

#include "app/lodge-client.h"

#include <string.h>

#include "core/ipc/lodge-error.h"
#include "core/ipc/lodge-names.h"

#define RETRY_FIRST_MS 250u
#define RETRY_LAST_MS 16000u

/* Some calls wait for helpers; the default of 25 s is too short on a slow disk. */
#define CALL_TIMEOUT_MS 120000

#define MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"
#define CORE_INTERFACE "org.lodgevm.Core1"
#define MACHINE_INTERFACE "org.lodgevm.Core1.Machine"
#define JOB_INTERFACE "org.lodgevm.Core1.Job"

/* Of a machine that nobody looks at: what its row, its group, its family and a list of templates show. */
#define BRIEF "'properties': <['Id', 'Name', 'State', 'StateReason', 'Settings', 'Fault', 'Template', 'Disposable', 'Origin']>, " \
              "'settings': <['os', 'family', 'memory']>"

struct _LodgeClient
{
  GObject parent_instance;

  LodgeLibrary *library;       /* (owned) */
  char *favourite;             /* (owned) id of the machine that comes whole, or "" */
  char *favourite_path;        /* (owned) of the same */
  GDBusConnection *connection; /* (owned) (nullable) until the session bus is there */
  guint watch_id;
  GCancellable *cancellable;   /* (owned) of this object's life */

  guint subscriptions[3];      /* objects come, objects go, machines change */

  /* Of the present owner of the name: */
  char *owner;                     /* (owned) (nullable) */
  GCancellable *owner_cancellable; /* (owned) (nullable) of its questions, which may be asked before it is known */
  LodgeIpcCore *core;              /* (owned) (nullable) */
  gboolean following;              /* its objects were read, so what changes is heard */

  gboolean asked_to_quit;
  guint retry_source;
  guint retry_ms;
};

G_DEFINE_FINAL_TYPE (LodgeClient, lodge_client, G_TYPE_OBJECT)

static void activate (LodgeClient *self);
static void ask_owner (LodgeClient *self);

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
  if (self->owner != NULL)
    ask_owner (self);
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
  if (reply != NULL || self->owner != NULL)
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

/* Returns: (transfer full) (nullable): a proxy of the present owner that asks nobody anything to be made */
static gpointer
make_proxy (LodgeClient *self, GType type, const char *path, GDBusInterfaceInfo *info, GVariant *values)
{
  GDBusProxy *proxy = g_initable_new (type, NULL, NULL,
                                      "g-flags", G_DBUS_PROXY_FLAGS_DO_NOT_LOAD_PROPERTIES | G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START,
                                      "g-connection", self->connection, "g-name", self->owner, "g-object-path", path,
                                      "g-interface-name", info->name, NULL);
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (proxy == NULL)
    return NULL;
  g_dbus_proxy_set_default_timeout (proxy, CALL_TIMEOUT_MS);
  g_variant_iter_init (&iter, values);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    g_dbus_proxy_set_cached_property (proxy, key, value);
  return proxy;
}

static void
take_job (LodgeClient *self, const char *path, GVariant *values)
{
  g_autoptr (LodgeIpcJob) job = make_proxy (self, LODGE_IPC_TYPE_JOB_PROXY, path, lodge_ipc_job_interface_info (), values);

  if (job != NULL)
    lodge_library_add_job (self->library, job);
}

/* @whole: whether @values are all that it has
 * @fresh: collects machines that the library does not have yet */
static void
take_machine (LodgeClient *self, const char *path, GVariant *values, gboolean whole, GPtrArray *fresh)
{
  LodgeMachineItem *item = lodge_library_find (self->library, path);

  if (item == NULL)
    {
      item = lodge_machine_item_new (path);
      g_ptr_array_add (fresh, item);
    }
  lodge_machine_item_connect (item, self->connection, self->owner, values, whole);
}

static void
added_cb (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
          GVariant *parameters, gpointer user_data)
{
  LodgeClient *self = user_data;
  g_autoptr (GPtrArray) fresh = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GVariant) interfaces = NULL;
  g_autoptr (GVariant) machine = NULL;
  g_autoptr (GVariant) job = NULL;
  const char *object;

  if (!self->following || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oa{sa{sv}})")))
    return;
  g_variant_get (parameters, "(&o@a{sa{sv}})", &object, &interfaces);
  machine = g_variant_lookup_value (interfaces, MACHINE_INTERFACE, G_VARIANT_TYPE_VARDICT);
  job = g_variant_lookup_value (interfaces, JOB_INTERFACE, G_VARIANT_TYPE_VARDICT);
  if (job != NULL)
    take_job (self, object, job);
  if (machine != NULL)
    take_machine (self, object, machine, TRUE, fresh);
  if (fresh->len > 0)
    lodge_library_add (self->library, fresh);
}

static void
removed_cb (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  LodgeClient *self = user_data;
  g_autofree const char **interfaces = NULL;
  const char *object;

  if (!self->following || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oas)")))
    return;
  g_variant_get (parameters, "(&o^a&s)", &object, &interfaces);
  if (g_strv_contains (interfaces, MACHINE_INTERFACE))
    lodge_library_remove (self->library, object);
  if (g_strv_contains (interfaces, JOB_INTERFACE))
    lodge_library_remove_job (self->library, object);
}

static void
changed_cb (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  LodgeClient *self = user_data;
  LodgeMachineItem *item = self->following ? lodge_library_find (self->library, path) : NULL;
  g_autoptr (GVariant) changed = NULL;

  if (item == NULL || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  g_variant_get (parameters, "(&s@a{sv}as)", NULL, &changed, NULL);
  lodge_machine_item_take (item, changed);
}

/* @machines: a{oa{sv}}, all that there are */
static void
drop_missing (LodgeClient *self, GVariant *machines)
{
  GListModel *known = lodge_library_get_machines (self->library);
  g_autoptr (GHashTable) there = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GVariantIter iter;
  char *path;

  g_variant_iter_init (&iter, machines);
  while (g_variant_iter_next (&iter, "{o@a{sv}}", &path, NULL))
    g_hash_table_add (there, path);
  for (guint i = g_list_model_get_n_items (known); i > 0; i--)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (known, i - 1);

      if (!g_hash_table_contains (there, lodge_machine_item_get_object_path (item)))
        lodge_library_remove (self->library, lodge_machine_item_get_object_path (item));
    }
}

static void
take_machines (LodgeClient *self, GVariant *machines)
{
  g_autoptr (GPtrArray) fresh = g_ptr_array_new_with_free_func (g_object_unref);
  gboolean any = g_list_model_get_n_items (lodge_library_get_machines (self->library)) > 0;
  GVariantIter iter;
  GVariant *entry;

  self->following = TRUE;
  g_variant_iter_init (&iter, machines);
  /* Child by child: "&o" would have the whole answer serialised once more. */
  for (; (entry = g_variant_iter_next_value (&iter)) != NULL; g_variant_unref (entry))
    {
      g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);
      g_autoptr (GVariant) values = g_variant_get_child_value (entry, 1);
      const char *path = g_variant_get_string (key, NULL);

      take_machine (self, path, values, g_str_equal (path, self->favourite_path), fresh);
    }
  lodge_library_add (self->library, fresh);
  if (any)
    drop_missing (self, machines);

  self->retry_ms = RETRY_FIRST_MS;
  lodge_library_set_status (self->library, LODGE_LIBRARY_READY, self->core, NULL);
}

static void
machines_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) machines = NULL;
  LodgeClient *self = user_data;

  /* Asked before there was an owner, nobody answers; the watch goes on from there. Without a core this is one of
   * another version, or one that did not answer the first question, which was told then. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || self->owner == NULL || self->core == NULL)
    return;
  if (reply == NULL)
    {
      fail (self, error);
      retry_later (self);
      return;
    }
  g_variant_get (reply, "(@a{oa{sv}})", &machines);
  take_machines (self, machines);
}

/* A core that answers this and not the question before has been told of there. */
static void
jobs_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariantIter) jobs = NULL;
  LodgeClient *self = user_data;
  const char *path;
  GVariant *values;

  if (reply == NULL || self->owner == NULL || !self->following)
    return;
  g_variant_get (reply, "(a{oa{sv}})", &jobs);
  while (g_variant_iter_loop (jobs, "{&o@a{sv}}", &path, &values))
    take_job (self, path, values);
}

static void
quit_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  /* Whether the answer arrives before the core leaves does not matter: the watch tells. */
  lodge_ipc_core_call_quit_finish (LODGE_IPC_CORE (source), result, &error);
}

static void
core_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) values = NULL;
  LodgeClient *self = user_data;
  guint version;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || self->owner == NULL)
    return;
  if (reply != NULL)
    {
      g_variant_get (reply, "(@a{sv})", &values);
      self->core = make_proxy (self, LODGE_IPC_TYPE_CORE_PROXY, LODGE_CORE_PATH, lodge_ipc_core_interface_info (), values);
    }
  if (self->core == NULL)
    {
      fail (self, error);
      retry_later (self);
      return;
    }

  version = lodge_ipc_core_get_api_version (self->core);
  if (version == LODGE_API_VERSION)
    return; /* the objects come next */

  if (version < LODGE_API_VERSION && !self->asked_to_quit)
    {
      self->asked_to_quit = TRUE;
      lodge_ipc_core_call_quit (self->core, g_variant_new ("a{sv}", NULL), self->owner_cancellable, quit_cb, NULL);
    }
  else
    lodge_library_set_status (self->library, LODGE_LIBRARY_WRONG_VERSION, NULL, NULL);
  g_clear_object (&self->core);
}

static void
drop_owner (LodgeClient *self)
{
  g_cancellable_cancel (self->owner_cancellable);
  g_clear_object (&self->owner_cancellable);
  g_clear_pointer (&self->owner, g_free);
  g_clear_object (&self->core);
  self->following = FALSE;
  lodge_library_remove_job (self->library, NULL);
}

/* By the well-known name, so that nobody need be there yet. */
static void
ask (LodgeClient *self, const char *interface, const char *method, GVariant *parameters, const char *type,
     GAsyncReadyCallback callback)
{
  g_dbus_connection_call (self->connection, LODGE_BUS_NAME, LODGE_CORE_PATH, interface, method, parameters,
                          G_VARIANT_TYPE (type), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->owner_cancellable, callback,
                          self);
}

static void
ask_owner (LodgeClient *self)
{
  g_cancellable_cancel (self->owner_cancellable);
  g_clear_object (&self->owner_cancellable);
  g_clear_object (&self->core);
  self->following = FALSE;
  self->owner_cancellable = g_cancellable_new ();
  ask (self, PROPERTIES_INTERFACE, "GetAll", g_variant_new ("(s)", CORE_INTERFACE), "(a{sv})", core_cb);
  ask (self, CORE_INTERFACE, "ListMachines",
       g_variant_new_parsed ("({" BRIEF ", 'whole': <[%s]>},)", self->favourite), "(a{oa{sv}})", machines_cb);
  ask (self, CORE_INTERFACE, "ListJobs", g_variant_new_parsed ("(@a{sv} {},)"), "(a{oa{sv}})", jobs_cb);
}

static void
appeared_cb (GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
  LodgeClient *self = user_data;
  gboolean asked = self->owner == NULL && self->owner_cancellable != NULL;

  g_clear_handle_id (&self->retry_source, g_source_remove);
  if (!asked)
    drop_owner (self);
  self->owner = g_strdup (owner);
  if (!asked)
    ask_owner (self);
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

      lodge_machine_item_disconnect (item);
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
subscribe (LodgeClient *self)
{
  static const struct
  {
    const char *interface;
    const char *signal;
    const char *path;     /* (nullable) any of its sender */
    const char *argument; /* (nullable) any */
    GDBusSignalCallback callback;
  } signals[] = {
    { MANAGER_INTERFACE, "InterfacesAdded", LODGE_CORE_PATH, NULL, added_cb },
    { MANAGER_INTERFACE, "InterfacesRemoved", LODGE_CORE_PATH, NULL, removed_cb },
    { PROPERTIES_INTERFACE, "PropertiesChanged", NULL, MACHINE_INTERFACE, changed_cb },
  };

  G_STATIC_ASSERT (G_N_ELEMENTS (signals) == G_N_ELEMENTS (self->subscriptions));
  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    self->subscriptions[i] = g_dbus_connection_signal_subscribe (
      self->connection, LODGE_BUS_NAME, signals[i].interface, signals[i].signal, signals[i].path, signals[i].argument,
      G_DBUS_SIGNAL_FLAGS_NONE, signals[i].callback, self, NULL);
}

static void
watch (LodgeClient *self)
{
  subscribe (self);
  self->watch_id = g_bus_watch_name_on_connection (self->connection, LODGE_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                   appeared_cb, vanished_cb, self, NULL);
  ask_owner (self);
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
  for (guint i = 0; i < G_N_ELEMENTS (self->subscriptions); i++)
    if (self->subscriptions[i] != 0)
      {
        g_dbus_connection_signal_unsubscribe (self->connection, self->subscriptions[i]);
        self->subscriptions[i] = 0;
      }
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
  g_free (self->favourite);
  g_free (self->favourite_path);

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
lodge_client_new (GDBusConnection *connection, const char *favourite)
{
  LodgeClient *self = g_object_new (LODGE_TYPE_CLIENT, NULL);

  self->favourite = g_strdup (favourite);
  self->favourite_path = g_strconcat (LODGE_MACHINES_PATH "/", favourite, NULL);
  g_strdelimit (self->favourite_path + strlen (LODGE_MACHINES_PATH), "-", '_');

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
  else if (self->owner != NULL)
    ask_owner (self);
  else
    activate (self);
}
