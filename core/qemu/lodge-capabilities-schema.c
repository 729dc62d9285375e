/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "core/qemu/lodge-capabilities-schema.h"

#include <string.h>

#define MAX_DEPTH 64
#define MAX_NAME 255
/* An answer to query-qmp-schema has a few thousand entries; arrays are not nested deeply. */
#define MAX_ENTRIES 65536
#define MAX_HOPS 64

struct _LodgeSchemaIndex
{
  GHashTable *entries;  /* (owned) name → LodgeJsonSpan*, both owned */
  GPtrArray  *commands; /* (owned) borrowed names */
  JsonParser *parser;   /* (owned) used again for each element */
};

static const char *
skip_space (const char *p, const char *end)
{
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
    p++;
  return p;
}

/* @p is at the opening quote. Returns the place after the closing one, NULL when there is none. */
static const char *
skip_string (const char *p, const char *end)
{
  for (p++; p < end; p++)
    {
      if (*p == '\\')
        p++;
      else if (*p == '"')
        return p + 1;
    }
  return NULL;
}

/* Returns the place after the value at @p, NULL when the text ends before the value does. */
static const char *
skip_value (const char *p, const char *end)
{
  guint depth = 0;

  do
    {
      p = skip_space (p, end);
      if (p >= end)
        return NULL;
      switch (*p)
        {
        case '"':
          p = skip_string (p, end);
          if (p == NULL)
            return NULL;
          break;
        case '{':
        case '[':
          if (++depth > MAX_DEPTH)
            return NULL;
          p++;
          break;
        case '}':
        case ']':
          if (depth == 0)
            return NULL;
          depth--;
          p++;
          break;
        case ',':
        case ':':
          if (depth == 0)
            return NULL;
          p++;
          break;
        default:
          while (p < end && strchr (" \t\r\n,:]}[{\"", *p) == NULL)
            p++;
          break;
        }
    }
  while (depth > 0);
  return p;
}

gboolean
lodge_json_next_element (LodgeJsonSpan *cursor, LodgeJsonSpan *element)
{
  const char *p = skip_space (cursor->start, cursor->end);
  const char *after;

  if (p >= cursor->end || (*p != '[' && *p != ','))
    return FALSE;
  p = skip_space (p + 1, cursor->end);
  if (p >= cursor->end || *p == ']')
    return FALSE;
  after = skip_value (p, cursor->end);
  if (after == NULL || after == p)
    return FALSE;
  element->start = p;
  element->end = after;
  cursor->start = after;
  return TRUE;
}

gboolean
lodge_json_span_equals (LodgeJsonSpan value, const char *text)
{
  gsize length = strlen (text);

  return (gsize) (value.end - value.start) == length + 2 && value.start[0] == '"'
         && memcmp (value.start + 1, text, length) == 0;
}

char *
lodge_json_span_dup_string (LodgeJsonSpan value)
{
  gsize length = value.end - value.start;

  if (length < 2 || length > MAX_NAME + 2 || value.start[0] != '"' || memchr (value.start, '\\', length) != NULL
      || !g_utf8_validate_len (value.start + 1, length - 2, NULL))
    return NULL;
  return g_strndup (value.start + 1, length - 2);
}

gboolean
lodge_json_find_member (LodgeJsonSpan object, const char *name, LodgeJsonSpan *value)
{
  const char *p = skip_space (object.start, object.end);

  if (p >= object.end || *p != '{')
    return FALSE;
  p++;
  while (TRUE)
    {
      LodgeJsonSpan key, found;

      key.start = skip_space (p, object.end);
      if (key.start >= object.end || *key.start != '"')
        return FALSE;
      key.end = skip_string (key.start, object.end);
      if (key.end == NULL)
        return FALSE;
      p = skip_space (key.end, object.end);
      if (p >= object.end || *p != ':')
        return FALSE;
      found.start = skip_space (p + 1, object.end);
      found.end = skip_value (found.start, object.end);
      if (found.end == NULL)
        return FALSE;
      if (lodge_json_span_equals (key, name))
        {
          *value = found;
          return TRUE;
        }
      p = skip_space (found.end, object.end);
      if (p >= object.end || *p != ',')
        return FALSE;
      p++;
    }
}

