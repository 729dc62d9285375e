/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A LodgeMachine is a folder of the store (its entry), a state, and, while there is a QEMU, a
 * LodgeGuest. The guest is all that exists only while it runs: the profile as it was at the start,
 * the runtime folder with its sockets and record, QEMU and its helpers, the QMP connection, the
 * locks on the disks. It is made by the first step of a start (or by an adoption) and freed, as a
 * whole, by the last step of its end, so there is one place that takes back and no way to forget.
 *
 *   Start:  prepare the engine (probes) -> check disks and locks -> runtime folder and listening
 *           sockets -> helpers -> command line, confinement -> spawn behind a gate -> record ->
 *           open the gate -> QMP greeting -> cont -> running
 *   End:    the process has exited AND QMP has said its last words -> free the guest -> off
 *   Adopt:  a record that verifies -> a pidfd -> QMP -> query-status -> running or paused
 *
 * The sockets listen before QEMU exists, so connecting never has to wait or to be tried again.
 * QEMU is started with -S and let go with cont when the core has hold of it: no instruction runs
 * that nobody could stop.
 *
 * Who decides what:
 *   - whether a method may be called: lodge-machine-state.c, first thing in every entry;
 *   - the state: lodge_machine_change(), from the table; QEMU's events (lodge-machine-events.c) are
 *     the truth, replies to commands only complete the caller's task;
 *   - why: a reason code and details, worded by the clients.
 *
 * A failed step of a start sets guest->start_error and kills what is there; the end of the guest
 * then answers the Start with that error. A failure before there is a process goes the same way
 * without the waiting. ForceOff during a start is such a failure, too.
 *
 * The store's entry may vanish under a running guest (its folder was deleted): the guest runs on
 * with the profile it was started from, the reason says folder-gone, nothing is written into the
 * folder any more, and when the guest ends the machine emits "vanished".
 */

#include "core/machine/lodge-machine-save.h"

#include "core/config/lodge-settings.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-machine-identity.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/machine/lodge-machine-wait.h"
#include "core/machine/lodge-spare.h"
#include "core/machine/lodge-ram.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GET_LOG_BYTES (256 * 1024)

G_DEFINE_FINAL_TYPE (LodgeMachine, lodge_machine, G_TYPE_OBJECT)

enum { CHANGED, STOPPED, JOB, VANISHED, SNAPSHOTS, N_SIGNALS };
static guint signals[N_SIGNALS];

static char *
started_path (LodgeMachine *self)
{
  return g_build_filename (lodge_engine_get_paths (self->engine)->state_dir, "started", self->id, NULL);
}

/* The time of the last start is this host's matter, so it is not in machine.json: it is the
 * modification time of an empty file in the state folder. */
static gint64
read_last_started (LodgeMachine *self)
{
  g_autofree char *path = started_path (self);
  struct stat st;

  return lstat (path, &st) == 0 ? (gint64) st.st_mtime : 0;
}

static void
lodge_machine_finalize (GObject *object)
{
  LodgeMachine *self = LODGE_MACHINE (object);

  lodge_spare_drop (self);
  g_clear_pointer (&self->guest, lodge_guest_free);
  g_clear_pointer (&self->saved, lodge_saved_free);
  g_clear_pointer (&self->fill, lodge_ram_fill_free);
  g_clear_pointer (&self->details, g_variant_unref);
  g_clear_pointer (&self->details_before, g_variant_unref);
  g_free (self->reason_before);
  g_clear_object (&self->engine);
  g_free (self->id);
  g_free (self->name);
  g_free (self->folder);
  g_free (self->reason);
  g_free (self->doing);
  g_free (self->shown_snapshot);
  lodge_share_free (self->share);
  g_clear_pointer (&self->clones_waiting, g_ptr_array_unref);
  g_clear_object (&self->backup);
  g_clear_error (&self->left_out);
  g_queue_clear_full (&self->waiting, lodge_machine_put_off_free);

  G_OBJECT_CLASS (lodge_machine_parent_class)->finalize (object);
}

static void
lodge_machine_class_init (LodgeMachineClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = lodge_machine_finalize;

  signals[CHANGED] = g_signal_new ("changed", LODGE_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 0);
  signals[STOPPED] = g_signal_new ("stopped", LODGE_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                   NULL, G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_VARIANT);
  signals[JOB] = g_signal_new ("job", LODGE_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                               G_TYPE_NONE, 1, LODGE_TYPE_JOB);
  signals[SNAPSHOTS] = g_signal_new ("snapshots", LODGE_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                     G_TYPE_NONE, 0);
  signals[VANISHED] = g_signal_new ("vanished", LODGE_TYPE_MACHINE, G_SIGNAL_RUN_LAST, 0, NULL,
                                    NULL, NULL, G_TYPE_NONE, 0);
}

