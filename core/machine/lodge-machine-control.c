/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/machine/lodge-automatic.h"
#include "core/machine/lodge-machine-save.h"

#include "core/machine/lodge-machine-snapshot.h"
#include "core/machine/lodge-machine-wait.h"

#include <string.h>

/* How long QEMU may take to obey quit; it flushes disks first, and a good one needs 20-50 ms. */
#define QUIT_MS 1000

static void
done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  LodgeMethod method = (LodgeMethod) GPOINTER_TO_INT (g_task_get_task_data (task));
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, &error);

  if (answer == NULL)
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  /* QEMU resets a guest that came to a halt by itself, and leaves it standing; a button on a PC would not. */
  if (self->guest != NULL && method == LODGE_METHOD_RESET && self->state == LODGE_STATE_PAUSED
      && (strcmp (self->reason, "guest-panicked") == 0 || strcmp (self->reason, "internal-error") == 0))
    {
      g_task_set_task_data (task, GINT_TO_POINTER (LODGE_METHOD_RESUME), NULL);
      lodge_machine_command (self, "cont", NULL, g_steal_pointer (&task));
      return;
    }
  /* The caller must find the new state; the event and its query-status may come later. */
  if (self->guest != NULL && method == LODGE_METHOD_PAUSE && self->state != LODGE_STATE_PAUSED)
    lodge_machine_change (self, LODGE_CHANGE_STOPPED, "user", NULL);
  else if (self->guest != NULL && method == LODGE_METHOD_RESUME && self->state == LODGE_STATE_PAUSED)
    lodge_machine_change (self, LODGE_CHANGE_RAN, self->entry == NULL ? "folder-gone" : "", NULL);
  g_task_return_boolean (task, TRUE);
}

/* Sends one command whose answer is the answer of @task. */
void
lodge_machine_command (LodgeMachine *self, const char *command, JsonObject *arguments, GTask *task)
{
  lodge_qmp_client_execute_async (self->guest->qmp, command, arguments, -1,
                                  g_task_get_cancellable (task), done_cb, task);
}

static gboolean
not_obeyed_cb (gpointer data)
{
  LodgeMachine *self = data;

  self->guest->kill_id = 0;
  lodge_guest_kill (self);
  return G_SOURCE_REMOVE;
}

static void
quit_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (LodgeMachine) self = data;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);

  /* Refused, or a connection that broke: there is nothing to wait for. */
  if (answer == NULL && self->guest != NULL && self->guest->qmp == LODGE_QMP_CLIENT (source)
      && self->guest->kill_id != 0)
    {
      g_clear_handle_id (&self->guest->kill_id, g_source_remove);
      lodge_guest_kill (self);
    }
}

/* Ends QEMU in order; it is killed when it does not obey. */
void
lodge_machine_quit (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;

  if (guest->qmp == NULL || !lodge_qmp_client_is_open (guest->qmp))
    {
      lodge_guest_kill (self);
      return;
    }
  guest->kill_id = g_timeout_add (QUIT_MS, not_obeyed_cb, self);
  lodge_qmp_client_execute_async (guest->qmp, "quit", NULL, -1, NULL, quit_cb, g_object_ref (self));
}

void
lodge_machine_force_off (LodgeMachine *self, GTask *task)
{
  LodgeGuest *guest = self->guest;
  gboolean first = !guest->force_off;

  g_ptr_array_add (guest->off_waiters, task);
  guest->force_off = TRUE;
  if (!first || guest->exited)
    return;

  if (guest->start != NULL && guest->start_error == NULL)
    guest->start_error = g_error_new (LODGE_ERROR, LODGE_ERROR_CANCELLED,
                                      "the machine was forced off while it started");
  if (guest->kill_id != 0) /* told already */
    return;
  if (guest->start != NULL)
    lodge_guest_kill (self);
  else
    lodge_machine_quit (self);
}

static void
shutdown_task (LodgeMachine *self, GTask *task)
{
  self->guest->shutdown_asked = TRUE;
  lodge_machine_change (self, LODGE_CHANGE_SHUTDOWN, "user", NULL);
  lodge_machine_command (self, "system_powerdown", NULL, task);
}

static void
resume_task (LodgeMachine *self, GTask *task)
{
  guint64 needed;

  if (strcmp (self->reason, "disk-full") == 0 && !lodge_machine_has_space (self, &needed))
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NO_SPACE,
                               "the disk is still full: %" G_GUINT64_FORMAT " bytes are missing", needed);
      g_object_unref (task);
      return;
    }
  self->guest->user_pause = FALSE;
  lodge_machine_command (self, "cont", NULL, task);
}

