/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-backup-folder.h"

#include <errno.h>
#include <fcntl.h>

#include "core/ipc/lodge-error.h"

static void
open_thread (GTask *task, gpointer source, gpointer path, GCancellable *cancellable)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int code = errno;

  if (fd >= 0)
    g_task_return_pointer (task, g_unix_fd_list_new_from_array (&fd, 1), g_object_unref);
  else
    g_task_return_new_error (task, LODGE_ERROR,
                             code == EACCES || code == EPERM ? LODGE_ERROR_NOT_READABLE
                             : code == ENOTDIR               ? LODGE_ERROR_INVALID_ARGUMENT
                                                             : LODGE_ERROR_IO,
                             "%s: %s", (const char *) path, g_strerror (code));
}

void
lodge_backup_folder_open_async (const char *path, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, lodge_backup_folder_open_async);
  g_task_set_task_data (task, g_strdup (path), g_free);
  g_task_run_in_thread (task, open_thread);
}

GUnixFDList *
lodge_backup_folder_open_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
