/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/config/lodge-os-profile.h"

#include "core/config/lodge-atomic-file.h"
#include "core/config/lodge-json.h"
#include "core/config/lodge-profile-private.h"
#include "core/config/lodge-size.h"

#include <string.h>

#define FILE_MAX (4 * 1024 * 1024)
#define DISK_SIZE_DEFAULT (32 * LODGE_GIB)

typedef struct
{
  LodgeOs     public;
  JsonObject *keys; /* (owned) */
} System;

struct _LodgeOsDatabase
{
  JsonObject *families; /* (owned) */
  GPtrArray  *systems;  /* (owned) (element-type System) */
};

static void
system_free (gpointer data)
{
  System *system = data;

  g_free (system->public.id);
  g_free (system->public.name);
  g_free (system->public.symbol);
  g_clear_pointer (&system->keys, json_object_unref);
  g_free (system);
}

static gboolean
is_string (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;
}

static const LodgeField *
find_field (const char *key)
{
  for (const LodgeField *field = lodge_profile_fields; field->key != NULL; field++)
    if (g_str_equal (field->key, key))
      return field;

  return NULL;
}

static gboolean
set_size (JsonNode *node, guint64 *size)
{
  return is_string (node) && lodge_size_parse (json_node_get_string (node), 1, size, NULL);
}

static gboolean
set_field (LodgeProfile *profile, const char *key, JsonNode *node)
{
  const LodgeField *field = find_field (key);
  gpointer at = field != NULL ? G_STRUCT_MEMBER_P (profile, field->offset) : NULL;
  GType type = JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_NONE;

  if (field == NULL)
    return FALSE;

  switch (field->type)
    {
    case LODGE_FIELD_WORD:
      return type == G_TYPE_STRING && lodge_word_parse (field->words, json_node_get_string (node), at);
    case LODGE_FIELD_BOOL:
      if (type == G_TYPE_BOOLEAN)
        *(gboolean *) at = json_node_get_boolean (node);
      return type == G_TYPE_BOOLEAN;
    case LODGE_FIELD_UINT:
      if (type == G_TYPE_INT64)
        *(guint *) at = (guint) CLAMP (json_node_get_int (node), 0, (gint64) G_MAXUINT);
      return type == G_TYPE_INT64;
    case LODGE_FIELD_UINT64:
      return set_size (node, at);
    default:
      return FALSE;
    }
}

/* Whether the key is of the needs; *@good: and has a value. */
static gboolean
set_need (LodgeOsNeeds *needs, const char *key, JsonNode *node, gboolean *good)
{
  guint word;

  if (g_str_equal (key, "disk-size"))
    *good = set_size (node, &needs->disk_size);
  else if (g_str_equal (key, "minimum-disk-size"))
    *good = set_size (node, &needs->disk_size_minimum);
  else if (g_str_equal (key, "minimum-memory"))
    *good = set_size (node, &needs->memory_minimum);
  else if (g_str_equal (key, "minimum-cores"))
    {
      *good = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64
              && json_node_get_int (node) >= 1 && json_node_get_int (node) <= LODGE_CORES_MAX;
      if (*good)
        needs->cores_minimum = (guint) json_node_get_int (node);
    }
  else if (g_str_equal (key, "disk-bus"))
    {
      *good = is_string (node) && lodge_word_parse (lodge_bus_words, json_node_get_string (node), &word);
      if (*good)
        needs->disk_bus = (int) word;
    }
  else
    return FALSE;
  return TRUE;
}

static LodgeOsNeeds
no_needs (void)
{
  LodgeOsNeeds needs = { .disk_size = DISK_SIZE_DEFAULT, .cores_minimum = 1, .disk_bus = -1 };

  return needs;
}

