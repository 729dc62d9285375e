/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A snapshot freezes the files that the disks are and lets the machine go on in new, empty layers over them. An empty layer reads
 * as what is below it, so machine.json may name it before anything is written to it, and that is what makes each step
 * harmless to be killed in:
 *
 *   snapshots/.new-ID/  description, profile, picture    a killed core's is deleted
 *   snapshots/.layers   names the layers to be           empty ones that machine.json does not name are deleted
 *   the layers are made; a running QEMU opens them
 *   memory as a stream, until the guest stands still
 *   machine.json names the layers
 *   QEMU puts them on all disks, in one transaction
 *   the rest of the stream, UEFI variables, TPM          the guest goes on
 *   all is flushed; .new-ID renamed to ID                the commit: before, it is no snapshot
 *
 * Undone after the transaction, the frozen files stay below as layers without a name until they are merged. A guest that outlives the
 * core has it undone by the next one (lodge-machine-undo.c).
 * Of a machine that is off the same without QEMU; of a saved one the memory gets a second name, and saved/ the new files. */

#include "core/machine/lodge-machine-snapshot.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-file-tree.h"
#include "core/config/lodge-json.h"
#include "core/machine/lodge-block-nodes.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-picture.h"
#include "core/machine/lodge-stream.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-layers.h"
#include "core/storage/lodge-overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYERS_NOTE LODGE_SNAPSHOTS_DIR "/.layers"
#define NOTE_MAX 65536
#define MAX_DEPTH 64
#define SPACE_FOR_LAYERS (16 * 1024 * 1024)

typedef struct
{
  LodgeJob *job;           /* (owned) */
  LodgeSnapshot *snapshot; /* (owned) */
  char *folder;            /* (owned) .new-ID */
  char *machine_folder;    /* (owned) */
  LodgeProfile *before;    /* (owned) as machine.json was */
  LodgeSaved *saved;       /* (owned) (nullable) what its memory is made under */
  GPtrArray *layers;       /* (element-type LodgeNewLayer) */
  GPtrArray *nodes;        /* (element-type utf8) QEMU's names of the present top of each disk */
  GPtrArray *locks;        /* (owned) (nullable) while no QEMU has the disks */
  GError *error;           /* (owned) (nullable) */
  guint serial;            /* of the guest, 0 for none */
  guint added;             /* layers that QEMU has opened */
  int fd;                  /* of the memory, or -1 */
  gboolean borrowed;       /* the job is the caller's */
  gboolean was_running;
  gboolean switched;       /* the transaction is done */
  gint64 began;
  gint64 stood;            /* microseconds: since when the guest stands still */
} Take;

static void next_node (GTask *task);

static void
take_free (Take *take)
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
  if (take->fd >= 0)
    close (take->fd);
  g_free (take);
}

/* ---- Layers ---- */

static void
layer_free (gpointer data)
{
  LodgeNewLayer *layer = data;

  g_free (layer->disk);
  g_free (layer->file);
  g_free (layer->frozen);
  g_free (layer->format);
  g_free (layer);
}

static char *
free_name (const char *folder, const char *id)
{
  for (guint n = 1;; n++)
    {
      g_autofree char *file = g_strdup_printf ("disks/%s-%u.qcow2", id, n);
      g_autofree char *path = g_build_filename (folder, file, NULL);

      if (access (path, F_OK) != 0)
        return g_steal_pointer (&file);
    }
}

