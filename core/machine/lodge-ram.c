/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * QEMU can write a guest's memory out while it runs only where what the guest writes meanwhile is noticed, and what processors in software
 * write is not always: such a guest had to stand still for all of its memory. It has it in a file without a name instead (memfd), which
 * QEMU maps shared and the core can read:
 *
 *   the memory is copied while the guest runs, until little has changed since the last pass
 *   the guest stands still; QEMU writes the state of the devices alone ("x-ignore-shared")
 *   meanwhile all of the memory is compared with the copy, and what differs is written: exact, whoever wrote it
 *
 * Nobody keeps the file but QEMU. Who wants it opens it through /proc, so a core that has taken the guest over can as well. The other
 * way round a new file is filled from a saved one while QEMU starts, and QEMU reads the devices alone. A guest that is put back to a
 * snapshot leaves its file to the next QEMU, as soon as it has ended: only what differs from what was saved is written.
 *
 * Under KVM memory is what it always was: its pages are large ones, and the stream is quick there. */

#include "core/machine/lodge-ram.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-saved.h"
#include "core/qemu/lodge-command-line.h"
#include "core/storage/lodge-disk-image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Its size is for ever, so nobody who reads it finds it cut; and QEMU can give pages of it back. Other files QEMU may have at that
 * number do not have just these. */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
#define PROGRESS_MS 200

G_STATIC_ASSERT (LODGE_CHILD_FD_RAM == 17);

gboolean
lodge_ram_is_possible (LodgeCapabilities *capabilities)
{
  return lodge_capabilities_has_member (capabilities, "migrate-set-capabilities/arg-type/capabilities/capability/^x-ignore-shared");
}

int
lodge_ram_new (guint64 size, GError **error)
{
  int fd = memfd_create ("lodge-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (fd >= 0 && ftruncate (fd, (off_t) size) == 0 && fcntl (fd, F_ADD_SEALS, SEALS) == 0)
    return fd;
  lodge_error_set_errno (error, errno, "making", "a guest's memory");
  if (fd >= 0)
    close (fd);
  return -1;
}

int
lodge_ram_find (int pid, guint64 size, int flags)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/fd/%d", pid, LODGE_CHILD_FD_RAM);
  int fd = open (path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat st;

  if (fd < 0)
    return -1;
  if (fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && (guint64) st.st_size == size && fcntl (fd, F_GET_SEALS) == SEALS)
    return fd;
  close (fd);
  return -1;
}

/* ---- Copying ---- */

static int
create (const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  if (fd < 0)
    lodge_error_set_errno (error, errno, "making", path);
  return fd;
}

LodgeSparseCopy *
lodge_ram_create (int from, guint64 size, const char *folder, int *devices, GError **error)
{
  LodgeSparseCopy *copy = NULL;
  int to = create (folder, LODGE_SAVED_RAM, error);

  *devices = to >= 0 ? create (folder, LODGE_SAVED_DEVICES, error) : -1;
  if (*devices >= 0 && ftruncate (to, (off_t) size) != 0)
    {
      lodge_error_set_errno (error, errno, "making", "a guest's memory");
      close (*devices);
      *devices = -1;
    }
  if (*devices >= 0)
    copy = lodge_sparse_copy_new (from, to, size);
  if (to >= 0)
    close (to);
  return copy;
}

gboolean
lodge_ram_flush (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, LODGE_SAVED_RAM, NULL);

  return lodge_disk_image_flush (path, error);
}

typedef struct
{
  LodgeSparseCopy *copy;     /* (owned) */
  GCancellable *cancellable; /* (owned) (nullable) */
  LodgeJob *job;             /* (owned) (nullable) */
  guint64 written;
  guint threads;
  guint progress_id;
} Pass;

static void
pass_free (Pass *pass)
{
  lodge_sparse_copy_unref (pass->copy);
  g_clear_object (&pass->cancellable);
  g_clear_object (&pass->job);
  g_free (pass);
}

static gboolean
progress_cb (gpointer data)
{
  Pass *pass = data;

  lodge_job_progress (pass->job, lodge_sparse_copy_get_done (pass->copy), lodge_sparse_copy_get_size (pass->copy), g_get_monotonic_time ());
  return G_SOURCE_CONTINUE;
}

static void
pass_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  Pass *pass = data;
  GError *error = NULL;

  if (lodge_sparse_copy_pass (pass->copy, pass->threads, pass->cancellable, &pass->written, &error))
    g_task_return_boolean (work, TRUE);
  else
    g_task_return_error (work, error);
}

static void
passed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Pass *pass = g_task_get_task_data (task);
  GError *error = NULL;

  g_clear_handle_id (&pass->progress_id, g_source_remove);
  if (g_task_propagate_boolean (G_TASK (result), &error))
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      error->domain = LODGE_ERROR;
      error->code = LODGE_ERROR_CANCELLED;
    }
  g_task_return_error (task, error);
}

void
lodge_ram_copy_pass_async (LodgeSparseCopy *copy, guint threads, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (NULL, NULL, callback, data);
  g_autoptr (GTask) work = g_task_new (NULL, NULL, passed_cb, task);
  Pass *pass = g_new0 (Pass, 1);

  g_task_set_source_tag (task, lodge_ram_copy_pass_async);
  g_task_set_task_data (task, pass, (GDestroyNotify) pass_free);
  pass->copy = lodge_sparse_copy_ref (copy);
  pass->threads = threads;
  if (job != NULL)
    {
      pass->job = g_object_ref (job);
      pass->cancellable = g_object_ref (lodge_job_get_cancellable (job));
      pass->progress_id = g_timeout_add (PROGRESS_MS, progress_cb, pass);
    }
  g_task_set_task_data (work, pass, NULL);
  g_task_run_in_thread (work, pass_thread);
}

