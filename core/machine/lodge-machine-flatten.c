/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Flatten: every image in the machine's folder that goes on in a file of another machine gets its own copy of what it reads
 * there. Those above it, be they the machine's or a clone's, read through it and notice nothing: the copy is a new file that takes
 * its place by one rename, so that a kill leaves the image as it was, and a guest that has it open reads on in the old one. */

#include "core/machine/lodge-machine-family.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/machine/lodge-machine-wait.h"
#include "core/qemu/lodge-qemu-img.h"
#include "core/storage/lodge-disk-image.h"
#include "core/storage/lodge-disk-intent.h"
#include "core/storage/lodge-layers.h"

#include <string.h>
#include <unistd.h>

typedef struct
{
  LodgeJob *job;      /* (owned) */
  GPtrArray *paths;   /* (owned) (nullable) images that are to stand alone */
  GPtrArray *chain;   /* (owned) (nullable) */
  char *temporary;    /* (owned) (nullable) the copy that is being made */
  guint next;
} Flatten;

static void next_image (GTask *task);

static void
flatten_free (Flatten *flatten)
{
  g_object_unref (flatten->job);
  g_clear_pointer (&flatten->paths, g_ptr_array_unref);
  g_clear_pointer (&flatten->chain, g_ptr_array_unref);
  g_free (flatten->temporary);
  g_free (flatten);
}

static void
finish (GTask *owned_task, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  Flatten *flatten = g_task_get_task_data (task);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&error);
      error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "the flattening was cancelled");
    }
  if (flatten->temporary != NULL)
    unlink (flatten->temporary);
  lodge_machine_release (self);
  lodge_job_end (flatten->job, error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static gboolean
save (LodgeMachine *self, GError **error)
{
  LodgeProfile *profile;

  if (self->entry == NULL || self->entry->profile == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_FOUND, "the machine's folder is gone");
      return FALSE;
    }
  profile = lodge_profile_copy (self->entry->profile);
  if (profile->parent.machine != NULL)
    {
      g_free (profile->parent.kind);
      profile->parent.kind = g_strdup ("full");
    }
  if (lodge_store_save (lodge_engine_get_store (self->engine), self->id, profile, error))
    return TRUE;
  lodge_profile_free (profile);
  return FALSE;
}

static void
progress_cb (double fraction, gpointer data)
{
  Flatten *flatten = data;
  guint64 share = 1 << 20;

  lodge_job_progress (flatten->job, flatten->next * share + (guint64) (fraction * (double) share), flatten->paths->len * share,
                      g_get_monotonic_time ());
}

static void
settled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  Flatten *flatten = g_task_get_task_data (task);
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    {
      finish (task, error);
      return;
    }
  flatten->next++;
  next_image (task);
}

static void
settle_thread (GTask *work, gpointer source, gpointer data, GCancellable *cancellable)
{
  Flatten *flatten = data;
  GError *error = NULL;

  if (lodge_file_settle (flatten->temporary, g_ptr_array_index (flatten->paths, flatten->next), &error))
    g_task_return_boolean (work, TRUE);
  else
    g_task_return_error (work, error);
}

static void
copied_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  g_autoptr (GTask) work = NULL;
  GError *error = NULL;

  if (!lodge_qemu_img_convert_finish (result, &error))
    {
      finish (task, error);
      return;
    }
  work = g_task_new (NULL, NULL, settled_cb, task);
  g_task_set_task_data (work, g_task_get_task_data (task), NULL);
  g_task_run_in_thread (work, settle_thread);
}

/* @task: taken */
static void
next_image (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  Flatten *flatten = g_task_get_task_data (task);
  const char *path;
  g_autofree char *folder = NULL;
  g_autofree char *name = NULL;
  GError *error = NULL;

  if (flatten->next == flatten->paths->len)
    {
      save (self, &error);
      finish (task, error);
      return;
    }
  path = g_ptr_array_index (flatten->paths, flatten->next);
  g_clear_pointer (&flatten->chain, g_ptr_array_unref);
  flatten->chain = lodge_layers_chain (path, &error);
  if (flatten->chain == NULL)
    {
      finish (task, error);
      return;
    }
  g_ptr_array_add (flatten->chain, NULL);
  folder = g_path_get_dirname (path);
  name = g_strdup_printf (LODGE_DISK_WORK_PREFIX "flat-%u.qcow2", flatten->next);
  g_free (flatten->temporary);
  flatten->temporary = g_build_filename (folder, name, NULL);
  unlink (flatten->temporary); /* of a core that was killed */
  lodge_qemu_img_convert_async (lodge_engine_get_sandbox (self->engine), path, "qcow2", (const char *const *) flatten->chain->pdata,
                                flatten->temporary, "qcow2", progress_cb, flatten,
                                lodge_job_get_cancellable (flatten->job), copied_cb, task);
}

static gboolean
is_in (const char *path, const char *folder)
{
  return g_str_has_prefix (path, folder) && path[strlen (folder)] == '/';
}

static void
scanned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  Flatten *flatten = g_task_get_task_data (task);
  g_autoptr (LodgeLayers) layers = NULL;
  GPtrArray *list;
  guint64 needed = 0;
  GError *error = NULL;

  layers = lodge_layers_scan_finish (result, &error);
  if (layers == NULL)
    {
      finish (task, error);
      return;
    }

  list = lodge_layers_list (layers);
  flatten->paths = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < list->len; i++)
    {
      const LodgeLayer *layer = list->pdata[i];

      if (layer->trashed || !is_in (layer->path, self->folder) || layer->backing == NULL || is_in (layer->backing, self->folder))
        continue;
      g_ptr_array_add (flatten->paths, g_strdup (layer->path));
      needed += layer->size;
      while ((layer = layer->backing != NULL ? lodge_layers_lookup (layers, layer->backing) : NULL) != NULL)
        needed += layer->size;
    }
  if (!lodge_disk_image_check_space (self->folder, needed, &error))
    {
      finish (task, error);
      return;
    }
  if (flatten->paths->len > 0)
    lodge_machine_emit_job (self, flatten->job);
  next_image (task);
}

void
lodge_machine_flatten_async (LodgeMachine *self, GVariant *options, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = NULL;
  Flatten *flatten;
  GError *error = NULL;

  if (lodge_machine_put_off (self, LODGE_METHOD_FLATTEN, NULL, options, -1, callback, data))
    return;
  task = g_task_new (self, NULL, callback, data);
  flatten = g_new0 (Flatten, 1);
  g_task_set_source_tag (task, lodge_machine_flatten_async);
  flatten->job = lodge_job_new ("flatten", self->id);
  g_task_set_task_data (task, flatten, (GDestroyNotify) flatten_free);
  if (!lodge_machine_check (self, LODGE_METHOD_FLATTEN, &error) || !lodge_machine_check_options (options, none, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  /* A template's own clones may run: they read the image that would be written to. QEMU's locks say so then. */
  lodge_machine_occupy (self, "being flattened");
  lodge_layers_scan_async (lodge_engine_get_store (self->engine), NULL, scanned_cb, g_steal_pointer (&task));
}

gboolean
lodge_machine_flatten_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
