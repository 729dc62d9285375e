/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-disks-object.h"

#include "core/machine/lodge-machine-disks.h"
#include "core/service/lodge-machine-object.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

typedef struct
{
  LodgeIpcMachine       *skeleton; /* (owned) */
  GDBusMethodInvocation *invocation;
} Call;

static Call *
call_new (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation)
{
  Call *call = g_new0 (Call, 1);

  call->skeleton = g_object_ref (skeleton);
  call->invocation = invocation;
  return call;
}

static void
call_free (Call *call)
{
  g_object_unref (call->skeleton);
  g_free (call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

/* A caller whose method is done must see the new state when it asks next. */
static void
changed (Call *call)
{
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (call->skeleton));
  lodge_ipc_machine_emit_disks_changed (call->skeleton);
}

static void
listed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  g_autoptr (GVariant) disks = lodge_machine_list_disks_finish (LODGE_MACHINE (source), result, &error);

  if (disks != NULL)
    lodge_ipc_machine_complete_list_disks (call->skeleton, call->invocation, disks);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_list_disks (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GVariant *options, LodgeMachine *machine)
{
  lodge_machine_list_disks_async (machine, options, listed_cb, call_new (skeleton, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
added_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  g_autofree char *id = lodge_machine_add_disk_finish (LODGE_MACHINE (source), result, &error);

  changed (call);
  if (id != NULL)
    lodge_ipc_machine_complete_add_disk (call->skeleton, call->invocation, NULL, id);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_add_disk (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *options,
                 LodgeMachine *machine)
{
  gint32 handle;
  int fd = -1;
  GError *error = NULL;

  if (g_variant_lookup (options, "image", "h", &handle) && (fd = lodge_take_fd (fds, handle, &error)) < 0)
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }
  lodge_machine_add_disk_async (machine, fd, options, added_cb, call_new (skeleton, invocation));
  if (fd >= 0)
    close (fd);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  gboolean good = lodge_machine_disk_finish (LODGE_MACHINE (source), result, NULL, &error);

  changed (call);
  if (good)
    g_dbus_method_invocation_return_value (call->invocation, NULL);
  else
    lodge_return_error (call->invocation, error);
}

static void
compacted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  guint64 freed = 0;
  GError *error = NULL;
  gboolean good = lodge_machine_disk_finish (LODGE_MACHINE (source), result, &freed, &error);

  changed (call);
  if (good)
    lodge_ipc_machine_complete_compact_disk (call->skeleton, call->invocation, freed);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_detach_disk (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *id, GVariant *options,
                    LodgeMachine *machine)
{
  lodge_machine_detach_disk_async (machine, id, options, done_cb, call_new (skeleton, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_grow_disk (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *id, guint64 size,
                  GVariant *options, LodgeMachine *machine)
{
  lodge_machine_grow_disk_async (machine, id, size, options, done_cb, call_new (skeleton, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_compact_disk (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *id, GVariant *options,
                     LodgeMachine *machine)
{
  lodge_machine_compact_disk_async (machine, id, options, compacted_cb, call_new (skeleton, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_convert_disk (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *id, const char *format,
                     GVariant *options, LodgeMachine *machine)
{
  lodge_machine_convert_disk_async (machine, id, format, options, done_cb, call_new (skeleton, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

void
lodge_disks_object_connect (LodgeIpcMachine *skeleton, LodgeMachine *machine)
{
  static const struct
  {
    const char *signal;
    GCallback handler;
  } handlers[] = {
    { "handle-list-disks", G_CALLBACK (handle_list_disks) },     { "handle-add-disk", G_CALLBACK (handle_add_disk) },
    { "handle-detach-disk", G_CALLBACK (handle_detach_disk) },   { "handle-grow-disk", G_CALLBACK (handle_grow_disk) },
    { "handle-compact-disk", G_CALLBACK (handle_compact_disk) }, { "handle-convert-disk", G_CALLBACK (handle_convert_disk) },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect_object (skeleton, handlers[i].signal, handlers[i].handler, machine, 0);
}
