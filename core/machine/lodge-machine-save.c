/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 *   Save:    room enough? -> saved.new/ with launch.json, machine.json, picture -> stop -> memory and devices, or
 *            both as a stream -> all of it flushed -> saved.new renamed to saved (the commit) -> quit
 *   Resume:  a start from saved/ (lodge-machine-start.c) -> the stream is in -> saved renamed to
 *            saved.used (the commit) -> cont -> saved.used deleted; one that is started paused keeps
 *            saved/ until it is let go, reset, or anything else is done to it that saved/ does not hold
 *
 * The one rule: saved/ is there only while no guest has run since. So whoever finds it may resume from it, and a guest
 * that is found alive beside it has nothing that is not in it: it is ended. What else a killed core can leave:
 *
 *   saved.new/ beside a live guest    the Save is undone, and the guest goes on if it ran before
 *   saved.used/ beside a live guest   it was about to be let go: it goes on
 *   either without a guest            deleted
 *
 * A QEMU that ends on its way is the same as the power cut that it would be without Save. */

#include "core/machine/lodge-machine-save.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/machine/lodge-machine-view.h"
#include "core/machine/lodge-picture.h"
#include "core/machine/lodge-ram.h"
#include "core/machine/lodge-stream.h"
#include "core/qemu/lodge-process-tree.h"
#include "core/storage/lodge-disk-image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((guint64) 1024 * 1024)
#define DEVICES_BYTES (16 * MIB)
#define MAX_ARGV (256 * 1024)
#define GONE_PREFIX ".gone-"

struct _LodgeMachineSave
{
  LodgeMachine *machine; /* (owned) */
  GTask *task;           /* (owned) (nullable) */
  LodgeJob *job;         /* (owned) */
  char *folder;          /* (owned) saved.new */
  LodgeSaved *saved;     /* (owned) */
  GError *error;         /* (owned) (nullable) why it is being undone */
  LodgeSparseCopy *ram;  /* (owned) (nullable) of a memory that is in a file: lodge-ram.h */
  guint awaited;         /* of memory and devices, what is to come yet */
  int fd;
  gboolean committed;
  gboolean ended;        /* QEMU is gone */
};
typedef struct _LodgeMachineSave Save;

static void
save_clear (gpointer data)
{
  Save *save = data;

  g_clear_object (&save->task);
  g_object_unref (save->job);
  g_free (save->folder);
  lodge_saved_free (save->saved);
  g_clear_error (&save->error);
  g_clear_pointer (&save->ram, lodge_sparse_copy_unref);
  if (save->fd >= 0)
    close (save->fd);
  g_object_unref (save->machine);
}

static void
save_unref (Save *save)
{
  g_rc_box_release_full (save, save_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Save, save_unref)

/* ---- Folders ---- */

static void
remove_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;

  if (!lodge_file_tree_remove (data, NULL, &error))
    g_debug ("%s", error->message);
  g_task_return_boolean (task, TRUE);
}

/* Gigabytes take a while to delete; the name is free at once. */
void
lodge_machine_remove_folder (const char *machine_folder, const char *name)
{
  g_autofree char *path = g_build_filename (machine_folder, name, NULL);
  g_autofree char *gone_name = g_strdup_printf ("%s%08x", GONE_PREFIX, g_random_int ());
  g_autofree char *gone = g_build_filename (machine_folder, gone_name, NULL);
  g_autoptr (GTask) task = NULL;

  if (rename (path, gone) != 0)
    return;
  task = g_task_new (NULL, NULL, NULL, NULL);
  g_task_set_task_data (task, g_steal_pointer (&gone), g_free);
  g_task_run_in_thread (task, remove_thread);
}

/* @from becomes @to, which may be there already from before. */
static gboolean
move_folder (const char *machine_folder, const char *from, const char *to, GError **error)
{
  g_autofree char *from_path = g_build_filename (machine_folder, from, NULL);
  g_autofree char *to_path = g_build_filename (machine_folder, to, NULL);

  if (access (to_path, F_OK) == 0 && !lodge_file_tree_remove (to_path, NULL, error))
    return FALSE;
  if (rename (from_path, to_path) != 0)
    return lodge_error_set_errno (error, errno, "renaming", from_path);
  return lodge_folder_sync (machine_folder, error);
}

static gboolean
is_there (LodgeMachine *self, const char *name)
{
  g_autofree char *path = g_build_filename (lodge_machine_get_folder (self), name, NULL);

  return access (path, F_OK) == 0;
}

