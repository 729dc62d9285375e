/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * For each machine there is a Watch. lodge_automatic_tick() looks at all of them, begins what is due, and sleeps until the earliest that is to
 * come; a machine that changes, work that ends, and ten minutes at most end the sleep, too, since a suspended host does not count its time.
 * Where nothing is set there is no timer.
 *
 * Snapshots are taken of the disks alone while the guest runs, and thinned after each. When the last one was taken its document says; when
 * the last backup was made is kept in $XDG_STATE_HOME/lodge/backed-up, since the folder with the backups may not be there. A
 * machine that was not started since its last backup needs no other. */

#include "config.h"

#include "core/machine/lodge-automatic.h"

#include "core/config/lodge-atomic-file.h"
#include "core/machine/lodge-automatic-plan.h"
#include "core/machine/lodge-machine-backup.h"
#include "core/machine/lodge-machine-snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLEEP_MAX LODGE_AUTOMATIC_RETRY

typedef struct
{
  GError  *error;  /* (owned) (nullable) why the last one failed */
  gint64   failed; /* when; 0 for not */
  gint64   last;   /* when it was done last, 0 for never */
  gint64   next;   /* when it is due, 0 for never */
  gboolean busy;
} Duty;

typedef struct
{
  LodgeAutomatic *automatic; /* (unowned) NULL when it is gone */
  LodgeMachine   *machine;   /* (owned) */
  Duty            snapshot, backup;
  GPtrArray      *thinning;  /* (owned) (nullable) (element-type utf8) ids that still go */
} Watch;

struct _LodgeAutomatic
{
  GObject parent_instance;

  LodgeEngine   *engine;  /* (owned) */
  GPtrArray     *watches; /* (element-type Watch, a reference) */
  LodgeClockFunc clock;
  gpointer       data;
  guint          timer_id;
};

G_DEFINE_FINAL_TYPE (LodgeAutomatic, lodge_automatic, G_TYPE_OBJECT)

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void thin_next (Watch *watch);

static void
watch_clear (gpointer data)
{
  Watch *watch = data;

  g_clear_error (&watch->snapshot.error);
  g_clear_error (&watch->backup.error);
  g_clear_pointer (&watch->thinning, g_ptr_array_unref);
  g_object_unref (watch->machine);
}

static void
watch_unref (gpointer data)
{
  g_rc_box_release_full (data, watch_clear);
}

static gboolean
timer_cb (gpointer data)
{
  LodgeAutomatic *self = data;

  self->timer_id = 0;
  lodge_automatic_tick (self);
  return G_SOURCE_REMOVE;
}

static void
wake_in (LodgeAutomatic *self, guint seconds)
{
  g_clear_handle_id (&self->timer_id, g_source_remove);
  self->timer_id = g_timeout_add_seconds (seconds, timer_cb, self);
}

/* @error: (nullable): taken */
static void
done (Watch *watch, Duty *duty, GError *error)
{
  gboolean failed = error != NULL;

  /* One that gave way to something else is no trouble, only later. */
  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_CANCELLED))
    g_clear_error (&error);
  duty->busy = FALSE;
  g_clear_error (&duty->error);
  duty->error = error;
  duty->failed = 0;
  if (watch->automatic == NULL)
    return;
  if (failed)
    duty->failed = watch->automatic->clock (watch->automatic->data);
  else
    duty->last = watch->automatic->clock (watch->automatic->data);
  lodge_automatic_tick (watch->automatic);
}

/* ---- Snapshots ---- */

static gboolean
is_ours (const LodgeSnapshot *snapshot)
{
  /* Who writes a note to one wants to keep it. */
  return snapshot->automatic && (snapshot->note == NULL || *snapshot->note == '\0');
}

static void
thinned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;

  /* One that stays for a reason is looked at again with the next. */
  if (!lodge_machine_snapshot_finish (LODGE_MACHINE (source), result, &error))
    g_debug ("thinning: %s", error->message);
  thin_next (data);
}

