/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The end of a guest. Three things must come together before a machine is off: the process is
 * gone, its QMP socket has said all it had to say (the SHUTDOWN event is often still unread when
 * the pidfd fires), and everything that was made for the guest has been taken back. */

#include "core/machine/lodge-machine-save.h"

#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-check.h"
#include "core/machine/lodge-machine-family.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/qemu/lodge-process-tree.h"
#include "core/machine/lodge-stream.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAST_WORDS_MS 500
#define MAX_RECONNECTS 8
#define TAIL_BYTES 4096
#define FIRST_SECONDS 15
/* QEMU needs some 30 ms to greet. One that sleeps this long hangs; one that waits for the processor or a disk, with a host that has
 * too much to do, is given more. */
#define GREETING_SECONDS 30
#define GREETING_MAX_SECONDS 180

static void
helper_free (gpointer data)
{
  LodgeGuestHelper *helper = data;

  g_signal_handlers_disconnect_by_data (lodge_helper_get_process (helper->helper), helper);
  g_clear_handle_id (&helper->judge_id, g_source_remove);
  g_clear_object (&helper->log);
  g_object_unref (helper->helper);
  g_free (helper);
}

/* Only when QEMU is gone: a core that leaves must not take the network of its guests along. */
static void
kill_helpers (LodgeGuest *guest)
{
  for (guint i = 0; i < guest->helpers->len; i++)
    {
      LodgeGuestHelper *helper = g_ptr_array_index (guest->helpers, i);

      if (lodge_process_is_alive (lodge_helper_get_process (helper->helper)))
        lodge_process_kill (lodge_helper_get_process (helper->helper));
    }
}

LodgeGuest *
lodge_guest_new (LodgeMachine *self, LodgeProfile *profile)
{
  LodgeGuest *guest = g_new0 (LodgeGuest, 1);

  guest->serial = ++self->n_guests;
  guest->inner_fd = -1;
  guest->profile = profile;
  guest->helpers = g_ptr_array_new_with_free_func (helper_free);
  guest->off_waiters = g_ptr_array_new_with_free_func (g_object_unref);
  guest->unplugging = g_ptr_array_new_with_free_func (g_object_unref);
  return guest;
}

void
lodge_guest_free (LodgeGuest *guest)
{
  if (guest == NULL)
    return;

  g_clear_handle_id (&guest->kill_id, g_source_remove);
  g_clear_handle_id (&guest->close_id, g_source_remove);
  g_clear_handle_id (&guest->reconnect_id, g_source_remove);
  g_clear_handle_id (&guest->start_id, g_source_remove);
  g_clear_handle_id (&guest->space_id, g_source_remove);
  g_clear_handle_id (&guest->settle_id, g_source_remove);
  g_clear_handle_id (&guest->missing_id, g_source_remove);
  g_clear_object (&guest->log_file);
  if (guest->qmp != NULL)
    lodge_qmp_client_close (guest->qmp);
  g_clear_object (&guest->qmp);
  if (guest->agent != NULL)
    lodge_guest_agent_close (guest->agent);
  g_clear_object (&guest->agent);
  g_clear_object (&guest->process);
  if (guest->check != NULL)
    lodge_job_cancel (guest->check);
  g_clear_object (&guest->check);
  g_ptr_array_unref (guest->helpers);
  g_clear_pointer (&guest->locks, g_ptr_array_unref);
  g_clear_pointer (&guest->record, lodge_runtime_record_free);
  g_clear_pointer (&guest->waiting, lodge_machine_start_forget);
  g_free (guest->place);
  g_clear_object (&guest->start);
  g_clear_object (&guest->stream);
  g_clear_error (&guest->start_error);
  g_ptr_array_unref (guest->off_waiters);
  g_ptr_array_unref (guest->unplugging);
  if (guest->inner_fd >= 0)
    close (guest->inner_fd);
  lodge_profile_free (guest->profile);
  lodge_share_free (guest->share);
  g_free (guest->share_error);
  g_free (guest->log);
  g_free (guest->shutdown_reason);
  g_free (guest->block_error);
  g_free (guest);
}