void
lodge_machine_look_for_saved (LodgeMachine *self)
{
  gboolean there;

  if (self->guest != NULL || self->folder == NULL || (self->state != LODGE_STATE_OFF && self->state != LODGE_STATE_SAVED))
    return;

  there = lodge_saved_exists (self->folder);
  if (there && self->saved == NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, LODGE_SAVED_DIR, NULL);

      /* One that cannot be read can still be discarded. */
      self->saved = lodge_saved_read (path, NULL);
    }
  if (!there)
    g_clear_pointer (&self->saved, lodge_saved_free);
  if (there && self->state == LODGE_STATE_OFF)
    lodge_machine_change (self, LODGE_CHANGE_SAVED, self->reason, g_variant_ref (self->details));
  else if (!there && self->state == LODGE_STATE_SAVED)
    lodge_machine_change (self, LODGE_CHANGE_DISCARDED, "", NULL);
}

gboolean
lodge_machine_discard_saved (LodgeMachine *self, GError **error)
{
  if (!move_folder (self->folder, LODGE_SAVED_DIR, LODGE_SAVED_USED_DIR, error))
    return FALSE;
  lodge_machine_drop_used (self);
  lodge_machine_look_for_saved (self);
  return TRUE;
}

gboolean
lodge_machine_consume_saved (LodgeMachine *self, GError **error)
{
  return move_folder (self->folder, LODGE_SAVED_DIR, LODGE_SAVED_USED_DIR, error);
}

gboolean
lodge_machine_spend_saved (LodgeMachine *self, GError **error)
{
  if (self->guest == NULL || !self->guest->unspent)
    return TRUE;
  if (self->entry != NULL && lodge_saved_exists (self->folder) && !lodge_machine_consume_saved (self, error))
    return FALSE;
  self->guest->unspent = FALSE;
  lodge_machine_drop_used (self);
  return TRUE;
}

void
lodge_machine_drop_used (LodgeMachine *self)
{
  lodge_machine_remove_folder (self->folder, LODGE_SAVED_USED_DIR);
}

/* ---- What the guest is ---- */

static int
innermost (const LodgeGuest *guest)
{
  return lodge_process_innermost (LODGE_PROC, (GPid) guest->record->pid);
}

/* As the process has it: what a core of another version would build today may differ. */
static GStrv
read_argv (int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/cmdline", pid);
  g_autofree char *text = NULL;
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  gsize length;

  if (!g_file_get_contents (path, &text, &length, NULL) || length == 0 || length > MAX_ARGV)
    return NULL;
  for (const char *word = text; word < text + length; word += strlen (word) + 1)
    {
      g_autofree char *valid = g_utf8_make_valid (word, -1);

      g_strv_builder_add (builder, valid);
    }
  return g_strv_builder_end (builder);
}

static gboolean
sees_host_cpu (const char *const *argv)
{
  for (gsize i = 0; argv[i] != NULL && argv[i + 1] != NULL; i++)
    if (strcmp (argv[i], "-cpu") == 0 && g_str_has_prefix (argv[i + 1], "host"))
      return TRUE;
  return FALSE;
}

LodgeSaved *
lodge_machine_describe (LodgeMachine *self, GError **error)
{
  LodgeGuest *guest = self->guest;
  g_autoptr (LodgeSaved) saved = lodge_saved_new ();
  const char *version = NULL, *accelerator = NULL;

  saved->argv = read_argv (innermost (guest));
  if (saved->argv == NULL || !g_variant_lookup (guest->record->effective, "qemu-version", "&s", &version)
      || !g_variant_lookup (guest->record->effective, "accelerator", "&s", &accelerator))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU is gone, or its record says too little");
      return NULL;
    }
  if (lodge_share_is_in ((const char *const *) saved->argv))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                           "the guest has a folder of the host, which its memory cannot be saved with");
      return NULL;
    }
  saved->profile = lodge_profile_copy (guest->profile);
  saved->qemu_version = g_strdup (version);
  saved->accelerator = g_strdup (accelerator);
  saved->created = g_get_real_time () / G_USEC_PER_SEC;
  saved->running = self->state != LODGE_STATE_PAUSED;
  if (sees_host_cpu ((const char *const *) saved->argv))
    {
      g_autofree char *cpuinfo = NULL;

      if (g_file_get_contents ("/proc/cpuinfo", &cpuinfo, NULL, NULL))
        saved->host_cpu = lodge_saved_host_cpu (cpuinfo);
    }
  return g_steal_pointer (&saved);
}

