/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-identify.h"

#include <gio/gunixfdlist.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-system.h"

static void
identified_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  GVariant *identified = NULL;

  if (lodge_ipc_core_call_identify_finish (LODGE_IPC_CORE (source), &identified, NULL, result, &error))
    g_task_return_pointer (task, identified, (GDestroyNotify) g_variant_unref);
  else
    g_task_return_error (task, error);
}

void
lodge_identify_async (LodgeLibrary *library, const char *display_name, int fd, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (library, cancellable, callback, user_data);
  LodgeIpcCore *core = lodge_library_get_core (library);
  g_autoptr (GUnixFDList) files = g_unix_fd_list_new ();
  GError *error = NULL;
  int handle = g_unix_fd_list_append (files, fd, &error);

  g_task_set_source_tag (task, lodge_identify_async);
  if (handle < 0 || core == NULL)
    {
      if (error == NULL)
        error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CORE_GONE, "no core");
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  lodge_ipc_core_call_identify (core, display_name, g_variant_new_handle (handle), g_variant_new ("a{sv}", NULL), files,
                                cancellable, identified_cb, task);
}

GVariant *
lodge_identify_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

const char *
lodge_identified_string (GVariant *identified, const char *key)
{
  const char *value;

  return identified != NULL && g_variant_lookup (identified, key, "&s", &value) ? value : "";
}

char *
lodge_identified_icon (GVariant *identified)
{
  const char *symbol = lodge_identified_string (identified, "symbol");

  if (*symbol != '\0')
    return g_strdup_printf ("lodge-os-%s", symbol);
  return lodge_system_icon (lodge_identified_string (identified, "os"), lodge_identified_string (identified, "family"));
}
