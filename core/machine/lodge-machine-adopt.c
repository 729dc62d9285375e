/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Taking over a guest that an earlier core started. Nothing is written: the runtime folder may be
 * read-only or full by now. A QEMU that takes the connection but says nothing may hang, or another
 * program may sit on the control socket; the rescue socket tells the two apart.
 *
 * A QEMU that is found beside a saved memory (lodge-machine-save.c) holds nothing that is not
 * saved: it is on its way out after a Save, or was not let go yet after a resume. Such a machine
 * is never said to run; whether its QEMU answers or not, it is ended. */

#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-machine-view.h"

#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/machine/lodge-machine-check.h"
#include "core/machine/lodge-machine-identity.h"

#include <string.h>

#define GREETING_MS 1500

typedef struct
{
  LodgeMachine *machine;  /* (owned) */
  GTask *task;            /* (owned) (nullable) until it is answered */
  GCancellable *waiting;  /* (owned) ends the wait for the greeting */
  guint serial;
  guint timeout_id;
  gboolean rescue;
  gboolean again; /* this core knew the guest already */
} Adopt;

static void adopt_connect (Adopt *adopt, const char *name);

static void
adopt_free (Adopt *adopt)
{
  g_clear_handle_id (&adopt->timeout_id, g_source_remove);
  g_clear_object (&adopt->task);
  g_clear_object (&adopt->waiting);
  g_object_unref (adopt->machine);
  g_free (adopt);
}

static gboolean
is_stale (Adopt *adopt)
{
  return adopt->machine->guest == NULL || adopt->machine->guest->serial != adopt->serial;
}

static gboolean
is_saved (LodgeMachine *self)
{
  return self->entry != NULL && lodge_saved_exists (self->folder);
}

static void
answer_task (Adopt *adopt)
{
  g_autoptr (GTask) task = g_steal_pointer (&adopt->task);

  if (task != NULL)
    g_task_return_boolean (task, TRUE);
}

static void
status_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Adopt *adopt = data;
  LodgeMachine *self = adopt->machine;
  g_autoptr (JsonNode) answer = lodge_qmp_client_execute_finish (LODGE_QMP_CLIENT (source), result, NULL);
  const char *status = lodge_qmp_string (lodge_qmp_node_object (answer), "status");

  if (!is_stale (adopt) && status != NULL)
    {
      gboolean gone = self->entry == NULL;

      lodge_guest_hold_inner (self);
      lodge_machine_recover_merge (self);
      if (adopt->again ? strcmp (self->reason, "not-responding") == 0 : self->state != LODGE_STATE_SAVING)
        lodge_machine_say (self, gone ? "folder-gone" : adopt->again ? "" : "adopted", NULL);
      if (!adopt->again && (lodge_machine_recover_saving (self, status) || lodge_machine_undo_snapshot (self)))
        {
          answer_task (adopt);
          adopt_free (adopt);
          return;
        }
      /* A backup that the killed core was making; a guest that stood still for it goes on. */
      if (!adopt->again && self->entry != NULL && lodge_machine_recover_view (self))
        status = "running";
      /* A core that died between spawn and cont left a guest that never ran; the person asked it to. */
      if (strcmp (status, "prelaunch") == 0 && !self->guest->record->paused)
        {
          lodge_machine_mark_in_use (self->folder);
          lodge_qmp_client_execute_async (self->guest->qmp, "cont", NULL, -1, NULL, NULL, NULL);
          lodge_machine_settle_in (self);
        }
      else if (strcmp (status, "running") != 0)
        {
          /* At once: who sees the machine first would believe that it runs, and not ask again. */
          self->guest->user_pause = strcmp (status, "paused") == 0 || strcmp (status, "prelaunch") == 0;
          lodge_machine_apply_status (self, status);
        }
      else
        lodge_machine_settle_in (self);
    }
  answer_task (adopt);
  adopt_free (adopt);
}

static void late_cb (GObject *source, GAsyncResult *result, gpointer data);

static void
ready_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Adopt *adopt = data;
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  gboolean ready = lodge_qmp_client_ready_finish (qmp, result, NULL);

  g_clear_handle_id (&adopt->timeout_id, g_source_remove);
  if (is_stale (adopt))
    {
      answer_task (adopt);
      adopt_free (adopt);
    }
  else if (ready)
    lodge_qmp_client_execute_async (qmp, "query-status", NULL, -1, NULL, status_cb, adopt);
  else if (!adopt->rescue)
    {
      adopt->rescue = TRUE;
      adopt_connect (adopt, LODGE_SOCKET_RESCUE);
    }
  else if (!adopt->again && is_saved (adopt->machine))
    {
      lodge_guest_kill (adopt->machine);
      answer_task (adopt);
      adopt_free (adopt);
    }
  else
    {
      lodge_machine_say (adopt->machine, "not-responding", lodge_guest_details (adopt->machine, NULL));
      answer_task (adopt);
      /* A QEMU that only was slow is known as soon as it says something. */
      lodge_qmp_client_ready_async (qmp, NULL, late_cb, adopt);
    }
}