guint64
lodge_machine_guess_memory (LodgeMachine *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/statm", innermost (self->guest));
  g_autofree char *text = NULL;
  guint64 total, resident = 0, most = self->guest->profile->memory;

  /* Memory that the guest never touched is not there, and costs next to nothing in the stream. */
  if (g_file_get_contents (path, &text, NULL, NULL)
      && sscanf (text, "%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, &total, &resident) == 2)
    resident *= (guint64) sysconf (_SC_PAGESIZE);
  return (resident != 0 ? MIN (resident, most) : most) + DEVICES_BYTES;
}

int
lodge_machine_create_memory (LodgeMachine *self, const char *folder, LodgeSparseCopy **ram, GError **error)
{
  guint64 size = self->guest->profile->memory;
  int fd, from = lodge_ram_find (innermost (self->guest), size, O_RDONLY);

  if (from >= 0)
    {
      *ram = lodge_ram_create (from, size, folder, &fd, error);
      close (from);
    }
  else
    {
      g_autofree char *path = g_build_filename (folder, LODGE_SAVED_MEMORY, NULL);

      fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      if (fd < 0)
        lodge_error_set_errno (error, errno, "making", path);
    }
  return fd;
}

/* ---- Save ---- */

static gboolean
is_over (Save *save)
{
  return save->ended || save->machine->guest == NULL || save->machine->guest->save != save;
}

static void
undone (Save *save, gboolean runs)
{
  LodgeMachine *self = save->machine;
  g_autoptr (GTask) task = g_steal_pointer (&save->task);
  GError *error = g_steal_pointer (&save->error);

  lodge_machine_remove_folder (self->folder, LODGE_SAVED_NEW_DIR);
  g_clear_pointer (&self->guest->save, save_unref);
  if (runs)
    lodge_machine_change (self, LODGE_CHANGE_RAN, "", NULL);
  else
    lodge_machine_change (self, LODGE_CHANGE_STOPPED, "user", NULL);
  lodge_job_end (save->job, error);
  if (task != NULL)
    g_task_return_error (task, error);
  else
    g_error_free (error);
}

static void
let_go_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Save) save = data;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  if (!is_over (save))
    undone (save, value != NULL);
}

static void
abandoned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Save) save = data;
  LodgeGuest *guest = save->machine->guest;

  lodge_stream_finish (result, NULL);
  if (is_over (save))
    return;
  if (save->saved->running && guest->qmp != NULL)
    lodge_qmp_client_execute_async (guest->qmp, "cont", NULL, -1, NULL, let_go_cb, g_steal_pointer (&save));
  else
    undone (save, FALSE);
}

/* @error: taken. The guest becomes what it was. */
static void
fail (Save *save, GError *error)
{
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      error->domain = LODGE_ERROR;
      error->code = LODGE_ERROR_CANCELLED;
    }
  save->error = error;
  lodge_stream_abandon_async (save->machine, abandoned_cb, g_rc_box_acquire (save));
}

static void
flush_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Save *save = data;
  GError *error = NULL;

  /* Flushed before it is named: what is in saved/ is whole. */
  if (fsync (save->fd) != 0)
    lodge_error_set_errno (&error, errno, "flushing", save->folder);
  else if ((save->ram == NULL || lodge_ram_flush (save->folder, &error)) && lodge_folder_sync (save->folder, &error))
    {
      g_task_return_boolean (task, TRUE);
      return;
    }
  g_task_return_error (task, error);
}

static void
flushed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Save) save = data;
  LodgeMachine *self = save->machine;
  GError *error = NULL;
  gboolean flushed = g_task_propagate_boolean (G_TASK (result), &error);

  if (is_over (save))
    {
      g_clear_error (&error);
      return;
    }
  if (flushed && g_cancellable_is_cancelled (lodge_job_get_cancellable (save->job)))
    {
      flushed = FALSE;
      error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "it was cancelled");
    }
  if (flushed)
    {
      /* The disks are closed now, and stay as they are. */
      lodge_saved_stamp (save->saved, self->folder);
      flushed = lodge_saved_write (save->saved, save->folder, &error)
                && move_folder (self->folder, LODGE_SAVED_NEW_DIR, LODGE_SAVED_DIR, &error);
    }
  if (!flushed)
    {
      fail (save, error);
      return;
    }
  save->committed = TRUE;
  lodge_machine_quit (self);
}

