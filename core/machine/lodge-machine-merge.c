/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A frozen file that no snapshot and no machine.json names any more is noted in snapshots/.nameless. It is given up as soon as at
 * most one image reads on in it; with two or more it stays.
 *
 *   nobody reads on in it            it is deleted
 *   one does, and holds less         what that one holds is written into the file, which then takes the name of that one by a
 *                                    rename: the one step that counts
 *   one does, and holds much more    that one copies what it reads in the file, and takes the file's own parent
 *
 * So it costs what the smaller of the two holds. Both read the same at every moment, whoever is killed, so there is
 * nothing to undo; what was interrupted is begun again. An interrupted tool leaves at most space that nobody uses in the image
 * that it wrote to, so that is looked for in the end.
 *
 * Below a guest that runs, QEMU does it (lodge-machine-merge-live.c), in one direction only, and where that is bounded: files that are not
 * large, in which no other machine reads on. What QEMU may not write to, since it was frozen before this guest started, waits until the guest is off.
 *
 * Nobody waits for this: a start, a snapshot or a restore interrupts it (lodge-machine-wait.c), and it goes on after that. */

#include "core/machine/lodge-machine-snapshot.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-machine-merge-live.h"
#include "core/machine/lodge-machine-wait.h"
#include "core/qemu/lodge-qemu-img.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-layers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAMELESS LODGE_SNAPSHOTS_DIR "/.nameless"
#define NOTE_MAX (256 * 1024)
/* How much more one byte costs that is written through. */
#define DEAR 4
#define PROGRESS_SCALE (1 << 20)
/* What is copied at most below a guest, and how much must be free beside it, so that the guest never stands still for that. */
#define LIVE_MAX ((guint64) 1024 * 1024 * 1024)
#define LIVE_FREE ((guint64) 1024 * 1024 * 1024)

struct _LodgeMachineMerge
{
  LodgeMachine *machine;     /* (owned) */
  LodgeJob *job;             /* (owned) */
  GCancellable *interrupt;   /* (owned) */
  char *file;                /* (owned) (nullable) that is given up now, relative */
  char *path;                /* (owned) (nullable) the same, absolute */
  char *child;               /* (owned) (nullable) the one that reads on in it */
  gboolean into_file;        /* which takes the child's name */
  GHashTable *skipped;       /* (element-type utf8) files that cannot be given up now */
  guint serial;              /* of the guest below which it is done, 0 for none */
  gboolean announced;
  gboolean again;            /* more was noted meanwhile */
};
typedef struct _LodgeMachineMerge Merge;

static void next_file (Merge *merge);

/* ---- Files without a name ---- */

static GPtrArray *
read_nameless (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, NAMELESS, NULL);
  GPtrArray *files = g_ptr_array_new_with_free_func (g_free);
  gsize length;
  g_autofree char *text = lodge_file_read (path, NOTE_MAX, &length, NULL);
  g_auto (GStrv) lines = g_strsplit (text != NULL ? text : "", "\n", -1);

  for (gsize i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *parent = g_path_get_dirname (lines[i]);

      if (strcmp (parent, "disks") == 0)
        g_ptr_array_add (files, g_strdup (lines[i]));
    }
  return files;
}

static gboolean
write_nameless (const char *folder, GPtrArray *files, GError **error)
{
  g_autofree char *path = g_build_filename (folder, NAMELESS, NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < files->len; i++)
    g_string_append_printf (text, "%s\n", (char *) g_ptr_array_index (files, i));
  if (files->len > 0)
    return lodge_atomic_file_write (path, text->str, text->len, error);
  unlink (path);
  return TRUE;
}

gboolean
lodge_machine_note_nameless (const char *folder, const char *lines, GError **error)
{
  g_autoptr (GPtrArray) files = read_nameless (folder);
  g_auto (GStrv) more = g_strsplit (lines, "\n", -1);

  for (gsize i = 0; more[i] != NULL; i++)
    if (*more[i] != '\0' && !g_ptr_array_find_with_equal_func (files, more[i], g_str_equal, NULL))
      g_ptr_array_add (files, g_strdup (more[i]));
  return write_nameless (folder, files, error);
}

