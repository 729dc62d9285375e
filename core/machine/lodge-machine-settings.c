/* SPDX-License-Identifier: GPL-3.0-or-later */

/* SetSettings: everything is checked, a new medium for the CD drive too, before anything is changed. UEFI variables that
 * the machine does not have yet are made, whole, before they are named: a core that is killed then leaves a file that the
 * next change finds. Then the profile is saved as a whole and what the running guest can take is applied. The medium of a running
 * guest is saved only when QEMU has taken it; should QEMU refuse it, the other settings stand. */

#include "core/machine/lodge-machine-private.h"

#include "core/config/lodge-settings.h"
#include "core/machine/lodge-create-files.h"
#include "core/storage/lodge-disk-image.h"
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
change_profile (LodgeMachine *self, LodgeMethod method, GVariant *settings, GError **error)
{
  g_autoptr (LodgeProfile) after = NULL;

  if (!lodge_machine_check (self, method, error))
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

  after = change_profile (self, LODGE_METHOD_SET_SETTINGS, g_task_get_task_data (task), &error);
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

/* ---- UEFI variables ---- */

static void
variables_made_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  g_autoptr (GError) error = NULL;

  /* Two changes at once make them once. */
  if (lodge_disk_image_finish (result, &error) || g_error_matches (error, LODGE_ERROR, LODGE_ERROR_EXISTS))
    apply (g_steal_pointer (&task));
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
host_known_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeCapabilities *capabilities = lodge_engine_prepare_finish (LODGE_ENGINE (source), result, NULL);
  g_autoptr (LodgeProfile) after = NULL;
  const LodgeHost *host = lodge_engine_get_host (self->engine);
  const char *template = NULL;
  g_autofree char *path = NULL;
  GError *error = NULL;

  /* Without a QEMU a machine can be changed but not started. */
  g_clear_object (&capabilities);
  after = change_profile (self, LODGE_METHOD_SET_SETTINGS, g_task_get_task_data (task), &error);
  if (after != NULL && host == NULL)
    error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "this host has not been looked at yet");
  if (error == NULL)
    template = lodge_create_vars_template (after, host, &error);
  if (template == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  path = g_build_filename (self->folder, lodge_profile_get_vars (after), NULL);
  lodge_disk_image_copy_async (lodge_engine_get_sandbox (self->engine), template, path, g_task_get_cancellable (task),
                               variables_made_cb, g_steal_pointer (&task));
}

/* @task: taken */
static void
prepare_variables (GTask *owned_task, const LodgeProfile *after)
{
  g_autoptr (GTask) task = owned_task;
  LodgeMachine *self = g_task_get_source_object (task);
  g_autofree char *path = g_build_filename (self->folder, lodge_profile_get_vars (after), NULL);
  gboolean change = after->firmware != self->entry->profile->firmware
                    || after->secure_boot != self->entry->profile->secure_boot;

  if (!change || after->firmware != LODGE_FIRMWARE_UEFI || g_file_test (path, G_FILE_TEST_EXISTS))
    apply (g_steal_pointer (&task));
  else
    lodge_engine_prepare_async (self->engine, after->arch, g_task_get_cancellable (task), host_known_cb,
                                g_steal_pointer (&task));
}

static void
medium_checked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (LodgeMedium) medium = lodge_medium_check_finish (result, &error);
  g_autoptr (LodgeProfile) after = NULL;

  /* Much may have changed meanwhile: all is checked again. */
  if (medium != NULL)
    after = change_profile (self, LODGE_METHOD_SET_SETTINGS, g_task_get_task_data (task), &error);
  if (after == NULL)
    g_task_return_error (task, error);
  else
    prepare_variables (g_steal_pointer (&task), after);
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
      || (after = change_profile (self, LODGE_METHOD_SET_SETTINGS, settings, &error)) == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  cd = cd_file (after);
  if (self->state == LODGE_STATE_SAVED && g_strcmp0 (cd_file (self->entry->profile), cd) != 0)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_WRONG_STATE,
                               "the medium in a drive cannot be changed while the machine is saved");
      return;
    }
  if (cd == NULL || g_strcmp0 (cd_file (self->entry->profile), cd) == 0)
    {
      prepare_variables (g_steal_pointer (&task), after);
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

/* Whether somebody may have put a system into it. */
static gboolean
is_used (LodgeMachine *self)
{
  const LodgeProfile *profile = self->entry->profile;

  for (guint i = 0; i < profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (profile->disks, i);

      if (!disk->cdrom && disk->file != NULL && (self->last_started > 0 || g_path_is_absolute (disk->file)))
        return TRUE;
    }
  return FALSE;
}

GVariant *
lodge_machine_check_settings (LodgeMachine *self, GVariant *settings, GVariant *options, GError **error)
{
  static const char *const none[] = { NULL };
  g_autoptr (LodgeProfile) after = NULL;
  g_auto (GStrv) warnings = NULL;
  g_auto (GStrv) pending = NULL;
  g_autoptr (GStrvBuilder) codes = g_strv_builder_new ();
  const LodgeHost *host = lodge_engine_get_host (self->engine);
  GVariantDict answer;

  if (!lodge_machine_check_options (options, none, error)
      || (after = change_profile (self, LODGE_METHOD_CHECK_SETTINGS, settings, error)) == NULL)
    return NULL;

  warnings = lodge_settings_warnings (self->entry->profile, after, is_used (self));
  g_strv_builder_addv (codes, (const char **) warnings);
  if (after->tpm && !self->entry->profile->tpm && host != NULL && host->swtpm == NULL)
    g_strv_builder_add (codes, "no-tpm-here");
  g_clear_pointer (&warnings, g_strfreev);
  warnings = g_strv_builder_end (codes);
  pending = self->guest != NULL ? lodge_settings_pending (self->guest->profile, after) : g_new0 (char *, 1);

  g_variant_dict_init (&answer, NULL);
  g_variant_dict_insert (&answer, "warnings", "^as", warnings);
  g_variant_dict_insert (&answer, "pending", "^as", pending);
  return g_variant_dict_end (&answer);
}