/* Inserting gives the path apart, so that no option can name a file that the caller may not read. */
static void
medium_task (LodgeMachine *self, GVariant *options, const char *medium, GTask *task)
{
  const char *drive = NULL;

  if (options != NULL)
    g_variant_lookup (options, "drive", "&s", &drive);
  lodge_machine_change_medium (self, drive, medium, task);
}

/* ---- Start ---- */

static void
put_off_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  GError *error = NULL;

  if (lodge_machine_call_finish (LODGE_MACHINE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Whether it still can be started, after a wait; else @task, which is taken then, is answered, or will be. */
static gboolean
can_go_on (LodgeMachine *self, GTask *task)
{
  GError *error = NULL;

  if (lodge_machine_put_off (self, LODGE_METHOD_START, NULL, g_object_get_data (G_OBJECT (task), "options"), -1, put_off_cb, task))
    return FALSE;
  if (lodge_machine_check (self, LODGE_METHOD_START, &error))
    return TRUE;
  g_task_return_error (task, error);
  g_object_unref (task);
  return FALSE;
}

static void
kept_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LodgeMachine *self = LODGE_MACHINE (source);
  GTask *task = data;
  GError *error = NULL;
  g_autofree char *id = lodge_machine_take_snapshot_finish (self, result, &error);

  /* A person who starts a machine wants it to run, with or without that snapshot. */
  if (id == NULL)
    lodge_automatic_left_out (self, error);
  if (can_go_on (self, task))
    lodge_machine_start (self, task, g_object_get_data (G_OBJECT (task), "options"));
}

/* @task: taken */
static void
begin_start (LodgeMachine *self, GTask *task, GVariant *options)
{
  if (options != NULL)
    g_object_set_data_full (G_OBJECT (task), "options", g_variant_ref (options), (GDestroyNotify) g_variant_unref);
  if (!lodge_automatic_before_start (self, kept_cb, task))
    lodge_machine_start (self, task, options);
}

void
lodge_machine_call_async (LodgeMachine *self, LodgeMethod method, GVariant *options,
                          const char *medium, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  static const char *const drive[] = { "drive", "s", NULL };
  g_autoptr (GTask) task = NULL;
  gboolean takes_drive = method == LODGE_METHOD_INSERT_MEDIUM || method == LODGE_METHOD_EJECT_MEDIUM;
  GError *error = NULL;

  if ((method == LODGE_METHOD_START || method == LODGE_METHOD_SAVE)
      && lodge_machine_put_off (self, method, NULL, options, -1, callback, data))
    return;
  task = g_task_new (self, cancellable, callback, data);
  g_task_set_source_tag (task, lodge_machine_call_async);
  g_task_set_task_data (task, GINT_TO_POINTER (method), NULL);
  if (!lodge_machine_check (self, method, &error)
      || (method != LODGE_METHOD_START
          && !lodge_machine_check_options (options, takes_drive ? drive : none, &error)))
    {
      g_task_return_error (task, error);
      return;
    }

  switch (method)
    {
    case LODGE_METHOD_START:
      begin_start (self, g_steal_pointer (&task), options);
      break;
    case LODGE_METHOD_PAUSE:
      self->guest->user_pause = TRUE;
      lodge_machine_command (self, "stop", NULL, g_steal_pointer (&task));
      break;
    case LODGE_METHOD_RESUME:
      resume_task (self, g_steal_pointer (&task));
      break;
    case LODGE_METHOD_RESET:
      lodge_machine_command (self, "system_reset", NULL, g_steal_pointer (&task));
      break;
    case LODGE_METHOD_SHUTDOWN:
      shutdown_task (self, g_steal_pointer (&task));
      break;
    case LODGE_METHOD_FORCE_OFF:
      lodge_machine_force_off (self, g_steal_pointer (&task));
      break;
    case LODGE_METHOD_SAVE:
      lodge_machine_save (self, g_steal_pointer (&task));
      break;
    case LODGE_METHOD_DISCARD_SAVED:
      if (lodge_machine_discard_saved (self, &error))
        g_task_return_boolean (task, TRUE);
      else
        g_task_return_error (task, error);
      break;
    case LODGE_METHOD_INSERT_MEDIUM:
    case LODGE_METHOD_EJECT_MEDIUM:
      medium_task (self, options, medium, g_steal_pointer (&task));
      break;
    default:
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_NOT_SUPPORTED, "%s gives something back",
                               lodge_method_name (method));
    }
}

gboolean
lodge_machine_call_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
