/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/service/lodge-job-object.h"

#include "core/ipc/lodge-names.h"
#include "core/service/lodge-machine-object.h"

#define KEPT_SECONDS 10

typedef struct
{
  GDBusObjectManagerServer *manager; /* (owned) */
  LodgeJob *job;                     /* (owned) */
  LodgeIpcJob *skeleton;             /* (owned) */
  char *path;                        /* (owned) */
} JobObject;

static void
job_object_free (gpointer data)
{
  JobObject *object = data;

  g_signal_handlers_disconnect_by_data (object->job, object);
  g_signal_handlers_disconnect_by_data (object->skeleton, object);
  g_dbus_object_manager_server_unexport (object->manager, object->path);
  g_object_unref (object->manager);
  g_object_unref (object->job);
  g_object_unref (object->skeleton);
  g_free (object->path);
  g_free (object);
}

static gboolean
kept_cb (gpointer data)
{
  return G_SOURCE_REMOVE;
}

static void
changed_cb (LodgeJob *job, JobObject *object)
{
  const GError *error = lodge_job_get_error (job);

  lodge_ipc_job_set_progress (object->skeleton, lodge_job_get_progress (job));
  lodge_ipc_job_set_rate (object->skeleton, lodge_job_get_rate (job));
  lodge_ipc_job_set_time_left (object->skeleton, lodge_job_get_time_left (job));
  lodge_ipc_job_set_state (object->skeleton, lodge_job_get_state_name (job));
  lodge_ipc_job_set_error (object->skeleton,
                           g_variant_new ("(ss)",
                                          error == NULL                   ? ""
                                          : error->domain == LODGE_ERROR ? lodge_error_code_name (error->code)
                                                                          : "failed",
                                          error != NULL ? error->message : ""));
}

static void
ended_cb (LodgeJob *job, JobObject *object)
{
  g_timeout_add_seconds_full (G_PRIORITY_DEFAULT, KEPT_SECONDS, kept_cb, object, job_object_free);
}

static gboolean
handle_cancel (LodgeIpcJob *skeleton, GDBusMethodInvocation *invocation, GVariant *options, JobObject *object)
{
  static const char *const none[] = { NULL };
  GError *error = NULL;

  if (!lodge_machine_check_options (options, none, &error))
    {
      lodge_return_error (invocation, error);
      return G_DBUS_METHOD_INVOCATION_HANDLED;
    }
  lodge_job_cancel (object->job);
  lodge_ipc_job_complete_cancel (skeleton, invocation);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

void
lodge_job_object_export (GDBusObjectManagerServer *manager, guint number, LodgeJob *job)
{
  g_autofree char *path = g_strdup_printf (LODGE_JOBS_PATH "/%u", number);
  g_autoptr (LodgeIpcObjectSkeleton) exported = lodge_ipc_object_skeleton_new (path);
  JobObject *object = g_new0 (JobObject, 1);
  const char *machine_id = lodge_job_get_machine_id (job);
  g_autofree char *machine = machine_id != NULL ? lodge_machine_object_path (machine_id) : g_strdup ("/");

  object->manager = g_object_ref (manager);
  object->job = g_object_ref (job);
  object->skeleton = lodge_ipc_job_skeleton_new ();
  lodge_ipc_job_set_kind (object->skeleton, lodge_job_get_kind (job));
  lodge_ipc_job_set_machine (object->skeleton, machine);
  changed_cb (job, object);
  g_signal_connect (job, "changed", G_CALLBACK (changed_cb), object);
  g_signal_connect (job, "ended", G_CALLBACK (ended_cb), object);
  g_signal_connect (object->skeleton, "handle-cancel", G_CALLBACK (handle_cancel), object);
  lodge_ipc_object_skeleton_set_job (exported, object->skeleton);
  g_dbus_object_manager_server_export (manager, G_DBUS_OBJECT_SKELETON (exported));
  object->path = g_steal_pointer (&path);
}
