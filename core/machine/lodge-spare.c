/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Most of what an instant clone takes is QEMU's: to be there, and to read the state of the devices. Whoever had a clone of a template soon
 * wants another, so one is made ahead, as far as it goes without a name:
 *
 *   a clone in a hidden folder, as always -> its QEMU, which sees that folder where it will be -> memory and devices are read -> it waits
 *   -> taken: name and machine.json, the folder is renamed, the machine that the set then gets is the one that has that QEMU -> Start lets it go
 *
 * There is at most one for each template and MOST in all, for KEPT_SECONDS, and none where memory is short. One is dropped when its template
 * changes in any way, and with the core. Its record says what it is, so that a core that finds one of a killed core ends it; the folder
 * is hidden, and goes as what is half-made does. Only under bubblewrap can QEMU see the folder in another place than it lies.
 *
 * It never ran, so the time, its VM generation id, and all that a clone gets when it starts are as new as any clone's. */

#include "core/machine/lodge-spare.h"

#include "core/config/lodge-generations.h"
#include "core/machine/lodge-machine-save.h"
#include "core/machine/lodge-stream.h"

#include <string.h>
#include <unistd.h>

#define AFTER_MS 250
#define KEPT_SECONDS 60
#define START_SECONDS 10
#define MOST 2
#define MEMORY_LEFT (G_GUINT64_CONSTANT (1) << 30)

typedef struct _LodgeSpare LodgeSpare;

struct _LodgeSpare
{
  LodgeMachine *template;  /* (nullable) when it was dropped or taken */
  LodgeEngine *engine;     /* (owned) */
  LodgeClone *clone;       /* (owned) (nullable) until it is asked for */
  LodgeMachine *machine;   /* (owned) (nullable) */
  char *as;                /* (owned) (nullable) the template's profile then */
  guint source_id;
  gboolean working;        /* a callback is to come */
};

static LodgeCloneCopy *
copy_of (const LodgeSpare *spare)
{
  return spare->clone != NULL && spare->clone->copies->len > 0 ? g_ptr_array_index (spare->clone->copies, 0) : NULL;
}

/* It must have been detached from its template, and nothing be under way for it. */
static void
spare_free (LodgeSpare *spare)
{
  LodgeCloneCopy *copy = copy_of (spare);

  g_clear_handle_id (&spare->source_id, g_source_remove);
  if (spare->machine != NULL)
    g_hash_table_remove (lodge_engine_get_spares (spare->engine), spare->machine->id);
  if (copy != NULL && copy->prepared != NULL)
    lodge_store_abandon (lodge_engine_get_store (spare->engine), copy->prepared);
  g_clear_pointer (&spare->clone, lodge_clone_free);
  g_clear_object (&spare->machine);
  g_object_unref (spare->engine);
  g_free (spare->as);
  g_free (spare);
}

static void
detach (LodgeSpare *spare)
{
  if (spare->template != NULL)
    spare->template->spare = NULL;
  spare->template = NULL;
  g_clear_handle_id (&spare->source_id, g_source_remove);
}

void
lodge_spare_drop (LodgeMachine *template)
{
  LodgeSpare *spare = template->spare;
  LodgeMachine *machine;

  if (spare == NULL)
    return;
  detach (spare);
  machine = spare->machine;
  if (machine != NULL && machine->guest != NULL)
    {
      g_autofree char *dir = machine->guest->record != NULL ? g_strdup (machine->guest->record->dir) : NULL;

      /* At once and for good: a core that leaves would not see its end, and nobody else cares. */
      if (machine->guest->process != NULL)
        lodge_process_kill (machine->guest->process);
      for (guint i = 0; i < machine->guest->helpers->len; i++)
        lodge_process_kill (lodge_helper_get_process (((LodgeGuestHelper *) g_ptr_array_index (machine->guest->helpers, i))->helper));
      lodge_stream_ended (machine);
      g_clear_pointer (&machine->guest, lodge_guest_free);
      if (dir != NULL)
        lodge_runtime_dir_remove (dir);
      spare_free (spare);
    }
  else if (!spare->working)
    spare_free (spare);
}

static gboolean
over_cb (gpointer data)
{
  LodgeSpare *spare = data;

  spare->source_id = 0;
  lodge_spare_drop (spare->template);
  return G_SOURCE_REMOVE;
}