/* Applies the keys to a profile. The first that is not understood is named in @error. */
static gboolean
apply_keys (JsonObject *keys, LodgeProfile *profile, LodgeOsNeeds *needs, gboolean nested, GError **error)
{
  LodgeNic *nic = profile->nics->pdata[0];
  JsonObject *for_arch = NULL;
  JsonObjectIter iter;
  const char *key;
  JsonNode *node;
  guint word;

  json_object_iter_init_ordered (&iter, keys);
  while (json_object_iter_next_ordered (&iter, &key, &node))
    {
      gboolean good;

      if (g_str_equal (key, "id") || g_str_equal (key, "name") || g_str_equal (key, "family")
          || g_str_equal (key, "symbol"))
        good = is_string (node);
      else if (set_need (needs, key, node, &good))
        ;
      else if (g_str_equal (key, "nic-model"))
        {
          good = is_string (node) && lodge_word_parse (lodge_nic_model_words, json_node_get_string (node), &word);
          if (good)
            nic->model = word;
        }
      else if (!nested && lodge_word_parse (lodge_arch_words, key, &word))
        {
          good = JSON_NODE_HOLDS_OBJECT (node);
          if (good && word == profile->arch)
            for_arch = json_node_get_object (node);
        }
      else
        good = set_field (profile, key, node);

      if (!good)
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "%s has no usable value", key);
          return FALSE;
        }
    }

  return for_arch == NULL || apply_keys (for_arch, profile, needs, TRUE, error);
}

/* Each entry is tried on each architecture once, so that what is wrong is told when the file is read and a
 * profile made later is always a good one. */
static gboolean
check_entry (LodgeOsDatabase *database, JsonObject *keys, LodgeFamily family, GError **error)
{
  JsonObject *base = json_object_get_object_member (database->families, lodge_family_name (family));

  for (guint arch = 0; lodge_arch_words[arch] != NULL; arch++)
    {
      g_autoptr (LodgeProfile) profile = lodge_profile_new ("x", family, arch);
      LodgeOsNeeds needs = no_needs ();

      if (!apply_keys (base, profile, &needs, FALSE, error) ||
          (keys != NULL && !apply_keys (keys, profile, &needs, FALSE, error)) ||
          !lodge_profile_validate (profile, error))
        return FALSE;
      if (profile->memory < needs.memory_minimum || profile->cores < needs.cores_minimum)
        {
          g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "it would have less than its minimum");
          return FALSE;
        }
    }

  return TRUE;
}

static JsonNode *
read_file (const char *share_dir, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (share_dir, "os", name, NULL);
  g_autofree char *text = NULL;
  JsonNode *root;
  gsize length;

  text = lodge_file_read (path, FILE_MAX, &length, error);
  if (text == NULL)
    return NULL;

  root = lodge_json_parse (text, length, error);
  if (root == NULL)
    g_prefix_error (error, "%s: ", path);
  return root;
}

static gboolean
read_families (LodgeOsDatabase *database, const char *share_dir, GError **error)
{
  g_autoptr (JsonNode) root = read_file (share_dir, "families.json", error);

  if (root == NULL)
    return FALSE;

  for (guint family = 0; lodge_family_words[family] != NULL; family++)
    {
      JsonNode *node = JSON_NODE_HOLDS_OBJECT (root)
                           ? json_object_get_member (json_node_get_object (root), lodge_family_words[family])
                           : NULL;

      if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
        {
          g_set_error (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "families.json: %s is missing",
                       lodge_family_words[family]);
          return FALSE;
        }
    }

  database->families = json_object_ref (json_node_get_object (root));
  for (guint family = 0; lodge_family_words[family] != NULL; family++)
    if (!check_entry (database, NULL, family, error))
      {
        g_prefix_error (error, "families.json: %s: ", lodge_family_words[family]);
        return FALSE;
      }

  return TRUE;
}

static const char *
symbol_of (JsonObject *keys)
{
  JsonNode *node = json_object_get_member (keys, "symbol");

  return node != NULL && is_string (node) ? json_node_get_string (node) : NULL;
}