GPtrArray *
lodge_machine_plan_layers (const LodgeProfile *profile, const char *folder, GError **error)
{
  g_autoptr (GPtrArray) layers = g_ptr_array_new_with_free_func (layer_free);

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);
      g_autofree char *path = disk->cdrom ? NULL : lodge_launch_disk_path (disk, folder);
      g_autoptr (LodgeLayer) layer = NULL;
      g_autoptr (GPtrArray) chain = NULL;
      LodgeNewLayer *fresh;
      struct stat st;

      if (path == NULL)
        continue;
      if (g_path_is_absolute (disk->file))
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                       "the disk “%s” lies outside of the machine's folder, where a snapshot would freeze it for others, too", disk->id);
          return NULL;
        }
      layer = lodge_layers_read (path, error);
      chain = layer != NULL ? lodge_layers_chain (path, error) : NULL;
      if (chain == NULL)
        return NULL;
      if (chain->len >= MAX_DEPTH)
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_OUT_OF_RANGE,
                       "the disk “%s” has %u layers already; delete some snapshots first", disk->id, chain->len);
          return NULL;
        }
      fresh = g_new0 (LodgeNewLayer, 1);
      fresh->disk = g_strdup (disk->id);
      fresh->file = free_name (folder, disk->id);
      fresh->frozen = g_strdup (disk->file);
      fresh->format = g_strdup (disk->format);
      fresh->size = layer->virtual_size != 0 ? layer->virtual_size : disk->size;
      if (layer->virtual_size == 0 && strcmp (disk->format, "raw") == 0 && stat (path, &st) == 0)
        fresh->size = (guint64) st.st_size;
      g_ptr_array_add (layers, fresh);
    }
  return g_steal_pointer (&layers);
}

gboolean
lodge_machine_write_layers (GPtrArray *layers, const char *folder, GError **error)
{
  g_autofree char *note = g_build_filename (folder, LAYERS_NOTE, NULL);
  g_autofree char *disks = g_build_filename (folder, "disks", NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < layers->len; i++)
    g_string_append_printf (text, "%s\n", ((LodgeNewLayer *) g_ptr_array_index (layers, i))->file);
  if (!lodge_atomic_file_write (note, text->str, text->len, error))
    return FALSE;
  for (guint i = 0; i < layers->len; i++)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (layers, i);
      g_autofree char *path = g_build_filename (folder, layer->file, NULL);
      g_autofree char *below = g_build_filename (folder, layer->frozen, NULL);
      g_autofree char *backing = lodge_layers_relative (path, below);

      if (!lodge_overlay_write (path, layer->size, backing, layer->format, error))
        return FALSE;
    }
  return lodge_folder_sync (disks, error);
}

static gboolean
is_named (const LodgeProfile *profile, const char *file)
{
  for (guint i = 0; i < profile->disks->len; i++)
    if (g_strcmp0 (((const LodgeDisk *) g_ptr_array_index (profile->disks, i))->file, file) == 0)
      return TRUE;
  return FALSE;
}

void
lodge_machine_recover_new_layers (const char *folder)
{
  g_autofree char *note = g_build_filename (folder, LAYERS_NOTE, NULL);
  gsize length;
  g_autofree char *text = lodge_file_read (note, NOTE_MAX, &length, NULL);
  g_autoptr (LodgeProfile) profile = text != NULL ? lodge_snapshot_read_profile (folder, NULL) : NULL;
  g_auto (GStrv) files = NULL;

  /* Without a machine.json that can be read nobody knows what is the machine's. */
  if (profile == NULL)
    return;
  files = g_strsplit (text, "\n", -1);
  for (gsize i = 0; files[i] != NULL; i++)
    {
      g_autofree char *path = g_build_filename (folder, files[i], NULL);
      g_autofree char *half = g_strconcat (path, ".new", NULL);
      g_autofree char *parent = g_path_get_dirname (files[i]);
      g_autoptr (LodgeLayer) layer = NULL;

      if (strcmp (parent, "disks") != 0)
        continue;
      unlink (half);
      layer = is_named (profile, files[i]) ? NULL : lodge_layers_read (path, NULL);
      if (layer != NULL && layer->empty)
        unlink (path);
    }
  unlink (note);
}

