/* SPDX-License-Identifier: GPL-3.0-or-later */

/* SetSettings: everything is checked, a new medium for the CD drive too, before anything is changed. Then
 * the profile is saved as a whole and what the running guest can take is applied. The medium of a running
 * guest is saved only when QEMU has taken it; should QEMU refuse it, the other settings stand. */

#include "core/machine/lodge-machine-private.h"

#include "core/config/lodge-settings.h"
#include "core/storage/lodge-medium.h"

#include <string.h>
#include <unistd.h>

static LodgeDisk *
find_cd (const LodgeProfile *profile)
{
  for (guint i = 0; i < profile->disks->len; i++)
    {
      LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (disk->cdrom)
        return disk;
    }
  return NULL;
}

static const char *
cd_file (const LodgeProfile *profile)
{
  const LodgeDisk *cd = find_cd (profile);

  return cd != NULL ? cd->file : NULL;
}

/* The profile as it would be. Returns: (transfer full) */
static LodgeProfile *
change_profile (LodgeMachine *self, GVariant *settings, GError **error)
{
  g_autoptr (LodgeProfile) after = NULL;

  if (!lodge_machine_check (self, LODGE_METHOD_SET_SETTINGS, error))
    return NULL;
  if (self->entry == NULL || self->entry->profile == NULL)
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_IO, "the machine's folder cannot be used");
      return NULL;
    }
  after = lodge_profile_copy (self->entry->profile);
  if (!lodge_settings_apply (after, settings, FALSE, error)
      || !lodge_engine_check_profile (self->engine, after, error))
    return NULL;
  return g_steal_pointer (&after);
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

/* @task: taken; its data are the settings */
static void
apply (GTask *owned_task)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  g_autoptr (LodgeProfile) before = NULL;
  g_autofree char *medium = NULL;
  LodgeProfile *after;
  GCancellable *cancellable = g_task_get_cancellable (task);
  LodgeDisk *cd;
  GError *error = NULL;
  gboolean runs = self->guest != NULL && self->guest->qmp != NULL;
  gboolean new_medium;

  after = change_profile (self, g_task_get_task_data (task), &error);
  if (after == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  before = lodge_profile_copy (self->entry->profile);
  cd = find_cd (after);
  new_medium = runs && cd != NULL && g_strcmp0 (cd_file (before), cd->file) != 0;
  if (new_medium)
    {
      medium = g_steal_pointer (&cd->file);
      cd->file = g_strdup (cd_file (before));
      cd->size = find_cd (before)->size;
      cd->mtime = find_cd (before)->mtime;
    }
  if (!lodge_store_save (lodge_engine_get_store (self->engine), self->id, after, &error))
    {
      lodge_profile_free (after);
      g_task_return_error (task, error);
      return;
    }
  lodge_machine_follow_entry (self);

  if (runs && self->entry != NULL && self->entry->profile != NULL)
    {
      apply_link (self, before, self->entry->profile);
      g_free (self->guest->profile->name);
      self->guest->profile->name = g_strdup (self->entry->profile->name);
    }
  if (new_medium)
    lodge_machine_change_medium (self, NULL, medium,
                                 g_task_new (self, cancellable, medium_cb, g_steal_pointer (&task)));
  else
    return_pending (self, task);
}

static void
medium_checked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;
  g_autoptr (LodgeMedium) medium = lodge_medium_check_finish (result, &error);

  if (medium == NULL)
    g_task_return_error (task, error);
  else
    apply (g_steal_pointer (&task)); /* much may have changed meanwhile: all is checked again */
}

void
lodge_machine_set_settings_async (LodgeMachine *self, GVariant *settings, GVariant *options,
                                  GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  g_autoptr (LodgeProfile) after = NULL;
  GError *error = NULL;
  const char *cd;
  int fd;

  g_task_set_source_tag (task, lodge_machine_set_settings_async);
  g_task_set_task_data (task, g_variant_ref_sink (settings), (GDestroyNotify) g_variant_unref);
  if (!lodge_machine_check_options (options, none, &error)
      || (after = change_profile (self, settings, &error)) == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  cd = cd_file (after);
  if (cd == NULL || g_strcmp0 (cd_file (self->entry->profile), cd) == 0)
    {
      apply (g_steal_pointer (&task));
      return;
    }

  fd = lodge_machine_open_medium (cd, &error);
  if (fd < 0)
    {
      g_task_return_error (task, error);
      return;
    }
  lodge_medium_check_async (fd, "iso", cd, cancellable, medium_checked_cb, g_steal_pointer (&task));
  close (fd);
}

GStrv
lodge_machine_set_settings_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