/* What this guest's QEMU wrote last, as text that can be shown. */
void
lodge_guest_write_record (LodgeMachine *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *profile = NULL;
  gsize length;

  profile = lodge_profile_to_json (self->guest->profile, &length);
  if (!lodge_runtime_record_write (self->guest->record, profile, length, &error))
    g_debug ("%s: %s", self->id, error->message);
}

char *
lodge_guest_log_tail (LodgeGuest *guest)
{
  return guest->log != NULL ? g_strstrip (lodge_log_file_tail (guest->log, guest->log_start, TAIL_BYTES)) : g_strdup ("");
}

GVariant *
lodge_guest_details (LodgeMachine *self, const char *message)
{
  LodgeGuest *guest = self->guest;
  const char *accelerator = NULL;
  GVariantDict details;

  g_variant_dict_init (&details, NULL);
  if (message != NULL && *message != '\0')
    g_variant_dict_insert (&details, "message", "s", message);
  if (guest != NULL && guest->log != NULL)
    g_variant_dict_insert (&details, "log", "s", guest->log);
  if (guest != NULL && guest->record != NULL
      && g_variant_lookup (guest->record->effective, "accelerator", "&s", &accelerator))
    g_variant_dict_insert (&details, "accelerator", "s", accelerator);
  return g_variant_dict_end (&details);
}

/* bubblewrap gives a signal of its child on as 128 + signal. -1: not our child, nothing is known. */
static void
decode_status (int wait_status, int *exit_status, int *signal)
{
  *exit_status = -1;
  *signal = 0;
  if (wait_status == -1)
    return;
  if (WIFSIGNALED (wait_status))
    *signal = WTERMSIG (wait_status);
  else if (WIFEXITED (wait_status) && WEXITSTATUS (wait_status) > 128)
    *signal = WEXITSTATUS (wait_status) - 128;
  else if (WIFEXITED (wait_status))
    *exit_status = WEXITSTATUS (wait_status);
}

static const char *
choose_reason (const LodgeGuest *guest, int exit_status, int signal)
{
  const char *said = guest->shutdown_reason;

  if (guest->close_stage > 0) /* bubblewrap was killed, and QEMU had to be told */
    return "killed";
  if (guest->force_off || g_strcmp0 (said, "host-qmp-quit") == 0)
    return "user";
  if (said != NULL && (g_str_has_prefix (said, "guest-panic") || g_str_has_prefix (said, "guest-crash")))
    return "guest-panicked";
  if (said != NULL && g_str_has_prefix (said, "guest"))
    return "guest-shutdown";
  if (g_strcmp0 (said, "host-signal") == 0 || signal == SIGKILL || signal == SIGTERM)
    return "killed";
  /* A shutdown that was asked can end so fast that nothing of it is read. */
  if (guest->shutdown_asked && exit_status == 0)
    return "guest-shutdown";
  return "crashed";
}

/* A QEMU that could not go on without a helper that broke says less than that helper. */
static GError *
helper_error (LodgeGuest *guest)
{
  for (guint i = 0; i < guest->helpers->len; i++)
    {
      LodgeGuestHelper *helper = g_ptr_array_index (guest->helpers, i);

      if (helper->ended && helper->wait_status > 0)
        return lodge_helper_failure (helper->helper, helper->wait_status);
    }
  return NULL;
}

/* Where KVM is there but not sound, QEMU breaks down as soon as the guest's processors are set up or do their first work: by a
 * failed assertion, or with words about KVM. What else can go wrong at a start ends QEMU by itself, with other words. */
static gboolean
gave_up_under_kvm (LodgeGuest *guest, const char *tail, int exit_status, int signal)
{
  static const int breakdowns[] = { SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
  g_autoptr (GError) helper = helper_error (guest);
  g_autofree char *lower = g_ascii_strdown (tail, -1);
  const char *accelerator = NULL;
  gint64 age;

  if (guest->record == NULL || guest->start_error != NULL || helper != NULL
      || !g_variant_lookup (guest->record->effective, "accelerator", "&s", &accelerator) || strcmp (accelerator, "kvm") != 0)
    return FALSE;
  age = g_get_real_time () / G_USEC_PER_SEC - guest->record->started;
  if (age < 0 || age > FIRST_SECONDS)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (breakdowns); i++)
    if (signal == breakdowns[i])
      return TRUE;
  return exit_status != 0 && strstr (lower, "kvm") != NULL;
}