gboolean
lodge_machine_has_nameless (const char *folder)
{
  g_autofree char *path = g_build_filename (folder, NAMELESS, NULL);

  return access (path, F_OK) == 0;
}

/* Its file is gone. */
static void
forget (Merge *merge)
{
  const char *folder = merge->machine->folder;
  g_autoptr (GPtrArray) files = read_nameless (folder);
  guint index;

  if (g_ptr_array_find_with_equal_func (files, merge->file, g_str_equal, &index))
    {
      g_ptr_array_remove_index (files, index);
      write_nameless (folder, files, NULL);
    }
}

void
lodge_machine_recover_merge (LodgeMachine *self)
{
  g_autofree char *path = self->entry != NULL ? g_build_filename (self->folder, NAMELESS, NULL) : NULL;

  if (self->merge == NULL && path != NULL && access (path, F_OK) == 0)
    lodge_merge_live_recover (self);
}

void
lodge_machine_interrupt_merge (LodgeMachine *self)
{
  if (self->merge != NULL)
    g_cancellable_cancel (self->merge->interrupt);
}

/* ---- The end ---- */

static void
job_cancelled_cb (GCancellable *cancellable, gpointer data)
{
  g_cancellable_cancel (data);
}

static void
finish (Merge *merge, GError *owned_error)
{
  g_autoptr (LodgeMachine) self = merge->machine;
  g_autoptr (GError) error = owned_error;
  gboolean again = merge->again && error == NULL && !lodge_machine_has_waiting (self);

  if (error == NULL && g_cancellable_is_cancelled (merge->interrupt))
    error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted");
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      error->domain = LODGE_ERROR;
      error->code = LODGE_ERROR_CANCELLED;
    }
  if (error != NULL)
    g_debug ("%s: layers are not merged: %s", self->id, error->message);
  self->merge = NULL;
  g_signal_handlers_disconnect_by_data (lodge_job_get_cancellable (merge->job), merge->interrupt);
  lodge_job_end (merge->job, error);
  g_object_unref (merge->job);
  g_object_unref (merge->interrupt);
  g_free (merge->file);
  g_free (merge->path);
  g_free (merge->child);
  g_hash_table_unref (merge->skipped);
  g_free (merge);
  lodge_machine_take_up (self);
  if (again)
    lodge_machine_merge (self);
}

/* Whether the disks are at rest: 0 without a guest, else its number; FALSE for one that is not only running. */
static gboolean
is_possible (LodgeMachine *self, guint *serial)
{
  LodgeGuest *guest = self->guest;

  *serial = guest != NULL ? guest->serial : 0;
  return guest == NULL
         || (guest->qmp != NULL && !guest->held && !guest->unspent && (self->state == LODGE_STATE_RUNNING || self->state == LODGE_STATE_PAUSED));
}

static gboolean
is_over (Merge *merge)
{
  guint serial;

  return g_cancellable_is_cancelled (merge->interrupt) || merge->machine->entry == NULL
         || !is_possible (merge->machine, &serial) || serial != merge->serial;
}

/* ---- One file ---- */

static void
placed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Merge *merge = data;
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    finish (merge, error);
  else
    {
      forget (merge);
      next_file (merge);
    }
}

static void
place_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  Merge *merge = data;
  GError *error = NULL;

  if (merge->into_file)
    lodge_file_settle (merge->path, merge->child, &error);
  else if (unlink (merge->path) != 0 && errno != ENOENT)
    lodge_error_set_errno (&error, errno, "deleting", merge->path);
  if (error != NULL)
    g_task_return_error (work, error);
  else
    g_task_return_boolean (work, TRUE);
}

static void
checked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Merge *merge = data;
  g_autoptr (GTask) work = NULL;
  LodgeImageCheck check;
  GError *error = NULL;
  gboolean checked = lodge_qemu_img_check_finish (result, &check, &error);

  if (checked && check.corruptions > 0)
    {
      error = g_error_new (LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s is damaged", merge->into_file ? merge->path : merge->child);
      checked = FALSE;
    }
  if (!checked || is_over (merge))
    {
      finish (merge, error);
      return;
    }
  work = g_task_new (NULL, NULL, placed_cb, merge);
  g_task_set_task_data (work, merge, NULL);
  g_task_run_in_thread (work, place_thread);
}

