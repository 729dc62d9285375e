/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A disposable guest can have a folder of the host, by 9p. An instant clone is mapped privately, which virtiofs cannot be with, and its
 * hardware is that of its parent; so in every guest the device is plugged in before the guest takes its first step, into the last place
 * that is free, because disks are plugged into the first:
 *
 *   QEMU is started with the folder (-fsdev), which is bound into its confinement -> the memory is read -> device_add -> cont
 *   -> the guest agent mounts it (lodge-machine-identity.c), and no other command begins before that
 *
 * QEMU opens below the folder without following links out of it, and has nothing but that folder of the host anyway. A saved memory with such a
 * device in it could not be read by the same machine started without; so a guest that has one is not saved, and QEMU refuses too while it is mounted. */

#include "core/machine/lodge-machine-share.h"

#include "core/machine/lodge-machine-private.h"
#include "core/qemu/lodge-command-line.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A device that was plugged in is there when the guest's kernel has looked; that takes its time. */
#define MOUNT(options) \
  "mkdir -p " LODGE_SHARE_FOLDER "; modprobe -q 9pnet_virtio; modprobe -q 9p; n=0; " \
  "until mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144" options " " LODGE_SHARE_TAG " " LODGE_SHARE_FOLDER " 2>/tmp/.lodge-share; do " \
  "n=$((n + 1)); if [ $n -gt 100 ]; then cat /tmp/.lodge-share >&2; rm -f /tmp/.lodge-share; exit 1; fi; " \
  "sleep 0.1 2>/dev/null || sleep 1; done; rm -f /tmp/.lodge-share"

void
lodge_share_free (LodgeShare *share)
{
  if (share == NULL)
    return;
  g_free (share->path);
  g_free (share);
}

static gboolean
is_below (const char *path, const char *folder)
{
  gsize length = strlen (folder);

  return strncmp (path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/' || strcmp (folder, "/") == 0);
}

/* Where the descriptor's folder is, if it is still there. */
static char *
find_path (int fd, GError **error)
{
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *path = g_file_read_link (link, NULL);
  struct stat opened, found;

  if (path != NULL && *path == '/' && fstat (fd, &opened) == 0 && stat (path, &found) == 0 && S_ISDIR (found.st_mode)
      && opened.st_dev == found.st_dev && opened.st_ino == found.st_ino)
    return g_steal_pointer (&path);
  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "share: it is not a folder of this host");
  return NULL;
}

LodgeShare *
lodge_share_new (int fd, gboolean writable, const LodgePaths *paths, GError **error)
{
  const char *const own[] = { paths->machines_dir, paths->trash_dir, paths->runtime_dir, paths->state_dir };
  g_autofree char *path = find_path (fd, error);
  LodgeShare *share;

  if (path == NULL)
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (own); i++)
    {
      g_autofree char *real = realpath (own[i], NULL);

      /* With them the guest could have other guests' disks, or its own from below. */
      if (is_below (path, real != NULL ? real : own[i]) || is_below (real != NULL ? real : own[i], path))
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "share: Lodge keeps its own files there: %s", own[i]);
          return NULL;
        }
    }
  if (access (path, writable ? R_OK | W_OK | X_OK : R_OK | X_OK) != 0)
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_READABLE, "%s may not be %s", path, writable ? "written to" : "read");
      return NULL;
    }
  share = g_new0 (LodgeShare, 1);
  share->path = g_steal_pointer (&path);
  share->writable = writable;
  return share;
}

static void
plugged_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (value != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
lodge_machine_plug_share_async (LodgeMachine *self, GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  g_autoptr (JsonObject) device = lodge_command_line_plug_share (self->guest->profile);

  g_task_set_source_tag (task, lodge_machine_plug_share_async);
  if (device == NULL)
    g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "there is no free place in the guest for a shared folder");
  else
    lodge_qmp_client_execute_async (self->guest->qmp, "device_add", device, -1, NULL, plugged_cb, g_steal_pointer (&task));
}

gboolean
lodge_machine_plug_share_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

const char *
lodge_share_mount_script (const LodgeShare *share)
{
  return share->writable ? MOUNT ("") : MOUNT (",ro");
}

gboolean
lodge_share_is_in (const char *const *argv)
{
  return g_strv_contains (argv, "-fsdev");
}
