/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include <libglib-testing/dbus-queue.h>

#include "app/lodge-client.h"
#include "core/ipc/lodge-error.h"
#include "core/ipc/lodge-names.h"

#define MACHINE(id) LODGE_MACHINES_PATH "/" id

typedef struct
{
  GtDBusQueue *queue;        /* (owned) */
  GDBusConnection *server;   /* (owned) (nullable) known from the first message on */
  LodgeClient *client;       /* (owned) */
  LodgeLibrary *library;
  guint name_id;
  guint api_version;
  const char *machines;      /* what ListMachines answers, GVariant text */
  const char *whole;         /* all of a machine, likewise */
  guint n_loads;             /* how often that was asked for */
  guint n_quits;
} Fixture;

static const char no_machines[] = "(@a{oa{sv}} {},)";
static const char one_machine[] =
  "({objectpath '" MACHINE ("a") "': {'Id': <'aaaa'>, 'Name': <'Debian'>, 'State': <'running'>,"
  " 'Settings': <{'os': <'debian12'>}>}},)";
static const char whole_machine[] =
  "({'Id': <'aaaa'>, 'Name': <'Debian'>, 'State': <'running'>, 'Settings': <{'os': <'debian12'>, 'cores': <uint32 4>}>},)";

/* Answers the oldest message, as a core that only knows its own properties and objects would. */
static gboolean
serve_one (Fixture *fixture)
{
  g_autoptr (GDBusMethodInvocation) invocation = NULL;
  const char *method;

  /* (try_pop_message() of libglib-testing 0.1.1 never finds one.) */
  if (gt_dbus_queue_get_n_messages (fixture->queue) == 0 ||
      !gt_dbus_queue_pop_message (fixture->queue, &invocation))
    return FALSE;

  g_set_object (&fixture->server, g_dbus_method_invocation_get_connection (invocation));
  method = g_dbus_method_invocation_get_method_name (invocation);
  if (g_str_equal (method, "ListMachines"))
    g_dbus_method_invocation_return_value (invocation, g_variant_new_parsed (fixture->machines));
  else if (g_str_equal (method, "ListJobs"))
    g_dbus_method_invocation_return_value (
      invocation, g_variant_new_parsed ("({objectpath '" LODGE_JOBS_PATH "/1': {'Kind': <'backup'>}},)"));
  else if (g_str_equal (method, "GetAll") && !g_str_equal (g_dbus_method_invocation_get_object_path (invocation), LODGE_CORE_PATH))
    {
      fixture->n_loads++;
      g_dbus_method_invocation_return_value (invocation, g_variant_new_parsed (fixture->whole));
    }
  else if (g_str_equal (method, "GetAll"))
    g_dbus_method_invocation_return_value (
      invocation, g_variant_new_parsed ("({'ApiVersion': <%u>, 'Features': <['demo']>,"
                                        "  'Host': <{'cores': <uint32 8>}>},)", fixture->api_version));
  else if (g_str_equal (method, "Quit"))
    {
      fixture->n_quits++;
      g_dbus_method_invocation_return_value (invocation, NULL);
    }
  else if (g_str_equal (method, "FindMachine"))
    g_dbus_method_invocation_return_dbus_error (invocation, "org.lodgevm.Error.Ambiguous", "aaaa, aabb");
  else
    g_error ("unexpected %s", method);

  /* The methods take over the reference. */
  g_steal_pointer (&invocation);
  return TRUE;
}

#define wait_until(fixture, condition) \
  G_STMT_START \
    { \
      while (!(condition)) \
        if (!serve_one (fixture)) \
          g_main_context_iteration (NULL, FALSE) ? (void) 0 : g_usleep (1000); \
    } \
  G_STMT_END

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->queue = gt_dbus_queue_new ();
  gt_dbus_queue_connect (fixture->queue, &error);
  g_assert_no_error (error);
  gt_dbus_queue_export_object (fixture->queue, LODGE_CORE_PATH, lodge_ipc_core_interface_info (), &error);
  g_assert_no_error (error);
  gt_dbus_queue_export_object (fixture->queue, MACHINE ("a"), lodge_ipc_machine_interface_info (), &error);
  g_assert_no_error (error);
  fixture->api_version = LODGE_API_VERSION;
  fixture->machines = one_machine;
  fixture->whole = whole_machine;
  fixture->client = lodge_client_new (gt_dbus_queue_get_client_connection (fixture->queue), data != NULL ? data : "");
  fixture->library = lodge_client_get_library (fixture->client);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_finalize_object (fixture->client);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  if (fixture->name_id != 0)
    gt_dbus_queue_unown_name (fixture->queue, fixture->name_id);
  /* What the client asked last may still be on its way: some tests are over before the jobs are listed. */
  while (serve_one (fixture))
    ;
  g_clear_object (&fixture->server);
  gt_dbus_queue_disconnect (fixture->queue, FALSE);
  gt_dbus_queue_free (fixture->queue);
}

