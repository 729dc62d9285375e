/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-machine-item.h"

#include <signal.h>

#include "core/ipc/lodge-names.h"

#define PATIENCE_SECONDS 20

/* A bus that does not answer: its process stands still until the test has what it wants, or waits for too long. */
typedef struct
{
  GDBusConnection *connection; /* (owned) */
  GPid pid;
  GMutex mutex;
  GCond done;
  gboolean is_done;
  gboolean waited;
  GThread *watch;
} SilentBus;

static gpointer
watch_thread (gpointer data)
{
  SilentBus *bus = data;
  gint64 end = g_get_monotonic_time () + PATIENCE_SECONDS * G_USEC_PER_SEC;

  g_mutex_lock (&bus->mutex);
  while (!bus->is_done && !bus->waited)
    bus->waited = !g_cond_wait_until (&bus->done, &bus->mutex, end);
  kill (bus->pid, SIGCONT);
  g_mutex_unlock (&bus->mutex);
  return NULL;
}

static void
silent_bus_start (SilentBus *bus, GTestDBus *daemon)
{
  GDBusConnectionFlags flags = G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION;
  GError *error = NULL;
  g_autoptr (GVariant) reply = NULL;
  guint32 pid;

  bus->connection = g_dbus_connection_new_for_address_sync (g_test_dbus_get_bus_address (daemon), flags, NULL, NULL, &error);
  g_assert_no_error (error);
  reply = g_dbus_connection_call_sync (bus->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                       "GetConnectionUnixProcessID", g_variant_new ("(s)", "org.freedesktop.DBus"), NULL,
                                       G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(u)", &pid);
  bus->pid = (GPid) pid;
  kill (bus->pid, SIGSTOP);
  bus->watch = g_thread_new ("watch", watch_thread, bus);
}

/* Returns: whether it all went without an answer */
static gboolean
silent_bus_end (SilentBus *bus)
{
  g_mutex_lock (&bus->mutex);
  bus->is_done = TRUE;
  g_cond_signal (&bus->done);
  g_mutex_unlock (&bus->mutex);
  g_thread_join (bus->watch);
  g_dbus_connection_close_sync (bus->connection, NULL, NULL);
  g_object_unref (bus->connection);
  g_mutex_clear (&bus->mutex);
  g_cond_clear (&bus->done);
  return !bus->waited;
}

/* The proxy is made in the main loop, with a synchronous constructor: it may not wait for anybody. */
static void
test_proxy_waits_for_nobody (void)
{
  g_autoptr (GTestDBus) daemon = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_autoptr (LodgeMachineItem) item = lodge_machine_item_new (LODGE_CORE_PATH "/machines/barn");
  SilentBus bus = { NULL };
  gboolean free;

  g_test_dbus_up (daemon);
  g_mutex_init (&bus.mutex);
  g_cond_init (&bus.done);
  g_assert_null (lodge_machine_item_get_proxy (item));
  silent_bus_start (&bus, daemon);
  lodge_machine_item_connect (item, bus.connection, ":1.99", g_variant_new ("a{sv}", NULL), TRUE);
  g_assert_nonnull (lodge_machine_item_get_proxy (item));
  g_assert_true (lodge_machine_item_get_proxy (item) == lodge_machine_item_get_proxy (item));
  lodge_machine_item_disconnect (item);
  free = silent_bus_end (&bus);
  g_test_dbus_down (daemon);
  g_assert_true (free);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/machine-item/proxy-waits-for-nobody", test_proxy_waits_for_nobody);
  return g_test_run ();
}
