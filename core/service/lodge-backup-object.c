/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-backup-object.h"

#include "core/machine/lodge-backup-restore.h"
#include "core/machine/lodge-backups.h"
#include "core/machine/lodge-machine-backup.h"
#include "core/service/lodge-machine-object.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  LodgeEngine     *engine;   /* (owned) */
  LodgeMachineSet *machines; /* (owned) */
  LodgeJobFunc     func;
  gpointer         data;
} Backups;

/* A call that is a job. */
typedef struct
{
  GDBusMethodInvocation *invocation;
  LodgeJob              *job; /* (owned) */
} Call;

static Call *
call_new (Backups *backups, GDBusMethodInvocation *invocation, LodgeJob *job)
{
  Call *call = g_new0 (Call, 1);

  call->invocation = invocation;
  call->job = job;
  backups->func (job, backups->data);
  return call;
}

/* The answer is @value, or @error. */
static void
answer (Call *call, GVariant *value, GError *error)
{
  lodge_job_end (call->job, error);
  if (error != NULL)
    lodge_return_error (call->invocation, error);
  else
    g_dbus_method_invocation_return_value_with_unix_fd_list (call->invocation, value, NULL);
  g_object_unref (call->job);
  g_free (call);
}

static void
listed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (GVariant) list = lodge_backups_list_finish (result, &error);

  if (list != NULL)
    g_dbus_method_invocation_return_value_with_unix_fd_list (data, g_variant_new ("(@aa{sv})", list), NULL);
  else
    lodge_return_error (data, error);
}

static gboolean
handle_list (LodgeIpcCore *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *folder, GVariant *options, Backups *backups)
{
  GError *error = NULL;
  int fd = lodge_take_fd (fds, g_variant_get_handle (folder), &error);

  if (fd >= 0)
    {
      lodge_backups_list_async (fd, options, listed_cb, invocation);
      close (fd);
    }
  else
    lodge_return_error (invocation, error);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
restored_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autofree char *id = lodge_backup_restore_finish (result, &error);
  g_autofree char *path = id != NULL ? lodge_machine_object_path (id) : NULL;

  answer (data, path != NULL ? g_variant_new ("(o)", path) : NULL, error);
}

static gboolean
handle_restore (LodgeIpcCore *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *folder, const char *id, GVariant *options,
                Backups *backups)
{
  const char *machine = NULL;
  GError *error = NULL;
  int fd = lodge_take_fd (fds, g_variant_get_handle (folder), &error);
  LodgeJob *job;

  if (fd < 0)
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }
  g_variant_lookup (options, "machine", "&s", &machine);
  job = lodge_job_new ("restore", machine);
  lodge_backup_restore_async (backups->engine, backups->machines, fd, id, options, job, restored_cb, call_new (backups, invocation, job));
  close (fd);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
verified_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;
  g_autoptr (GVariant) facts = lodge_backups_verify_finish (result, &error);

  answer (data, facts != NULL ? g_variant_new ("(@a{sv})", facts) : NULL, error);
}

static gboolean
handle_verify (LodgeIpcCore *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *folder, const char *id, GVariant *options,
               Backups *backups)
{
  GError *error = NULL;
  int fd = lodge_take_fd (fds, g_variant_get_handle (folder), &error);
  LodgeJob *job;

  if (fd < 0)
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }
  job = lodge_job_new ("verify", NULL);
  lodge_backups_verify_async (fd, id, options, job, verified_cb, call_new (backups, invocation, job));
  close (fd);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
deleted_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  if (lodge_backups_delete_finish (result, &error))
    g_dbus_method_invocation_return_value_with_unix_fd_list (data, NULL, NULL);
  else
    lodge_return_error (data, error);
}

static gboolean
handle_delete (LodgeIpcCore *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *folder, const char *id, GVariant *options,
               Backups *backups)
{
  GError *error = NULL;
  int fd = lodge_take_fd (fds, g_variant_get_handle (folder), &error);

  if (fd >= 0)
    {
      lodge_backups_delete_async (fd, id, options, deleted_cb, invocation);
      close (fd);
    }
  else
    lodge_return_error (invocation, error);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
backups_free (gpointer data)
{
  Backups *backups = data;

  g_object_unref (backups->engine);
  g_object_unref (backups->machines);
  g_free (backups);
}

void
lodge_backup_object_connect (LodgeIpcCore *skeleton, LodgeEngine *engine, LodgeMachineSet *machines, LodgeJobFunc func, gpointer data)
{
  Backups *backups = g_new0 (Backups, 1);

  backups->engine = g_object_ref (engine);
  backups->machines = g_object_ref (machines);
  backups->func = func;
  backups->data = data;
  g_object_set_data_full (G_OBJECT (skeleton), "lodge-backups", backups, backups_free);
  g_signal_connect (skeleton, "handle-list-backups", G_CALLBACK (handle_list), backups);
  g_signal_connect (skeleton, "handle-restore-backup", G_CALLBACK (handle_restore), backups);
  g_signal_connect (skeleton, "handle-verify-backup", G_CALLBACK (handle_verify), backups);
  g_signal_connect (skeleton, "handle-delete-backup", G_CALLBACK (handle_delete), backups);
}

/* ---- Core1.Machine ---- */

static void
backed_up_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  GError *error = NULL;
  g_autoptr (LodgeBackedUp) made = lodge_machine_backup_finish (LODGE_MACHINE (source), result, &error);

  if (made != NULL)
    g_dbus_method_invocation_return_value_with_unix_fd_list (invocation, g_variant_new ("(s@a{sv})", made->id, made->facts), NULL);
  else
    lodge_return_error (invocation, error);
}

static gboolean
handle_backup (LodgeIpcMachine *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *folder, GVariant *options,
               LodgeMachine *machine)
{
  GError *error = NULL;
  int fd = lodge_take_fd (fds, g_variant_get_handle (folder), &error);

  if (fd >= 0)
    {
      lodge_machine_backup_async (machine, fd, options, backed_up_cb, invocation);
      close (fd);
    }
  else
    lodge_return_error (invocation, error);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
automatic_cb (LodgeIpcMachine *skeleton, LodgeMachine *machine, LodgeAutomatic *automatic)
{
  if (strcmp (lodge_ipc_machine_get_id (skeleton), lodge_machine_get_id (machine)) == 0)
    lodge_ipc_machine_set_automatic (skeleton, lodge_automatic_describe (automatic, machine));
}

void
lodge_backup_object_connect_machine (LodgeIpcMachine *skeleton, LodgeMachine *machine, LodgeAutomatic *automatic)
{
  lodge_ipc_machine_set_automatic (skeleton, lodge_automatic_describe (automatic, machine));
  g_signal_connect_object (automatic, "changed", G_CALLBACK (automatic_cb), skeleton, G_CONNECT_SWAPPED);
  g_signal_connect_object (skeleton, "handle-backup", G_CALLBACK (handle_backup), machine, 0);
}