void
lodge_machine_name_layers (LodgeProfile *profile, GPtrArray *layers)
{
  for (guint i = 0; i < layers->len; i++)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (layers, i);

      for (guint d = 0; d < profile->disks->len; d++)
        {
          LodgeDisk *disk = g_ptr_array_index (profile->disks, d);

          if (strcmp (disk->id, layer->disk) != 0)
            continue;
          g_free (disk->file);
          disk->file = g_strdup (layer->file);
          g_free (disk->format);
          disk->format = g_strdup ("qcow2");
        }
    }
}

gboolean
lodge_machine_save_profile (LodgeMachine *self, LodgeProfile *profile, GError **error)
{
  if (self->entry == NULL)
    g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
  else if (lodge_store_save (lodge_engine_get_store (self->engine), self->id, profile, error))
    {
      lodge_machine_follow_entry (self);
      return TRUE;
    }
  lodge_profile_free (profile);
  return FALSE;
}

gboolean
lodge_machine_copy_firmware (const LodgeProfile *profile, const char *machine_folder, const char *snapshot_folder, GError **error)
{
  g_autofree char *vars = g_build_filename (machine_folder, lodge_profile_get_vars (profile), NULL);
  g_autofree char *kept_vars = g_build_filename (snapshot_folder, "vars.qcow2", NULL);
  g_autofree char *tpm = g_build_filename (machine_folder, "tpm", NULL);
  g_autofree char *kept_tpm = g_build_filename (snapshot_folder, "tpm", NULL);

  return (profile->firmware != LODGE_FIRMWARE_UEFI || access (vars, F_OK) != 0 || lodge_file_duplicate (vars, kept_vars, error))
         && (!profile->tpm || lodge_folder_duplicate (tpm, kept_tpm, error));
}

/* ---- The end ---- */

static gboolean
guest_is_there (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);

  return self->guest != NULL && self->guest->serial == take->serial && self->guest->qmp != NULL;
}

static void
release (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);

  self->busy = NULL;
  g_clear_pointer (&take->locks, g_ptr_array_unref);
  if (guest_is_there (task))
    {
      self->guest->held = FALSE;
      lodge_machine_query_status (self);
    }
}

/* The machine goes on in the layers over files that no snapshot names. */
static void
give_up_name (LodgeMachine *self, Take *take)
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
  Take *take = g_task_get_task_data (task);
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
    give_up_name (self, take);
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
  Take *take = g_task_get_task_data (task);

  if (!guest_is_there (task))
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

/* @task: taken; @error: taken */
static void
fail (GTask *task, GError *error)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);

  take->error = error;
  if (take->fd >= 0 && guest_is_there (task))
    lodge_stream_abandon_async (self, abandoned_cb, task);
  else
    unwind (task);
}

static void
commit_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  Take *take = data;
  g_autofree char *place = lodge_snapshot_folder (take->machine_folder, take->snapshot->id);
  g_autofree char *snapshots = g_path_get_dirname (place);
  g_autofree char *mark = g_build_filename (take->folder, LODGE_SNAPSHOT_RUNNING, NULL);
  GError *error = NULL;

  unlink (mark);

  if (take->fd >= 0 && fsync (take->fd) != 0)
    lodge_error_set_errno (&error, errno, "flushing", take->folder);
  else if (lodge_folder_sync (take->folder, &error))
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
  Take *take = g_task_get_task_data (task);
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

/* @task: taken */
static void
commit (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  g_autoptr (GTask) work = g_task_new (self, NULL, committed_cb, task);

  g_task_set_task_data (work, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (work, commit_thread);
}

/* ---- A guest's ---- */

static void
released_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Take *take = g_task_get_task_data (task);
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  /* One that could not be let go is a snapshot still. */
  take->snapshot->pause = take->was_running && value != NULL ? (double) (g_get_monotonic_time () - take->stood) / G_USEC_PER_SEC : 0;
  commit (task);
}

/* @task: taken. All is frozen, and the guest stands still for the last small files. */
static void
copy_firmware (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_machine_copy_firmware (self->guest->profile, take->machine_folder, take->folder, &error))
    {
      fail (task, error);
      return;
    }
  lodge_qmp_client_execute_async (self->guest->qmp, take->was_running ? "cont" : "query-status", NULL, -1, NULL, released_cb, task);
}