gboolean
lodge_ram_copy_pass_finish (GAsyncResult *result, guint64 *written, GError **error)
{
  Pass *pass = g_task_get_task_data (G_TASK (result));

  if (written != NULL)
    *written = pass->written;
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- Filling ---- */

static void
close_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  close (GPOINTER_TO_INT (data));
  g_task_return_boolean (work, TRUE);
}

void
lodge_ram_let_go (int fd)
{
  g_autoptr (GTask) work = fd >= 0 ? g_task_new (NULL, NULL, NULL, NULL) : NULL;

  if (work == NULL)
    return;
  g_task_set_task_data (work, GINT_TO_POINTER (fd), NULL);
  g_task_run_in_thread (work, close_thread);
}

struct _LodgeRamFill
{
  LodgeSparseCopy *copy;     /* (owned) */
  GCancellable *cancellable; /* (owned) */
  GTask *waiting;            /* (owned) (nullable) */
  LodgeJob *job;             /* (owned) (nullable) whoever waits has it */
  GError *error;             /* (owned) (nullable) */
  guint progress_id;
  dev_t device;              /* of what it is filled from */
  ino_t inode;
  int fd;
  gboolean done;
};

static void
fill_clear (gpointer data)
{
  LodgeRamFill *fill = data;

  g_object_unref (fill->cancellable);
  lodge_sparse_copy_unref (fill->copy);
  g_clear_error (&fill->error);
  lodge_ram_let_go (fill->fd);
}

void
lodge_ram_fill_free (LodgeRamFill *fill)
{
  if (fill == NULL)
    return;
  g_cancellable_cancel (fill->cancellable);
  g_rc_box_release_full (fill, fill_clear);
}

static void
answer (LodgeRamFill *fill)
{
  g_autoptr (GTask) task = g_steal_pointer (&fill->waiting);

  g_clear_handle_id (&fill->progress_id, g_source_remove);
  g_clear_object (&fill->job);
  if (task != NULL && fill->error != NULL)
    g_task_return_error (task, g_error_copy (fill->error));
  else if (task != NULL)
    g_task_return_boolean (task, TRUE);
}

static void
filled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LodgeRamFill *fill = data;

  g_task_propagate_boolean (G_TASK (result), &fill->error);
  fill->done = TRUE;
  answer (fill);
  g_rc_box_release_full (fill, fill_clear);
}

/* It has nothing to do with the main thread's, which may be gone before it ends. */
static void
fill_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (lodge_sparse_copy_pass (data, 0, cancellable, NULL, &error))
    g_task_return_boolean (work, TRUE);
  else
    g_task_return_error (work, error);
}

LodgeRamFill *
lodge_ram_fill_new (const char *path, guint64 size, int over, GError **error)
{
  int from = open (path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), to = -1;
  g_autoptr (GTask) work = NULL;
  LodgeRamFill *fill;
  struct stat st;

  if (from < 0 || fstat (from, &st) != 0)
    lodge_error_set_errno (error, errno, "opening", path);
  else if (!S_ISREG (st.st_mode) || (guint64) st.st_size != size)
    g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is not the memory of this machine", path);
  else
    to = over >= 0 ? over : lodge_ram_new (size, error);
  if (to < 0)
    {
      if (from >= 0)
        close (from);
      lodge_ram_let_go (over);
      return NULL;
    }

  fill = g_rc_box_new0 (LodgeRamFill);
  fill->copy = over >= 0 ? lodge_sparse_copy_new_onto (from, to, size) : lodge_sparse_copy_new_once (from, to, size);
  fill->cancellable = g_cancellable_new ();
  fill->device = st.st_dev;
  fill->inode = st.st_ino;
  fill->fd = to;
  close (from);
  work = g_task_new (NULL, fill->cancellable, filled_cb, g_rc_box_acquire (fill));
  g_task_set_task_data (work, lodge_sparse_copy_ref (fill->copy), (GDestroyNotify) lodge_sparse_copy_unref);
  g_task_run_in_thread (work, fill_thread);
  return fill;
}

gboolean
lodge_ram_fill_is_of (LodgeRamFill *fill, const char *path)
{
  struct stat st;

  return stat (path, &st) == 0 && st.st_dev == fill->device && st.st_ino == fill->inode;
}

int
lodge_ram_fill_dup (LodgeRamFill *fill)
{
  return fcntl (fill->fd, F_DUPFD_CLOEXEC, 3);
}

static gboolean
fill_progress_cb (gpointer data)
{
  LodgeRamFill *fill = data;

  lodge_job_progress (fill->job, lodge_sparse_copy_get_done (fill->copy), lodge_sparse_copy_get_size (fill->copy), g_get_monotonic_time ());
  return G_SOURCE_CONTINUE;
}

void
lodge_ram_fill_wait_async (LodgeRamFill *fill, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  fill->waiting = g_task_new (NULL, NULL, callback, data);
  g_task_set_source_tag (fill->waiting, lodge_ram_fill_wait_async);
  if (fill->done)
    {
      answer (fill);
      return;
    }
  if (job == NULL)
    return;
  fill->job = g_object_ref (job);
  fill->progress_id = g_timeout_add (PROGRESS_MS, fill_progress_cb, fill);
}

gboolean
lodge_ram_fill_is_done (LodgeRamFill *fill)
{
  return fill->done;
}

gboolean
lodge_ram_fill_wait_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