/* Memory and devices are there, or as much of both as will be. @error: taken, (nullable): of one of them */
static void
written (Save *save, GError *error)
{
  g_autoptr (GTask) task = NULL;

  if (is_over (save))
    {
      g_clear_error (&error);
      return;
    }
  if (save->error == NULL)
    save->error = g_steal_pointer (&error);
  g_clear_error (&error);
  if (--save->awaited > 0)
    return;
  if (save->error != NULL)
    {
      fail (save, g_steal_pointer (&save->error));
      return;
    }
  task = g_task_new (NULL, NULL, flushed_cb, g_rc_box_acquire (save));
  g_task_set_task_data (task, g_rc_box_acquire (save), (GDestroyNotify) save_unref);
  g_task_run_in_thread (task, flush_thread);
}

static void
copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Save) save = data;
  GError *error = NULL;

  lodge_ram_copy_pass_finish (result, NULL, &error);
  written (save, error);
}

static void
streamed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Save) save = data;
  GError *error = NULL;

  lodge_stream_finish (result, &error);
  written (save, error);
}

static void
stopped_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Save) save = data;
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (is_over (save))
    g_clear_error (&error);
  else if (value == NULL)
    fail (save, error);
  else if (save->ram != NULL)
    {
      save->awaited = 2;
      lodge_ram_copy_pass_async (save->ram, 0, save->job, copied_cb, g_rc_box_acquire (save));
      lodge_stream_devices_out_async (save->machine, save->fd, FALSE, NULL, streamed_cb, g_rc_box_acquire (save));
    }
  else
    {
      save->awaited = 1;
      lodge_stream_out_async (save->machine, save->fd, FALSE, save->job, streamed_cb, g_rc_box_acquire (save));
    }
}

static void
pictured_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Save) save = data;
  LodgeMachine *self = save->machine;
  g_autofree char *path = g_build_filename (save->folder, LODGE_SAVED_PICTURE, NULL);
  int fd = (int) g_task_propagate_int (G_TASK (result), NULL);

  if (fd >= 0)
    {
      lodge_picture_keep (fd, path);
      close (fd);
    }
  if (is_over (save))
    return;
  if (self->guest->qmp == NULL)
    fail (save, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "there is no connection to QEMU"));
  else
    lodge_qmp_client_execute_async (self->guest->qmp, "stop", NULL, -1, NULL, stopped_cb, g_steal_pointer (&save));
}

/* All that can be refused before the guest notices anything. */
static gboolean
prepare (Save *save, GError **error)
{
  LodgeMachine *self = save->machine;

  if (!lodge_disk_image_check_space (self->folder, lodge_machine_guess_memory (self), error)
      || (save->saved = lodge_machine_describe (self, error)) == NULL
      || !lodge_file_tree_remove (save->folder, NULL, error))
    return FALSE;
  if (mkdir (save->folder, 0700) != 0)
    return lodge_error_set_errno (error, errno, "making", save->folder);
  save->fd = lodge_machine_create_memory (self, save->folder, &save->ram, error);
  if (save->fd < 0)
    return FALSE;
  return lodge_saved_write (save->saved, save->folder, error);
}

void
lodge_machine_save (LodgeMachine *self, GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  g_autoptr (Save) save = g_rc_box_new0 (Save);
  GError *error = NULL;

  save->machine = g_object_ref (self);
  save->job = lodge_job_new ("save", self->id);
  save->folder = g_build_filename (self->folder, LODGE_SAVED_NEW_DIR, NULL);
  save->fd = -1;
  if (self->entry == NULL)
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
  else
    prepare (save, &error);
  if (error != NULL)
    {
      if (self->entry != NULL)
        lodge_machine_remove_folder (self->folder, LODGE_SAVED_NEW_DIR);
      g_task_return_error (task, error);
      return;
    }

  save->task = g_steal_pointer (&task);
  self->guest->save = g_rc_box_acquire (save);
  lodge_machine_change (self, LODGE_CHANGE_SAVE, "user", NULL);
  lodge_machine_emit_job (self, save->job);
  lodge_broker_screenshot (self, g_task_new (self, NULL, pictured_cb, g_rc_box_acquire (save)));
}

