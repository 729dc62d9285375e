/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A linked clone reads what it has not written itself in the files of its parent, so those must neither change nor go:
 *
 *   - a machine with dependants cannot be deleted; machine.json of each names its parent, so this is asked of memory;
 *   - an image that another one reads on in is never started from. A template is left off while machines depend on it;
 *     any other machine goes on in a new layer when it is cloned (lodge-machine-freeze.c), and what it wrote before is frozen.
 *     The look at the images themselves at each start (lodge-machine-readers.c) also finds a machine.json that was put back and names a frozen file;
 *   - what is in the trash may come back, so it counts for all of this; only to be deleted, into the same trash, it is no obstacle
 *     (lodge-store-family.c);
 *   - flattening takes the dependence away: what a machine reads elsewhere is copied into its own files. */

#include "core/machine/lodge-machine-family.h"

#include "core/machine/lodge-launch.h"
#include "core/machine/lodge-machine-family-private.h"
#include "core/machine/lodge-machine-private.h"
#include "core/machine/lodge-machine-snapshot.h"
#include "core/storage/lodge-layers.h"

#include <string.h>

#define NAMES_MAX 5

static const LodgeProfile *
profile_of (LodgeMachine *self)
{
  if (self->entry != NULL && self->entry->profile != NULL)
    return self->entry->profile;
  return self->guest != NULL ? self->guest->profile : NULL;
}

gboolean
lodge_machine_is_template (LodgeMachine *self)
{
  const LodgeProfile *profile = profile_of (self);

  return profile != NULL && profile->template;
}

gboolean
lodge_machine_is_disposable (LodgeMachine *self)
{
  const LodgeProfile *profile = profile_of (self);

  return profile != NULL && profile->disposable;
}

GVariant *
lodge_machine_get_origin (LodgeMachine *self)
{
  const LodgeProfile *profile = profile_of (self);
  const LodgeStoreEntry *parent;
  GVariantDict origin;

  g_variant_dict_init (&origin, NULL);
  if (profile != NULL && profile->parent.machine != NULL)
    {
      parent = lodge_store_lookup (lodge_engine_get_store (self->engine), profile->parent.machine);
      g_variant_dict_insert (&origin, "machine", "s", profile->parent.machine);
      g_variant_dict_insert (&origin, "machine-name", "s",
                             parent != NULL && parent->profile != NULL ? parent->profile->name : "");
      g_variant_dict_insert (&origin, "snapshot", "s", profile->parent.snapshot != NULL ? profile->parent.snapshot : "");
      g_variant_dict_insert (&origin, "kind", "s", profile->parent.kind);
    }
  return g_variant_dict_end (&origin);
}

static gboolean
depends_on (const LodgeStoreEntry *entry, const char *id)
{
  return entry->profile != NULL && g_strcmp0 (entry->profile->parent.machine, id) == 0
         && g_strcmp0 (entry->profile->parent.kind, "full") != 0;
}

GPtrArray *
lodge_machine_find_dependants (LodgeMachine *self)
{
  GPtrArray *entries = lodge_store_list (lodge_engine_get_store (self->engine));

  for (guint i = entries->len; i > 0; i--)
    if (!depends_on (entries->pdata[i - 1], self->id))
      g_ptr_array_remove_index (entries, i - 1);
  return entries;
}

void
lodge_machine_set_depended (GError **error, GPtrArray *names)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < MIN (names->len, NAMES_MAX); i++)
    g_string_append_printf (text, "%s“%s”", i > 0 ? ", " : "", (const char *) names->pdata[i]);
  if (names->len > NAMES_MAX)
    g_string_append_printf (text, " and %u more", names->len - NAMES_MAX);
  g_set_error (error, LODGE_ERROR, LODGE_ERROR_HAS_DEPENDANTS, "built on its disks: %s", text->str);
}

gboolean
lodge_machine_check_no_dependants (LodgeMachine *self, GError **error)
{
  g_autoptr (GPtrArray) dependants = lodge_machine_find_dependants (self);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < dependants->len; i++)
    g_ptr_array_add (names, ((const LodgeStoreEntry *) dependants->pdata[i])->profile->name);
  if (names->len == 0)
    return TRUE;
  lodge_machine_set_depended (error, names);
  return FALSE;
}

/* ---- Templates ---- */

static gboolean
save_template (LodgeMachine *self, gboolean template, GError **error)
{
  LodgeProfile *profile = lodge_profile_copy (self->entry->profile);

  profile->template = template;
  if (lodge_store_save (lodge_engine_get_store (self->engine), self->id, profile, error))
    return TRUE;
  lodge_profile_free (profile);
  return FALSE;
}

