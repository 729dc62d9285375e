/* SPDX-License-Identifier: GPL-3.0-or-later */

/* ListDisks: what the machine has, what its guest has, and what lies in disks/ without being either's. The images are looked
 * at in a thread, from a copy of the profile. */

#include "core/machine/lodge-machine-disks-private.h"

#include "core/machine/lodge-launch.h"
#include "core/qemu/lodge-command-line.h"

#include <string.h>

#define UNATTACHED_MAX 200

typedef struct
{
  LodgeProfile *profile; /* (owned) */
  LodgeProfile *running; /* (owned) (nullable) */
  char *folder;          /* (owned) */
  GHashTable *folders;   /* (owned) of all machines */
  char *trash_dir;       /* (owned) */
  gboolean off;
  gboolean occupied;
} List;

static void
list_free (List *list)
{
  lodge_profile_free (list->profile);
  g_clear_pointer (&list->running, lodge_profile_free);
  g_free (list->folder);
  g_hash_table_unref (list->folders);
  g_free (list->trash_dir);
  g_free (list);
}

static gboolean
is_same (const LodgeDisk *a, const LodgeDisk *b)
{
  return a != NULL && b != NULL && a->cdrom == b->cdrom && (a->cdrom || g_strcmp0 (a->file, b->file) == 0);
}

static gboolean
waits (const List *list, const LodgeDisk *disk)
{
  return list->running != NULL && !is_same (lodge_machine_get_disk (list->running, disk->id), disk);
}

static guint
count_below (LodgeLayers *layers, const LodgeLayer *layer)
{
  guint n = 0;

  while (layer != NULL && layer->backing != NULL && n < LODGE_LAYERS_MAX_DEPTH)
    {
      n++;
      layer = lodge_layers_lookup (layers, layer->backing);
    }
  return n;
}

/* What is known of the image, and what follows from it. */
static void
add_image (List *list, GVariantDict *entry, LodgeLayers *layers, const LodgeDisk *disk, const char *path)
{
  g_autoptr (GPtrArray) children = lodge_layers_children (layers, path);
  const LodgeLayer *layer = lodge_layers_lookup (layers, path);
  guint n_children = children->len + (layer != NULL ? layer->snapshots->len : 0);
  guint below = count_below (layers, layer);
  gboolean own = !g_path_is_absolute (disk->file);
  g_autoptr (GStrvBuilder) reasons = g_strv_builder_new ();
  g_autoptr (GStrvBuilder) can = g_strv_builder_new ();
  g_auto (GStrv) costs = lodge_disk_format_costs (disk->format);
  g_auto (GStrv) reason_list = NULL;
  g_auto (GStrv) can_list = NULL;
  LodgeDiskFacts facts;
  gboolean there = lodge_disk_facts_read (path, &facts, NULL);
  gboolean attached = disk->id != NULL;

  g_variant_dict_insert (entry, "size", "t", there && facts.size > 0 ? facts.size : disk->size);
  g_variant_dict_insert (entry, "used", "t", there ? facts.used : (guint64) 0);
  g_variant_dict_insert (entry, "layers", "u", below);
  g_variant_dict_insert (entry, "children", "u", n_children);

  if (!there)
    g_strv_builder_add (reasons, "missing");
  g_strv_builder_addv (reasons, (const char **) costs);
  if (attached && disk->bus == LODGE_BUS_NVME)
    g_strv_builder_add (reasons, "nvme-no-memory");
  if (!own)
    g_strv_builder_add (reasons, "outside");
  if (below > 0)
    g_strv_builder_add (reasons, "layered");
  if (n_children > 0)
    g_strv_builder_add (reasons, "has-children");

  if (attached && !list->occupied)
    {
      gboolean free_file = there && n_children == 0;

      if (free_file && !g_strv_contains ((const char *const *) costs, "no-growing"))
        g_strv_builder_add (can, "grow");
      if (free_file && list->off && own && below == 0)
        g_strv_builder_add (can, "compact");
      if (free_file && list->off && below == 0)
        g_strv_builder_add (can, "convert");
      g_strv_builder_add (can, "detach");
    }
  else if (there && n_children == 0 && !list->occupied)
    g_strv_builder_add (can, "attach");
  reason_list = g_strv_builder_end (reasons);
  can_list = g_strv_builder_end (can);
  g_variant_dict_insert (entry, "reasons", "^as", reason_list);
  g_variant_dict_insert (entry, "can", "^as", can_list);
}