/* @watch: a reference, taken */
static void
thin_next (Watch *watch)
{
  g_autofree char *id = watch->thinning->len > 0 ? g_ptr_array_steal_index (watch->thinning, watch->thinning->len - 1) : NULL;

  if (id != NULL && lodge_machine_get_folder (watch->machine) != NULL)
    lodge_machine_delete_snapshot_async (watch->machine, id, NULL, thinned_cb, watch);
  else
    {
      g_clear_pointer (&watch->thinning, g_ptr_array_unref);
      done (watch, &watch->snapshot, NULL);
      watch_unref (watch);
    }
}

/* @watch: a reference, taken */
static void
thin (Watch *watch)
{
  g_autoptr (GPtrArray) all = lodge_snapshot_list (lodge_machine_get_folder (watch->machine));
  g_autoptr (GPtrArray) ours = g_ptr_array_new ();
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_autoptr (GArray) gone = NULL;
  gint64 now = watch->automatic != NULL ? watch->automatic->clock (watch->automatic->data) : 0;

  for (guint i = 0; i < all->len; i++)
    {
      LodgeSnapshot *snapshot = g_ptr_array_index (all, i);

      if (!is_ours (snapshot))
        continue;
      g_ptr_array_add (ours, snapshot);
      g_array_append_val (times, snapshot->created);
    }
  gone = lodge_automatic_thin (times, now);
  watch->thinning = g_ptr_array_new_with_free_func (g_free);
  for (guint i = gone->len; i > 0 && now > 0; i--)
    g_ptr_array_add (watch->thinning,
                     g_strdup (((LodgeSnapshot *) g_ptr_array_index (ours, g_array_index (gone, guint, i - 1)))->id));
  thin_next (watch);
}

static void
taken_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Watch *watch = data;
  GError *error = NULL;
  g_autofree char *id = lodge_machine_take_snapshot_finish (LODGE_MACHINE (source), result, &error);

  if (id != NULL && lodge_machine_get_folder (watch->machine) != NULL)
    {
      thin (watch);
      return;
    }
  done (watch, &watch->snapshot, error);
  watch_unref (watch);
}

static void
take_snapshot (Watch *watch)
{
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'automatic': <true>, 'memory': <false>}"));
  GError *error = NULL;

  watch->snapshot.busy = TRUE;
  if (lodge_automatic_has_space (lodge_machine_get_folder (watch->machine), &error))
    lodge_machine_take_snapshot_async (watch->machine, options, taken_cb, g_rc_box_acquire (watch));
  else
    {
      watch->snapshot.busy = FALSE;
      g_clear_error (&watch->snapshot.error);
      watch->snapshot.error = error;
      watch->snapshot.failed = watch->automatic->clock (watch->automatic->data);
    }
}

static gint64
newest_snapshot (LodgeMachine *machine)
{
  g_autoptr (GPtrArray) all = lodge_snapshot_list (lodge_machine_get_folder (machine));
  gint64 newest = 0;

  for (guint i = 0; i < all->len; i++)
    {
      const LodgeSnapshot *snapshot = g_ptr_array_index (all, i);

      if (snapshot->automatic)
        newest = MAX (newest, snapshot->created);
    }
  return newest;
}

/* ---- Backups ---- */

static char *
backed_up_path (Watch *watch)
{
  return g_build_filename (lodge_engine_get_paths (watch->machine->engine)->state_dir, "backed-up", watch->machine->id, NULL);
}

static gint64
read_backed_up (Watch *watch)
{
  g_autofree char *path = backed_up_path (watch);
  g_autofree char *text = lodge_file_read (path, 64, NULL, NULL);

  return text != NULL ? g_ascii_strtoll (text, NULL, 10) : 0;
}

static void
write_backed_up (Watch *watch)
{
  g_autofree char *path = backed_up_path (watch);
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT "\n", watch->backup.last);

  if (g_mkdir_with_parents (folder, 0700) == 0)
    lodge_atomic_file_write (path, text, strlen (text), NULL);
}