static gboolean
add_system (LodgeOsDatabase *database, JsonNode *node, GError **error)
{
  JsonObject *keys = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  JsonNode *id = keys != NULL ? json_object_get_member (keys, "id") : NULL;
  JsonNode *name = keys != NULL ? json_object_get_member (keys, "name") : NULL;
  JsonNode *family_node = keys != NULL ? json_object_get_member (keys, "family") : NULL;
  LodgeFamily family;
  System *system;

  if (!is_string (id) || !is_string (name) || !is_string (family_node) ||
      !lodge_family_parse (json_node_get_string (family_node), &family))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT,
                           "systems.json: an entry lacks id, name or family");
      return FALSE;
    }
  if (!check_entry (database, keys, family, error))
    {
      g_prefix_error (error, "systems.json: %s: ", json_node_get_string (id));
      return FALSE;
    }

  system = g_new0 (System, 1);
  system->public.id = json_node_dup_string (id);
  system->public.name = json_node_dup_string (name);
  system->public.family = family;
  system->public.symbol = g_strdup (symbol_of (keys));
  system->keys = json_object_ref (keys);
  g_ptr_array_add (database->systems, system);
  return TRUE;
}

static int
compare_systems (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(const System *const *) a)->public.id, (*(const System *const *) b)->public.id);
}

static gboolean
read_systems (LodgeOsDatabase *database, const char *share_dir, GError **error)
{
  g_autoptr (JsonNode) root = read_file (share_dir, "systems.json", error);
  JsonArray *list;

  if (root == NULL)
    return FALSE;
  if (!JSON_NODE_HOLDS_ARRAY (root))
    {
      g_set_error_literal (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT, "systems.json: is not a list");
      return FALSE;
    }

  list = json_node_get_array (root);
  for (guint i = 0; i < json_array_get_length (list); i++)
    if (!add_system (database, json_array_get_element (list, i), error))
      return FALSE;

  g_ptr_array_sort (database->systems, compare_systems);
  return TRUE;
}

LodgeOsDatabase *
lodge_os_database_new (const char *share_dir, GError **error)
{
  g_autoptr (LodgeOsDatabase) database = g_new0 (LodgeOsDatabase, 1);

  database->systems = g_ptr_array_new_with_free_func (system_free);
  if (!read_families (database, share_dir, error) || !read_systems (database, share_dir, error))
    return NULL;

  return g_steal_pointer (&database);
}

void
lodge_os_database_free (LodgeOsDatabase *database)
{
  if (database == NULL)
    return;

  g_clear_pointer (&database->families, json_object_unref);
  g_clear_pointer (&database->systems, g_ptr_array_unref);
  g_free (database);
}

GPtrArray *
lodge_os_database_list (LodgeOsDatabase *database)
{
  return database->systems; /* the public part is the beginning of each */
}

static const System *
find_system (LodgeOsDatabase *database, const char *id)
{
  for (guint i = 0; i < database->systems->len; i++)
    if (g_str_equal (((System *) database->systems->pdata[i])->public.id, id))
      return database->systems->pdata[i];

  return NULL;
}

const LodgeOs *
lodge_os_database_lookup (LodgeOsDatabase *database, const char *id)
{
  const System *system = find_system (database, id);

  return system != NULL ? &system->public : NULL;
}

/* The letters that an id begins with: "debian" of "debian13". */
static gsize
kind_length (const char *id)
{
  return strcspn (id, "0123456789");
}

static const System *
find_near (LodgeOsDatabase *database, const char *id)
{
  const System *near = find_system (database, id);
  gboolean exact = near != NULL;
  gsize kind = kind_length (id);

  for (guint i = 0; !exact && kind > 0 && i < database->systems->len; i++)
    {
      const System *other = database->systems->pdata[i];
      const char *name = other->public.id;

      if (kind_length (name) != kind || strncmp (name, id, kind) != 0)
        continue;
      if (near == NULL)
        near = other;
      else if (strverscmp (near->public.id, id) > 0)
        {
          if (strverscmp (name, near->public.id) < 0)
            near = other;
        }
      else if (strverscmp (name, id) < 0 && strverscmp (name, near->public.id) > 0)
        near = other;
    }
  return near;
}

const LodgeOs *
lodge_os_database_lookup_near (LodgeOsDatabase *database, const char *id)
{
  const System *system = find_near (database, id);

  return system != NULL ? &system->public : NULL;
}

