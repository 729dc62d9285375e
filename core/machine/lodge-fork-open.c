/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Before "rom=off" QEMU opened for writing whatever it maps as a guest's memory, and a balloon that is inflated then punches holes
 * into the file, under all that map it. Such a QEMU gets the memory in a sealed memfd: nothing in the world can write to that. It is
 * kept for a while, since who makes one clone makes another one soon. */

#include "core/machine/lodge-fork.h"

#include "core/config/lodge-atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT_SECONDS 60
#define AT_ONCE (64 * 1024 * 1024)

typedef struct
{
  char *key;          /* (owned) of the file */
  int fd;             /* or -1 while it is filled */
  guint drop_id;
  GPtrArray *waiting; /* (element-type GTask) */
} Sealed;

static void
sealed_free (gpointer data)
{
  Sealed *sealed = data;

  g_clear_handle_id (&sealed->drop_id, g_source_remove);
  if (sealed->fd >= 0)
    close (sealed->fd);
  g_ptr_array_unref (sealed->waiting);
  g_free (sealed->key);
  g_free (sealed);
}

/* Only what holds data: a guest's memory is mostly holes. */
static gboolean
fill (int from, int to, goffset size)
{
  goffset at = 0;

  while (at < size && (at = lseek (from, at, SEEK_DATA)) >= 0)
    {
      goffset end = lseek (from, at, SEEK_HOLE);

      if (end < 0 || lseek (to, at, SEEK_SET) < 0 || lseek (from, at, SEEK_SET) < 0)
        return FALSE;
      while (at < end)
        {
          loff_t source = at, target = at;
          ssize_t copied = copy_file_range (from, &source, to, &target, (gsize) MIN (end - at, AT_ONCE), 0);

          if (copied <= 0)
            {
              g_autofree char *buffer = g_malloc (1024 * 1024);

              copied = pread (from, buffer, (gsize) MIN (end - at, 1024 * 1024), at);
              if (copied > 0)
                copied = pwrite (to, buffer, (gsize) copied, at);
            }
          if (copied <= 0)
            return FALSE;
          at += copied;
        }
    }
  return at >= 0 || errno == ENXIO;
}

static void
seal_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  const char *path = data;
  int from = open (path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), to = memfd_create ("lodge-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  GError *error = NULL;
  struct stat st;

  if (from < 0 || to < 0 || fstat (from, &st) != 0 || ftruncate (to, st.st_size) != 0 || !fill (from, to, st.st_size)
      || fcntl (to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    lodge_error_set_errno (&error, errno, "reading", path);
  if (from >= 0)
    close (from);
  if (error == NULL)
    {
      g_task_return_int (work, to);
      return;
    }
  if (to >= 0)
    close (to);
  g_task_return_error (work, error);
}

static gboolean
drop_cb (gpointer data)
{
  LodgeEngine *engine = data;
  GHashTable *kept = lodge_engine_get_memories (engine);
  GHashTableIter iter;
  gpointer value;

  /* One source for each, and the one that fires is the one that is dropped. */
  g_hash_table_iter_init (&iter, kept);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((Sealed *) value)->drop_id == g_source_get_id (g_main_current_source ()))
      {
        ((Sealed *) value)->drop_id = 0;
        g_hash_table_iter_remove (&iter);
        break;
      }
  return G_SOURCE_REMOVE;
}

static void
give (LodgeEngine *engine, Sealed *sealed, GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  int fd = fcntl (sealed->fd, F_DUPFD_CLOEXEC, 3);

  g_clear_handle_id (&sealed->drop_id, g_source_remove);
  sealed->drop_id = g_timeout_add_seconds (KEPT_SECONDS, drop_cb, engine);
  if (fd >= 0)
    g_task_return_int (task, fd);
  else
    g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "no descriptor: %s", g_strerror (errno));
}

static void
sealed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree char *key = data;
  LodgeEngine *engine = LODGE_ENGINE (source);
  Sealed *sealed = g_hash_table_lookup (lodge_engine_get_memories (engine), key);
  g_autoptr (GPtrArray) waiting = g_steal_pointer (&sealed->waiting);
  g_autoptr (GError) error = NULL;

  sealed->waiting = g_ptr_array_new ();
  sealed->fd = (int) g_task_propagate_int (G_TASK (result), &error);
  for (guint i = 0; i < waiting->len; i++)
    if (error == NULL)
      give (engine, sealed, waiting->pdata[i]);
    else
      {
        g_task_return_error (waiting->pdata[i], g_error_copy (error));
        g_object_unref (waiting->pdata[i]);
      }
  if (error != NULL)
    g_hash_table_remove (lodge_engine_get_memories (engine), key);
}

GHashTable *
lodge_fork_memories_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, NULL, sealed_free);
}

void
lodge_fork_open_async (LodgeEngine *engine, const char *path, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (engine, NULL, callback, data);
  g_autofree char *key = NULL;
  g_autoptr (GTask) work = NULL;
  Sealed *sealed;
  struct stat st;

  g_task_set_source_tag (task, lodge_fork_open_async);
  if (stat (path, &st) != 0)
    {
      GError *error = NULL;

      lodge_error_set_errno (&error, errno, "opening", path);
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  /* By any of its names, and only as long as it is the same file. */
  key = g_strdup_printf ("%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "-%" G_GINT64_FORMAT "-%ld", (guint64) st.st_dev, (guint64) st.st_ino,
                         (gint64) st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  sealed = g_hash_table_lookup (lodge_engine_get_memories (engine), key);
  if (sealed != NULL && sealed->fd >= 0)
    {
      give (engine, sealed, task);
      return;
    }
  if (sealed != NULL)
    {
      g_ptr_array_add (sealed->waiting, task);
      return;
    }
  sealed = g_new0 (Sealed, 1);
  sealed->key = g_strdup (key);
  sealed->fd = -1;
  sealed->waiting = g_ptr_array_new ();
  g_ptr_array_add (sealed->waiting, task);
  g_hash_table_insert (lodge_engine_get_memories (engine), sealed->key, sealed);
  work = g_task_new (engine, NULL, sealed_cb, g_steal_pointer (&key));
  g_task_set_task_data (work, g_strdup (path), g_free);
  g_task_run_in_thread (work, seal_thread);
}

int
lodge_fork_open_finish (LodgeEngine *engine, GAsyncResult *result, GError **error)
{
  return (int) g_task_propagate_int (G_TASK (result), error);
}