/* ---- Making ---- */

/* The guest of the spare has ended, or could not be started; or it was taken, and this is nobody's matter any more. */
static void
ended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LodgeSpare *spare = data;
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    g_debug ("the spare of a template: %s", error->message);
  spare->working = FALSE;
  detach (spare);
  spare_free (spare);
}

/* @error: taken, (nullable) */
static void
give_up (LodgeSpare *spare, GError *error)
{
  if (error != NULL)
    g_debug ("no spare: %s", error->message);
  g_clear_error (&error);
  spare->working = FALSE;
  detach (spare);
  spare_free (spare);
}

static void
filled_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LodgeSpare *spare = data;
  LodgeCloneCopy *copy = copy_of (spare);
  g_autofree char *name = NULL;
  g_autofree char *parent = NULL;
  g_autofree char *place = NULL;
  GError *error = NULL;

  if (!lodge_clone_fill_finish (result, &error) || spare->template == NULL)
    {
      give_up (spare, error);
      return;
    }
  name = g_path_get_basename (copy->prepared);
  parent = g_path_get_dirname (copy->prepared);
  place = g_build_filename (parent, name + strlen (LODGE_STORE_NEW_PREFIX), NULL);
  spare->machine = lodge_machine_new (spare->engine, copy->id, NULL);
  spare->machine->folder = g_strdup (copy->prepared);
  spare->machine->name = g_strdup (copy->profile->name);
  g_hash_table_insert (lodge_engine_get_spares (spare->engine), g_strdup (copy->id), g_object_ref (spare->machine));
  lodge_machine_start_ahead (spare->machine, place, g_task_new (NULL, NULL, ended_cb, spare));
}

static void
prepared_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LodgeSpare *spare = data;
  GError *error = NULL;
  g_autoptr (LodgeCapabilities) capabilities = lodge_engine_prepare_finish (LODGE_ENGINE (source), result, &error);

  if (capabilities != NULL && spare->template != NULL
      && lodge_clone_prepare (spare->clone, lodge_engine_get_store (spare->engine), capabilities, &error))
    lodge_clone_fill_async (spare->clone, lodge_engine_get_sandbox (spare->engine), filled_cb, spare);
  else
    give_up (spare, error);
}

static void
held_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  LodgeSpare *spare = data;
  GError *error = NULL;

  spare->clone->frozen = lodge_machine_hold_finish (LODGE_MACHINE (source), result, &error);
  if (spare->clone->frozen != NULL && spare->template != NULL)
    lodge_engine_prepare_async (spare->engine, spare->clone->parent->arch, NULL, prepared_cb, spare);
  else
    give_up (spare, error);
}

static char *
describe (LodgeMachine *template)
{
  return lodge_profile_to_json (template->entry->profile, NULL);
}

static gboolean
make_cb (gpointer data)
{
  LodgeSpare *spare = data;
  LodgeMachine *self = spare->template;
  const LodgeHost *host = lodge_engine_get_host (spare->engine);
  GError *error = NULL;

  spare->source_id = 0;
  if (self->entry == NULL || self->entry->profile == NULL || !self->entry->profile->template || self->state != LODGE_STATE_SAVED
      || self->entry->profile->snapshot_before_start || self->n_occupied > 0 || self->busy != NULL || host == NULL || host->memory_available < MEMORY_LEFT
      || lodge_sandbox_get_level (lodge_engine_get_sandbox (spare->engine)) != LODGE_CONFINEMENT_BUBBLEWRAP
      || g_hash_table_size (lodge_engine_get_spares (spare->engine)) >= MOST)
    {
      give_up (spare, NULL);
      return G_SOURCE_REMOVE;
    }
  spare->as = describe (self);
  spare->clone = lodge_clone_new (self, self->entry->profile->name, TRUE);
  spare->clone->parent = lodge_profile_copy (self->entry->profile);
  spare->clone->source = g_strdup (self->folder);
  if (!lodge_clone_choose (spare->clone, self, "instant", &error))
    {
      give_up (spare, error);
      return G_SOURCE_REMOVE;
    }
  spare->source_id = g_timeout_add_seconds (KEPT_SECONDS, over_cb, spare);
  spare->working = TRUE;
  lodge_machine_hold_async (self, NULL, TRUE, spare->clone->job, held_cb, spare);
  return G_SOURCE_REMOVE;
}

