/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 *   thread     the machine's set in the backup folder is made, locked and cleared of what a killed core left; a hidden folder is made in it
 *   main loop  the machine's view is opened: disks and small files as they are at one moment
 *   thread     all is read, hashed and what is new written; the hidden folder gets its name: the commit
 *   main loop  the view is closed
 *
 * All that touches the backup folder is done in threads, since the disk that it lies on may sleep or be far away. The machine's own files are only
 * read. While a guest runs, what it overwrites takes space beside its disks; before that becomes short the backup is given up, for the
 * guest's sake. */

#include "config.h"

#include "core/machine/lodge-machine-backup.h"

#include "core/machine/lodge-backups.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-machine-view.h"
#include "core/machine/lodge-machine-wait.h"
#include "core/machine/lodge-meter.h"
#include "core/qemu/lodge-nbd-client.h"
#include "core/storage/lodge-backup-data.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHUNK LODGE_NBD_MAX_BYTES
#define SPACE_LEFT (256 * 1024 * 1024)
#define ID_TIME 15 /* characters of an id that say when */
#define ID_SECONDS 60
#define SPACE_EVERY (32 * 1024 * 1024)

typedef struct
{
  LodgeMeter         meter;
  LodgeJob          *job;     /* (owned) */
  int                folder;
  gboolean           verify;
  gboolean           scheduled; /* made by itself: it gives way */
  char              *machine; /* (owned) id */
  char              *slug;    /* (owned) */
  char              *name;    /* (owned) */
  LodgeBackupWriter *writer;  /* (owned) (nullable) */
  LodgeMachineView  *view;    /* (owned) (nullable) */
  guint              serial;  /* of the guest that is read, 0 for none */
  LodgeBackedUp     *made;    /* (owned) (nullable) */
  GError            *error;   /* (owned) (nullable) */
  guint64            unlooked; /* bytes read since the space was looked at */
} Work;

/* One disk that is being read. */
typedef struct
{
  LodgeNbdClient *client;
  GArray         *zeros;   /* (element-type guint64) pairs: offset and end of what reads as zeros, in their order */
  guint64         data;    /* bytes of the rest */
} Source;

void
lodge_backed_up_free (LodgeBackedUp *made)
{
  g_free (made->id);
  g_variant_unref (made->facts);
  g_free (made);
}

static void
work_free (gpointer data)
{
  Work *work = data;

  lodge_meter_end (&work->meter);
  g_object_unref (work->job);
  if (work->folder >= 0)
    close (work->folder);
  g_free (work->machine);
  g_free (work->slug);
  g_free (work->name);
  g_clear_pointer (&work->writer, lodge_backup_writer_free);
  g_clear_pointer (&work->made, lodge_backed_up_free);
  g_clear_error (&work->error);
  g_free (work);
}

static void
source_free (gpointer data)
{
  Source *source = data;

  g_clear_pointer (&source->client, lodge_nbd_client_free);
  g_array_unref (source->zeros);
  g_free (source);
}

int
lodge_backup_take_folder (int fd, GError **error)
{
  struct stat st;
  int folder = fd >= 0 && fstat (fd, &st) == 0 && S_ISDIR (st.st_mode) ? openat (fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

  if (folder < 0)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT, "the folder of the backups is none that can be read");
  return folder;
}

/* ---- The end ---- */

/* @task: taken */
static void
finish (GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  Work *work = g_task_get_task_data (task);

  lodge_meter_end (&work->meter);
  if (work->scheduled)
    g_clear_object (&self->backup);
  lodge_machine_release (self);
  lodge_job_end (work->job, work->error);
  if (work->error != NULL)
    g_task_return_error (task, g_steal_pointer (&work->error));
  else
    g_task_return_pointer (task, g_steal_pointer (&work->made), (GDestroyNotify) lodge_backed_up_free);
  if (work->scheduled)
    lodge_machine_take_up (self);
}

static void
dropped_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  finish (data);
}

static void
drop_thread (GTask *thread, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;

  g_clear_pointer (&work->writer, lodge_backup_writer_free);
  g_task_return_boolean (thread, TRUE);
}