static void
late_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Adopt *adopt = data;
  LodgeQmpClient *qmp = LODGE_QMP_CLIENT (source);
  gboolean ready = lodge_qmp_client_ready_finish (qmp, result, NULL);

  if (ready && !is_stale (adopt) && adopt->machine->guest->qmp == qmp)
    lodge_qmp_client_execute_async (qmp, "query-status", NULL, -1, NULL, status_cb, adopt);
  else
    adopt_free (adopt);
}

static gboolean
no_greeting_cb (gpointer data)
{
  Adopt *adopt = data;

  adopt->timeout_id = 0;
  g_cancellable_cancel (adopt->waiting);
  return G_SOURCE_REMOVE;
}

static void
adopt_connect (Adopt *adopt, const char *name)
{
  LodgeMachine *self = adopt->machine;
  g_autofree char *path = g_build_filename (self->guest->record->dir, name, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeQmpClient) qmp = lodge_qmp_client_connect (path, &error);

  if (qmp == NULL && !adopt->rescue)
    {
      adopt->rescue = TRUE;
      adopt_connect (adopt, LODGE_SOCKET_RESCUE);
      return;
    }
  if (qmp == NULL && !adopt->again && is_saved (self))
    {
      lodge_guest_kill (self);
      answer_task (adopt);
      adopt_free (adopt);
      return;
    }
  if (qmp == NULL)
    {
      lodge_machine_say (self, "not-responding", lodge_guest_details (self, error->message));
      lodge_guest_reconnect_later (self);
      answer_task (adopt);
      adopt_free (adopt);
      return;
    }

  if (self->guest->qmp != NULL)
    {
      g_autoptr (LodgeQmpClient) before = g_object_ref (self->guest->qmp);

      lodge_guest_connect (self, qmp);
      lodge_qmp_client_close (before);
    }
  else
    lodge_guest_connect (self, qmp);
  g_clear_object (&adopt->waiting);
  adopt->waiting = g_cancellable_new ();
  adopt->timeout_id = g_timeout_add (GREETING_MS, no_greeting_cb, adopt);
  lodge_qmp_client_ready_async (qmp, adopt->waiting, ready_cb, adopt);
}

static void
begin (LodgeMachine *self, GTask *task)
{
  Adopt *adopt = g_new0 (Adopt, 1);

  adopt->machine = g_object_ref (self);
  adopt->serial = self->guest->serial;
  adopt->task = task;
  adopt->again = task == NULL;
  adopt_connect (adopt, LODGE_SOCKET_QMP);
}

/* For a guest whose connection broke: QEMU sent nonsense, or somebody shut the socket. */
void
lodge_machine_reconnect (LodgeMachine *self)
{
  begin (self, NULL);
}

static LodgeProfile *
read_profile (LodgeMachine *self, const LodgeRuntimeRecord *record)
{
  g_autofree char *path = g_build_filename (record->dir, "profile.json", NULL);
  g_autofree char *text = NULL;
  LodgeProfile *profile = NULL;
  gsize length;

  if (g_file_get_contents (path, &text, &length, NULL))
    profile = lodge_profile_from_json (text, length, NULL);
  if (profile == NULL && self->entry != NULL && self->entry->profile != NULL)
    profile = lodge_profile_copy (self->entry->profile);
  if (profile == NULL)
    profile = lodge_profile_new ("?", LODGE_FAMILY_OTHER, LODGE_ARCH_X86_64);
  return profile;
}

void
lodge_machine_adopt_async (LodgeMachine *self, LodgeRuntimeRecord *record, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, data);
  LodgeProcess *process;
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_adopt_async);
  process = lodge_process_adopt (record->pid, record->start_time, &error);
  if (process == NULL)
    {
      lodge_runtime_record_end_helpers (record);
      lodge_runtime_dir_remove (record->dir);
      lodge_runtime_record_free (record);
      g_task_return_error (task, error);
      return;
    }

  self->guest = lodge_guest_new (self, read_profile (self, record));
  self->guest->record = record;
  self->guest->in_use = TRUE;
  self->guest->process = process;
  if (self->name == NULL)
    {
      self->name = g_strdup (self->guest->profile->name);
      self->folder = g_strdup (record->folder);
    }
  /* It may have another name now than at the start. */
  self->guest->log = g_build_filename (self->folder, "log", "qemu.log", NULL);
  for (guint i = 0; i < record->helpers->len; i++)
    {
      LodgeRuntimeHelper *helper = g_ptr_array_index (record->helpers, i);
      g_autofree char *log = lodge_launch_helper_log (self->folder, helper->name);
      LodgeHelper *adopted = lodge_helper_adopt (helper->name, helper->pid, helper->start_time, log, NULL);

      if (adopted != NULL)
        lodge_guest_watch_helper (self, adopted, log);
    }
  self->guest->locks = lodge_launch_lock_disks (self->guest->profile, self->folder, TRUE, NULL);
  lodge_guest_watch_process (self);
  lodge_guest_hold_inner (self);
  if (is_saved (self))
    {
      self->guest->force_off = TRUE;
      lodge_machine_change (self, LODGE_CHANGE_ADOPT_ENDING, "user", NULL);
    }
  else
    lodge_machine_change (self, LODGE_CHANGE_ADOPT_RUNNING, self->entry == NULL ? "folder-gone" : "adopted", NULL);

  begin (self, g_steal_pointer (&task));
}

gboolean
lodge_machine_adopt_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
