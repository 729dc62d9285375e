/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/qemu/lodge-qemu-rebase.h"

#include "core/qemu/lodge-qemu-img.h"
#include "core/qemu/lodge-subprocess.h"

#include <string.h>

#define MAX_OUTPUT 65536

static void
ran_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  g_autoptr (LodgeOutput) output = lodge_subprocess_run_finish (result, &error);

  if (output == NULL)
    g_task_return_error (task, error);
  else if (output->exit_code == 0)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_new_error (task, LODGE_ERROR,
                             strstr (output->complaint, "No space left") != NULL ? LODGE_ERROR_NO_SPACE
                             : strstr (output->complaint, "Failed to get") != NULL ? LODGE_ERROR_IN_USE : LODGE_ERROR_IO,
                             "%s", *output->complaint != '\0' ? output->complaint : "qemu-img ended without a word");
}

void
lodge_qemu_rebase_async (LodgeSandbox *sandbox, const char *path, const char *const *below, const char *backing,
                         const char *backing_format, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  g_autofree char *binary = lodge_qemu_img_find ();
  g_autofree char *folder = binary != NULL ? g_path_get_dirname (binary) : NULL;
  g_autoptr (GPtrArray) read_only = g_ptr_array_new ();
  const char *read_write[] = { path, NULL };
  /* Written through, see lodge_qemu_img_flatten_async(): a kill must not come between the header and the tables. */
  const char *plain[] = { binary, "rebase", "-q", "-t", "writethrough", "-f", "qcow2", "-b", "", path, NULL };
  const char *other[] = { binary, "rebase", "-q", "-t", "writethrough", "-f", "qcow2", "-b", backing, "-F", backing_format, path, NULL };
  LodgeSandboxSpec spec = { .read_write = read_write, .new_session = TRUE, .die_with_parent = TRUE };

  g_return_if_fail (g_path_is_absolute (path) && (*backing == '\0' || backing_format != NULL));
  g_task_set_source_tag (task, lodge_qemu_rebase_async);
  g_task_set_check_cancellable (task, FALSE);
  if (binary == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NO_QEMU, "there is no qemu-img");
      return;
    }
  if (!g_str_has_prefix (folder, "/usr/"))
    g_ptr_array_add (read_only, folder);
  for (gsize i = 0; below[i] != NULL; i++)
    g_ptr_array_add (read_only, (gpointer) below[i]);
  g_ptr_array_add (read_only, NULL);
  spec.read_only = (const char *const *) read_only->pdata;
  lodge_subprocess_run_async (sandbox, &spec, *backing == '\0' ? plain : other, MAX_OUTPUT, NULL, NULL, cancellable, ran_cb,
                              g_steal_pointer (&task));
}

gboolean
lodge_qemu_rebase_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
