/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Start, step by step; see the head of lodge-machine.c. Every step either calls the next or
 * lodge_start_give_up(), which unwinds whatever has been made so far. */

#include "core/machine/lodge-machine-start.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-settings.h"
#include "core/machine/lodge-machine-check.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-machine-identity.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-scope.h"
#include "core/qemu/lodge-command-line.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
lodge_start_free (LodgeStart *start)
{
  g_clear_object (&start->capabilities);
  g_clear_pointer (&start->plan, lodge_launch_plan_free);
  g_clear_pointer (&start->saved, lodge_saved_free);
  g_free (start->ram);
  lodge_ram_fill_free (start->fill);
  if (start->ram_fd >= 0)
    close (start->ram_fd);
  if (start->job != NULL)
    {
      g_autoptr (GError) error = g_error_new_literal (LODGE_ERROR, LODGE_ERROR_QEMU_FAILED, "the memory could not be read");

      lodge_job_end (start->job, error); /* without effect where it has ended already */
      g_object_unref (start->job);
    }
  g_object_unref (start->machine);
  g_free (start);
}

gboolean
lodge_start_is_stale (const LodgeStart *start)
{
  LodgeGuest *guest = start->machine->guest;

  return guest == NULL || guest->serial != start->serial || guest->start == NULL || guest->start_error != NULL;
}

void
lodge_start_give_up (LodgeStart *start, GError *error)
{
  LodgeGuest *guest = start->guest;

  if (guest->start_error == NULL)
    guest->start_error = error;
  else
    g_error_free (error);
  lodge_guest_kill (start->machine);
}

static void
succeed (LodgeStart *start)
{
  LodgeMachine *self = start->machine;
  g_autoptr (GTask) task = g_steal_pointer (&start->guest->start);

  g_clear_handle_id (&start->guest->start_id, g_source_remove);
  if (start->job != NULL)
    lodge_job_end (start->job, NULL);
  if (start->saved != NULL)
    lodge_machine_drop_used (self);
  lodge_machine_mark_started (self);
  if (start->paused)
    lodge_machine_change (self, LODGE_CHANGE_STOPPED, "user", NULL);
  else
    lodge_machine_change (self, LODGE_CHANGE_RAN, "", NULL);
  if (!start->paused)
    lodge_machine_settle_in (self);
  g_task_return_boolean (task, TRUE);
}

static void
continued_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (lodge_start_is_stale (start))
    return;
  /* A QEMU that ended says more by its end than by a closed connection; one that is there and silent says nothing more. */
  if (answer == NULL && (!g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING) || lodge_qmp_client_is_open (LODGE_QMP_CLIENT (source))))
    lodge_start_give_up (start, g_steal_pointer (&error));
  else if (answer != NULL)
    succeed (start);
}

/* QEMU has hold of the guest, which has all its hardware and has not run yet. */
static void
go (LodgeStart *owned)
{
  g_autoptr (LodgeStart) start = owned;
  LodgeMachine *self = start->machine;
  LodgeQmpClient *qmp = start->guest->qmp;

  start->guest->in_use = TRUE;
  lodge_machine_mark_in_use (self->folder);
  if (start->paused)
    succeed (start);
  else
    lodge_qmp_client_execute_async (qmp, "cont", NULL, -1, NULL, continued_cb, g_steal_pointer (&start));
}

static void
plugged_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  GError *error = NULL;
  gboolean plugged = lodge_machine_plug_share_finish (LODGE_MACHINE (source), result, &error);

  if (lodge_start_is_stale (start))
    g_clear_error (&error);
  else if (plugged)
    go (g_steal_pointer (&start));
  else
    lodge_start_give_up (start, error);
}

void
lodge_start_let_go (LodgeStart *start)
{
  if (start->guest->share != NULL)
    lodge_machine_plug_share_async (start->machine, plugged_cb, start);
  else
    go (start);
}