/* @task: taken. What was written and not committed is deleted where that may take its time. */
static void
drop (GTask *task)
{
  g_autoptr (GTask) thread = g_task_new (NULL, NULL, dropped_cb, task);

  g_task_set_task_data (thread, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (thread, drop_thread);
}

static void
closed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Work *work = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;

  lodge_machine_view_close_finish (result, &error);
  if (g_error_matches (work->error, LODGE_ERROR, LODGE_ERROR_IO))
    {
      /* Why it could not be read: what a tool said of its end, or that there is no guest any more. */
      if (work->serial != 0 && (self->guest == NULL || self->guest->serial != work->serial || self->guest->exited) && error == NULL)
        error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the guest ended before all of it was backed up");
      if (error != NULL)
        {
          g_clear_error (&work->error);
          work->error = g_steal_pointer (&error);
        }
    }
  drop (task);
}

/* ---- Reading ---- */

static void
extent_cb (guint64 offset, guint64 length, gboolean zero, gpointer data)
{
  Source *source = data;
  guint64 end = offset + length;

  if (!zero)
    source->data += length;
  else if (source->zeros->len > 0 && g_array_index (source->zeros, guint64, source->zeros->len - 1) == offset)
    g_array_index (source->zeros, guint64, source->zeros->len - 1) = end;
  else
    {
      g_array_append_val (source->zeros, offset);
      g_array_append_val (source->zeros, end);
    }
}

/* Whether the guest must be saved from a full disk. */
static gboolean
check_space (Work *work, GError **error)
{
  struct statvfs st;

  if (work->view->serial == 0 || statvfs (work->view->folder, &st) != 0 || (guint64) st.f_bavail * st.f_frsize >= SPACE_LEFT)
    return TRUE;
  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NO_SPACE,
                       "the disk with the running machine is almost full, and what the guest writes during the backup takes space there");
  return FALSE;
}

static gboolean
copy_disk (Work *work, Source *source, GError **error)
{
  g_autofree guint8 *chunk = g_malloc (CHUNK);
  guint64 size = lodge_nbd_client_get_size (source->client);
  guint next = 0;

  for (guint64 offset = 0; offset < size; offset += CHUNK)
    {
      guint32 length = (guint32) MIN (CHUNK, size - offset);
      gboolean zero;

      while (next < source->zeros->len && g_array_index (source->zeros, guint64, next + 1) <= offset)
        next += 2;
      zero = next < source->zeros->len && g_array_index (source->zeros, guint64, next) <= offset
             && g_array_index (source->zeros, guint64, next + 1) >= offset + length;
      if (!lodge_meter_check (&work->meter, error))
        return FALSE;
      if (!zero)
        {
          if (!lodge_nbd_client_read (source->client, offset, chunk, length, error))
            return FALSE;
          memset (chunk + length, 0, CHUNK - length);
          lodge_meter_add (&work->meter, length);
          work->unlooked += length;
        }
      for (guint32 at = 0; at < length; at += LODGE_BACKUP_BLOCK)
        if (!lodge_backup_writer_add_block (work->writer, zero ? NULL : chunk + at, error))
          return FALSE;
      if (work->unlooked >= SPACE_EVERY)
        {
          work->unlooked = 0;
          if (!check_space (work, error))
            return FALSE;
        }
    }
  return TRUE;
}

static GPtrArray *
open_disks (Work *work, GError **error)
{
  g_autoptr (GPtrArray) sources = g_ptr_array_new_with_free_func (source_free);
  guint64 total = 0;

  for (guint i = 0; i < work->view->disks->len; i++)
    {
      LodgeViewDisk *disk = g_ptr_array_index (work->view->disks, i);
      Source *source = g_new0 (Source, 1);
      int fd = disk->fd;

      disk->fd = -1;
      source->zeros = g_array_new (FALSE, FALSE, sizeof (guint64));
      g_ptr_array_add (sources, source);
      source->client = lodge_nbd_client_new (fd, disk->name, error);
      if (source->client == NULL || !lodge_nbd_client_map (source->client, extent_cb, source, error))
        return NULL;
      total += source->data;
    }
  lodge_meter_set_total (&work->meter, total);
  return g_steal_pointer (&sources);
}