LodgeSchemaIndex *
lodge_schema_index_new (LodgeJsonSpan array)
{
  g_autoptr (LodgeSchemaIndex) schema = g_new0 (LodgeSchemaIndex, 1);
  LodgeJsonSpan entry;

  schema->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  schema->commands = g_ptr_array_new ();
  schema->parser = json_parser_new ();
  while (lodge_json_next_element (&array, &entry))
    {
      LodgeJsonSpan value;
      char *name;

      if (g_hash_table_size (schema->entries) >= MAX_ENTRIES || !lodge_json_find_member (entry, "name", &value))
        return NULL;
      name = lodge_json_span_dup_string (value);
      if (name == NULL)
        return NULL;
      if (g_hash_table_replace (schema->entries, name, g_memdup2 (&entry, sizeof entry))
          && lodge_json_find_member (entry, "meta-type", &value) && lodge_json_span_equals (value, "command"))
        g_ptr_array_add (schema->commands, name);
    }
  if (schema->commands->len == 0)
    return NULL;
  return g_steal_pointer (&schema);
}

void
lodge_schema_index_free (LodgeSchemaIndex *schema)
{
  if (schema == NULL)
    return;
  g_clear_pointer (&schema->entries, g_hash_table_unref);
  g_clear_pointer (&schema->commands, g_ptr_array_unref);
  g_clear_object (&schema->parser);
  g_free (schema);
}

GPtrArray *
lodge_schema_index_get_commands (LodgeSchemaIndex *schema)
{
  return g_ptr_array_ref (schema->commands);
}

/* Parses the entry called @name; it lives until the next call. */
static JsonObject *
load_entry (LodgeSchemaIndex *schema, const char *name)
{
  const LodgeJsonSpan *span = g_hash_table_lookup (schema->entries, name);
  JsonNode *root;

  if (span == NULL || !json_parser_load_from_data (schema->parser, span->start, span->end - span->start, NULL))
    return NULL;
  root = json_parser_get_root (schema->parser);
  return root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
}

static const char *
get_string (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_string (node) : NULL;
}

static JsonArray *
get_array (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

/* The "type" of the object in @array whose member @key is @wanted; "" when it is there without a type. */
static const char *
find_in (JsonArray *array, const char *key, const char *wanted)
{
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

      if (object != NULL && g_strcmp0 (get_string (object, key), wanted) == 0)
        {
          const char *type = get_string (object, "type");

          return type != NULL ? type : "";
        }
    }
  return NULL;
}

static gboolean
has_string (JsonArray *array, const char *wanted)
{
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (JSON_NODE_HOLDS_VALUE (node) && g_strcmp0 (json_node_get_string (node), wanted) == 0)
        return TRUE;
    }
  return FALSE;
}

gboolean
lodge_schema_index_has (LodgeSchemaIndex *schema, const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "/", 16);
  JsonObject *entry = load_entry (schema, parts[0]);
  g_autofree char *type = NULL;
  guint hops = 0;

  if (entry == NULL || g_strcmp0 (get_string (entry, "meta-type"), "command") != 0)
    return FALSE;
  for (guint i = 1; parts[i] != NULL; i++)
    {
      const char *part = parts[i];
      const char *next;

      while (g_strcmp0 (get_string (entry, "meta-type"), "array") == 0 && hops++ < MAX_HOPS)
        {
          g_autofree char *element = g_strdup (get_string (entry, "element-type"));

          entry = element != NULL ? load_entry (schema, element) : NULL;
          if (entry == NULL)
            return FALSE;
        }
      if (*part == '$')
        return has_string (get_array (entry, "features"), part + 1);
      if (*part == '^')
        return has_string (get_array (entry, "values"), part + 1)
               || find_in (get_array (entry, "members"), "name", part + 1) != NULL;
      if (i == 1)
        next = get_string (entry, part);
      else if (*part == '+')
        next = find_in (get_array (entry, "variants"), "case", part + 1);
      else
        next = find_in (get_array (entry, "members"), "name", part);
      if (next == NULL)
        return FALSE;
      if (parts[i + 1] == NULL)
        return TRUE;
      g_free (type);
      type = g_strdup (next);
      entry = load_entry (schema, type);
      if (entry == NULL)
        return FALSE;
    }
  return TRUE;
}