static void
ready_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  g_autoptr (GError) error = NULL;
  gboolean ready = lodge_qmp_client_ready_finish (qmp, result, &error);

  if (lodge_start_is_stale (start) || !ready)
    return; /* not ready: the end of the process tells why */

  g_clear_handle_id (&start->guest->start_id, g_source_remove);
  lodge_guest_hold_inner (start->machine);
  if (start->saved != NULL)
    lodge_start_read_memory (g_steal_pointer (&start));
  else
    lodge_start_let_go (g_steal_pointer (&start));
}

/* One generation of old logs is kept, so that a report can show the run before the last. */
static void
prepare_log (LodgeMachine *self, LodgeGuest *guest)
{
  g_autofree char *dir = g_build_filename (self->folder, "log", NULL);

  if (g_mkdir (dir, 0700) != 0 && errno != EEXIST)
    return;
  guest->log = g_build_filename (dir, "qemu.log", NULL);
  guest->log_start = lodge_launch_prepare_log (guest->log);
}

static gboolean
write_record (LodgeStart *start, const char *const *confined, const char *const *bare, GError **error)
{
  LodgeGuest *guest = start->guest;
  LodgeRuntimeRecord *record = guest->record;
  g_autofree char *profile = NULL;
  gsize length;

  record->boot_id = lodge_runtime_boot_id ();
  record->pid = lodge_process_get_pid (guest->process);
  record->start_time = lodge_process_get_start_time (guest->process);
  record->started = g_get_real_time () / G_USEC_PER_SEC;
  record->paused = start->paused;
  if (start->saved != NULL && start->saved->forked)
    record->addresses = lodge_saved_addresses (start->saved);
  lodge_runtime_record_set_argv (record, confined, bare);
  for (guint i = 0; i < guest->helpers->len; i++)
    {
      LodgeHelper *helper = ((LodgeGuestHelper *) g_ptr_array_index (guest->helpers, i))->helper;
      LodgeProcess *process = lodge_helper_get_process (helper);

      lodge_runtime_record_add_helper (record, lodge_helper_get_name (helper), lodge_process_get_pid (process),
                                       lodge_process_get_start_time (process));
    }
  g_variant_unref (record->effective);
  record->effective = g_variant_ref_sink (
    lodge_launch_plan_effective (start->plan, guest->profile, start->capabilities, start->machine->engine));

  profile = lodge_profile_to_json (guest->profile, &length);
  return lodge_runtime_record_write (record, profile, length, error);
}

static void
scoped_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  LodgeMachine *self = start->machine;
  LodgeGuest *guest = start->guest;
  g_autoptr (LodgeQmpClient) qmp = NULL;
  g_autofree char *path = NULL;
  GError *error = NULL;

  lodge_scope_request_finish (result);
  /* With the process gone its end is on its way. */
  if (lodge_start_is_stale (start) || guest->exited)
    return;

  for (guint i = 0; i < guest->helpers->len; i++)
    lodge_process_release (
      lodge_helper_get_process (((LodgeGuestHelper *) g_ptr_array_index (guest->helpers, i))->helper));
  lodge_process_release (guest->process);
  /* The sockets must be QEMU's alone, or connecting would succeed when it is dead. */
  lodge_launch_plan_close (start->plan);

  path = g_build_filename (guest->record->dir, LODGE_SOCKET_QMP, NULL);
  qmp = lodge_qmp_client_connect (path, &error);
  if (qmp == NULL)
    {
      lodge_start_give_up (start, error);
      return;
    }
  lodge_guest_connect (self, qmp);
  lodge_guest_limit_greeting (self);
  lodge_qmp_client_ready_async (qmp, NULL, ready_cb, g_steal_pointer (&start));
}

/* While the processes wait at their gates, so that all they start is in the scope from its birth. */
static void
request_scope (LodgeStart *start)
{
  LodgeMachine *self = start->machine;
  const LodgeRuntimeRecord *record = start->guest->record;
  g_autoptr (GArray) pids = g_array_new (TRUE, FALSE, sizeof (guint32));
  g_autofree char *name = lodge_scope_name (self->id, record->start_time);
  g_autofree char *description = g_strdup_printf ("Lodge machine %s", self->name);
  guint32 pid = (guint32) record->pid;

  g_array_append_val (pids, pid);
  for (guint i = 0; i < record->helpers->len; i++)
    {
      pid = (guint32) ((LodgeRuntimeHelper *) g_ptr_array_index (record->helpers, i))->pid;
      g_array_append_val (pids, pid);
    }
  lodge_scope_request_async (lodge_engine_get_session (self->engine), name, description,
                             (const guint32 *) (gpointer) pids->data, scoped_cb, start);
}

