/* SPDX-License-Identifier: GPL-3.0-or-later */

/* How a snapshot that is being taken ends: whole and named, or undone. lodge-machine-snapshot.c has the steps before. */

#include "core/machine/lodge-machine-take.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/machine/lodge-machine-layers.h"
#include "core/machine/lodge-ram.h"
#include "core/machine/lodge-stream.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

LodgeTake *
lodge_take_new (LodgeMachine *self, LodgeJob *job)
{
  LodgeTake *take = g_new0 (LodgeTake, 1);

  take->fd = -1;
  take->began = g_get_monotonic_time ();
  take->borrowed = job != NULL;
  take->job = job != NULL ? g_object_ref (job) : lodge_job_new ("snapshot", self->id);
  take->snapshot = lodge_snapshot_new ();
  take->nodes = g_ptr_array_new_with_free_func (g_free);
  return take;
}

void
lodge_take_free (LodgeTake *take)
{
  g_object_unref (take->job);
  lodge_snapshot_free (take->snapshot);
  g_free (take->folder);
  g_free (take->machine_folder);
  lodge_profile_free (take->before);
  lodge_saved_free (take->saved);
  g_clear_pointer (&take->layers, g_ptr_array_unref);
  g_clear_pointer (&take->nodes, g_ptr_array_unref);
  g_clear_pointer (&take->locks, g_ptr_array_unref);
  g_clear_error (&take->error);
  g_clear_pointer (&take->ram, lodge_sparse_copy_unref);
  if (take->fd >= 0)
    close (take->fd);
  g_free (take);
}

gboolean
lodge_take_guest_is_there (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);

  return self->guest != NULL && self->guest->serial == take->serial && self->guest->qmp != NULL;
}

static void
release (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);

  self->busy = NULL;
  g_clear_pointer (&take->locks, g_ptr_array_unref);
  if (lodge_take_guest_is_there (task))
    {
      self->guest->held = FALSE;
      lodge_machine_query_status (self);
    }
}

/* The machine goes on in the layers over files that no snapshot names. */
static void
give_up_name (LodgeMachine *self, LodgeTake *take)
{
  g_autoptr (GString) files = g_string_new (NULL);

  for (guint i = 0; i < take->layers->len; i++)
    g_string_append_printf (files, "%s\n", ((LodgeNewLayer *) g_ptr_array_index (take->layers, i))->frozen);
  lodge_machine_note_nameless (take->machine_folder, files->str, NULL);
  if (self->entry != NULL && self->entry->profile != NULL && g_strcmp0 (self->entry->profile->snapshot, take->snapshot->id) == 0)
    {
      LodgeProfile *profile = lodge_profile_copy (self->entry->profile);

      g_free (profile->snapshot);
      profile->snapshot = g_strdup (take->snapshot->parent);
      lodge_machine_save_profile (self, profile, NULL);
    }
}

/* @task: taken */
static void
give_up_at_last (GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);
  GError *error = g_steal_pointer (&take->error);

  if (error->domain == G_IO_ERROR && error->code == G_IO_ERROR_CANCELLED)
    {
      error->domain = LODGE_ERROR;
      error->code = LODGE_ERROR_CANCELLED;
    }
  /* The layers hold nothing yet, unless QEMU has them. */
  if (!take->switched && self->entry != NULL && self->entry->profile != NULL)
    {
      if (g_strcmp0 (self->entry->profile->snapshot, take->snapshot->id) == 0)
        lodge_machine_save_profile (self, lodge_profile_copy (take->before), NULL);
      lodge_machine_recover_new_layers (take->machine_folder);
    }
  else if (take->switched)
    {
      give_up_name (self, take);
      lodge_machine_recover_new_layers (take->machine_folder); /* they stay, and the note of them goes */
    }
  lodge_file_tree_remove (take->folder, NULL, NULL);
  release (task);
  if (!take->borrowed)
    lodge_job_end (take->job, error);
  g_task_return_error (task, error);
}

static void
gone_on_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  if (value == NULL)
    g_debug ("the guest could not be let go");
  give_up_at_last (data);
}

/* @task: taken. QEMU lets go of what it has opened, and the guest goes on. */
static void
unwind (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);

  if (!lodge_take_guest_is_there (task))
    {
      give_up_at_last (task);
      return;
    }
  for (guint i = 0; i < take->added && !take->switched; i++)
    {
      g_autofree char *node = g_strdup_printf ("l%s-%u", take->snapshot->id, i);
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new ("{'node-name': <%s>}", node);

      lodge_qmp_client_execute_async (self->guest->qmp, "blockdev-del", arguments, -1, NULL, NULL, NULL);
    }
  lodge_qmp_client_execute_async (self->guest->qmp, take->was_running ? "cont" : "query-status", NULL, -1, NULL, gone_on_cb, task);
}

static void
abandoned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  lodge_stream_finish (result, NULL);
  unwind (data);
}

void
lodge_take_fail (GTask *task, GError *error)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeTake *take = g_task_get_task_data (task);

  take->error = error;
  if (take->fd >= 0 && lodge_take_guest_is_there (task))
    lodge_stream_abandon_async (self, abandoned_cb, task);
  else
    unwind (task);
}

static void
commit_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  LodgeTake *take = data;
  g_autofree char *place = lodge_snapshot_folder (take->machine_folder, take->snapshot->id);
  g_autofree char *snapshots = g_path_get_dirname (place);
  g_autofree char *mark = g_build_filename (take->folder, LODGE_SNAPSHOT_RUNNING, NULL);
  GError *error = NULL;

  unlink (mark);

  if (take->fd >= 0 && fsync (take->fd) != 0)
    lodge_error_set_errno (&error, errno, "flushing", take->folder);
  else if ((take->ram == NULL || lodge_ram_flush (take->folder, &error)) && lodge_folder_sync (take->folder, &error))
    {
      take->snapshot->seconds = (double) (g_get_monotonic_time () - take->began) / G_USEC_PER_SEC;
      if (lodge_snapshot_write (take->snapshot, take->folder, &error))
        {
          if (rename (take->folder, place) != 0)
            lodge_error_set_errno (&error, errno, "naming", place);
          else
            lodge_folder_sync (snapshots, NULL);
        }
    }
  /* Here: it has much mapped. */
  g_clear_pointer (&take->ram, lodge_sparse_copy_unref);
  lodge_machine_recover_new_layers (take->machine_folder);
  if (error != NULL)
    g_task_return_error (work, error);
  else
    g_task_return_boolean (work, TRUE);
}

static void
committed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  LodgeTake *take = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      /* The guest goes on already, in layers that stay. */
      take->switched = TRUE;
      take->error = error;
      give_up_at_last (task);
      return;
    }
  release (task);
  if (!take->borrowed)
    {
      lodge_job_end (take->job, NULL);
      lodge_machine_emit_snapshots (self);
      lodge_machine_merge (self);
    }
  g_task_return_pointer (task, g_strdup (take->snapshot->id), g_free);
  g_object_unref (task);
}

void
lodge_take_commit (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  g_autoptr (GTask) work = g_task_new (self, NULL, committed_cb, task);

  g_task_set_task_data (work, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (work, commit_thread);
}