static void
add_entry (List *list, GVariantBuilder *builder, LodgeLayers *layers, const LodgeDisk *disk, gboolean wait)
{
  static const char *const detach[] = { "detach", NULL };
  static const char *const none[] = { NULL };
  g_autofree char *path = lodge_launch_disk_path (disk, list->folder);
  GVariantDict entry;

  g_variant_dict_init (&entry, NULL);
  g_variant_dict_insert (&entry, "id", "s", disk->id != NULL ? disk->id : "");
  g_variant_dict_insert (&entry, "file", "s", disk->file != NULL ? disk->file : "");
  g_variant_dict_insert (&entry, "path", "s", path != NULL ? path : "");
  g_variant_dict_insert (&entry, "format", "s", disk->format);
  g_variant_dict_insert (&entry, "bus", "s", disk->id != NULL ? lodge_bus_name (disk->bus) : "");
  g_variant_dict_insert (&entry, "cdrom", "b", disk->cdrom);
  g_variant_dict_insert (&entry, "boot-order", "u", disk->boot_order);
  g_variant_dict_insert (&entry, "attached", "b", disk->id != NULL);
  g_variant_dict_insert (&entry, "own", "b", disk->file != NULL && !g_path_is_absolute (disk->file));
  g_variant_dict_insert (&entry, "waits", "b", wait);
  if (disk->cdrom || path == NULL)
    {
      g_variant_dict_insert (&entry, "size", "t", disk->size);
      g_variant_dict_insert (&entry, "used", "t", (guint64) 0);
      g_variant_dict_insert (&entry, "layers", "u", 0u);
      g_variant_dict_insert (&entry, "children", "u", 0u);
      g_variant_dict_insert (&entry, "reasons", "^as", none);
      g_variant_dict_insert (&entry, "can", "^as", list->occupied ? none : detach);
    }
  else
    add_image (list, &entry, layers, disk, path);
  g_variant_builder_add_value (builder, g_variant_dict_end (&entry));
}

/* Images that nobody uses: not the machine, not its guest, and no other image or snapshot. */
static void
add_unattached (List *list, GVariantBuilder *builder, LodgeLayers *layers)
{
  GPtrArray *all = lodge_layers_list (layers);
  g_autofree char *disks = g_build_filename (list->folder, "disks", NULL);
  guint n = 0;

  for (guint i = 0; i < all->len && n < UNATTACHED_MAX; i++)
    {
      const LodgeLayer *layer = g_ptr_array_index (all, i);
      g_autofree char *folder = g_path_get_dirname (layer->path);
      g_autofree char *name = g_path_get_basename (layer->path);
      g_autofree char *file = g_build_filename ("disks", name, NULL);
      g_autoptr (GPtrArray) children = lodge_layers_children (layers, layer->path);
      LodgeDisk disk = { .file = file };
      LodgeDiskFacts facts;

      if (!g_str_equal (folder, disks) || layer->trashed || *name == '.' || children->len > 0 || layer->snapshots->len > 0
          || lodge_profile_has_disk (list->profile, file) || lodge_profile_has_disk (list->running, file)
          || !lodge_disk_facts_read (layer->path, &facts, NULL))
        continue;
      disk.format = (char *) facts.format;
      add_entry (list, builder, layers, &disk, FALSE);
      n++;
    }
}

static void
list_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  List *list = data;
  g_autoptr (LodgeLayers) layers = lodge_layers_scan (list->folders, list->trash_dir);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < list->profile->disks->len; i++)
    {
      const LodgeDisk *disk = g_ptr_array_index (list->profile->disks, i);

      add_entry (list, &builder, layers, disk, waits (list, disk));
    }
  add_unattached (list, &builder, layers);
  g_task_return_pointer (task, g_variant_ref_sink (g_variant_builder_end (&builder)), (GDestroyNotify) g_variant_unref);
}

void
lodge_machine_list_disks_async (LodgeMachine *self, GVariant *options, GAsyncReadyCallback callback, gpointer data)
{
  static const char *const none[] = { NULL };
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  g_autoptr (GPtrArray) entries = NULL;
  List *list;
  GError *error = NULL;

  g_task_set_source_tag (task, lodge_machine_list_disks_async);
  if (!lodge_machine_check (self, LODGE_METHOD_LIST_DISKS, &error) || !lodge_machine_check_options (options, none, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (self->entry == NULL || self->entry->profile == NULL)
    {
      g_task_return_new_error (task, LODGE_ERROR, LODGE_ERROR_IO, "the machine's folder cannot be used");
      return;
    }

  list = g_new0 (List, 1);
  list->profile = lodge_profile_copy (self->entry->profile);
  list->running = self->guest != NULL ? lodge_profile_copy (self->guest->profile) : NULL;
  list->folder = g_strdup (self->folder);
  list->trash_dir = g_strdup (lodge_engine_get_paths (self->engine)->trash_dir);
  list->folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  list->off = self->state == LODGE_STATE_OFF;
  list->occupied = self->n_occupied > 0;
  entries = lodge_store_list (lodge_engine_get_store (self->engine));
  for (guint i = 0; i < entries->len; i++)
    {
      const LodgeStoreEntry *entry = g_ptr_array_index (entries, i);

      g_hash_table_replace (list->folders, g_strdup (entry->id), g_strdup (entry->folder));
    }
  g_task_set_task_data (task, list, (GDestroyNotify) list_free);
  g_task_run_in_thread (task, list_thread);
}

GVariant *
lodge_machine_list_disks_finish (LodgeMachine *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
