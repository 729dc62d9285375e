/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-family-object.h"

#include "core/machine/lodge-machine-execute.h"
#include "core/machine/lodge-machine-family.h"
#include "core/service/lodge-machine-object.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

typedef struct
{
  LodgeIpcMachine *skeleton; /* (unowned) has this */
  LodgeMachine    *machine;  /* (owned) */
  LodgeMachineSet *machines; /* (owned) */
} Family;

/* A call under way. */
typedef struct
{
  LodgeIpcMachine       *skeleton; /* (owned) */
  LodgeMachineSet       *machines; /* (owned) */
  GDBusMethodInvocation *invocation;
  LodgeCloned           *cloned;   /* (owned) (nullable) clones that are being started */
  guint                  starting;
  gboolean               bound;    /* what is opened ends with its caller */
  GError                *error;    /* (owned) (nullable) the first of a start */
} Call;

static Call *
call_new (Family *family, GDBusMethodInvocation *invocation)
{
  Call *call = g_new0 (Call, 1);

  call->skeleton = g_object_ref (family->skeleton);
  call->machines = g_object_ref (family->machines);
  call->invocation = invocation;
  return call;
}

static void
call_free (Call *call)
{
  g_object_unref (call->skeleton);
  g_object_unref (call->machines);
  g_clear_pointer (&call->cloned, lodge_cloned_free);
  g_clear_error (&call->error);
  g_free (call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

static void
update (Family *family)
{
  lodge_ipc_machine_set_template (family->skeleton, lodge_machine_is_template (family->machine));
  lodge_ipc_machine_set_disposable (family->skeleton, lodge_machine_is_disposable (family->machine));
  lodge_ipc_machine_set_origin (family->skeleton, lodge_machine_get_origin (family->machine));
}

/* A caller whose method is done must see the new state when it asks next. */
static void
flush (LodgeIpcMachine *skeleton)
{
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (skeleton));
}

static void
template_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;

  flush (call->skeleton);
  if (lodge_machine_set_template_finish (LODGE_MACHINE (source), result, &error))
    lodge_ipc_machine_complete_set_template (call->skeleton, call->invocation);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_set_template (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, gboolean template, GVariant *options,
                     Family *family)
{
  lodge_machine_set_template_async (family->machine, template, options, template_cb, call_new (family, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

/* @call: taken */
static void
return_cloned (Call *owned_call)
{
  g_autoptr (Call) call = owned_call;
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);

  if (call->error != NULL)
    {
      lodge_return_error (call->invocation, g_steal_pointer (&call->error));
      return;
    }
  for (guint i = 0; i < call->cloned->ids->len; i++)
    g_ptr_array_add (paths, lodge_machine_object_path (g_ptr_array_index (call->cloned->ids, i)));
  g_ptr_array_add (paths, NULL);
  lodge_ipc_machine_complete_clone (call->skeleton, call->invocation, (const char *const *) paths->pdata,
                                    call->cloned->kind, call->cloned->reason);
}

static void
clone_started_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Call *call = data;
  g_autoptr (GError) error = NULL;

  if (!lodge_machine_call_finish (LODGE_MACHINE (source), result, &error) && call->error == NULL)
    call->error = g_steal_pointer (&error);
  if (--call->starting == 0)
    return_cloned (call);
}

static void
cloned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GVariant *parameters = g_dbus_method_invocation_get_parameters (call->invocation);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 1);
  gboolean start = FALSE;
  GError *error = NULL;

  flush (call->skeleton);
  call->cloned = lodge_machine_clone_finish (LODGE_MACHINE (source), result, &error);
  if (call->cloned == NULL)
    {
      lodge_return_error (call->invocation, error);
      return;
    }
  /* An instant one comes up running; without a start it is a saved machine. */
  if (!g_variant_lookup (options, "start", "b", &start))
    start = g_str_equal (call->cloned->kind, "instant");
  if (!start)
    {
      return_cloned (g_steal_pointer (&call));
      return;
    }

  call->starting = 1;
  for (guint i = 0; i < call->cloned->ids->len; i++)
    {
      LodgeMachine *clone = lodge_machine_set_lookup (call->machines, g_ptr_array_index (call->cloned->ids, i));

      if (clone == NULL)
        continue;
      call->starting++;
      lodge_machine_call_async (clone, LODGE_METHOD_START, NULL, NULL, NULL, clone_started_cb, call);
    }
  if (--call->starting == 0)
    return_cloned (g_steal_pointer (&call));
  else
    g_steal_pointer (&call);
}

