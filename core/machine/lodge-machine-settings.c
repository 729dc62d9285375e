/* SPDX-License-Identifier: GPL-3.0-or-later */

/* SetSettings: the profile is changed as a whole and saved once; then what the running guest can
 * take is applied. Should that fail, the saved value stands and waits for the next start, and the
 * caller is told the error. */

#include "core/machine/lodge-machine-private.h"

#include "core/config/lodge-settings.h"

#include <string.h>

static const char *
cd_file (const LodgeProfile *profile)
{
  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (disk->cdrom)
        return disk->file;
    }
  return NULL;
}

static gboolean
network_is_on (const LodgeProfile *profile)
{
  return profile->nics->len > 0
         && ((const LodgeNic *) g_ptr_array_index (profile->nics, 0))->kind != LODGE_NETWORK_NONE;
}

/* The cable follows the setting at once; the adapter itself comes and goes with the next start. */
static void
apply_link (LodgeMachine *self, const LodgeProfile *before, const LodgeProfile *after)
{
  g_autoptr (JsonObject) arguments = NULL;

  if (!network_is_on (self->guest->profile) || network_is_on (before) == network_is_on (after))
    return;
  arguments = lodge_qmp_args_new ("{'name': <%s>, 'up': <%b>}",
                                  ((const LodgeNic *) g_ptr_array_index (self->guest->profile->nics, 0))->id,
                                  network_is_on (after));
  lodge_qmp_client_execute_async (self->guest->qmp, "set_link", arguments, -1, NULL, NULL, NULL);
}

static void
return_pending (LodgeMachine *self, GTask *task)
{
  g_task_return_pointer (task, lodge_machine_get_pending (self), (GDestroyNotify) g_strfreev);
}

static void
medium_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    g_task_return_error (task, error);
  else
    return_pending (LODGE_MACHINE (source), task);
}

void
lodge_machine_set_settings_async (LodgeMachine *self, GVariant *settings, GVariant *options,
                                  GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  g_autoptr (LodgeProfile) before = NULL;
  g_autoptr (LodgeProfile) after = NULL;
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_set_settings_async);
  if (!lodge_machine_check (self, LODGE_METHOD_SET_SETTINGS, &error)
      || !lodge_machine_check_options (options, none, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (self->entry == NULL || self->entry->profile == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "the machine's folder cannot be used");
      return;
    }

  before = lodge_profile_copy (self->entry->profile);
  after = lodge_profile_copy (before);
  if (!lodge_settings_apply (after, settings, FALSE, &error)
      || !lodge_engine_check_profile (self->engine, after, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  /* A new medium goes in below, which saves the profile itself. */
  if (!lodge_store_save (lodge_engine_get_store (self->engine), self->id, after, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  after = NULL;
  lodge_machine_follow_entry (self);

  if (self->guest != NULL && self->guest->qmp != NULL && self->entry != NULL && self->entry->profile != NULL)
    {
      const char *cd = cd_file (self->entry->profile);

      apply_link (self, before, self->entry->profile);
      g_free (self->guest->profile->name);
      self->guest->profile->name = g_strdup (self->entry->profile->name);
      if (g_strcmp0 (cd_file (before), cd) != 0)
        {
          lodge_machine_change_medium (self, NULL, cd,
                                       g_task_new (self, cancellable, medium_cb, g_steal_pointer (&task)));
          return;
        }
    }
  return_pending (self, task);
}

GStrv
lodge_machine_set_settings_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