static void
streamed_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GError *error = NULL;

  if (lodge_stream_finish (result, &error) && guest_is_there (task))
    copy_firmware (task);
  else
    fail (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
}

static void
switched_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (value == NULL || !guest_is_there (task))
    {
      fail (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
      return;
    }
  take->switched = TRUE;
  lodge_machine_name_layers (self->guest->profile, take->layers);
  lodge_guest_write_record (self);
  /* Clones read on in what was frozen, which this guest does not write to any more. */
  g_clear_pointer (&self->guest->locks, g_ptr_array_unref);
  self->guest->locks = lodge_launch_lock_disks (self->guest->profile, self->folder, TRUE, NULL);
  if (take->fd >= 0)
    lodge_stream_go_on_async (self, streamed_cb, task);
  else
    copy_firmware (task);
}

/* @task: taken. The guest stands still. */
static void
switch_over (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);
  g_autoptr (JsonObject) arguments = json_object_new ();
  JsonArray *actions = json_array_new ();
  LodgeProfile *profile = lodge_profile_copy (self->entry->profile);
  GError *error = NULL;

  take->stood = take->stood != 0 ? take->stood : g_get_monotonic_time ();
  lodge_machine_name_layers (profile, take->layers);
  g_free (profile->snapshot);
  profile->snapshot = g_strdup (take->snapshot->id);
  for (guint i = 0; i < take->layers->len; i++)
    {
      g_autofree char *node = g_strdup_printf ("l%s-%u", take->snapshot->id, i);

      json_array_add_object_element (actions, lodge_qmp_args_new ("{'type': <'blockdev-snapshot'>, 'data': <{'node': <%s>, 'overlay': <%s>}>}",
                                                                  (char *) g_ptr_array_index (take->nodes, i), node));
    }
  json_object_set_array_member (arguments, "actions", actions);
  if (!lodge_machine_save_profile (self, profile, &error))
    fail (task, error);
  else if (!guest_is_there (task))
    fail (task, g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
  else
    lodge_qmp_client_execute_async (self->guest->qmp, "transaction", arguments, -1, NULL, switched_cb, task);
}

static void
stands_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean stands;

  if (LODGE_IS_QMP_CLIENT (source))
    {
      g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

      stands = value != NULL;
    }
  else
    stands = lodge_stream_finish (result, &error);
  if (stands && guest_is_there (task) && self->entry != NULL && self->entry->profile != NULL
      && !g_cancellable_is_cancelled (lodge_job_get_cancellable (take->job)))
    switch_over (task);
  else
    fail (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "it was cancelled, or the guest ended"));
}

static void
node_added_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Take *take = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (value == NULL || !guest_is_there (task))
    {
      fail (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
      return;
    }
  take->added++;
  next_node (task);
}

/* @task: taken */
static void
next_node (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);
  LodgeQmpClient *qmp = self->guest->qmp;

  if (take->added < take->layers->len)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (take->layers, take->added);
      g_autofree char *node = g_strdup_printf ("l%s-%u", take->snapshot->id, take->added);
      /* The folder may have another name now than QEMU knows. */
      g_autofree char *path = g_build_filename (self->guest->record->folder, layer->file, NULL);
      g_autoptr (JsonObject) arguments = lodge_qmp_args_new (
        "{'driver': <'qcow2'>, 'node-name': <%s>, 'discard': <'unmap'>, 'detect-zeroes': <'unmap'>,"
        " 'file': <{'driver': <'file'>, 'filename': <%s>, 'discard': <'unmap'>}>}", node, path);

      json_object_set_null_member (arguments, "backing");
      lodge_qmp_client_execute_async (qmp, "blockdev-add", arguments, -1, NULL, node_added_cb, task);
    }
  else if (take->fd >= 0)
    {
      /* What processors in software write while their memory is read is not always noticed: such a guest stands still for all of it. */
      if (take->was_running && strcmp (take->saved->accelerator, "tcg") == 0)
        {
          take->stood = g_get_monotonic_time ();
          lodge_qmp_client_execute_async (qmp, "stop", NULL, -1, NULL, NULL, NULL);
        }
      lodge_stream_out_async (self, take->fd, TRUE, take->job, stands_cb, task);
    }
  else
    {
      take->stood = g_get_monotonic_time ();
      lodge_qmp_client_execute_async (qmp, take->was_running ? "stop" : "query-status", NULL, -1, NULL, stands_cb, task);
    }
}

