/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "core/qemu/lodge-qmp-value.h"

static JsonNode *
get_member (JsonObject *object, const char *member, JsonNodeType type)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, member) : NULL;

  return node != NULL && json_node_get_node_type (node) == type ? node : NULL;
}

const char *
lodge_qmp_string (JsonObject *object, const char *member)
{
  JsonNode *node = get_member (object, member, JSON_NODE_VALUE);

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;

  return json_node_get_string (node);
}

gint64
lodge_qmp_integer (JsonObject *object, const char *member, gint64 fallback)
{
  JsonNode *node = get_member (object, member, JSON_NODE_VALUE);

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_INT64)
    return fallback;

  return json_node_get_int (node);
}

gboolean
lodge_qmp_boolean (JsonObject *object, const char *member, gboolean fallback)
{
  JsonNode *node = get_member (object, member, JSON_NODE_VALUE);

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return fallback;

  return json_node_get_boolean (node);
}

JsonObject *
lodge_qmp_object (JsonObject *object, const char *member)
{
  JsonNode *node = get_member (object, member, JSON_NODE_OBJECT);

  return node != NULL ? json_node_get_object (node) : NULL;
}

JsonArray *
lodge_qmp_array (JsonObject *object, const char *member)
{
  JsonNode *node = get_member (object, member, JSON_NODE_ARRAY);

  return node != NULL ? json_node_get_array (node) : NULL;
}

JsonObject *
lodge_qmp_node_object (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonArray *
lodge_qmp_node_array (JsonNode *node)
{
  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

JsonObject *
lodge_qmp_element (JsonArray *array, guint index)
{
  if (array == NULL || index >= json_array_get_length (array))
    return NULL;

  return lodge_qmp_node_object (json_array_get_element (array, index));
}

JsonObject *
lodge_qmp_args_new (const char *format, ...)
{
  g_autoptr (GVariant) variant = NULL;
  g_autoptr (JsonNode) node = NULL;
  va_list args;

  va_start (args, format);
  variant = g_variant_ref_sink (g_variant_new_parsed_va (format, &args));
  va_end (args);

  node = json_gvariant_serialize (variant);

  return json_object_ref (json_node_get_object (node));
}