static void
lodge_machine_init (LodgeMachine *self)
{
  self->reason = g_strdup ("");
  self->details = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
}

LodgeMachine *
lodge_machine_new (LodgeEngine *engine, const char *id, LodgeStoreEntry *entry)
{
  LodgeMachine *self = g_object_new (LODGE_TYPE_MACHINE, NULL);

  self->engine = g_object_ref (engine);
  self->id = g_strdup (id);
  self->entry = entry;
  self->last_started = read_last_started (self);
  lodge_machine_follow_entry (self);
  return self;
}

void
lodge_machine_notify (LodgeMachine *self)
{
  g_signal_emit (self, signals[CHANGED], 0);
}

void
lodge_machine_emit_stopped (LodgeMachine *self)
{
  g_signal_emit (self, signals[STOPPED], 0, self->reason, self->details);
}

void
lodge_machine_emit_snapshots (LodgeMachine *self)
{
  g_signal_emit (self, signals[SNAPSHOTS], 0);
  lodge_machine_notify (self);
}

void
lodge_machine_emit_job (LodgeMachine *self, LodgeJob *job)
{
  g_signal_emit (self, signals[JOB], 0, job);
}

/* @details: (nullable) (transfer floating) */
void
lodge_machine_say (LodgeMachine *self, const char *reason, GVariant *details)
{
  if (self->reason != reason)
    {
      g_free (self->reason);
      self->reason = g_strdup (reason);
    }
  g_variant_unref (self->details);
  self->details = g_variant_ref_sink (details != NULL ? details : g_variant_new ("a{sv}", NULL));
  lodge_machine_notify (self);
}

void
lodge_machine_change (LodgeMachine *self, LodgeMachineChange change, const char *reason,
                      GVariant *details)
{
  LodgeMachineState next;

  if (!lodge_machine_state_next (self->state, change, &next))
    {
      g_debug ("%s: change “%s” is not possible in state %s", self->id,
               lodge_machine_change_name (change), lodge_machine_state_name (self->state));
      if (details != NULL)
        g_variant_unref (g_variant_ref_sink (details));
      return;
    }

  g_debug ("%s: %s -> %s (%s)", self->id, lodge_machine_state_name (self->state),
           lodge_machine_state_name (next), reason);
  self->state = next;
  lodge_machine_say (self, reason, details);
}

/* A folder that was only renamed is gone and there again at once: what was said before is said again. */
static void
folder_went (LodgeMachine *self)
{
  if (self->state == LODGE_STATE_STARTING || strcmp (self->reason, "folder-gone") == 0)
    return;

  g_free (self->reason_before);
  self->reason_before = g_strdup (self->reason);
  g_clear_pointer (&self->details_before, g_variant_unref);
  self->details_before = g_variant_ref (self->details);
  lodge_machine_say (self, "folder-gone", NULL);
}

static void
folder_came_back (LodgeMachine *self)
{
  g_autofree char *reason = g_steal_pointer (&self->reason_before);
  g_autoptr (GVariant) details = g_steal_pointer (&self->details_before);

  lodge_machine_say (self, reason != NULL ? reason : "", details);
}

/* Brings name, folder and, where no guest runs, the state in line with the store's entry. */
void
lodge_machine_follow_entry (LodgeMachine *self)
{
  LodgeStoreEntry *entry = self->entry;

  if (entry == NULL)
    {
      if (self->guest == NULL)
        g_signal_emit (self, signals[VANISHED], 0);
      else
        {
          lodge_guest_follow_folder (self->guest, NULL);
          folder_went (self);
        }
      return;
    }

  if (self->guest != NULL && (g_strcmp0 (self->folder, entry->folder) != 0 || strcmp (self->reason, "folder-gone") == 0))
    lodge_guest_follow_folder (self->guest, entry->folder);
  g_free (self->folder);
  self->folder = g_strdup (entry->folder);
  g_free (self->name);
  self->name = entry->profile != NULL ? g_strdup (entry->profile->name)
                                      : g_path_get_basename (entry->folder);

  if (self->guest == NULL && entry->fault != NULL && (self->state == LODGE_STATE_OFF || self->state == LODGE_STATE_SAVED))
    lodge_machine_change (self, LODGE_CHANGE_BROKE, "", NULL);
  else if (self->guest == NULL && entry->fault == NULL && self->state == LODGE_STATE_BROKEN)
    lodge_machine_change (self, LODGE_CHANGE_MENDED, "", NULL);
  else if (self->guest != NULL && strcmp (self->reason, "folder-gone") == 0)
    folder_came_back (self);
  else
    lodge_machine_notify (self);
  lodge_machine_look_for_saved (self);
}