static void
spawn (LodgeStart *start)
{
  LodgeMachine *self = start->machine;
  LodgeGuest *guest = start->guest;
  g_autoptr (LodgeStart) owned = start;
  g_auto (GStrv) bare = NULL;
  g_auto (GStrv) confined = NULL;
  g_auto (GStrv) environment = NULL;
  GError *error = NULL;

  bare = lodge_command_line_build (guest->profile, start->capabilities,
                                   lodge_engine_get_host (self->engine), &start->plan->launch, &error);
  if (bare == NULL
      || (start->saved != NULL && !lodge_saved_check_argv (start->saved, (const char *const *) bare, &error)))
    {
      lodge_start_give_up (start, error);
      return;
    }
  confined = lodge_launch_plan_confine (start->plan, guest->profile, start->capabilities, self->engine,
                                        (const char *const *) bare);
  environment = lodge_launch_environment ();
  prepare_log (self, guest);

  guest->process = lodge_process_spawn ((const char *const *) confined, (const char *const *) environment,
                                        (const LodgeFdMap *) (gpointer) start->plan->fds->data,
                                        guest->log, &error);
  if (guest->process == NULL)
    {
      lodge_start_give_up (start, error);
      return;
    }
  lodge_guest_watch_process (self);
  if (!write_record (start, (const char *const *) confined, (const char *const *) bare, &error))
    {
      lodge_start_give_up (start, error);
      return;
    }
  request_scope (g_steal_pointer (&owned));
}