static void
backed_up_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Watch *watch = data;
  GError *error = NULL;
  g_autoptr (LodgeBackedUp) made = lodge_machine_backup_finish (LODGE_MACHINE (source), result, &error);

  done (watch, &watch->backup, error);
  if (made != NULL && watch->automatic != NULL)
    write_backed_up (watch);
  watch_unref (watch);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Watch *watch = data;
  GError *error = NULL;
  gssize folder = g_task_propagate_int (G_TASK (result), &error);

  if (folder < 0)
    {
      done (watch, &watch->backup, error);
      watch_unref (watch);
      return;
    }
  lodge_machine_backup_scheduled_async (watch->machine, (int) folder, backed_up_cb, watch);
  close ((int) folder);
}

/* The folder may be on a disk that sleeps or is not connected. */
static void
open_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  int folder = open (data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  GError *error = NULL;

  if (folder >= 0)
    {
      g_task_return_int (task, folder);
      return;
    }
  lodge_error_set_errno (&error, errno, "opening", data);
  g_task_return_error (task, error);
}

static void
back_up (Watch *watch, const char *folder)
{
  g_autoptr (GTask) task = g_task_new (NULL, NULL, opened_cb, g_rc_box_acquire (watch));

  watch->backup.busy = TRUE;
  g_task_set_task_data (task, g_strdup (folder), g_free);
  g_task_run_in_thread (task, open_thread);
}

/* ---- What is due ---- */

/* Returns: when something of it is due, 0 for never */
static gint64
look (Watch *watch, gint64 now)
{
  LodgeMachine *machine = watch->machine;
  const LodgeProfile *profile = machine->entry != NULL && machine->entry->fault == NULL ? machine->entry->profile : NULL;
  gint64 earliest = 0;

  watch->snapshot.next = watch->backup.next = 0;
  if (profile == NULL || profile->disposable)
    return 0;
  if (profile->snapshot_every > 0 && !profile->template && machine->state == LODGE_STATE_RUNNING)
    watch->snapshot.next = lodge_automatic_next (MAX (MAX (newest_snapshot (machine), watch->snapshot.last), machine->last_started),
                                                 (gint64) profile->snapshot_every * 60, watch->snapshot.failed, now);
  if (profile->backup_every > 0 && profile->backup_folder != NULL
      && (watch->backup.last == 0 || machine->guest != NULL || machine->last_started > watch->backup.last))
    watch->backup.next = lodge_automatic_next (watch->backup.last, (gint64) profile->backup_every * 3600, watch->backup.failed, now);
  if (!watch->snapshot.busy && watch->snapshot.next != 0 && watch->snapshot.next <= now)
    {
      take_snapshot (watch);
      watch->snapshot.next = now + LODGE_AUTOMATIC_RETRY;
    }
  else if (!watch->backup.busy && watch->backup.next != 0 && watch->backup.next <= now
           && lodge_machine_state_allows (machine->state, LODGE_METHOD_BACKUP))
    {
      back_up (watch, profile->backup_folder);
      watch->backup.next = now + LODGE_AUTOMATIC_RETRY;
    }
  earliest = watch->snapshot.next;
  if (watch->backup.next != 0 && (earliest == 0 || watch->backup.next < earliest))
    earliest = watch->backup.next;
  return earliest;
}

gint64
lodge_automatic_tick (LodgeAutomatic *self)
{
  gint64 now = self->clock (self->data), earliest = 0;

  for (guint i = 0; i < self->watches->len; i++)
    {
      Watch *watch = g_ptr_array_index (self->watches, i);
      gint64 next = look (watch, now);

      if (next != 0 && (earliest == 0 || next < earliest))
        earliest = next;
      g_signal_emit (self, signals[CHANGED], 0, watch->machine);
    }
  g_clear_handle_id (&self->timer_id, g_source_remove);
  if (earliest != 0)
    wake_in (self, (guint) CLAMP (earliest - now, 1, SLEEP_MAX));
  return earliest;
}

/* @error: (nullable) */
static void
describe_error (GVariantDict *facts, const char *name, const GError *error)
{
  g_autofree char *code = g_strconcat (name, "-error", NULL);
  g_autofree char *message = g_strconcat (name, "-message", NULL);

  if (error == NULL)
    return;
  g_variant_dict_insert (facts, code, "s", error->domain == LODGE_ERROR ? lodge_error_code_name (error->code) : "failed");
  g_variant_dict_insert (facts, message, "s", error->message);
}