gboolean
lodge_machine_saving_ended (LodgeMachine *self)
{
  Save *save = self->guest->save;

  if (save == NULL)
    return FALSE;
  save->ended = TRUE;
  if (!save->committed && self->folder != NULL)
    lodge_machine_remove_folder (self->folder, LODGE_SAVED_NEW_DIR);
  return save->committed;
}

void
lodge_machine_saving_answer (gpointer data)
{
  g_autoptr (Save) save = data;
  g_autoptr (GTask) task = NULL;
  g_autoptr (GError) error = NULL;

  if (save == NULL)
    return;
  task = g_steal_pointer (&save->task);
  if (!save->committed)
    error = save->error != NULL ? g_steal_pointer (&save->error)
                                : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_QEMU_FAILED,
                                                       "the guest ended before its memory was saved");
  lodge_job_end (save->job, error);
  if (task != NULL && error != NULL)
    g_task_return_error (task, g_steal_pointer (&error));
  else if (task != NULL)
    g_task_return_boolean (task, TRUE);
}

/* ---- After a core that was killed ---- */

/* What a writer of small files had begun, in @folder and, with @depth, in the folders below it. */
static void
remove_begun (const char *folder, guint depth)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      struct stat st;

      if (g_str_has_suffix (name, ".new"))
        unlink (path); /* no folder, by whatever name */
      else if (depth > 0 && lstat (path, &st) == 0 && S_ISDIR (st.st_mode))
        remove_begun (path, depth - 1);
    }
}

void
lodge_machine_remove_begun (LodgeMachine *self)
{
  g_autofree char *snapshots = g_build_filename (self->folder, LODGE_SNAPSHOTS_DIR, NULL);

  remove_begun (self->folder, 0);
  remove_begun (snapshots, 1);
}

/* What a killed core was just deleting; it is nobody's, also below a guest that lives. */
static void
remove_gone (LodgeMachine *self)
{
  g_autoptr (GDir) dir = g_dir_open (self->folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, GONE_PREFIX))
      lodge_machine_remove_folder (self->folder, name);
}

void
lodge_machine_tidy (LodgeMachine *self)
{
  lodge_machine_recover_forks (self);
  if (self->folder == NULL || self->entry == NULL)
    return;
  remove_gone (self);
  if (self->guest != NULL)
    {
      lodge_machine_forget_restore (self);
      return;
    }
  lodge_machine_remove_folder (self->folder, LODGE_SAVED_NEW_DIR);
  lodge_machine_remove_folder (self->folder, LODGE_SAVED_USED_DIR);
  lodge_machine_recover_snapshots (self);
  lodge_machine_remove_begun (self);
}

gboolean
lodge_machine_recover_saving (LodgeMachine *self, const char *status)
{
  gboolean running = strcmp (status, "running") == 0;

  if (self->folder == NULL || self->entry == NULL)
    return FALSE;
  if (lodge_saved_exists (self->folder) && !running)
    {
      lodge_machine_quit (self);
      return TRUE;
    }
  if (self->guest->force_off)
    {
      /* Somebody let it go, or put a saved/ there: the disks are ahead of that memory, which must not meet them again. */
      self->guest->force_off = FALSE;
      lodge_machine_discard_saved (self, NULL);
      lodge_machine_change (self, LODGE_CHANGE_RAN, "adopted", NULL);
      return TRUE;
    }
  if (is_there (self, LODGE_SAVED_USED_DIR))
    {
      lodge_machine_drop_used (self);
      if (!running && !self->guest->record->paused)
        lodge_qmp_client_execute_async (self->guest->qmp, "cont", NULL, -1, NULL, NULL, NULL);
      return !running && !self->guest->record->paused;
    }
  if (is_there (self, LODGE_SAVED_NEW_DIR))
    {
      g_autoptr (Save) save = g_rc_box_new0 (Save);

      save->machine = g_object_ref (self);
      save->job = lodge_job_new ("save", self->id);
      save->folder = g_build_filename (self->folder, LODGE_SAVED_NEW_DIR, NULL);
      save->fd = -1;
      save->saved = lodge_saved_read (save->folder, NULL);
      if (save->saved == NULL) /* killed before it was written, and so before the guest was stopped */
        {
          save->saved = lodge_saved_new ();
          save->saved->running = running;
        }
      self->guest->save = g_rc_box_acquire (save);
      lodge_machine_change (self, LODGE_CHANGE_SAVE, "user", NULL);
      fail (save, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "the core was killed while it saved the memory"));
      return TRUE;
    }
  return FALSE;
}