void
lodge_machine_set_entry (LodgeMachine *self, LodgeStoreEntry *entry)
{
  g_return_if_fail (LODGE_IS_MACHINE (self));

  self->entry = entry;
  lodge_spare_drop (self);
  lodge_machine_follow_entry (self);
}

/* @known: NULL-terminated pairs: name, type string. */
gboolean
lodge_machine_check_options (GVariant *options, const char *const *known, GError **error)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;

  if (options == NULL)
    return TRUE;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) owned = value;
      gsize i = 0;

      while (known[i] != NULL && strcmp (known[i], name) != 0)
        i += 2;
      if (known[i] == NULL || !g_variant_is_of_type (owned, G_VARIANT_TYPE (known[i + 1])))
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_INVALID_ARGUMENT,
                       known[i] == NULL ? "unknown option “%s”" : "option “%s” has the wrong type",
                       name);
          return FALSE;
        }
    }
  return TRUE;
}

/* Of these a further one waits for its turn. */
static gboolean
is_cloning (LodgeMethod method)
{
  return method == LODGE_METHOD_CLONE || method == LODGE_METHOD_OPEN_DISPOSABLE;
}

/* Whether work on the disks that is under way, or another machine that is built on them, stands against @method. */
static gboolean
check_family (LodgeMachine *self, LodgeMethod method, GError **error)
{
  gboolean clones = is_cloning (method);

  if (!clones && method != LODGE_METHOD_START && method != LODGE_METHOD_DELETE && method != LODGE_METHOD_SET_TEMPLATE
      && method != LODGE_METHOD_FLATTEN && method != LODGE_METHOD_TAKE_SNAPSHOT && method != LODGE_METHOD_RESTORE_SNAPSHOT
      && method != LODGE_METHOD_DELETE_SNAPSHOT && method != LODGE_METHOD_SAVE && method != LODGE_METHOD_BACKUP)
    return TRUE;

  /* Clones of one machine are made side by side. */
  if (self->n_occupied > 0 && !(clones && strcmp (self->doing, "being cloned") == 0))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE, "the machine is %s", self->doing);
      return FALSE;
    }
  return method != LODGE_METHOD_DELETE || lodge_machine_check_no_dependants (self, error);
}

static gboolean
writes_disks (LodgeMethod method)
{
  return method == LODGE_METHOD_ADD_DISK || method == LODGE_METHOD_DETACH_DISK || method == LODGE_METHOD_GROW_DISK
         || method == LODGE_METHOD_COMPACT_DISK || method == LODGE_METHOD_CONVERT_DISK || method == LODGE_METHOD_CLONE
         || method == LODGE_METHOD_OPEN_DISPOSABLE || method == LODGE_METHOD_SET_TEMPLATE || method == LODGE_METHOD_FLATTEN;
}

/* Those that are answered, or do what they do, without a QEMU that answers. */
static gboolean
needs_no_qemu (LodgeMethod method)
{
  return method == LODGE_METHOD_FORCE_OFF || method == LODGE_METHOD_SET_SETTINGS || method == LODGE_METHOD_CHECK_SETTINGS
         || method == LODGE_METHOD_LIST_DISKS || method == LODGE_METHOD_EDIT_SNAPSHOT || method == LODGE_METHOD_FORECAST;
}

/* Those after which a guest that was resumed and stands still is still all that saved/ holds. */
static gboolean
keeps_saved (LodgeMethod method)
{
  return (method >= LODGE_METHOD_OPEN_DISPLAY && method <= LODGE_METHOD_GET_LOG) || method == LODGE_METHOD_SET_SETTINGS
         || method == LODGE_METHOD_CHECK_SETTINGS || method == LODGE_METHOD_LIST_DISKS || method == LODGE_METHOD_EDIT_SNAPSHOT
         || method == LODGE_METHOD_FORECAST || method == LODGE_METHOD_SAVE || method == LODGE_METHOD_BACKUP;
}