static gboolean
make_sockets (LodgeStart *start, GError **error)
{
  static const struct
  {
    const char *name;
    int target;
  } sockets[] = {
    { LODGE_SOCKET_QMP, LODGE_CHILD_FD_QMP },         { LODGE_SOCKET_RESCUE, LODGE_CHILD_FD_RESCUE },
    { LODGE_SOCKET_AGENT, LODGE_CHILD_FD_AGENT },     { LODGE_SOCKET_VDAGENT, LODGE_CHILD_FD_VDAGENT },
    { LODGE_SOCKET_SERIAL, LODGE_CHILD_FD_SERIAL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (sockets); i++)
    {
      int fd = lodge_runtime_listen (start->guest->record->dir, sockets[i].name, error);

      if (fd < 0)
        return FALSE;
      lodge_launch_plan_add_fd (start->plan, fd, sockets[i].target);
    }

  start->plan->keyring = g_build_filename (start->guest->record->dir, LODGE_KEYRING_DIR, NULL);
  if (mkdir (start->plan->keyring, 0700) != 0)
    {
      g_set_error (error, LODGE_ERROR, errno == ENOSPC ? LODGE_ERROR_NO_SPACE : LODGE_ERROR_RUNTIME_DIR,
                   "cannot make the folder %s: %s", start->plan->keyring, g_strerror (errno));
      return FALSE;
    }
  return TRUE;
}

/* What a start writes into the profile once for all: machine type, addresses, MACs. */
static gboolean
assign (LodgeMachine *self, LodgeGuest *guest, LodgeCapabilities *capabilities, GError **error)
{
  LodgeProfile *saved;

  if (!lodge_command_line_assign (guest->profile, capabilities) || self->entry == NULL)
    return TRUE;

  saved = lodge_profile_copy (guest->profile);
  if (lodge_store_save (lodge_engine_get_store (self->engine), self->id, saved, error))
    return TRUE;
  lodge_profile_free (saved);
  return FALSE;
}

void
lodge_start_launch (LodgeStart *owned)
{
  g_autoptr (LodgeStart) start = owned;
  LodgeMachine *self = start->machine;
  LodgeGuest *guest = start->guest;
  const LodgePaths *paths = lodge_engine_get_paths (self->engine);
  g_autofree char *dir = NULL;
  GError *error = NULL;

  dir = lodge_runtime_dir_create (paths->runtime_dir, self->id, &error);
  if (dir == NULL)
    {
      lodge_start_give_up (start, error);
      return;
    }
  guest->record = lodge_runtime_record_new (dir, self->id);
  guest->record->folder = g_strdup (guest->place != NULL ? guest->place : self->folder);
  guest->record->ahead = guest->place != NULL;
  lodge_engine_look_for_audio (self->engine);
  start->plan = lodge_launch_plan_new (self->engine, guest->profile, start->capabilities, self->folder,
                                       start->without_kvm || (start->saved != NULL && strcmp (start->saved->accelerator, "tcg") == 0));
  start->plan->launch.incoming = start->saved != NULL;
  if (guest->place != NULL)
    {
      start->plan->place = g_strdup (guest->place);
      start->plan->launch.folder = start->plan->place;
    }
  start->plan->launch.ram = start->ram;
  if (guest->share != NULL)
    {
      start->plan->launch.share = guest->share->path;
      start->plan->launch.share_writable = guest->share->writable;
    }
  start->plan->launch.ram_use = lodge_capabilities_has_member (start->capabilities, "object-add/arg-type/+memory-backend-file/rom")
                                  ? LODGE_RAM_PRIVATE : LODGE_RAM_WRITABLE;
  if (start->ram_fd >= 0)
    {
      lodge_launch_plan_add_fd (start->plan, start->ram_fd, LODGE_CHILD_FD_RAM);
      start->ram_fd = -1;
    }
  if (!lodge_start_make_memory (start, &error) || !make_sockets (start, &error) || !lodge_launch_start_helpers (self, start->plan, &error))
    lodge_start_give_up (start, error);
  else
    spawn (g_steal_pointer (&start));
}

static void
announce_cb (LodgeJob *job, gpointer data)
{
  LodgeStart *start = data;

  if (!lodge_start_is_stale (start))
    lodge_machine_emit_job (start->machine, job);
}

static void
checked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  LodgeMachine *self = start->machine;
  LodgeGuest *guest = start->guest;
  gboolean replaced;
  GError *error = NULL;
  gboolean sound = lodge_machine_check_disks_finish (result, &replaced, &error);

  if (lodge_start_is_stale (start))
    {
      g_clear_error (&error);
      return;
    }

  if (replaced)
    {
      g_clear_pointer (&guest->locks, g_ptr_array_unref);
      sound = sound && (guest->locks = lodge_launch_lock_disks (guest->profile, self->folder, FALSE, &error)) != NULL;
    }
  if (!sound)
    lodge_start_give_up (start, error);
  else
    lodge_start_find_memory (g_steal_pointer (&start));
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  LodgeMachine *self = start->machine;
  LodgeGuest *guest = start->guest;
  LodgeStart *owned;
  GError *error = NULL;

  start->capabilities = lodge_engine_prepare_finish (LODGE_ENGINE (source), result, &error);
  if (lodge_start_is_stale (start))
    {
      g_clear_error (&error);
      return;
    }

  if (start->capabilities == NULL || !lodge_engine_check_profile (self->engine, guest->profile, &error)
      || !lodge_start_check_saved (start, &error) || (start->saved == NULL && !assign (self, guest, start->capabilities, &error))
      || (guest->locks = lodge_launch_lock_disks (guest->profile, self->folder, FALSE, &error)) == NULL)
    {
      lodge_start_give_up (start, error);
      return;
    }

  guest->check = lodge_job_new (start->repair ? "repair" : "check", self->id);
  owned = g_steal_pointer (&start);
  lodge_machine_check_disks_async (guest->profile, self->folder, lodge_engine_get_sandbox (self->engine),
                                   owned->repair, guest->check, announce_cb, owned, checked_cb, owned);
}

static void
unused_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeStart) start = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  GError *error = NULL;
  gboolean unused = lodge_machine_check_disks_unused_finish (self, result, &error);

  if (lodge_start_is_stale (start))
    g_clear_error (&error);
  else if (unused)
    lodge_engine_prepare_async (self->engine, self->guest->profile->arch, NULL, prepared_cb, g_steal_pointer (&start));
  else
    lodge_start_give_up (start, error);
}

