/* SPDX-License-Identifier: GPL-3.0-or-later */

/* A disposable machine is a clone, instant or linked, that its machine.json calls disposable: it lives as long as its guest. Whoever finds one
 * without a guest deletes it: the end of the guest itself, a start that failed, and after a crash the next core when it has
 * adopted what still runs. Deleting begins with a rename to a hidden name, which every core clears away at its start. */

#include "core/machine/lodge-machine-family.h"

#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-spare.h"

#include <string.h>

typedef struct
{
  LodgeMachineSet *machines; /* (owned) */
  LodgeMachine *clone;       /* (owned) (nullable) */
  LodgeShare *share;         /* (owned) (nullable) */
} Opening;

static void
opening_free (Opening *opening)
{
  g_object_unref (opening->machines);
  g_clear_object (&opening->clone);
  lodge_share_free (opening->share);
  g_free (opening);
}

void
lodge_machine_discard_if_over (LodgeMachine *self)
{
  g_autoptr (GError) error = NULL;

  /* One that was saved goes on when it is started. */
  if (self->guest != NULL || self->state != LODGE_STATE_OFF || self->opening || self->entry == NULL || self->entry->fault != NULL
      || !self->entry->profile->disposable)
    return;
  if (!lodge_store_discard (lodge_engine_get_store (self->engine), self->id, &error))
    g_debug ("%s: %s", self->id, error->message);
}

static void
started_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *clone = LODGE_MACHINE (source);
  GError *error = NULL;

  clone->opening = FALSE;
  if (lodge_machine_call_finish (clone, result, &error))
    {
      g_task_return_pointer (task, g_strdup (clone->id), g_free);
      return;
    }
  lodge_machine_discard_if_over (clone);
  g_task_return_error (task, error);
}

static void
cloned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  Opening *opening = g_task_get_task_data (task);
  g_autoptr (LodgeCloned) cloned = NULL;
  GError *error = NULL;

  cloned = lodge_machine_clone_finish (LODGE_MACHINE (source), result, &error);
  if (cloned == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  opening->clone = lodge_machine_set_lookup (opening->machines, g_ptr_array_index (cloned->ids, 0));
  if (opening->clone == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "the new machine's folder vanished");
      return;
    }
  g_object_ref (opening->clone);
  opening->clone->opening = TRUE;
  opening->clone->share = g_steal_pointer (&opening->share);
  lodge_machine_call_async (opening->clone, LODGE_METHOD_START, NULL, NULL, NULL, started_cb, g_steal_pointer (&task));
}

/* The parent's name with as much of it as fits, so that it is clear in every list what this is. */
static char *
name_for (LodgeMachine *self)
{
  g_autofree char *beginning = g_utf8_substring (lodge_machine_get_name (self), 0,
                                                 MIN (g_utf8_strlen (lodge_machine_get_name (self), -1), 100));

  return g_strdup_printf ("%s (disposable)", beginning);
}

void
lodge_machine_open_disposable_async (LodgeMachine *self, LodgeMachineSet *machines, int share, GVariant *options,
                                     GAsyncReadyCallback callback, gpointer data)
{
  static const char *const known[] = { "snapshot", "s", "share-writable", "b", NULL };
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  Opening *opening = g_new0 (Opening, 1);
  g_autofree char *name = name_for (self);
  g_autoptr (GVariant) rest = NULL;
  gboolean writable = FALSE;
  GVariantDict dict;
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_open_disposable_async);
  opening->machines = g_object_ref (machines);
  g_task_set_task_data (task, opening, (GDestroyNotify) opening_free);
  if (!lodge_machine_check_options (options, known, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  g_variant_dict_init (&dict, options);
  g_variant_dict_lookup (&dict, "share-writable", "b", &writable);
  g_variant_dict_remove (&dict, "share-writable");
  rest = g_variant_ref_sink (g_variant_dict_end (&dict));
  if (share >= 0 && self->entry != NULL && self->entry->profile != NULL && self->entry->profile->family == LODGE_FAMILY_WINDOWS)
    error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "Windows has no driver for a shared folder (9p)");
  else if (share >= 0)
    opening->share = lodge_share_new (share, writable, lodge_engine_get_paths (self->engine), &error);
  /* One that is there already was started without it. */
  if (opening->share != NULL)
    lodge_spare_drop (self);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    lodge_machine_clone_async (self, name, rest, TRUE, cloned_cb, g_steal_pointer (&task));
}

char *
lodge_machine_open_disposable_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

gboolean
lodge_machine_keep (LodgeMachine *self, const char *name, GVariant *options, GError **error)
{
  static const char *const none[] = { NULL };
  LodgeProfile *profile;

  if (!lodge_machine_check (self, LODGE_METHOD_KEEP, error) || !lodge_machine_check_options (options, none, error)
      || !lodge_name_validate (name, error))
    return FALSE;
  if (self->entry == NULL || self->entry->profile == NULL || !self->entry->profile->disposable)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_STATE, "the machine is not a disposable one");
      return FALSE;
    }

  profile = lodge_profile_copy (self->entry->profile);
  g_free (profile->name);
  profile->name = g_strdup (name);
  profile->disposable = FALSE;
  if (lodge_store_save (lodge_engine_get_store (self->engine), self->id, profile, error))
    return TRUE;
  lodge_profile_free (profile);
  return FALSE;
}
