/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A clone is built in a hidden folder, as every new machine is, and appears by one rename:
 *
 *   choose the kind -> a moment of the parent is held (lodge-machine-fork.c; one that is off is only locked for a full clone)
 *   -> for each clone: hidden folder, disks, what else belongs to the machine -> all are renamed -> the moment is let go
 *
 * Linked: each disk is an empty layer on the parent's file, and a kernel has one more name. Full: qemu-img copies what the disk reads as, with all that lies below,
 * into one file without dependence. Instant: linked, and a saved machine whose memory is the parent's, so that it starts where that one was.
 *
 * A clone is another machine: it has an id of its own (which is also its SMBIOS UUID), MAC addresses of its own, and like every
 * start it gets a new VM generation id. What the firmware has stored is copied, since the system in the clone needs it to start. What the
 * TPM holds is not: two machines with one TPM could each pass for the other, so the clone's is a new one. */

#include "core/machine/lodge-machine-family.h"

#include "core/machine/lodge-clone.h"
#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/machine/lodge-machine-wait.h"
#include "core/machine/lodge-spare.h"

static void hold_still (GTask *task);
static void dispatch (LodgeMachine *self);

void
lodge_cloned_free (LodgeCloned *cloned)
{
  g_ptr_array_unref (cloned->ids);
  g_free (cloned);
}

/* The end of each clone, good or not. */
static void
finish (GTask *owned_task, LodgeCloned *cloned, GError *error)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeStore *store = lodge_engine_get_store (self->engine);
  LodgeClone *clone = g_task_get_task_data (task);

  for (guint i = 0; i < clone->copies->len; i++)
    {
      LodgeCloneCopy *copy = clone->copies->pdata[i];

      if (copy->prepared == NULL)
        continue;
      lodge_store_abandon (store, copy->prepared);
      lodge_spare_return (self->engine, copy->id);
    }
  g_clear_pointer (&clone->locks, g_ptr_array_unref);
  lodge_machine_release (self);
  if (clone->frozen != NULL)
    lodge_machine_let_go (self, clone->frozen);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&error);
      error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_CANCELLED, "the copying was cancelled");
    }
  lodge_job_end (clone->job, error);
  if (error == NULL && clone->instant && clone->snapshot == NULL && clone->parent->template)
    lodge_spare_expect (self);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, cloned, (GDestroyNotify) lodge_cloned_free);
}

static void
commit (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeClone *clone = g_task_get_task_data (task);
  LodgeCloned *cloned = g_new0 (LodgeCloned, 1);
  GError *error = NULL;

  cloned->ids = g_ptr_array_new_with_free_func (g_free);
  cloned->kind = lodge_clone_kind (clone);
  cloned->reason = clone->reason;
  for (guint i = 0; i < clone->copies->len && error == NULL; i++)
    {
      LodgeCloneCopy *copy = clone->copies->pdata[i];

      if (lodge_store_commit (lodge_engine_get_store (self->engine), copy->prepared, copy->profile, &error) == NULL)
        continue;
      copy->profile = NULL;
      g_clear_pointer (&copy->prepared, g_free);
      g_ptr_array_add (cloned->ids, g_strdup (copy->id));
    }
  if (error != NULL)
    g_clear_pointer (&cloned, lodge_cloned_free);
  finish (task, cloned, error);
}

static void
filled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  GError *error = NULL;

  if (lodge_clone_fill_finish (result, &error))
    commit (task);
  else
    finish (task, NULL, error);
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeClone *clone = g_task_get_task_data (task);
  g_autoptr (LodgeCapabilities) capabilities = lodge_engine_prepare_finish (LODGE_ENGINE (source), result, NULL);
  GError *error = NULL;

  /* Without a QEMU the clone gets its MAC addresses at its first start. */
  if (lodge_clone_prepare (clone, lodge_engine_get_store (self->engine), capabilities, &error))
    lodge_clone_fill_async (clone, lodge_engine_get_sandbox (self->engine), filled_cb, task);
  else
    finish (task, NULL, error);
}

/* ---- Holding still ---- */

/* @task: taken */
static void
held_still (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeClone *clone = g_task_get_task_data (task);
  GError *error = NULL;

  if (!lodge_clone_check_space (clone, &error))
    {
      finish (task, NULL, error);
      return;
    }
  if (!clone->linked)
    lodge_machine_emit_job (self, clone->job);
  lodge_engine_prepare_async (self->engine, clone->parent->arch, NULL, prepared_cb, task);
}