static gboolean
copy_files (Work *work, GError **error)
{
  gsize length;
  g_autofree char *json = lodge_profile_to_json (work->view->profile, &length);

  if (!lodge_backup_writer_add_file (work->writer, "machine.json", json, length, error))
    return FALSE;
  for (guint i = 0; i < work->view->files->len; i++)
    {
      const LodgeViewFile *file = g_ptr_array_index (work->view->files, i);

      if (file->contents != NULL
              ? !lodge_backup_writer_add_file (work->writer, file->role, g_bytes_get_data (file->contents, NULL),
                                               g_bytes_get_size (file->contents), error)
              : !lodge_backup_writer_copy_file (work->writer, file->role, file->path, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
copy_all (Work *work, GError **error)
{
  g_autoptr (GPtrArray) sources = NULL;

  if (!check_space (work, error) || !copy_files (work, error))
    return FALSE;
  sources = open_disks (work, error);
  for (guint i = 0; sources != NULL && i < sources->len; i++)
    {
      const LodgeViewDisk *disk = g_ptr_array_index (work->view->disks, i);
      Source *source = g_ptr_array_index (sources, i);

      if (!lodge_backup_writer_begin_disk (work->writer, disk->id, lodge_nbd_client_get_size (source->client), error)
          || !copy_disk (work, source, error) || !lodge_backup_writer_end_disk (work->writer, error))
        return FALSE;
    }
  return sources != NULL;
}

static void
describe (Work *work)
{
  LodgeBackup *backup = lodge_backup_writer_get_backup (work->writer);
  LodgeBackupSet *set = lodge_backup_writer_get_set (work->writer);
  guint64 size = 0;
  GVariantDict facts;

  for (guint i = 0; i < backup->disks->len; i++)
    size += ((const LodgeBackupDisk *) g_ptr_array_index (backup->disks, i))->size;
  g_variant_dict_init (&facts, NULL);
  g_variant_dict_insert (&facts, "created", "x", backup->created);
  g_variant_dict_insert (&facts, "size", "t", size);
  g_variant_dict_insert (&facts, "stored", "t", lodge_backup_set_size (set, backup->id));
  g_variant_dict_insert (&facts, "incremental", "b", lodge_backup_is_increment (backup));
  g_variant_dict_insert (&facts, "consistent", "s", lodge_backup_kind_name (backup->kind));
  work->made = g_new0 (LodgeBackedUp, 1);
  work->made->id = g_strdup_printf ("%s/%s", set->name, backup->id);
  work->made->facts = g_variant_ref_sink (g_variant_dict_end (&facts));
}

/* A backup that cannot be read back is none. */
static gboolean
read_back (Work *work, GError **error)
{
  LodgeBackup *backup = lodge_backup_writer_get_backup (work->writer);
  LodgeBackupSet *set = lodge_backup_writer_get_set (work->writer);

  if (lodge_backup_verify (set, backup, &work->meter, error))
    return TRUE;
  lodge_backup_set_delete (set, backup->id, NULL);
  return FALSE;
}

static void
copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Work *work = g_task_get_task_data (task);

  lodge_machine_view_close_async (g_steal_pointer (&work->view), closed_cb, task);
}

static void
copy_thread (GTask *thread, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;

  if (copy_all (work, &work->error) && lodge_meter_check (&work->meter, &work->error)
      && lodge_backup_writer_commit (work->writer, &work->error) && (!work->verify || read_back (work, &work->error)))
    describe (work);
  g_task_return_boolean (thread, TRUE);
}

/* ---- The beginning ---- */

static void
viewed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Work *work = g_task_get_task_data (task);
  LodgeBackup *backup = lodge_backup_writer_get_backup (work->writer);
  g_autoptr (GTask) thread = NULL;

  work->view = lodge_machine_view_open_finish (LODGE_MACHINE (source), result, &work->error);
  if (work->view == NULL)
    {
      drop (task);
      return;
    }
  work->serial = work->view->serial;
  backup->kind = work->view->kind;
  backup->created = g_get_real_time () / G_USEC_PER_SEC;
  thread = g_task_new (NULL, NULL, copied_cb, task);
  g_task_set_task_data (thread, work, NULL);
  g_task_run_in_thread (thread, copy_thread);
}

static void
begun_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Work *work = g_task_get_task_data (task);

  if (work->error == NULL && lodge_meter_check (&work->meter, &work->error))
    lodge_machine_view_open_async (self, viewed_cb, task);
  else
    drop (task);
}

/* Behind those that are there, also when two are made in one second. */
static char *
next_id (LodgeBackupSet *set, gint64 now)
{
  g_autoptr (GPtrArray) ids = lodge_backup_set_ids (set);
  const char *last = ids->len > 0 ? g_ptr_array_index (ids, ids->len - 1) : "";
  char *id = lodge_backup_new_id (now);

  for (guint n = 1; n <= ID_SECONDS && strncmp (id, last, ID_TIME) <= 0; n++)
    {
      g_free (id);
      id = lodge_backup_new_id (now + n);
    }
  return id;
}

static void
begin_thread (GTask *thread, gpointer source, gpointer data, GCancellable *cancellable)
{
  Work *work = data;
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (LodgeBackupSet) set = lodge_backup_set_make (work->folder, work->machine, work->slug, &work->error);

  if (set != NULL && lodge_backup_set_lock (set, &work->error))
    {
      LodgeBackup *backup = lodge_backup_new ();

      backup->id = next_id (set, now);
      backup->machine = g_strdup (work->machine);
      backup->name = g_strdup (work->name);
      backup->created = now;
      work->writer = lodge_backup_writer_new (g_steal_pointer (&set), backup, &work->error);
      if (work->writer != NULL && work->verify)
        lodge_backup_writer_compare (work->writer);
    }
  g_task_return_boolean (thread, TRUE);
}

static void
begin (LodgeMachine *self, int folder, GVariant *options, gboolean scheduled, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "verify", "b", NULL };
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  g_autoptr (GTask) thread = NULL;
  Work *work = g_new0 (Work, 1);
  GError *error = NULL;

  work->scheduled = scheduled;
  work->job = lodge_job_new ("backup", self->id);
  work->folder = -1;
  g_task_set_source_tag (task, lodge_machine_backup_async);
  g_task_set_task_data (task, work, work_free);
  if (!lodge_machine_check (self, LODGE_METHOD_BACKUP, &error)
      || (options != NULL && !lodge_machine_check_options (options, known, &error))
      || (work->folder = lodge_backup_take_folder (folder, &error)) < 0)
    {
      g_task_return_error (task, error);
      return;
    }
  if (options != NULL)
    g_variant_lookup (options, "verify", "b", &work->verify);
  work->machine = g_strdup (self->id);
  work->slug = g_path_get_basename (self->folder);
  work->name = g_strdup (self->name);
  lodge_machine_occupy (self, "being backed up");
  if (scheduled)
    self->backup = g_object_ref (lodge_job_get_cancellable (work->job));
  lodge_meter_begin (&work->meter, work->job);
  lodge_machine_emit_job (self, work->job);
  thread = g_task_new (NULL, NULL, begun_cb, g_steal_pointer (&task));
  g_task_set_task_data (thread, work, NULL);
  g_task_run_in_thread (thread, begin_thread);
}

void
lodge_machine_backup_async (LodgeMachine *self, int folder, GVariant *options, GAsyncReadyCallback callback, gpointer data)
{
  if (!lodge_machine_put_off (self, LODGE_METHOD_BACKUP, NULL, options, folder, callback, data))
    begin (self, folder, options, FALSE, callback, data);
}

void
lodge_machine_backup_scheduled_async (LodgeMachine *self, int folder, GAsyncReadyCallback callback, gpointer data)
{
  /* It waits for nobody, either: what is merged now is merged, and the backup made a little later. */
  if (self->merge != NULL)
    g_task_report_new_error (self, callback, data, lodge_machine_backup_async, LODGE_ERROR, LODGE_ERROR_CANCELLED,
                             "layers of deleted snapshots are being merged");
  else
    begin (self, folder, NULL, TRUE, callback, data);
}

LodgeBackedUp *
lodge_machine_backup_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