void
lodge_machine_start_forget (gpointer waiting)
{
  lodge_start_free (waiting);
}

void
lodge_machine_start_ahead (LodgeMachine *self, const char *place, GTask *task)
{
  g_autoptr (GTask) owned = task;
  g_autofree char *path = g_build_filename (self->folder, LODGE_SAVED_DIR, NULL);
  GError *error = NULL;
  LodgeSaved *saved = lodge_saved_read (path, &error);
  LodgeStart *start;

  if (saved == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  self->guest = lodge_guest_new (self, lodge_profile_copy (saved->profile));
  self->guest->start = g_steal_pointer (&owned);
  self->guest->place = g_strdup (place);

  start = g_new0 (LodgeStart, 1);
  start->ram_fd = -1;
  start->machine = g_object_ref (self);
  start->guest = self->guest;
  start->serial = self->guest->serial;
  start->saved = saved;
  lodge_engine_prepare_async (self->engine, self->guest->profile->arch, NULL, prepared_cb, start);
}

/* @task: taken. What was started ahead becomes the guest of the machine that it is by now. */
static void
go_on (LodgeMachine *self, GTask *task, gboolean paused)
{
  LodgeGuest *guest = self->guest;
  LodgeStart *start = g_steal_pointer (&guest->waiting);
  g_autoptr (GTask) ahead = guest->start;

  g_clear_handle_id (&guest->start_id, g_source_remove);
  guest->start = task;
  guest->user_pause = start->paused = paused;
  guest->record->ahead = FALSE;
  guest->record->paused = paused;
  g_clear_pointer (&guest->place, g_free);
  g_task_return_boolean (ahead, TRUE);
  lodge_machine_change (self, LODGE_CHANGE_START, "", NULL);
  lodge_guest_write_record (self);
  lodge_start_resume (start);
}

void
lodge_machine_start (LodgeMachine *self, GTask *task, GVariant *options)
{
  static const char *const known[] = { "paused", "b", "accelerator", "s", "repair", "b", "discard-saved", "b", NULL };
  g_autoptr (GTask) owned = task;
  const char *accelerator = NULL;
  gboolean paused = FALSE, repair = FALSE, discard = FALSE;
  LodgeSaved *saved = NULL;
  GError *error = NULL;
  LodgeStart *start;

  if (!lodge_machine_check_options (options, known, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (options != NULL)
    {
      g_variant_lookup (options, "paused", "b", &paused);
      g_variant_lookup (options, "accelerator", "&s", &accelerator);
      g_variant_lookup (options, "repair", "b", &repair);
      g_variant_lookup (options, "discard-saved", "b", &discard);
    }
  if (accelerator != NULL && strcmp (accelerator, "tcg") != 0)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                               "accelerator can only be “tcg” here, not “%s”", accelerator);
      return;
    }

  if (self->guest != NULL && self->guest->waiting != NULL)
    {
      go_on (self, g_steal_pointer (&owned), paused);
      return;
    }
  if (!lodge_start_take_saved (self, discard, &saved, &error))
    {
      g_task_return_error (task, error);
      return;
    }

  self->guest = lodge_guest_new (self, lodge_profile_copy (saved != NULL ? saved->profile : self->entry->profile));
  self->guest->start = g_steal_pointer (&owned);
  self->guest->share = g_steal_pointer (&self->share);
  self->guest->user_pause = paused || (saved != NULL && !saved->running);
  lodge_machine_change (self, LODGE_CHANGE_START, "", NULL);

  start = g_new0 (LodgeStart, 1);
  start->ram_fd = -1;
  start->machine = g_object_ref (self);
  start->guest = self->guest;
  start->serial = self->guest->serial;
  start->paused = paused || (saved != NULL && !saved->running);
  start->without_kvm = accelerator != NULL;
  start->repair = repair;
  start->saved = saved;
  /* While it starts nobody can make a clone of it. */
  lodge_machine_check_disks_unused_async (self, unused_cb, start);
}