static void
describe (GVariantDict *facts, const char *name, const Duty *duty)
{
  g_autofree char *next = g_strconcat ("next-", name, NULL);
  g_autofree char *last = g_strconcat ("last-", name, NULL);

  if (duty->next != 0)
    g_variant_dict_insert (facts, next, "x", duty->next);
  if (duty->last != 0)
    g_variant_dict_insert (facts, last, "x", duty->last);
  describe_error (facts, name, duty->error);
}

GVariant *
lodge_automatic_describe (LodgeAutomatic *self, LodgeMachine *machine)
{
  GVariantDict facts;

  g_variant_dict_init (&facts, NULL);
  for (guint i = 0; i < self->watches->len; i++)
    {
      const Watch *watch = g_ptr_array_index (self->watches, i);

      if (watch->machine != machine)
        continue;
      describe (&facts, "snapshot", &watch->snapshot);
      describe (&facts, "backup", &watch->backup);
      describe_error (&facts, "before-start", machine->left_out);
    }
  return g_variant_dict_end (&facts);
}

static void
changed_cb (LodgeAutomatic *self, LodgeMachine *machine)
{
  const LodgeProfile *profile = machine->entry != NULL ? machine->entry->profile : NULL;

  /* Of most machines nothing is asked, and nobody is to wake for them. */
  if (self->timer_id != 0 || (profile != NULL && (profile->snapshot_every > 0 || profile->backup_every > 0)))
    wake_in (self, 1);
  if (machine->left_out_new)
    {
      machine->left_out_new = FALSE;
      g_signal_emit (self, signals[CHANGED], 0, machine);
    }
}

static void
vanished_cb (LodgeAutomatic *self, LodgeMachine *machine)
{
  for (guint i = 0; i < self->watches->len; i++)
    {
      Watch *watch = g_ptr_array_index (self->watches, i);

      if (watch->machine != machine)
        continue;
      watch->automatic = NULL;
      g_signal_handlers_disconnect_by_data (machine, self);
      g_ptr_array_remove_index_fast (self->watches, i);
      return;
    }
}

void
lodge_automatic_watch (LodgeAutomatic *self, LodgeMachine *machine)
{
  Watch *watch = g_rc_box_new0 (Watch);

  watch->automatic = self;
  watch->machine = g_object_ref (machine);
  watch->backup.last = read_backed_up (watch);
  g_ptr_array_add (self->watches, watch);
  g_signal_connect_object (machine, "changed", G_CALLBACK (changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (machine, "vanished", G_CALLBACK (vanished_cb), self, G_CONNECT_SWAPPED);
  changed_cb (self, machine);
}

static void
lodge_automatic_dispose (GObject *object)
{
  LodgeAutomatic *self = LODGE_AUTOMATIC (object);

  g_clear_handle_id (&self->timer_id, g_source_remove);
  for (guint i = 0; self->watches != NULL && i < self->watches->len; i++)
    ((Watch *) g_ptr_array_index (self->watches, i))->automatic = NULL;
  g_clear_pointer (&self->watches, g_ptr_array_unref);
  g_clear_object (&self->engine);
  G_OBJECT_CLASS (lodge_automatic_parent_class)->dispose (object);
}

static void
lodge_automatic_class_init (LodgeAutomaticClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_automatic_dispose;
  signals[CHANGED] = g_signal_new ("changed", LODGE_TYPE_AUTOMATIC, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, LODGE_TYPE_MACHINE);
}

static void
lodge_automatic_init (LodgeAutomatic *self)
{
  self->watches = g_ptr_array_new_with_free_func (watch_unref);
}

LodgeAutomatic *
lodge_automatic_new (LodgeEngine *engine, LodgeClockFunc clock, gpointer data)
{
  LodgeAutomatic *self = g_object_new (LODGE_TYPE_AUTOMATIC, NULL);

  self->engine = g_object_ref (engine);
  self->clock = clock;
  self->data = data;
  return self;
}