static void
blocks_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Take *take = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (JsonNode) value = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  for (guint i = 0; value != NULL && i < take->layers->len && error == NULL; i++)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (take->layers, i);
      g_autofree char *name = g_path_get_basename (layer->frozen);
      g_autofree char *file = NULL;
      const char *node = lodge_block_top (lodge_qmp_node_array (value), layer->disk, &file);

      if (node == NULL || g_strcmp0 (file, name) != 0)
        error = g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED,
                             "the guest's disk “%s” is not the file that its settings name; shut it down first", layer->disk);
      else
        g_ptr_array_add (take->nodes, g_strdup (node));
    }
  if (error == NULL && !guest_is_there (task))
    error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended");
  if (error != NULL)
    fail (task, error);
  else
    next_node (task);
}

/* ---- One that is off or saved ---- */

static gboolean
keep_saved (LodgeMachine *self, Take *take, GError **error)
{
  g_autofree char *saved = g_build_filename (self->folder, LODGE_SAVED_DIR, NULL);
  static const char *const files[] = { LODGE_SAVED_LAUNCH, LODGE_SAVED_PROFILE };
  g_autoptr (LodgeSaved) moved = lodge_saved_read (saved, error);

  if (moved == NULL || !lodge_saved_share (moved, saved, take->folder, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *from = g_build_filename (saved, files[i], NULL);
      g_autofree char *to = g_build_filename (take->folder, files[i], NULL);

      if (!lodge_file_duplicate (from, to, error))
        return FALSE;
    }
  /* It goes on in the new layers, too, which nobody has touched. */
  lodge_machine_name_layers (moved->profile, take->layers);
  moved->stamped = FALSE;
  if (!lodge_saved_write (moved, saved, error))
    return FALSE;
  lodge_saved_free (self->saved);
  self->saved = g_steal_pointer (&moved);
  return TRUE;
}

/* @task: taken */
static void
freeze_without_guest (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);
  LodgeProfile *profile = lodge_profile_copy (take->before);
  GError *error = NULL;

  lodge_machine_name_layers (profile, take->layers);
  g_free (profile->snapshot);
  profile->snapshot = g_strdup (take->snapshot->id);
  if (!lodge_machine_copy_firmware (take->before, take->machine_folder, take->folder, &error))
    {
      lodge_profile_free (profile);
      fail (task, error);
    }
  else if (!lodge_machine_save_profile (self, profile, &error)
           || (self->state == LODGE_STATE_SAVED && !keep_saved (self, take, &error)))
    fail (task, error);
  else
    {
      take->switched = TRUE;
      commit (task);
    }
}

static void
layers_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  Take *take = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error) || (take->serial != 0 && !guest_is_there (task)))
    fail (task, error != NULL ? error : g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU ended"));
  else if (take->serial != 0)
    lodge_qmp_client_execute_async (self->guest->qmp, "query-block", NULL, -1, NULL, blocks_cb, task);
  else
    freeze_without_guest (task);
}

static void
layers_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  Take *take = data;
  GError *error = NULL;

  if (lodge_machine_write_layers (take->layers, take->machine_folder, &error))
    g_task_return_boolean (work, TRUE);
  else
    g_task_return_error (work, error);
}