void
lodge_spare_expect (LodgeMachine *template)
{
  LodgeSpare *spare = template->spare;

  if (spare != NULL && spare->working)
    {
      g_clear_handle_id (&spare->source_id, g_source_remove);
      spare->source_id = g_timeout_add_seconds (KEPT_SECONDS, over_cb, spare);
    }
  if (spare != NULL)
    return;
  spare = template->spare = g_new0 (LodgeSpare, 1);
  spare->template = template;
  spare->engine = g_object_ref (template->engine);
  /* The clone that has just come has the processors to itself for its first steps. */
  spare->source_id = g_timeout_add (AFTER_MS, make_cb, spare);
}

/* ---- Taking ---- */

static void
rename_profile (LodgeProfile *profile, const LodgeClone *clone)
{
  g_free (profile->name);
  profile->name = clone->count > 1 ? g_strdup_printf ("%s 1", clone->name) : g_strdup (clone->name);
  profile->created = g_get_real_time () / G_USEC_PER_SEC;
  profile->disposable = clone->disposable;
}

gboolean
lodge_spare_take (LodgeMachine *template, LodgeClone *clone)
{
  LodgeSpare *spare = template->spare;
  LodgeCloneCopy *copy;
  LodgeGuest *guest;
  g_autofree char *now = NULL;
  g_autofree char *document = NULL;

  if (spare == NULL || spare->machine == NULL)
    return FALSE;
  guest = spare->machine->guest;
  now = describe (template);
  if (g_strcmp0 (now, spare->as) != 0)
    {
      lodge_spare_drop (template);
      return FALSE;
    }
  if (guest == NULL || guest->waiting == NULL || guest->exited)
    return FALSE;

  detach (spare);
  copy = g_ptr_array_steal_index (spare->clone->copies, 0);
  rename_profile (copy->profile, clone);
  rename_profile (guest->profile, clone);
  /* What lies there has another name in it. */
  document = g_build_filename (copy->prepared, LODGE_MACHINE_FILE, NULL);
  unlink (document);
  g_ptr_array_add (clone->copies, copy);
  clone->ahead = TRUE;
  /* The engine keeps the machine until the set asks for it; ended_cb() comes when it is let go. */
  return TRUE;
}

void
lodge_spare_return (LodgeEngine *engine, const char *id)
{
  LodgeMachine *machine = g_hash_table_lookup (lodge_engine_get_spares (engine), id);

  if (machine != NULL && machine->guest != NULL)
    lodge_guest_kill (machine);
}

/* It was taken and not started. */
static gboolean
unwanted_cb (gpointer data)
{
  LodgeMachine *machine = data;

  machine->guest->start_id = 0;
  lodge_guest_kill (machine);
  return G_SOURCE_REMOVE;
}

LodgeMachine *
lodge_spare_bring (LodgeEngine *engine, LodgeStoreEntry *entry)
{
  LodgeMachine *found = g_hash_table_lookup (lodge_engine_get_spares (engine), entry->id);
  g_autoptr (LodgeMachine) machine = found != NULL ? g_object_ref (found) : NULL;

  if (machine == NULL)
    return NULL;
  g_hash_table_remove (lodge_engine_get_spares (engine), entry->id);
  if (machine->guest == NULL || machine->guest->waiting == NULL || g_strcmp0 (machine->guest->place, entry->folder) != 0)
    {
      /* It ended a moment ago, or the folder got another name than QEMU knows: the clone is a saved machine, as any. */
      if (machine->guest != NULL)
        lodge_guest_kill (machine);
      return NULL;
    }
  machine->guest->start_id = g_timeout_add_seconds (START_SECONDS, unwanted_cb, machine);
  lodge_machine_set_entry (machine, entry);
  return g_steal_pointer (&machine);
}

static void
gone_cb (LodgeProcess *process)
{
  g_object_unref (process);
}

void
lodge_spare_end (const LodgeRuntimeRecord *record)
{
  LodgeProcess *process = lodge_process_adopt (record->pid, record->start_time, NULL);

  if (process != NULL)
    {
      g_signal_connect (process, "exited", G_CALLBACK (gone_cb), NULL);
      lodge_process_kill (process);
    }
  lodge_runtime_record_end_helpers (record);
  lodge_runtime_dir_remove (record->dir);
}

GHashTable *
lodge_spares_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
}