/* Whether QEMU closed the disks in order. Of an adopted one only its last words are known. */
static gboolean
closed_in_order (const LodgeGuest *guest, int exit_status)
{
  return !guest->killed && (exit_status == 0 || (guest->wait_status == -1 && guest->shutdown_reason != NULL));
}

static GError *
make_start_error (LodgeGuest *guest, const char *tail, int exit_status, int signal)
{
  g_autofree char *how = NULL;
  GError *helper;

  if (guest->start_error != NULL)
    return g_steal_pointer (&guest->start_error);
  helper = helper_error (guest);
  if (helper != NULL)
    return helper;

  if (signal != 0)
    how = g_strdup_printf ("signal %d, %s", signal, g_strsignal (signal));
  else
    how = g_strdup_printf ("exit status %d", exit_status);
  return g_error_new (LODGE_ERROR, LODGE_ERROR_QEMU_FAILED, "%s (%s)",
                      *tail != '\0' ? tail : "QEMU ended without a word", how);
}

static void
finish_end (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;
  g_autofree char *tail = lodge_guest_log_tail (guest);
  g_autofree char *dir = guest->record != NULL ? g_strdup (guest->record->dir) : NULL;
  g_autoptr (GPtrArray) off_waiters = g_ptr_array_ref (guest->off_waiters);
  g_autoptr (GTask) start = g_steal_pointer (&guest->start);
  g_autoptr (GError) start_error = NULL;
  gboolean saved = lodge_machine_saving_ended (self);
  gpointer save = g_steal_pointer (&guest->save);
  gboolean unasked = !guest->force_off && !guest->shutdown_asked && start == NULL && !saved;
  gboolean kvm_failed;
  const char *reason;
  GVariantDict details;
  int exit_status, signal;

  decode_status (guest->wait_status, &exit_status, &signal);
  if (guest->in_use && closed_in_order (guest, exit_status))
    lodge_machine_mark_closed (self->folder);
  reason = saved ? "user" : choose_reason (guest, exit_status, signal);
  kvm_failed = strcmp (reason, "crashed") == 0 && gave_up_under_kvm (guest, tail, exit_status, signal);
  if (start != NULL)
    {
      start_error = make_start_error (guest, tail, exit_status, signal);
      reason = guest->force_off ? "user" : "start-failed";
    }
  if (kvm_failed)
    reason = "kvm-failed";

  g_variant_dict_init (&details, NULL);
  if (strcmp (reason, "user") != 0 && strcmp (reason, "guest-shutdown") != 0)
    {
      g_autoptr (GVariant) basic = g_variant_ref_sink (
        lodge_guest_details (self, start_error != NULL ? start_error->message : tail));

      g_variant_dict_clear (&details);
      g_variant_dict_init (&details, basic);
      if (exit_status >= 0)
        g_variant_dict_insert (&details, "exit-status", "i", exit_status);
      if (signal != 0)
        g_variant_dict_insert (&details, "signal", "i", signal);
    }

  g_object_ref (self);
  lodge_stream_ended (self);
  lodge_machine_unplug_ended (self);
  kill_helpers (guest);
  g_clear_pointer (&self->guest, lodge_guest_free);
  if (dir != NULL)
    lodge_runtime_dir_remove (dir);
  lodge_machine_change (self, LODGE_CHANGE_ENDED, reason, g_variant_dict_end (&details));
  if (self->entry != NULL)
    lodge_machine_look_for_saved (self);
  if (unasked)
    lodge_machine_emit_stopped (self);
  if (start != NULL)
    g_task_return_error (start, g_steal_pointer (&start_error));
  for (guint i = 0; i < off_waiters->len; i++)
    g_task_return_boolean (g_ptr_array_index (off_waiters, i), TRUE);
  lodge_machine_saving_answer (save);
  lodge_machine_follow_entry (self);
  lodge_machine_discard_if_over (self);
  lodge_machine_merge (self);
  g_object_unref (self);
}

/* bubblewrap was killed, but not what it had started: QEMU runs on and must not, since nothing knows
 * it any more when the record is gone. It is asked first, so that it can close its disks. */