static void
held_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  GTask *task = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  LodgeClone *clone = g_task_get_task_data (task);
  GError *error = NULL;

  clone->frozen = lodge_machine_hold_finish (self, result, &error);
  self->freezing = FALSE;
  if (clone->frozen == NULL && clone->instant && clone->chosen && g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED)
      && lodge_machine_state_allows (self->state, LODGE_METHOD_CLONE))
    {
      /* Its disks alone, then, as after a power cut. */
      g_clear_error (&error);
      clone->instant = FALSE;
      clone->reason = "memory-refused";
      hold_still (task);
      return;
    }
  if (clone->frozen != NULL && clone->frozen->profile != NULL)
    {
      lodge_profile_free (clone->parent);
      clone->parent = lodge_profile_copy (clone->frozen->profile);
    }
  if (clone->frozen != NULL)
    held_still (task);
  else
    finish (task, NULL, error);
  dispatch (self);
}

/* @task: taken */
static void
hold_still (GTask *task)
{
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeClone *clone = g_task_get_task_data (task);
  GError *error = NULL;

  if (clone->linked || clone->snapshot != NULL || clone->parent->template || self->state != LODGE_STATE_OFF)
    {
      self->freezing = TRUE;
      if (self->state != LODGE_STATE_OFF && clone->snapshot == NULL)
        lodge_machine_emit_job (self, clone->job);
      lodge_machine_hold_async (self, clone->snapshot, clone->instant, clone->job, held_cb, task);
      return;
    }
  clone->locks = lodge_launch_lock_disks (clone->parent, clone->source, FALSE, &error);
  if (error == NULL)
    clone->frozen = lodge_machine_frozen_now (self, &error);
  if (error == NULL)
    held_still (task);
  else
    finish (task, NULL, error);
}

/* One freeze at a time: the second finds the layers of the first still empty and takes what is below them. */
static void
dispatch (LodgeMachine *self)
{
  while (!self->freezing && self->clones_waiting != NULL && self->clones_waiting->len > 0)
    hold_still (g_ptr_array_steal_index (self->clones_waiting, 0));
}

void
lodge_machine_clone_async (LodgeMachine *self, const char *name, GVariant *options, gboolean disposable,
                           GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "kind", "s", "count", "u", "start", "b", "snapshot", "s", NULL };
  g_autoptr (GTask) task = NULL;
  LodgeClone *clone;
  const char *kind = NULL;
  gboolean start = TRUE;
  GError *error = NULL;

  if (lodge_machine_put_off (self, disposable ? LODGE_METHOD_OPEN_DISPOSABLE : LODGE_METHOD_CLONE, name, options, -1, callback, data))
    return;
  clone = lodge_clone_new (self, name, disposable);
  task = g_task_new (self, NULL, callback, data);
  g_task_set_source_tag (task, lodge_machine_clone_async);
  g_task_set_task_data (task, clone, (GDestroyNotify) lodge_clone_free);

  if (!lodge_machine_check (self, disposable ? LODGE_METHOD_OPEN_DISPOSABLE : LODGE_METHOD_CLONE, &error)
      || !lodge_machine_check_options (options, known, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  g_variant_lookup (options, "count", "u", &clone->count);
  g_variant_lookup (options, "kind", "&s", &kind);
  g_variant_lookup (options, "snapshot", "s", &clone->snapshot);
  if (clone->snapshot != NULL && *clone->snapshot == '\0')
    g_clear_pointer (&clone->snapshot, g_free);
  clone->parent = lodge_profile_copy (self->entry->profile);
  clone->source = g_strdup (self->folder);
  if (!lodge_clone_choose (clone, self, kind, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  g_variant_lookup (options, "start", "b", &start);
  lodge_machine_occupy (self, "being cloned");
  if (clone->instant && start && clone->parent->template && clone->snapshot == NULL && lodge_spare_take (self, clone) && clone->count == 1)
    {
      commit (g_steal_pointer (&task));
      return;
    }
  if (self->clones_waiting == NULL)
    self->clones_waiting = g_ptr_array_new_with_free_func (g_object_unref);
  g_ptr_array_add (self->clones_waiting, g_steal_pointer (&task));
  dispatch (self);
}

LodgeCloned *
lodge_machine_clone_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