static gboolean
handle_clone (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *name, GVariant *options,
              Family *family)
{
  lodge_machine_clone_async (family->machine, name, options, FALSE, cloned_cb, call_new (family, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

/* A disposable machine that ends with its caller. */
typedef struct
{
  LodgeMachine *machine; /* (owned) */
  guint         watch;
  gulong        vanished;
} Bond;

static void
bond_free (Bond *bond)
{
  g_signal_handler_disconnect (bond->machine, bond->vanished);
  g_bus_unwatch_name (bond->watch);
  g_object_unref (bond->machine);
  g_free (bond);
}

static void
caller_left_cb (GDBusConnection *connection, const char *name, gpointer data)
{
  Bond *bond = data;

  if (lodge_machine_is_disposable (bond->machine))
    lodge_machine_call_async (bond->machine, LODGE_METHOD_FORCE_OFF, NULL, NULL, NULL, NULL, NULL);
  bond_free (bond);
}

static void
bind_to_caller (LodgeMachine *machine, GDBusMethodInvocation *invocation)
{
  Bond *bond = g_new0 (Bond, 1);

  bond->machine = g_object_ref (machine);
  bond->vanished = g_signal_connect_swapped (machine, "vanished", G_CALLBACK (bond_free), bond);
  bond->watch = g_bus_watch_name_on_connection (g_dbus_method_invocation_get_connection (invocation),
                                                g_dbus_method_invocation_get_sender (invocation),
                                                G_BUS_NAME_WATCHER_FLAGS_NONE, NULL, caller_left_cb, bond, NULL);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  g_autofree char *id = lodge_machine_open_disposable_finish (LODGE_MACHINE (source), result, &error);
  g_autofree char *path = id != NULL ? lodge_machine_object_path (id) : NULL;
  LodgeMachine *machine = id != NULL ? lodge_machine_set_lookup (call->machines, id) : NULL;

  flush (call->skeleton);
  if (call->bound && machine != NULL)
    bind_to_caller (machine, call->invocation);
  if (path != NULL)
    lodge_ipc_machine_complete_open_disposable (call->skeleton, call->invocation, NULL, path);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_open_disposable (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *options, Family *family)
{
  static const char *const known[] = { "bound", "b", "snapshot", "s", "share", "h", "share-writable", "b", NULL };
  g_autoptr (GVariant) rest = NULL;
  GVariantDict dict;
  GError *error = NULL;
  gint32 handle;
  int share = -1;
  Call *call;

  if (!lodge_machine_check_options (options, known, &error)
      || (g_variant_lookup (options, "share", "h", &handle) && (share = lodge_take_fd (fds, handle, &error)) < 0))
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }
  call = call_new (family, invocation);
  g_variant_lookup (options, "bound", "b", &call->bound);
  g_variant_dict_init (&dict, options);
  g_variant_dict_remove (&dict, "bound");
  g_variant_dict_remove (&dict, "share");
  rest = g_variant_ref_sink (g_variant_dict_end (&dict));
  lodge_machine_open_disposable_async (family->machine, family->machines, share, rest, opened_cb, call);
  if (share >= 0)
    close (share);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
handle_keep (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, const char *name, GVariant *options,
             Family *family)
{
  GError *error = NULL;

  if (lodge_machine_keep (family->machine, name, options, &error))
    {
      flush (skeleton);
      lodge_ipc_machine_complete_keep (skeleton, invocation);
    }
  else
    lodge_return_error (invocation, error);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
dependants_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  g_autoptr (GVariant) dependants = lodge_machine_dependants_finish (LODGE_MACHINE (source), result, &error);

  if (dependants != NULL)
    lodge_ipc_machine_complete_dependants (call->skeleton, call->invocation, dependants);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_dependants (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GVariant *options, Family *family)
{
  lodge_machine_dependants_async (family->machine, options, dependants_cb, call_new (family, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
flattened_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;

  flush (call->skeleton);
  if (lodge_machine_flatten_finish (LODGE_MACHINE (source), result, &error))
    lodge_ipc_machine_complete_flatten (call->skeleton, call->invocation);
  else
    lodge_return_error (call->invocation, error);
}

static gboolean
handle_flatten (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GVariant *options, Family *family)
{
  lodge_machine_flatten_async (family->machine, options, flattened_cb, call_new (family, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
executed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Call) call = data;
  GError *error = NULL;
  g_autoptr (LodgeExecution) execution = lodge_machine_execute_finish (LODGE_MACHINE (source), result, &error);
  g_autoptr (GUnixFDList) fds = NULL;
  int pipes[3];

  if (execution == NULL)
    {
      lodge_return_error (call->invocation, error);
      return;
    }
  pipes[0] = execution->output;
  pipes[1] = execution->errors;
  pipes[2] = execution->status;
  execution->output = execution->errors = execution->status = -1;
  fds = g_unix_fd_list_new_from_array (pipes, G_N_ELEMENTS (pipes));
  g_dbus_method_invocation_return_value_with_unix_fd_list (call->invocation, g_variant_new ("(hhh)", 0, 1, 2), fds);
}

static gboolean
handle_execute (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, const char *const *argv,
                GVariant *options, Family *family)
{
  g_autoptr (GVariant) given = g_variant_lookup_value (options, "input", G_VARIANT_TYPE_BYTESTRING);
  g_autoptr (GBytes) input = given != NULL ? g_variant_get_data_as_bytes (given) : NULL;
  g_autoptr (GVariant) rest = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, options);
  if (input != NULL)
    g_variant_dict_remove (&dict, "input");
  rest = g_variant_ref_sink (g_variant_dict_end (&dict));
  lodge_machine_execute_async (family->machine, argv, input, rest, executed_cb, call_new (family, invocation));
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
family_free (gpointer data)
{
  Family *family = data;

  g_signal_handlers_disconnect_by_data (family->machine, family);
  g_object_unref (family->machine);
  g_object_unref (family->machines);
  g_free (family);
}

void
lodge_family_object_connect (LodgeIpcMachine *skeleton, LodgeMachine *machine, LodgeMachineSet *machines)
{
  static const struct
  {
    const char *signal;
    GCallback handler;
  } handlers[] = {
    { "handle-set-template", G_CALLBACK (handle_set_template) },
    { "handle-clone", G_CALLBACK (handle_clone) },
    { "handle-open-disposable", G_CALLBACK (handle_open_disposable) },
    { "handle-keep", G_CALLBACK (handle_keep) },
    { "handle-dependants", G_CALLBACK (handle_dependants) },
    { "handle-flatten", G_CALLBACK (handle_flatten) },
    { "handle-execute", G_CALLBACK (handle_execute) },
  };
  Family *family = g_new0 (Family, 1);

  family->skeleton = skeleton;
  family->machine = g_object_ref (machine);
  family->machines = g_object_ref (machines);
  g_object_set_data_full (G_OBJECT (skeleton), "lodge-family", family, family_free);
  for (gsize i = 0; i < G_N_ELEMENTS (handlers); i++)
    g_signal_connect (skeleton, handlers[i].signal, handlers[i].handler, family);
  g_signal_connect_swapped (machine, "changed", G_CALLBACK (update), family);
  update (family);
}