static void
own (Fixture *fixture)
{
  fixture->name_id = gt_dbus_queue_own_name (fixture->queue, LODGE_BUS_NAME);
}

static void
disown (Fixture *fixture)
{
  gt_dbus_queue_unown_name (fixture->queue, fixture->name_id);
  fixture->name_id = 0;
}

static guint
n_machines (Fixture *fixture)
{
  return g_list_model_get_n_items (lodge_library_get_machines (fixture->library));
}

static gboolean
is_ready (Fixture *fixture)
{
  return lodge_library_get_status (fixture->library) == LODGE_LIBRARY_READY;
}

static void
test_machines (Fixture *fixture, gconstpointer data)
{
  LodgeMachineItem *item;

  g_assert_cmpint (lodge_library_get_status (fixture->library), ==, LODGE_LIBRARY_CONNECTING);
  g_assert_null (lodge_library_get_core (fixture->library));

  own (fixture);
  wait_until (fixture, is_ready (fixture));
  g_assert_cmpuint (n_machines (fixture), ==, 1);
  g_assert_true (lodge_library_has_feature (fixture->library, "demo"));
  g_assert_false (lodge_library_has_feature (fixture->library, "passt"));
  g_assert_cmpuint (lodge_library_host_uint (fixture->library, "cores", 0), ==, 8);

  item = lodge_library_find (fixture->library, MACHINE ("a"));
  g_assert_nonnull (item);
  g_assert_cmpstr (lodge_machine_item_get_name (item), ==, "Debian");
  g_assert_cmpint (lodge_machine_item_get_state (item), ==, LODGE_MACHINE_RUNNING);
  g_assert_cmpstr (lodge_machine_item_setting_string (item, "os", ""), ==, "debian12");
  g_assert_nonnull (lodge_machine_item_get_proxy (item));
  wait_until (fixture, g_list_model_get_n_items (lodge_library_get_jobs (fixture->library)) == 1);

  /* One more appears, changes, and goes. */
  g_dbus_connection_emit_signal (
    fixture->server, NULL, LODGE_CORE_PATH, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
    g_variant_new_parsed ("(objectpath '" MACHINE ("b") "', {'org.lodgevm.Core1.Machine': {'Id': <'bbbb'>,"
                          " 'Name': <'Fedora'>, 'State': <'off'>}})"), NULL);
  wait_until (fixture, n_machines (fixture) == 2);
  item = lodge_library_find (fixture->library, MACHINE ("b"));
  g_assert_cmpint (lodge_machine_item_get_state (item), ==, LODGE_MACHINE_OFF);

  g_dbus_connection_emit_signal (
    fixture->server, NULL, MACHINE ("b"), "org.freedesktop.DBus.Properties", "PropertiesChanged",
    g_variant_new_parsed ("('org.lodgevm.Core1.Machine', {'State': <'paused'>, 'Name': <'Fedora 40'>}, @as [])"), NULL);
  wait_until (fixture, lodge_machine_item_get_state (item) == LODGE_MACHINE_PAUSED);
  g_assert_cmpstr (lodge_machine_item_get_name (item), ==, "Fedora 40");

  g_dbus_connection_emit_signal (
    fixture->server, NULL, LODGE_CORE_PATH, "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved",
    g_variant_new_parsed ("(objectpath '" MACHINE ("b") "', ['org.lodgevm.Core1.Machine'])"), NULL);
  wait_until (fixture, n_machines (fixture) == 1);
}

static void
test_whole (Fixture *fixture, gconstpointer data)
{
  LodgeMachineItem *item;

  own (fixture);
  wait_until (fixture, is_ready (fixture));
  item = lodge_library_find (fixture->library, MACHINE ("a"));
  g_assert_false (lodge_machine_item_is_whole (item));
  g_assert_cmpuint (fixture->n_loads, ==, 0);

  /* Whoever looks at it asks for the rest, once. */
  lodge_machine_item_load (item);
  lodge_machine_item_load (item);
  wait_until (fixture, lodge_machine_item_is_whole (item));
  g_assert_cmpuint (lodge_machine_item_setting_uint (item, "cores", 0), ==, 4);
  g_assert_cmpuint (fixture->n_loads, ==, 1);

  /* The next core is asked, too; until it answers the last values stay. */
  disown (fixture);
  wait_until (fixture, !is_ready (fixture));
  fixture->whole = "({'Name': <'Debian 13'>, 'Settings': <{'cores': <uint32 8>}>},)";
  own (fixture);
  wait_until (fixture, is_ready (fixture));
  g_assert_true (lodge_machine_item_is_whole (item));
  g_assert_cmpuint (lodge_machine_item_setting_uint (item, "cores", 0), >=, 4);
  wait_until (fixture, lodge_machine_item_setting_uint (item, "cores", 0) == 8);
  g_assert_cmpstr (lodge_machine_item_get_name (item), ==, "Debian 13");
  g_assert_cmpuint (fixture->n_loads, ==, 2);
}

