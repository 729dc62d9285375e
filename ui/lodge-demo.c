/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-demo.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n-lib.h>

static gboolean
name_taken (LodgeLibrary *library, const char *name)
{
  GListModel *machines = lodge_library_get_machines (library);
  guint n = g_list_model_get_n_items (machines);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      if (g_str_equal (lodge_machine_item_get_name (item), name))
        return TRUE;
    }

  return FALSE;
}

char *
lodge_demo_free_name (LodgeLibrary *library, const char *wish)
{
  char *name = g_strdup (wish);

  for (guint i = 2; name_taken (library, name); i++)
    {
      g_free (name);
      name = g_strdup_printf ("%s %u", wish, i);
    }

  return name;
}

static void
started_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GVariant) reply G_GNUC_UNUSED = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, NULL);

  g_task_return_pointer (task, g_strdup (g_task_get_task_data (task)), g_free);
}

static void
created_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GDBusProxy *core = G_DBUS_PROXY (source);
  GError *error = NULL;
  char *path = NULL;

  if (!lodge_ipc_core_call_create_machine_finish (LODGE_IPC_CORE (source), &path, NULL, result, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  /* The object may not have arrived yet, so its proxy cannot be used. */
  g_task_set_task_data (task, path, g_free);
  g_dbus_connection_call (g_dbus_proxy_get_connection (core), g_dbus_proxy_get_name (core), path,
                          "org.lodgevm.Core1.Machine", "Start", g_variant_new ("(a{sv})", NULL), NULL,
                          G_DBUS_CALL_FLAGS_NONE, 120000, NULL, started_cb, g_steal_pointer (&task));
}

void
lodge_demo_create_async (LodgeLibrary *library, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (library, NULL, callback, user_data);
  g_autofree char *name = lodge_demo_free_name (library, _("Lodge Demo"));
  g_autoptr (GUnixFDList) no_files = g_unix_fd_list_new ();
  GVariantBuilder settings;

  g_task_set_source_tag (task, lodge_demo_create_async);
  g_variant_builder_init (&settings, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&settings, "{sv}", "demo", g_variant_new_boolean (TRUE));
  lodge_ipc_core_call_create_machine (lodge_library_get_core (library), name, g_variant_builder_end (&settings),
                                      g_variant_new ("a(ssh)", NULL), g_variant_new ("a{sv}", NULL), no_files,
                                      NULL, created_cb, task);
}

char *
lodge_demo_create_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
