/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-snapshot-object.h"

#include "core/machine/lodge-machine-snapshot.h"
#include "core/service/lodge-machine-object.h"

#include <gio/gunixfdlist.h>

/* A caller whose method is done must see the new state when it asks next. */
static void
flush (GDBusMethodInvocation *invocation)
{
  GDBusInterfaceSkeleton *skeleton = g_object_get_data (G_OBJECT (invocation), "lodge-skeleton");

  g_dbus_interface_skeleton_flush (skeleton);
}

static void
hold (GDBusMethodInvocation *invocation, LodgeIpcMachine *skeleton)
{
  g_object_set_data_full (G_OBJECT (invocation), "lodge-skeleton", g_object_ref (skeleton), g_object_unref);
}

static void
taken_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  GError *error = NULL;
  g_autofree char *id = lodge_machine_take_snapshot_finish (LODGE_MACHINE (source), result, &error);

  flush (invocation);
  if (id != NULL)
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(s)", id));
  else
    lodge_return_error (invocation, error);
}

static void
done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  GError *error = NULL;

  flush (invocation);
  if (lodge_machine_snapshot_finish (LODGE_MACHINE (source), result, &error))
    g_dbus_method_invocation_return_value (invocation, NULL);
  else
    lodge_return_error (invocation, error);
}

static gboolean
handle_take (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GVariant *options, LodgeMachine *machine)
{
  hold (invocation, skeleton);
  lodge_machine_take_snapshot_async (machine, options, taken_cb, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_restore (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *id, GVariant *options, LodgeMachine *machine)
{
  hold (invocation, skeleton);
  lodge_machine_restore_snapshot_async (machine, id, options, done_cb, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_delete (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *id, GVariant *options, LodgeMachine *machine)
{
  hold (invocation, skeleton);
  lodge_machine_delete_snapshot_async (machine, id, options, done_cb, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
check_no_options (GDBusMethodInvocation *invocation, GVariant *options)
{
  static const char *const none[] = { NULL };
  GError *error = NULL;

  if (lodge_machine_check_options (options, none, &error))
    return TRUE;
  lodge_return_error (invocation, error);
  return FALSE;
}

static gboolean
handle_list (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GVariant *options, LodgeMachine *machine)
{
  if (check_no_options (invocation, options))
    lodge_ipc_machine_complete_list_snapshots (skeleton, invocation, lodge_machine_list_snapshots (machine));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_edit (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *id, GVariant *options, LodgeMachine *machine)
{
  GError *error = NULL;

  if (lodge_machine_edit_snapshot (machine, id, options, &error))
    g_dbus_method_invocation_return_value (invocation, NULL);
  else
    lodge_return_error (invocation, error);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_picture (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, const char *id,
                GVariant *options, LodgeMachine *machine)
{
  g_autoptr (GUnixFDList) list = NULL;
  GError *error = NULL;
  int fd;

  if (!check_no_options (invocation, options))
    return G_DBUS_METHOD_INVOCATION_HANDLED;
  fd = lodge_machine_open_snapshot_picture (machine, id, &error);
  if (fd < 0)
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }
  list = g_unix_fd_list_new_from_array (&fd, 1);
  g_dbus_method_invocation_return_value_with_unix_fd_list (invocation, g_variant_new ("(h)", 0), list);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_forecast (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *what, GVariant *options, LodgeMachine *machine)
{
  GError *error = NULL;
  GVariant *forecast = lodge_machine_forecast (machine, what, options, &error);

  if (forecast != NULL)
    lodge_ipc_machine_complete_forecast (skeleton, invocation, forecast);
  else
    lodge_return_error (invocation, error);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

void
lodge_snapshot_object_connect (LodgeIpcMachine *skeleton, LodgeMachine *machine)
{
  static const struct
  {
    const char *signal;
    GCallback handler;
  } handlers[] = {
    { "handle-take-snapshot", G_CALLBACK (handle_take) },
    { "handle-list-snapshots", G_CALLBACK (handle_list) },
    { "handle-restore-snapshot", G_CALLBACK (handle_restore) },
    { "handle-delete-snapshot", G_CALLBACK (handle_delete) },
    { "handle-edit-snapshot", G_CALLBACK (handle_edit) },
    { "handle-get-snapshot-picture", G_CALLBACK (handle_picture) },
    { "handle-forecast", G_CALLBACK (handle_forecast) },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect_object (skeleton, handlers[i].signal, handlers[i].handler, machine, 0);
  g_signal_connect_object (machine, "snapshots", G_CALLBACK (lodge_ipc_machine_emit_snapshots_changed), skeleton, G_CONNECT_SWAPPED);
}
