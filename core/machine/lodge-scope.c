/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-scope.h"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
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
  g_autofree char *name = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (answer == NULL)
    g_debug ("no scope %s: %s", name, error->message);
}

void
lodge_scope_request (GDBusConnection *connection, const char *name, const char *description, const guint32 *pids)
{
  GVariantBuilder properties;
  GVariantBuilder list;

  if (connection == NULL)
    return;

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
                          G_VARIANT_TYPE ("(o)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, requested_cb,
                          g_strdup (name));
}