/* @task: taken */
static void
make_layers (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  g_autoptr (GTask) work = g_task_new (self, NULL, layers_cb, task);

  g_task_set_task_data (work, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (work, layers_thread);
}

static void
pictured_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Take *take = g_task_get_task_data (task);
  g_autofree char *path = g_build_filename (take->folder, LODGE_SAVED_PICTURE, NULL);
  int fd = (int) g_task_propagate_int (G_TASK (result), NULL);

  if (fd >= 0)
    {
      lodge_picture_keep (fd, path);
      close (fd);
    }
  make_layers (task);
}

static gboolean
write_profile (Take *take, GError **error)
{
  g_autofree char *path = g_build_filename (take->folder, "machine.json", NULL);
  g_autofree char *text = NULL;
  gsize length;

  if (take->saved != NULL)
    return lodge_saved_write (take->saved, take->folder, error);
  text = lodge_profile_to_json (take->before, &length);
  return lodge_atomic_file_write (path, text, length, error);
}

static gboolean
prepare (LodgeMachine *self, Take *take, gboolean wants_memory, GError **error)
{
  g_autofree char *name = g_strconcat (LODGE_SNAPSHOTS_NEW_PREFIX, take->snapshot->id, NULL);
  g_autofree char *memory = NULL;
  g_autofree char *mark = NULL;
  guint64 space = SPACE_FOR_LAYERS;

  take->folder = lodge_snapshot_folder (self->folder, name);
  memory = g_build_filename (take->folder, LODGE_SAVED_MEMORY, NULL);
  mark = g_build_filename (take->folder, LODGE_SNAPSHOT_RUNNING, NULL);
  take->layers = lodge_machine_plan_layers (take->before, self->folder, error);
  if (take->layers == NULL)
    return FALSE;
  /* A template's own clones may run: they read what nobody writes. */
  if (self->guest == NULL && !take->before->template && (take->locks = lodge_launch_lock_disks (take->before, self->folder, FALSE, error)) == NULL)
    return FALSE;
  for (guint i = 0; i < take->layers->len; i++)
    {
      const LodgeNewLayer *layer = g_ptr_array_index (take->layers, i);

      g_ptr_array_add (take->snapshot->disks, g_strdup (layer->disk));
      g_ptr_array_add (take->snapshot->disks, g_strdup (layer->frozen));
    }
  take->snapshot->memory = (self->guest != NULL && wants_memory) || self->state == LODGE_STATE_SAVED;
  if (self->guest != NULL && wants_memory)
    {
      space += lodge_machine_guess_memory (self);
      take->saved = lodge_machine_describe (self, error);
      if (take->saved == NULL)
        return FALSE;
      take->saved->running = self->state != LODGE_STATE_PAUSED;
    }
  else if (self->guest != NULL)
    take->snapshot->reason = g_strdup ("asked");
  if (!lodge_disk_image_check_space (self->folder, space, error))
    return FALSE;
  if (g_mkdir_with_parents (take->folder, 0700) != 0)
    return lodge_error_set_errno (error, errno, "making", take->folder);
  if (take->saved != NULL && (take->fd = open (memory, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
    return lodge_error_set_errno (error, errno, "making", memory);
  /* Before there is anything to be undone. */
  return (!take->was_running || lodge_atomic_file_write (mark, "", 0, error))
         && lodge_snapshot_write (take->snapshot, take->folder, error) && write_profile (take, error);
}

static GTask *
take_new (LodgeMachine *self, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = g_task_new (self, NULL, callback, data);
  Take *take = g_new0 (Take, 1);

  take->fd = -1;
  take->began = g_get_monotonic_time ();
  take->borrowed = job != NULL;
  take->job = job != NULL ? g_object_ref (job) : lodge_job_new ("snapshot", self->id);
  take->snapshot = lodge_snapshot_new ();
  take->nodes = g_ptr_array_new_with_free_func (g_free);
  g_task_set_source_tag (task, lodge_machine_take_snapshot_async);
  g_task_set_task_data (task, take, (GDestroyNotify) take_free);
  return task;
}

/* @task: taken; @error: taken, (nullable) what stands against it already */
static void
begin (GTask *owned_task, gboolean memory, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  Take *take = g_task_get_task_data (task);

  if (error == NULL && (self->entry == NULL || self->entry->profile == NULL))
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
  if (error == NULL)
    {
      take->snapshot->parent = g_strdup (self->entry->profile->snapshot);
      take->machine_folder = g_strdup (self->folder);
      take->before = lodge_profile_copy (self->entry->profile);
      take->was_running = self->guest != NULL && self->state != LODGE_STATE_PAUSED;
      take->serial = self->guest != NULL ? self->guest->serial : 0;
      prepare (self, take, memory, &error);
    }
  if (error != NULL)
    {
      if (take->folder != NULL)
        lodge_file_tree_remove (take->folder, NULL, NULL);
      g_task_return_error (task, error);
      return;
    }

  self->busy = take->snapshot->transient ? "a clone is being made" : "a snapshot is being taken";
  if (!take->borrowed)
    lodge_machine_emit_job (self, take->job);
  if (self->guest == NULL)
    {
      make_layers (g_steal_pointer (&task));
      return;
    }
  self->guest->held = TRUE;
  lodge_broker_screenshot (self, g_task_new (self, NULL, pictured_cb, g_steal_pointer (&task)));
}

void
lodge_machine_take_snapshot_async (LodgeMachine *self, GVariant *options, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "name", "s", "note", "s", "memory", "b", "automatic", "b", NULL };
  GTask *task;
  LodgeSnapshot *snapshot;
  const char *name = NULL, *note = NULL;
  gboolean memory = TRUE;
  GError *error = NULL;

  if (lodge_machine_put_off (self, LODGE_METHOD_TAKE_SNAPSHOT, NULL, options, callback, data))
    return;
  task = take_new (self, NULL, callback, data);
  snapshot = ((Take *) g_task_get_task_data (task))->snapshot;
  if (lodge_machine_check (self, LODGE_METHOD_TAKE_SNAPSHOT, &error) && lodge_machine_check_options (options, known, &error)
      && options != NULL)
    {
      g_variant_lookup (options, "name", "&s", &name);
      g_variant_lookup (options, "note", "&s", &note);
      g_variant_lookup (options, "memory", "b", &memory);
      g_variant_lookup (options, "automatic", "b", &snapshot->automatic);
    }
  if (error == NULL && lodge_snapshot_check_text (name != NULL && *name != '\0' ? name : NULL, note, &error))
    {
      g_autoptr (GDateTime) now = g_date_time_new_now_local ();

      g_free (snapshot->name);
      snapshot->name = name != NULL && *name != '\0' ? g_strdup (name) : g_date_time_format (now, "%F %T");
      g_free (snapshot->note);
      snapshot->note = g_strdup (note != NULL ? note : "");
    }
  begin (task, memory, error);
}

void
lodge_machine_take_transient_async (LodgeMachine *self, gboolean memory, LodgeJob *job, GAsyncReadyCallback callback, gpointer data)
{
  GTask *task = take_new (self, job, callback, data);
  LodgeSnapshot *snapshot = ((Take *) g_task_get_task_data (task))->snapshot;
  GError *error = NULL;

  g_free (snapshot->name);
  snapshot->name = g_strdup ("Clone");
  g_free (snapshot->note);
  snapshot->note = g_strdup ("");
  snapshot->automatic = snapshot->transient = TRUE;
  if (lodge_machine_state_check (self->state, LODGE_METHOD_TAKE_SNAPSHOT, &error))
    {
      if (self->busy != NULL)
        g_set_error (&error, LODGE_ERROR, LODGE_ERROR_IN_USE, "%s", self->busy);
      else if (self->guest != NULL && self->guest->qmp == NULL)
        g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "there is no connection to QEMU");
    }
  begin (task, memory, error);
}

char *
lodge_machine_take_snapshot_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
