/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "tests/unit/lodge-qapi-schema.h"

#include "core/qemu/lodge-qmp-value.h"

struct _LodgeQapiSchema
{
  JsonParser *parser;   /* (owned) */
  GHashTable *entities; /* name → JsonObject of the parser */
};

static char *check_type (LodgeQapiSchema *self, const char *type, JsonNode *value, const char *path);

static char *
check_builtin (const char *json_type, JsonNode *value, const char *path)
{
  GType type = JSON_NODE_HOLDS_VALUE (value) ? json_node_get_value_type (value) : G_TYPE_INVALID;
  gboolean good = (g_str_equal (json_type, "string") && type == G_TYPE_STRING) ||
                  (g_str_equal (json_type, "int") && type == G_TYPE_INT64) ||
                  (g_str_equal (json_type, "number") && (type == G_TYPE_INT64 || type == G_TYPE_DOUBLE)) ||
                  (g_str_equal (json_type, "boolean") && type == G_TYPE_BOOLEAN) ||
                  (g_str_equal (json_type, "null") && JSON_NODE_HOLDS_NULL (value)) ||
                  g_str_equal (json_type, "value");

  return good ? NULL : g_strdup_printf ("%s is not of type %s", path, json_type);
}

static char *
check_enum (JsonObject *entity, JsonNode *value, const char *path)
{
  JsonArray *values = lodge_qmp_array (entity, "values");
  const char *text = JSON_NODE_HOLDS_VALUE (value) ? json_node_get_string (value) : NULL;

  for (guint i = 0; text != NULL && i < json_array_get_length (values); i++)
    if (g_str_equal (json_array_get_string_element (values, i), text))
      return NULL;

  return g_strdup_printf ("%s: '%s' is not among the values", path, text != NULL ? text : "?");
}

static char *
check_alternate (LodgeQapiSchema *self, JsonObject *entity, JsonNode *value, const char *path)
{
  JsonArray *members = lodge_qmp_array (entity, "members");

  for (guint i = 0; i < json_array_get_length (members); i++)
    {
      g_autofree char *fault =
          check_type (self, lodge_qmp_string (lodge_qmp_element (members, i), "type"), value, path);

      if (fault == NULL)
        return NULL;
    }

  return g_strdup_printf ("%s fits no branch of its alternate", path);
}

static char *
check_array (LodgeQapiSchema *self, const char *element_type, JsonNode *value, const char *path)
{
  JsonArray *array = lodge_qmp_node_array (value);

  if (array == NULL)
    return g_strdup_printf ("%s is not an array", path);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      g_autofree char *at = g_strdup_printf ("%s[%u]", path, i);
      char *fault = check_type (self, element_type, json_array_get_element (array, i), at);

      if (fault != NULL)
        return fault;
    }

  return NULL;
}

/* Checks the members that @entity declares, and takes them out of @left. */
static char *
check_members (LodgeQapiSchema *self, JsonObject *entity, JsonObject *object, GHashTable *left,
               const char *path)
{
  JsonArray *members = lodge_qmp_array (entity, "members");
  JsonArray *variants = lodge_qmp_array (entity, "variants");
  const char *tag = lodge_qmp_string (entity, "tag");

  for (guint i = 0; i < json_array_get_length (members); i++)
    {
      JsonObject *member = lodge_qmp_element (members, i);
      const char *name = lodge_qmp_string (member, "name");
      g_autofree char *at = g_strdup_printf ("%s.%s", path, name);
      char *fault = NULL;

      /* "default" (of any type) marks an optional member. */
      if (json_object_has_member (object, name))
        fault = check_type (self, lodge_qmp_string (member, "type"),
                            json_object_get_member (object, name), at);
      else if (!json_object_has_member (member, "default"))
        fault = g_strdup_printf ("%s is missing", at);
      if (fault != NULL)
        return fault;
      g_hash_table_remove (left, name);
    }

  for (guint i = 0; variants != NULL && i < json_array_get_length (variants); i++)
    {
      JsonObject *variant = lodge_qmp_element (variants, i);

      if (g_strcmp0 (lodge_qmp_string (variant, "case"), lodge_qmp_string (object, tag)) == 0)
        return check_members (self,
                              g_hash_table_lookup (self->entities, lodge_qmp_string (variant, "type")),
                              object, left, path);
    }

  return NULL;
}

static char *
check_object (LodgeQapiSchema *self, JsonObject *entity, JsonNode *value, const char *path)
{
  JsonObject *object = lodge_qmp_node_object (value);
  g_autoptr (GHashTable) left = g_hash_table_new (g_str_hash, g_str_equal);
  JsonObjectIter iter;
  GHashTableIter rest;
  const char *name;
  char *fault;

  if (object == NULL)
    return g_strdup_printf ("%s is not an object", path);

  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, NULL))
    g_hash_table_add (left, (gpointer) name);

  fault = check_members (self, entity, object, left, path);
  if (fault != NULL)
    return fault;

  g_hash_table_iter_init (&rest, left);
  if (g_hash_table_iter_next (&rest, (gpointer *) &name, NULL))
    return g_strdup_printf ("%s.%s is not known", path, name);

  return NULL;
}

static char *
check_type (LodgeQapiSchema *self, const char *type, JsonNode *value, const char *path)
{
  JsonObject *entity = g_hash_table_lookup (self->entities, type);
  const char *meta = lodge_qmp_string (entity, "meta-type");

  g_assert_nonnull (meta);
  if (g_str_equal (meta, "builtin"))
    return check_builtin (lodge_qmp_string (entity, "json-type"), value, path);
  if (g_str_equal (meta, "enum"))
    return check_enum (entity, value, path);
  if (g_str_equal (meta, "alternate"))
    return check_alternate (self, entity, value, path);
  if (g_str_equal (meta, "array"))
    return check_array (self, lodge_qmp_string (entity, "element-type"), value, path);

  return check_object (self, entity, value, path);
}

LodgeQapiSchema *
lodge_qapi_schema_load (const char *version)
{
  LodgeQapiSchema *self = g_new0 (LodgeQapiSchema, 1);
  g_autofree char *name = g_strdup_printf ("qapi-schema-%s.json", version);
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "data", name, NULL);
  g_autoptr (GError) error = NULL;
  JsonArray *array;

  self->parser = json_parser_new ();
  json_parser_load_from_file (self->parser, path, &error);
  g_assert_no_error (error);

  self->entities = g_hash_table_new (g_str_hash, g_str_equal);
  array = json_node_get_array (json_parser_get_root (self->parser));
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonObject *entity = lodge_qmp_element (array, i);

      g_hash_table_insert (self->entities, (gpointer) lodge_qmp_string (entity, "name"), entity);
    }

  return self;
}

void
lodge_qapi_schema_free (LodgeQapiSchema *self)
{
  g_hash_table_unref (self->entities);
  g_object_unref (self->parser);
  g_free (self);
}

char *
lodge_qapi_schema_check (LodgeQapiSchema *self, const char *command, JsonObject *arguments)
{
  JsonObject *entity = g_hash_table_lookup (self->entities, command);
  g_autoptr (JsonObject) empty = json_object_new ();
  g_autoptr (JsonNode) node = json_node_alloc ();

  if (g_strcmp0 (lodge_qmp_string (entity, "meta-type"), "command") != 0)
    return g_strdup_printf ("there is no command %s", command);
  if (g_str_equal (command, "device_add"))
    return NULL;

  json_node_init_object (node, arguments != NULL ? arguments : empty);

  return check_type (self, lodge_qmp_string (entity, "arg-type"), node, command);
}
