/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-scope.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
/* A systemd that is busy for longer than this gets no say in when a guest starts. */
#define PATIENCE_MS 300
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"

char *
lodge_scope_name (const char *machine_id, guint64 start_time)
{
  /* The start time makes it new at each start: a scope that is still winding down keeps its name. */
  return g_strdup_printf ("lodge-%.8s-%" G_GUINT64_FORMAT ".scope", machine_id, start_time);
}

static void
requested_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (answer == NULL)
    g_debug ("no scope %s: %s", (const char *) g_task_get_task_data (task), error->message);
  g_task_return_boolean (task, answer != NULL);
}

void
lodge_scope_request_async (GDBusConnection *connection, const char *name, const char *description,
                           const guint32 *pids, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, NULL, callback, data);
  GVariantBuilder properties;
  GVariantBuilder list;

  g_task_set_source_tag (task, lodge_scope_request_async);
  g_task_set_task_data (task, g_strdup (name), g_free);
  if (connection == NULL)
    {
      g_task_return_boolean (task, FALSE);
      g_object_unref (task);
      return;
    }

  g_variant_builder_init (&list, G_VARIANT_TYPE ("au"));
  for (; *pids != 0; pids++)
    g_variant_builder_add (&list, "u", *pids);
  g_variant_builder_init (&properties, G_VARIANT_TYPE ("a(sv)"));
  g_variant_builder_add (&properties, "(sv)", "Description", g_variant_new_string (description));
  g_variant_builder_add (&properties, "(sv)", "PIDs", g_variant_builder_end (&list));
  g_variant_builder_add (&properties, "(sv)", "Slice", g_variant_new_string ("app.slice"));
  /* A guest that ended badly needs no reset by hand before its next start. */
  g_variant_builder_add (&properties, "(sv)", "CollectMode", g_variant_new_string ("inactive-or-failed"));

  g_dbus_connection_call (connection, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, "StartTransientUnit",
                          g_variant_new ("(ssa(sv)a(sa(sv)))", name, "fail", &properties, NULL),
                          G_VARIANT_TYPE ("(o)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, PATIENCE_MS, NULL, requested_cb, task);
}

gboolean
lodge_scope_request_finish (GAsyncResult *result)
{
  return g_task_propagate_boolean (G_TASK (result), NULL);
}