static void
unfrozen_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  g_autoptr (LodgeFrozen) frozen = NULL;
  GError *error = NULL;

  frozen = lodge_machine_freeze_finish (self, result, &error);
  lodge_machine_release (self);
  if (frozen != NULL && save_template (self, FALSE, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
saved_unfrozen_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  GError *error = NULL;
  g_autofree char *id = lodge_machine_take_snapshot_finish (self, result, &error);

  lodge_machine_release (self);
  if (id != NULL && lodge_machine_drop_snapshot (self, id, &error) && save_template (self, FALSE, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* The machine, which is occupied, goes on in files that nobody else reads; @task: taken. */
static void
unfreeze (LodgeMachine *self, GTask *task)
{
  g_autoptr (LodgeJob) job = NULL;

  if (self->state == LODGE_STATE_SAVED)
    {
      job = lodge_job_new ("snapshot", self->id);
      lodge_machine_take_transient_async (self, TRUE, job, saved_unfrozen_cb, task);
    }
  else
    lodge_machine_freeze_async (self, unfrozen_cb, task);
}

static void
looked_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = LODGE_MACHINE (source);
  GError *error = NULL;
  gboolean unused = lodge_machine_check_disks_unused_finish (self, result, &error);

  if (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_HAS_DEPENDANTS))
    {
      g_error_free (error);
      unfreeze (self, g_steal_pointer (&task));
      return;
    }
  lodge_machine_release (self);
  if (unused && save_template (self, FALSE, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
lodge_machine_set_template_async (LodgeMachine *self, gboolean template, GVariant *options, GAsyncReadyCallback callback,
                                  gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_set_template_async);
  if (!lodge_machine_check (self, LODGE_METHOD_SET_TEMPLATE, &error) || !lodge_machine_check_options (options, none, &error))
    g_task_return_error (task, error);
  else if (!template && self->entry->profile->template)
    {
      g_autoptr (GPtrArray) dependants = lodge_machine_find_dependants (self);

      lodge_machine_occupy (self, "being made a machine again");
      if (dependants->len > 0)
        unfreeze (self, g_steal_pointer (&task));
      else
        lodge_machine_check_disks_unused_async (self, looked_cb, g_steal_pointer (&task));
    }
  else if (template == self->entry->profile->template || save_template (self, template, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

gboolean
lodge_machine_set_template_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* ---- Dependants ---- */

static gboolean
is_in (const char *path, const char *folder)
{
  return g_str_has_prefix (path, folder) && path[strlen (folder)] == '/';
}

/* What @entry occupies itself, and what it would have to copy to stand alone: at most what lies below it elsewhere. */
static void
measure (LodgeLayers *layers, const LodgeStoreEntry *entry, guint64 *own, guint64 *elsewhere)
{
  g_autoptr (GHashTable) counted = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *list = lodge_layers_list (layers);

  *own = *elsewhere = 0;
  for (guint i = 0; i < list->len; i++)
    {
      const LodgeLayer *layer = list->pdata[i];

      if (layer->trashed || !is_in (layer->path, entry->folder))
        continue;
      *own += layer->size;
      for (guint depth = 0; layer != NULL && layer->backing != NULL && depth < LODGE_LAYERS_MAX_DEPTH; depth++)
        {
          layer = lodge_layers_lookup (layers, layer->backing);
          if (layer != NULL && !is_in (layer->path, entry->folder) && g_hash_table_add (counted, layer->path))
            *elsewhere += layer->size;
        }
    }
}

static void
scanned_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GTask) task = data;
  LodgeMachine *self = g_task_get_source_object (task);
  g_autoptr (GPtrArray) dependants = NULL;
  g_autoptr (LodgeLayers) layers = NULL;
  GVariantBuilder builder;
  GError *error = NULL;

  layers = lodge_layers_scan_finish (result, &error);
  if (layers == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  dependants = lodge_machine_find_dependants (self);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < dependants->len; i++)
    {
      const LodgeStoreEntry *entry = dependants->pdata[i];
      guint64 own, elsewhere;

      measure (layers, entry, &own, &elsewhere);
      g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
      g_variant_builder_add (&builder, "{sv}", "machine", g_variant_new_string (entry->id));
      g_variant_builder_add (&builder, "{sv}", "name", g_variant_new_string (entry->profile->name));
      g_variant_builder_add (&builder, "{sv}", "kind", g_variant_new_string (entry->profile->parent.kind));
      g_variant_builder_add (&builder, "{sv}", "bytes", g_variant_new_uint64 (own));
      g_variant_builder_add (&builder, "{sv}", "flatten-bytes", g_variant_new_uint64 (elsewhere));
      g_variant_builder_close (&builder);
    }
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&builder)), (GDestroyNotify) g_variant_unref);
}

void
lodge_machine_dependants_async (LodgeMachine *self, GVariant *options, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_dependants_async);
  if (!lodge_machine_check_options (options, none, &error))
    g_task_return_error (task, error);
  else
    lodge_layers_scan_async (lodge_engine_get_store (self->engine), NULL, scanned_cb, g_steal_pointer (&task));
}

GVariant *
lodge_machine_dependants_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* ---- Work on the disks of a machine that is off ---- */

void
lodge_machine_occupy (LodgeMachine *self, const char *doing)
{
  self->n_occupied++;
  g_free (self->doing);
  self->doing = g_strdup (doing);
}

void
lodge_machine_release (LodgeMachine *self)
{
  g_return_if_fail (self->n_occupied > 0);

  self->n_occupied--;
  lodge_machine_merge (self);
}