/* Whether @method leaves all of the machine as it is. */
static gboolean
only_looks (LodgeMethod method)
{
  return method == LODGE_METHOD_FORECAST || method == LODGE_METHOD_LIST_SNAPSHOTS || method == LODGE_METHOD_LIST_DISKS
         || method == LODGE_METHOD_GET_SNAPSHOT_PICTURE || method == LODGE_METHOD_DEPENDANTS || method == LODGE_METHOD_CHECK_SETTINGS
         || (method >= LODGE_METHOD_OPEN_DISPLAY && method <= LODGE_METHOD_GET_LOG);
}

/* First thing in every method: whether the state allows it, and whether there is a QEMU to ask. */
gboolean
lodge_machine_check (LodgeMachine *self, LodgeMethod method, GError **error)
{
  if (self->spare != NULL && !is_cloning (method) && !only_looks (method))
    lodge_spare_drop (self);
  if (!lodge_machine_state_check (self->state, method, error) || !check_family (self, method, error))
    return FALSE;
  if (self->busy != NULL && !(self->n_occupied > 0 && is_cloning (method)) && method != LODGE_METHOD_FORCE_OFF && method != LODGE_METHOD_FORECAST
      && method != LODGE_METHOD_LIST_SNAPSHOTS && method != LODGE_METHOD_LIST_DISKS && method != LODGE_METHOD_GET_SNAPSHOT_PICTURE
      && (method < LODGE_METHOD_OPEN_DISPLAY || method > LODGE_METHOD_GET_LOG))
    {
      g_set_error (error, LODGE_ERROR, LODGE_ERROR_IN_USE, "%s", self->busy);
      return FALSE;
    }
  /* What is new to a guest is no matter to the layers below it. */
  if (self->merge != NULL && writes_disks (method) && !(self->guest != NULL && method == LODGE_METHOD_ADD_DISK))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_IN_USE, "layers of deleted snapshots are being merged");
      return FALSE;
    }
  if (self->guest == NULL || self->guest->qmp != NULL || needs_no_qemu (method))
    return keeps_saved (method) || lodge_machine_spend_saved (self, error);

  g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_NOT_RESPONDING, "there is no connection to QEMU");
  return FALSE;
}

const char *
lodge_machine_get_id (LodgeMachine *self)
{
  return self->id;
}

const char *
lodge_machine_get_name (LodgeMachine *self)
{
  return self->name != NULL ? self->name : "";
}

const char *
lodge_machine_get_folder (LodgeMachine *self)
{
  return self->folder != NULL ? self->folder : "";
}

LodgeMachineState
lodge_machine_get_state (LodgeMachine *self)
{
  return self->state;
}

const char *
lodge_machine_get_reason (LodgeMachine *self)
{
  return self->reason;
}

gint64
lodge_machine_get_created (LodgeMachine *self)
{
  return self->entry != NULL && self->entry->profile != NULL ? self->entry->profile->created : 0;
}

gint64
lodge_machine_get_last_started (LodgeMachine *self)
{
  return self->last_started;
}

const char *
lodge_machine_get_current_snapshot (LodgeMachine *self)
{
  const char *id = self->entry != NULL && self->entry->profile != NULL ? self->entry->profile->snapshot : NULL;

  if (self->shown_snapshot != NULL)
    return self->shown_snapshot;
  return id != NULL ? id : "";
}

gboolean
lodge_machine_has_guest (LodgeMachine *self)
{
  return self->guest != NULL;
}

static const LodgeProfile *
wanted_profile (LodgeMachine *self)
{
  if (self->entry != NULL && self->entry->profile != NULL)
    return self->entry->profile;
  return self->guest != NULL ? self->guest->profile : NULL;
}

GVariant *
lodge_machine_get_details (LodgeMachine *self)
{
  return self->details;
}

GVariant *
lodge_machine_get_settings (LodgeMachine *self)
{
  const LodgeProfile *profile = wanted_profile (self);

  return profile != NULL ? lodge_settings_from_profile (profile) : g_variant_new ("a{sv}", NULL);
}

