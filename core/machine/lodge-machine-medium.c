/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A medium goes into a CD drive of a running guest as a descriptor (add-fd): the confined QEMU
 * sees no path of the person's. Then the profile is saved, so that it is there at the next start. */

#include "core/machine/lodge-machine-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct
{
  char *drive; /* (owned) id */
  char *path;  /* (owned) (nullable) NULL: eject */
  gint64 fdset;
} Change;

static void
change_free (Change *change)
{
  g_free (change->drive);
  g_free (change->path);
  g_free (change);
}

static LodgeDisk *
find_drive (const LodgeProfile *profile, const char *id)
{
  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (disk->cdrom && (id == NULL || strcmp (disk->id, id) == 0))
        return disk;
    }
  return NULL;
}

static void
put_medium (LodgeDisk *disk, const char *path)
{
  struct stat st;

  g_free (disk->file);
  disk->file = g_strdup (path);
  disk->size = 0;
  disk->mtime = 0;
  if (path != NULL && stat (path, &st) == 0)
    {
      disk->size = (guint64) st.st_size;
      disk->mtime = st.st_mtime;
    }
}

static void
save_medium (LodgeMachine *self, GTask *task)
{
  Change *change = g_task_get_task_data (task);
  LodgeStore *store = lodge_engine_get_store (self->engine);
  LodgeDisk *disk = NULL;
  LodgeProfile *profile;
  GError *error = NULL;

  if (self->guest != NULL && (disk = find_drive (self->guest->profile, change->drive)) != NULL)
    put_medium (disk, change->path);

  /* A guest whose folder is gone has the medium now; there is nothing to remember it in. */
  if (self->entry == NULL || self->entry->profile == NULL)
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  profile = lodge_profile_copy (self->entry->profile);
  disk = find_drive (profile, change->drive);
  if (disk == NULL)
    {
      lodge_profile_free (profile);
      g_task_return_boolean (task, TRUE);
      return;
    }
  put_medium (disk, change->path);
  if (!lodge_store_save (store, self->id, profile, &error))
    {
      lodge_profile_free (profile);
      g_task_return_error (task, error);
      return;
    }
  lodge_machine_follow_entry (self);
  g_task_return_boolean (task, TRUE);
}

static void
changed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Change *change = g_task_get_task_data (task);
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (qmp, result, &error);

  if (change->fdset >= 0)
    {
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'fdset-id': <%x>}", change->fdset);

      /* QEMU holds a descriptor of its own for as long as the medium is in. */
      lodge_qmp_client_execute_async (qmp, "remove-fd", arguments, -1, NULL, NULL, NULL);
    }
  if (answer == NULL)
    g_task_return_error (task, error);
  else
    save_medium (g_task_get_source_object (task), task);
}

static void
passed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Change *change = g_task_get_task_data (task);
  g_autoptr (JsonObject) arguments = NULL;
  g_autofree char *path = NULL;
  GError *error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (answer == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  change->fdset = lodge_qmp_integer (lodge_qmp_node_object (answer), "fdset-id", -1);
  path = g_strdup_printf ("/dev/fdset/%" G_GINT64_FORMAT, change->fdset);
  arguments = lodge_qmp_args_new ("{'id': <%s>, 'filename': <%s>, 'format': <'raw'>, "
                                  "'read-only-mode': <'read-only'>, 'force': <true>}",
                                  change->drive, path);
  lodge_qmp_client_execute_async (LODGE_QMP_CLIENT (source), "blockdev-change-medium", arguments, -1,
                                  NULL, changed_cb, g_steal_pointer (&task));
}

/* Not waiting: the setting “cd” names any file, also a pipe. Returns: a descriptor, or -1 */
int
lodge_machine_open_medium (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat st;

  if (fd >= 0 && (fstat (fd, &st) != 0 || !(S_ISREG (st.st_mode) || S_ISBLK (st.st_mode))))
    {
      close (fd);
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "“%s” is not a file", path);
      return -1;
    }
  if (fd < 0)
    g_set_error (error, LODGE_ERROR, errno == ENOENT ? LODGE_ERROR_NOT_FOUND : LODGE_ERROR_NOT_READABLE,
                 "“%s”: %s", path, g_strerror (errno));
  else
    fcntl (fd, F_SETFL, 0);
  return fd;
}

/* @drive: (nullable): the first; @path: (nullable): NULL empties it; @task is taken */
void
lodge_machine_change_medium (LodgeMachine *self, const char *drive, const char *path, GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  const LodgeProfile *profile = self->guest != NULL ? self->guest->profile : self->entry->profile;
  const LodgeDisk *disk = find_drive (profile, drive);
  Change *change;
  GError *error = NULL;
  int fd;

  if (disk == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                               "the machine has no CD drive%s%s", drive != NULL ? " " : "",
                               drive != NULL ? drive : "");
      return;
    }
  change = g_new0 (Change, 1);
  change->drive = g_strdup (disk->id);
  change->path = g_strdup (path);
  change->fdset = -1;
  g_task_set_task_data (task, change, (GDestroyNotify) change_free);
  if (self->guest == NULL)
    {
      save_medium (self, task);
      return;
    }

  if (path == NULL)
    {
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'id': <%s>, 'force': <true>}", disk->id);

      lodge_qmp_client_execute_async (self->guest->qmp, "eject", arguments, -1, NULL, changed_cb,
                                      g_steal_pointer (&task));
      return;
    }
  fd = lodge_machine_open_medium (path, &error);
  if (fd < 0)
    {
      g_task_return_error (task, error);
      return;
    }
  lodge_qmp_client_execute_async (self->guest->qmp, "add-fd", NULL, fd, NULL, passed_cb, g_steal_pointer (&task));
  close (fd);
}