static gboolean
last_words_cb (gpointer data)
{
  LodgeMachine *self = data;
  LodgeGuest *guest = self->guest;

  guest->close_id = 0;
  switch (guest->close_stage++)
    {
    case 0:
      lodge_qmp_client_execute_async (guest->qmp, "quit", NULL, -1, NULL, NULL, NULL);
      guest->close_id = g_timeout_add (2 * LAST_WORDS_MS, last_words_cb, self);
      break;
    case 1:
      if (guest->inner_fd >= 0)
        guest->killed = syscall (SYS_pidfd_send_signal, guest->inner_fd, SIGKILL, NULL, 0) == 0;
      guest->close_id = g_timeout_add (LAST_WORDS_MS, last_words_cb, self);
      break;
    default:
      finish_end (self);
    }
  return G_SOURCE_REMOVE;
}

/* Keeps hold of the process that bubblewrap stands around, when QEMU answers and so surely is there. */
void
lodge_guest_hold_inner (LodgeMachine *self)
{
  g_autoptr (GArray) children = NULL;

  if (self->guest->inner_fd >= 0)
    return;
  children = lodge_process_list_children (LODGE_PROC, lodge_process_get_pid (self->guest->process));
  if (children->len > 0)
    self->guest->inner_fd = (int) syscall (SYS_pidfd_open, g_array_index (children, GPid, 0), 0);
}

static void
exited_cb (LodgeProcess *process, int wait_status, LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;

  if (guest == NULL || guest->process != process || guest->exited)
    return;

  guest->exited = TRUE;
  guest->wait_status = wait_status;
  if (guest->qmp != NULL && lodge_qmp_client_is_open (guest->qmp))
    guest->close_id = g_timeout_add (LAST_WORDS_MS, last_words_cb, self);
  else
    finish_end (self);
}

static gboolean
reconnect_cb (gpointer data)
{
  LodgeMachine *self = data;

  self->guest->reconnect_id = 0;
  if (!self->guest->exited)
    lodge_machine_reconnect (self);
  return G_SOURCE_REMOVE;
}

void
lodge_guest_reconnect_later (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;

  if (guest->reconnect_id == 0 && guest->n_reconnects++ < MAX_RECONNECTS)
    guest->reconnect_id = g_timeout_add (LAST_WORDS_MS, reconnect_cb, self);
}

/* Closed before QEMU's end is seen, which mostly follows at once. */
static void
closed_cb (LodgeQmpClient *qmp, const GError *error, LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;

  if (guest == NULL || guest->qmp != qmp)
    return;
  if (guest->exited)
    {
      g_clear_handle_id (&guest->close_id, g_source_remove);
      finish_end (self);
    }
  else if (guest->start == NULL && !guest->force_off)
    lodge_guest_reconnect_later (self);
}

static void
event_cb (LodgeQmpClient *qmp, const char *name, JsonObject *data, gint64 time, LodgeMachine *self)
{
  if (self->guest != NULL && self->guest->qmp == qmp)
    lodge_machine_event (self, name, data);
}

/* The logs are watched where they are now; a watch on what is not there would wake the core every few seconds. */
void
lodge_guest_follow_folder (LodgeGuest *guest, const char *folder)
{
  g_clear_object (&guest->log_file);
  if (guest->log != NULL && folder != NULL)
    {
      g_free (guest->log);
      guest->log = g_build_filename (folder, "log", "qemu.log", NULL);
      guest->log_file = lodge_log_file_new (guest->log);
    }
  for (guint i = 0; i < guest->helpers->len; i++)
    {
      LodgeGuestHelper *helper = g_ptr_array_index (guest->helpers, i);
      g_autofree char *log = folder != NULL ? lodge_launch_helper_log (folder, lodge_helper_get_name (helper->helper)) : NULL;

      g_clear_object (&helper->log);
      if (log != NULL)
        helper->log = lodge_log_file_new (log);
    }
}

void
lodge_guest_watch_process (LodgeMachine *self)
{
  g_signal_connect_object (self->guest->process, "exited", G_CALLBACK (exited_cb), self, 0);
  /* A guest can make QEMU complain without end. */
  if (self->guest->log != NULL && self->entry != NULL)
    self->guest->log_file = lodge_log_file_new (self->guest->log);
}

