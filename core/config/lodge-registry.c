/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-registry.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-json.h"

#include <glib/gstdio.h>

#define MAX_BYTES (8 * 1024 * 1024)

struct _LodgeRegistry
{
  char       *path;    /* (owned) */
  GHashTable *folders; /* (owned) name to id */
  gboolean    changed;
};

static void
read_file (LodgeRegistry *registry)
{
  gsize length;
  g_autofree char *text = lodge_file_read (registry->path, MAX_BYTES, &length, NULL);
  g_autoptr (JsonNode) root = text != NULL ? lodge_json_parse (text, length, NULL) : NULL;
  JsonObjectIter iter;
  const char *name;
  JsonNode *id;

  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return;

  json_object_iter_init (&iter, json_node_get_object (root));
  while (json_object_iter_next (&iter, &name, &id))
    if (json_node_get_value_type (id) == G_TYPE_STRING &&
        g_uuid_string_is_valid (json_node_get_string (id)))
      g_hash_table_replace (registry->folders, g_strdup (name), json_node_dup_string (id));
}

LodgeRegistry *
lodge_registry_new (const char *state_dir)
{
  LodgeRegistry *registry = g_new0 (LodgeRegistry, 1);

  registry->path = g_build_filename (state_dir, "machines.json", NULL);
  registry->folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  read_file (registry);

  return registry;
}

void
lodge_registry_free (LodgeRegistry *registry)
{
  if (registry == NULL)
    return;

  g_free (registry->path);
  g_hash_table_unref (registry->folders);
  g_free (registry);
}

const char *
lodge_registry_lookup (LodgeRegistry *registry, const char *folder_name)
{
  return g_hash_table_lookup (registry->folders, folder_name);
}

void
lodge_registry_set (LodgeRegistry *registry, const char *folder_name, const char *id)
{
  if (g_strcmp0 (lodge_registry_lookup (registry, folder_name), id) == 0)
    return;

  /* The file is JSON, so a name that is not UTF-8 cannot be in it. */
  if (id == NULL)
    g_hash_table_remove (registry->folders, folder_name);
  else if (g_utf8_validate (folder_name, -1, NULL))
    g_hash_table_replace (registry->folders, g_strdup (folder_name), g_strdup (id));
  else
    return;
  registry->changed = TRUE;
}

void
lodge_registry_save (LodgeRegistry *registry)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autofree char *folder = g_path_get_dirname (registry->path);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  GHashTableIter iter;
  const char *name, *id;
  gsize length;

  if (!registry->changed)
    return;
  registry->changed = FALSE;

  g_hash_table_iter_init (&iter, registry->folders);
  while (g_hash_table_iter_next (&iter, (gpointer *) &name, (gpointer *) &id))
    json_object_set_string_member (object, name, id);
  text = lodge_json_print (object, &length);

  g_mkdir_with_parents (folder, 0700);
  /* It says which of two folders with one id came first; without it, or with an old one, all that is here is taken as it lies. */
  if (!lodge_file_replace (registry->path, text, length, &error))
    g_debug ("%s", error->message);
}