/* What was written is whole, and has no more space than it needs. */
static void
check (Merge *merge)
{
  const char *written = merge->into_file ? merge->path : merge->child;
  g_autoptr (GPtrArray) below = lodge_layers_chain (written, NULL);

  if (below == NULL || is_over (merge))
    {
      finish (merge, NULL);
      return;
    }
  g_ptr_array_add (below, NULL);
  lodge_qemu_img_check_async (lodge_engine_get_sandbox (merge->machine->engine), written, "qcow2",
                              (const char *const *) below->pdata, LODGE_IMAGE_REPAIR_LEAKS, merge->interrupt, checked_cb, merge);
}

static void
committed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  if (!lodge_qemu_img_commit_finish (result, &error))
    finish (data, error);
  else
    check (data);
}

static void
rebased_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GError *error = NULL;

  if (!lodge_qemu_img_rebase_finish (result, &error))
    finish (data, error);
  else
    check (data);
}

static void
progress_cb (double fraction, gpointer data)
{
  Merge *merge = data;

  lodge_job_progress (merge->job, (guint64) (fraction * PROGRESS_SCALE), PROGRESS_SCALE, g_get_monotonic_time ());
}

static void
merge_into_one (Merge *merge, const LodgeLayer *layer, const LodgeLayer *child, GPtrArray *below)
{
  LodgeMachine *self = merge->machine;
  LodgeSandbox *sandbox = lodge_engine_get_sandbox (self->engine);
  g_autofree char *backing = NULL;

  if (!merge->announced)
    lodge_machine_emit_job (self, merge->job);
  merge->announced = TRUE;
  g_free (merge->child);
  merge->child = g_strdup (child->path);
  merge->into_file = g_strcmp0 (child->backing_format, "qcow2") == 0 && child->size / DEAR <= layer->size;
  g_ptr_array_add (below, NULL);
  if (merge->into_file)
    {
      lodge_qemu_img_commit_async (sandbox, child->path, (const char *const *) below->pdata, progress_cb, merge, merge->interrupt,
                                   committed_cb, merge);
      return;
    }
  backing = layer->backing != NULL ? lodge_layers_relative (child->path, layer->backing) : g_strdup ("");
  lodge_qemu_img_rebase_async (sandbox, child->path, (const char *const *) below->pdata, backing, layer->backing_format,
                               progress_cb, merge, merge->interrupt, rebased_cb, merge);
}

static void
merged_live_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Merge *merge = data;
  g_autoptr (GTask) work = NULL;
  GError *error = NULL;

  if (!lodge_merge_live_finish (merge->machine, result, &error))
    {
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) || is_over (merge))
        {
          finish (merge, error);
          return;
        }
      g_debug ("%s: %s stays: %s", merge->machine->id, merge->file, error->message);
      g_error_free (error);
      g_hash_table_add (merge->skipped, g_strdup (merge->file));
      next_file (merge);
      return;
    }
  merge->into_file = FALSE;
  work = g_task_new (NULL, NULL, placed_cb, merge);
  g_task_set_task_data (work, merge, NULL);
  g_task_run_in_thread (work, place_thread);
}

/* Whether QEMU can be asked to copy what is in @layer into @child: it would not take long, and nobody else reads on in that. */
static gboolean
suits_live (Merge *merge, LodgeLayers *layers, const LodgeLayer *layer, const LodgeLayer *child)
{
  LodgeMachine *self = merge->machine;
  GPtrArray *list = lodge_layers_list (layers);

  if (layer->size > LIVE_MAX || !lodge_disk_image_check_space (self->folder, layer->size + LIVE_FREE, NULL))
    return FALSE;
  for (guint i = 0; i < list->len; i++)
    {
      const LodgeLayer *other = g_ptr_array_index (list, i);

      if ((other->trashed || !g_str_equal (other->machine, self->id)) && lodge_layers_below (layers, other->path, child->path))
        return FALSE;
    }
  return TRUE;
}

static gboolean
merge_live (Merge *merge, LodgeLayers *layers, const LodgeLayer *layer, const LodgeLayer *child)
{
  if (!suits_live (merge, layers, layer, child))
    return FALSE;
  if (!merge->announced)
    lodge_machine_emit_job (merge->machine, merge->job);
  merge->announced = TRUE;
  lodge_merge_live_async (merge->machine, child->path, layer->backing, merge->interrupt, progress_cb, merge, merged_live_cb,
                          merge);
  return TRUE;
}