/* Says what the end of a helper means for the guest, which has lost its network or its TPM. */
static void
judge_helper (LodgeGuestHelper *helper)
{
  LodgeMachine *self = helper->machine;
  g_autoptr (GError) error = lodge_helper_failure (helper->helper, helper->wait_status);
  g_autoptr (GVariant) basic = NULL;
  GVariantDict details;
  int exit_status, signal;

  if (self->guest->start != NULL)
    {
      if (self->guest->start_error == NULL)
        self->guest->start_error = g_steal_pointer (&error);
      lodge_guest_kill (self);
      return;
    }

  decode_status (helper->wait_status, &exit_status, &signal);
  basic = g_variant_ref_sink (lodge_guest_details (self, error->message));
  g_variant_dict_init (&details, basic);
  g_variant_dict_insert (&details, "helper", "s", lodge_helper_get_name (helper->helper));
  if (exit_status >= 0)
    g_variant_dict_insert (&details, "exit-status", "i", exit_status);
  if (signal != 0)
    g_variant_dict_insert (&details, "signal", "i", signal);
  lodge_machine_say (self, "helper-failed", g_variant_dict_end (&details));
}

static gboolean
judge_cb (gpointer data)
{
  LodgeGuestHelper *helper = data;
  LodgeGuest *guest = helper->machine->guest;

  helper->judge_id = 0;
  if (!guest->exited && !guest->force_off && guest->shutdown_reason == NULL)
    judge_helper (helper);
  return G_SOURCE_REMOVE;
}

/* Helpers end by themselves, in order, when QEMU does, and that is mostly seen before the end of QEMU,
 * around which bubblewrap stands: QEMU gets a moment to say more than its helper's good-bye. */
static void
helper_exited_cb (LodgeProcess *process, int wait_status, LodgeGuestHelper *helper)
{
  LodgeGuest *guest = helper->machine->guest;

  helper->ended = TRUE;
  helper->wait_status = wait_status;
  if (guest != NULL && !guest->exited && !guest->force_off && guest->shutdown_reason == NULL)
    helper->judge_id = g_timeout_add (LAST_WORDS_MS, judge_cb, helper);
}

/* @helper: taken; @log: where it writes */
void
lodge_guest_watch_helper (LodgeMachine *self, LodgeHelper *process, const char *log)
{
  LodgeGuestHelper *helper = g_new0 (LodgeGuestHelper, 1);

  helper->machine = self;
  helper->helper = process;
  helper->log = self->entry != NULL ? lodge_log_file_new (log) : NULL;
  g_signal_connect (lodge_helper_get_process (process), "exited", G_CALLBACK (helper_exited_cb), helper);
  g_ptr_array_add (self->guest->helpers, helper);
}

void
lodge_guest_connect (LodgeMachine *self, LodgeQmpClient *qmp)
{
  g_set_object (&self->guest->qmp, qmp);
  g_signal_connect_object (qmp, "event", G_CALLBACK (event_cb), self, 0);
  g_signal_connect_object (qmp, "closed", G_CALLBACK (closed_cb), self, 0);
}

/* Each second, so that a core that was stopped itself counts one and not all that passed. */
static gboolean
no_greeting_cb (gpointer data)
{
  LodgeMachine *self = data;
  LodgeGuest *guest = self->guest;

  guest->n_waited++;
  if (!lodge_process_tree_works (LODGE_PROC, lodge_process_get_pid (guest->process)))
    guest->n_idle++;
  if (guest->n_idle < GREETING_SECONDS && guest->n_waited < GREETING_MAX_SECONDS)
    return G_SOURCE_CONTINUE;

  guest->start_id = 0;
  if (guest->start_error == NULL)
    guest->start_error = g_error_new (LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "QEMU did not answer within %u seconds, of which it slept %u",
                                      guest->n_waited, guest->n_idle);
  lodge_guest_kill (self);
  return G_SOURCE_REMOVE;
}

void
lodge_guest_limit_greeting (LodgeMachine *self)
{
  self->guest->start_id = g_timeout_add_seconds (1, no_greeting_cb, self);
}

/* Ends a guest without asking it; where no process is there yet, the start is unwound at once. */
void
lodge_guest_kill (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;

  if (guest->process != NULL && !guest->exited)
    {
      guest->killed = TRUE;
      lodge_process_kill (guest->process);
    }
  else if (guest->process == NULL)
    finish_end (self);
}