GStrv
lodge_machine_get_pending (LodgeMachine *self)
{
  const LodgeProfile *wanted = wanted_profile (self);

  /* A saved guest comes back with what it had. */
  if (self->guest == NULL && self->saved != NULL && wanted != NULL)
    return lodge_settings_pending (self->saved->profile, wanted);
  if (self->guest == NULL || wanted == NULL || wanted == self->guest->profile)
    return g_new0 (char *, 1);
  return lodge_settings_pending (self->guest->profile, wanted);
}

/* So that a client can take back what waits for the next start. */
static void
insert_running_settings (LodgeMachine *self, GVariantDict *effective)
{
  g_auto (GStrv) pending = lodge_machine_get_pending (self);
  g_autoptr (GVariant) running = NULL;
  GVariantBuilder settings;

  if (*pending == NULL)
    return;

  running = g_variant_ref_sink (lodge_settings_from_profile (self->guest->profile));
  g_variant_builder_init (&settings, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; pending[i] != NULL; i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (running, pending[i], NULL);

      if (value != NULL)
        g_variant_builder_add (&settings, "{sv}", pending[i], value);
    }
  g_variant_dict_insert_value (effective, "settings", g_variant_builder_end (&settings));
}

GVariant *
lodge_machine_get_effective (LodgeMachine *self)
{
  LodgeGuest *guest = self->guest;
  GVariantDict effective;

  if (guest == NULL || guest->record == NULL || guest->process == NULL)
    return g_variant_new ("a{sv}", NULL);

  g_variant_dict_init (&effective, guest->record->effective);
  g_variant_dict_insert (&effective, "pid", "u", (guint32) guest->record->pid);
  g_variant_dict_insert (&effective, "started", "x", guest->record->started);
  if (guest->stood > 0)
    g_variant_dict_insert (&effective, "pause-seconds", "d", guest->stood);
  if (lodge_machine_get_identity (self) != NULL)
    g_variant_dict_insert (&effective, "identity", "s", lodge_machine_get_identity (self));
  insert_running_settings (self, &effective);
  return g_variant_dict_end (&effective);
}

GVariant *
lodge_machine_get_fault (LodgeMachine *self)
{
  LodgeStoreEntry *entry = self->entry;
  GVariantDict fault;
  const char *code = "broken";

  g_variant_dict_init (&fault, NULL);
  if (entry != NULL && entry->fault != NULL)
    {
      if (g_error_matches (entry->fault, LODGE_ERROR, LODGE_ERROR_NEWER_SCHEMA))
        code = "newer-schema";
      else if (g_error_matches (entry->fault, LODGE_ERROR, LODGE_ERROR_EXISTS))
        code = "duplicate-id";
      else if (g_error_matches (entry->fault, LODGE_ERROR, LODGE_ERROR_NOT_READABLE))
        code = "unreadable";
      g_variant_dict_insert (&fault, "code", "s", code);
      g_variant_dict_insert (&fault, "message", "s", entry->fault->message);
      g_variant_dict_insert (&fault, "previous", "b", entry->has_previous);
    }
  return g_variant_dict_end (&fault);
}

void
lodge_machine_mark_started (LodgeMachine *self)
{
  g_autofree char *path = started_path (self);
  g_autofree char *dir = g_path_get_dirname (path);

  self->last_started = g_get_real_time () / G_USEC_PER_SEC;
  if (g_mkdir_with_parents (dir, 0700) == 0)
    {
      int fd = open (path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

      if (fd >= 0)
        {
          futimens (fd, NULL);
          close (fd);
        }
    }
}

char *
lodge_machine_get_log (LodgeMachine *self)
{
  g_autofree char *path = g_build_filename (lodge_machine_get_folder (self), "log", "qemu.log", NULL);

  return lodge_log_file_tail (path, 0, GET_LOG_BYTES);
}

gboolean
lodge_machine_arrange (LodgeMachine *self, LodgeMethod method, GVariant *options, GError **error)
{
  static const char *const none[] = { NULL };
  LodgeStore *store = lodge_engine_get_store (self->engine);

  if (!lodge_machine_check (self, method, error) || !lodge_machine_check_options (options, none, error))
    return FALSE;

  switch (method)
    {
    case LODGE_METHOD_DELETE:
      lodge_machine_interrupt_merge (self);
      return lodge_store_trash (store, self->id, error);
    case LODGE_METHOD_RESTORE_PREVIOUS:
      return lodge_store_restore_previous (store, self->id, error);
    case LODGE_METHOD_MAKE_SEPARATE:
      return lodge_store_make_separate (store, self->id, error);
    default:
      g_return_val_if_reached (FALSE);
    }
}