/* Returns: whether something is under way now */
static gboolean
give_up (Merge *merge, LodgeLayers *layers)
{
  LodgeMachine *self = merge->machine;
  const LodgeLayer *layer = lodge_layers_lookup (layers, merge->path), *child;
  g_autoptr (GPtrArray) children = layer != NULL ? lodge_layers_children (layers, merge->path) : NULL;
  g_autoptr (GPtrArray) below = NULL;

  if (layer == NULL && access (merge->path, F_OK) != 0 && errno == ENOENT)
    {
      forget (merge);
      next_file (merge);
      return TRUE;
    }
  if (layer == NULL || layer->active || layer->snapshots->len > 0 || children->len > 1 || g_hash_table_contains (merge->skipped, merge->file))
    return FALSE;
  if (children->len == 0)
    {
      unlink (merge->path);
      forget (merge);
      next_file (merge);
      return TRUE;
    }
  child = g_ptr_array_index (children, 0);
  /* A saved machine's disks stay as they are; another machine's child may be in use; what is in the trash may come back. */
  if (child->trashed || strcmp (child->machine, self->id) != 0 || (child->active && self->state == LODGE_STATE_SAVED))
    return FALSE;
  if (merge->serial != 0)
    return merge_live (merge, layers, layer, child);
  below = lodge_layers_chain (child->path, NULL);
  if (below == NULL || below->len == 0)
    return FALSE;
  merge_into_one (merge, layer, child, below);
  return TRUE;
}

static void
scanned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Merge *merge = data;
  GError *error = NULL;
  g_autoptr (LodgeLayers) layers = lodge_layers_scan_finish (result, &error);
  g_autoptr (GPtrArray) nameless = NULL;

  if (layers == NULL || is_over (merge) || lodge_engine_get_sandbox (merge->machine->engine) == NULL)
    {
      finish (merge, error);
      return;
    }
  nameless = read_nameless (merge->machine->folder);
  for (guint i = 0; i < nameless->len; i++)
    {
      g_free (merge->file);
      g_free (merge->path);
      merge->file = g_strdup (g_ptr_array_index (nameless, i));
      merge->path = g_build_filename (merge->machine->folder, merge->file, NULL);
      if (give_up (merge, layers))
        return;
    }
  finish (merge, NULL);
}

/* Each step changes who reads in what, so it is looked at anew. */
static void
next_file (Merge *merge)
{
  lodge_layers_scan_async (lodge_engine_get_store (merge->machine->engine), NULL, scanned_cb, merge);
}

static void
sandbox_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeSandbox) sandbox = lodge_engine_wait_sandbox_finish (LODGE_ENGINE (source), result, NULL);

  if (sandbox != NULL)
    next_file (data);
  else
    finish (data, NULL);
}

void
lodge_machine_merge (LodgeMachine *self)
{
  g_autoptr (GPtrArray) nameless = NULL;
  guint serial;
  Merge *merge;

  if (self->merge != NULL)
    {
      self->merge->again = TRUE;
      return;
    }
  if (self->folder == NULL || self->entry == NULL || self->entry->fault != NULL || self->busy != NULL || self->restoring || self->n_occupied > 0
      || lodge_machine_has_waiting (self) || !is_possible (self, &serial))
    return;
  nameless = read_nameless (self->folder);
  if (nameless->len == 0)
    return;
  merge = self->merge = g_new0 (Merge, 1);
  merge->machine = g_object_ref (self);
  merge->job = lodge_job_new ("merge", self->id);
  merge->interrupt = g_cancellable_new ();
  merge->skipped = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  merge->serial = serial;
  g_signal_connect (lodge_job_get_cancellable (merge->job), "cancelled", G_CALLBACK (job_cancelled_cb), merge->interrupt);
  /* A core that has just come does not know it yet, and nothing would begin this a second time. */
  if (lodge_engine_get_sandbox (self->engine) == NULL)
    lodge_engine_wait_sandbox_async (self->engine, NULL, sandbox_cb, merge);
  else
    next_file (merge);
}