const char *
lodge_os_database_symbol (LodgeOsDatabase *database, const char *os, LodgeFamily family)
{
  const System *system = os != NULL ? find_near (database, os) : NULL;
  const char *symbol = NULL;

  if (system != NULL && system->public.family == family)
    symbol = system->public.symbol;
  if (symbol == NULL)
    symbol = symbol_of (json_object_get_object_member (database->families, lodge_family_name (family)));
  return symbol != NULL ? symbol : "other";
}

LodgeFamily
lodge_os_guess_family (const char *id)
{
  static const struct
  {
    const char *prefix;
    LodgeFamily family;
  } rules[] = {
    { "win2k3", LODGE_FAMILY_WINDOWS_OLD },
    { "win2k", LODGE_FAMILY_WINDOWS },      { "win1", LODGE_FAMILY_WINDOWS },
    { "win7", LODGE_FAMILY_WINDOWS },       { "win8", LODGE_FAMILY_WINDOWS },
    { "winvista", LODGE_FAMILY_WINDOWS },   { "reactos", LODGE_FAMILY_WINDOWS_OLD },
    { "win", LODGE_FAMILY_WINDOWS_OLD },    { "freebsd", LODGE_FAMILY_BSD },
    { "openbsd", LODGE_FAMILY_BSD },        { "netbsd", LODGE_FAMILY_BSD },
    { "dragonfly", LODGE_FAMILY_BSD },      { "msdos", LODGE_FAMILY_DOS },
    { "freedos", LODGE_FAMILY_DOS },        { "debian", LODGE_FAMILY_LINUX },
    { "ubuntu", LODGE_FAMILY_LINUX },       { "fedora", LODGE_FAMILY_LINUX },
    { "rhel", LODGE_FAMILY_LINUX },         { "centos", LODGE_FAMILY_LINUX },
    { "almalinux", LODGE_FAMILY_LINUX },    { "rocky", LODGE_FAMILY_LINUX },
    { "opensuse", LODGE_FAMILY_LINUX },     { "sle", LODGE_FAMILY_LINUX },
    { "arch", LODGE_FAMILY_LINUX },         { "alpine", LODGE_FAMILY_LINUX },
    { "gentoo", LODGE_FAMILY_LINUX },       { "nixos", LODGE_FAMILY_LINUX },
    { "manjaro", LODGE_FAMILY_LINUX },      { "linux", LODGE_FAMILY_LINUX },
    { "silverblue", LODGE_FAMILY_LINUX },   { "lmde", LODGE_FAMILY_LINUX },
    { "popos", LODGE_FAMILY_LINUX },        { "elementary", LODGE_FAMILY_LINUX },
  };

  /* The first Windows had numbers too. */
  if (g_str_equal (id, "win1.0"))
    return LODGE_FAMILY_WINDOWS_OLD;
  /* "win2k" itself is Windows 2000; what follows it is a server of today. */
  if (g_str_equal (id, "win2k"))
    return LODGE_FAMILY_WINDOWS_OLD;
  for (gsize i = 0; i < G_N_ELEMENTS (rules); i++)
    if (g_str_has_prefix (id, rules[i].prefix))
      return rules[i].family;

  return LODGE_FAMILY_OTHER;
}

LodgeProfile *
lodge_os_database_new_profile (LodgeOsDatabase *database, const char *name, const char *os,
                               const LodgeFamily *family, LodgeArch arch, LodgeOsNeeds *needs)
{
  const System *system = database != NULL && os != NULL ? find_near (database, os) : NULL;
  LodgeFamily chosen = LODGE_FAMILY_LINUX;
  LodgeProfile *profile;

  if (family != NULL)
    chosen = *family;
  else if (system != NULL)
    chosen = system->public.family;
  else if (os != NULL)
    chosen = lodge_os_guess_family (os);

  profile = lodge_profile_new (name, chosen, arch);
  profile->os = g_strdup (os);
  *needs = no_needs ();
  if (database == NULL)
    return profile;

  apply_keys (json_object_get_object_member (database->families, lodge_family_name (chosen)), profile, needs,
              FALSE, NULL);
  /* Who says that it is of another family knows better than the entry. */
  if (system != NULL && system->public.family == chosen)
    apply_keys (system->keys, profile, needs, FALSE, NULL);

  return profile;
}