static void
test_favourite (Fixture *fixture, gconstpointer data)
{
  LodgeMachineItem *item;

  own (fixture);
  wait_until (fixture, is_ready (fixture));
  item = lodge_library_find (fixture->library, MACHINE ("a"));
  g_assert_true (lodge_machine_item_is_whole (item));
  lodge_machine_item_load (item);
  wait_until (fixture, g_list_model_get_n_items (lodge_library_get_jobs (fixture->library)) == 1);
  g_assert_cmpuint (fixture->n_loads, ==, 0);
}

static void
test_gone_and_back (Fixture *fixture, gconstpointer data)
{
  LodgeMachineItem *item;

  own (fixture);
  wait_until (fixture, is_ready (fixture));
  item = lodge_library_find (fixture->library, MACHINE ("a"));

  /* The core goes: what was known stays, but there is nobody to call. */
  disown (fixture);
  wait_until (fixture, lodge_library_get_status (fixture->library) == LODGE_LIBRARY_CORE_GONE);
  g_assert_cmpuint (n_machines (fixture), ==, 1);
  g_assert_cmpstr (lodge_machine_item_get_name (item), ==, "Debian");
  g_assert_cmpint (lodge_machine_item_get_state (item), ==, LODGE_MACHINE_RUNNING);
  g_assert_null (lodge_machine_item_get_proxy (item));
  g_assert_null (lodge_library_get_core (fixture->library));
  g_assert_cmpuint (lodge_library_host_uint (fixture->library, "cores", 0), ==, 8);

  /* It comes back: the same item gets a new proxy. */
  own (fixture);
  wait_until (fixture, is_ready (fixture));
  g_assert_true (item == lodge_library_find (fixture->library, MACHINE ("a")));
  g_assert_nonnull (lodge_machine_item_get_proxy (item));

  /* It comes back without the machine, which was deleted meanwhile. */
  disown (fixture);
  wait_until (fixture, !is_ready (fixture));
  fixture->machines = no_machines;
  own (fixture);
  wait_until (fixture, is_ready (fixture));
  g_assert_cmpuint (n_machines (fixture), ==, 0);
}

static void
test_cannot_start (Fixture *fixture, gconstpointer data)
{
  /* No service of that name can be activated on this bus. */
  wait_until (fixture, lodge_library_get_status (fixture->library) == LODGE_LIBRARY_CORE_GONE);
  g_assert_error (lodge_library_get_error (fixture->library), G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN);

  own (fixture);
  wait_until (fixture, is_ready (fixture));
  g_assert_no_error (lodge_library_get_error (fixture->library));
}

static void
test_older_core (Fixture *fixture, gconstpointer data)
{
  fixture->api_version = 0;
  own (fixture);
  wait_until (fixture, fixture->n_quits == 1);
  disown (fixture);

  fixture->api_version = LODGE_API_VERSION;
  own (fixture);
  wait_until (fixture, is_ready (fixture));
  g_assert_cmpuint (fixture->n_quits, ==, 1);
}

static void
test_newer_core (Fixture *fixture, gconstpointer data)
{
  fixture->api_version = LODGE_API_VERSION + 1;
  own (fixture);
  wait_until (fixture, lodge_library_get_status (fixture->library) == LODGE_LIBRARY_WRONG_VERSION);
  g_assert_null (lodge_library_get_core (fixture->library));
  g_assert_cmpuint (fixture->n_quits, ==, 0);
}

static void
result_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
test_errors (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;
  LodgeIpcCore *core;

  own (fixture);
  wait_until (fixture, is_ready (fixture));
  core = lodge_library_get_core (fixture->library);

  lodge_ipc_core_call_find_machine (core, "aa", g_variant_new ("a{sv}", NULL), NULL, result_cb, &result);
  wait_until (fixture, result != NULL);
  g_assert_false (lodge_ipc_core_call_find_machine_finish (core, NULL, result, &error));
  lodge_error_normalize (error);
  g_assert_error (error, LODGE_ERROR, LODGE_ERROR_AMBIGUOUS);
  g_assert_cmpstr (error->message, ==, "aaaa, aabb");
}

int
main (int argc, char **argv)
{
  static const struct
  {
    const char *path;
    void (*func) (Fixture *fixture, gconstpointer data);
    const char *favourite;
  } tests[] = {
    { "/client/machines", test_machines },
    { "/client/whole", test_whole },
    { "/client/favourite", test_favourite, "a" },
    { "/client/gone-and-back", test_gone_and_back },
    { "/client/cannot-start", test_cannot_start },
    { "/client/older-core", test_older_core },
    { "/client/newer-core", test_newer_core },
    { "/client/errors", test_errors },
  };

  g_test_init (&argc, &argv, NULL);
  (void) LODGE_ERROR; /* registers the names of errors */
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, tests[i].favourite, set_up, tests[i].func, tear_down);
  return g_test_run ();
}
