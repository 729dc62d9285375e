/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * LodgeJsonSpan: a piece of JSON text that belongs to somebody else.
 *
 * QEMU's answer to query-qmp-schema is a quarter of a megabyte; as a tree of nodes it is many times
 * that and the heap keeps what it once grew to. So the big arrays are walked as text and only the
 * elements that are wanted become nodes.
 */
typedef struct
{
  const char *start;
  const char *end;
} LodgeJsonSpan;

/** lodge_json_next_element: moves @cursor over the elements of an array; begin with @cursor->start at its '['. Returns: FALSE at the end, or where the text is not JSON */
gboolean     lodge_json_next_element (LodgeJsonSpan *cursor, LodgeJsonSpan *element);

/** lodge_json_find_member: finds the value of @name among the direct members of an object */
gboolean     lodge_json_find_member  (LodgeJsonSpan object, const char *name, LodgeJsonSpan *value);

/** lodge_json_span_equals: whether it is a string that needs no escapes and equals @text */
gboolean     lodge_json_span_equals  (LodgeJsonSpan value, const char *text);

/** lodge_json_span_dup_string: Returns: (transfer full) (nullable): the string; NULL when it is none, has escapes or is longer than 255 bytes */
char        *lodge_json_span_dup_string (LodgeJsonSpan value);

/**
 * LodgeSchemaIndex: an index over the array that query-qmp-schema returns. The text must outlive it.
 */
typedef struct _LodgeSchemaIndex LodgeSchemaIndex;

/** lodge_schema_index_new: Returns: (nullable) (transfer full): NULL when @array is not a schema */
LodgeSchemaIndex *lodge_schema_index_new  (LodgeJsonSpan array);
void             lodge_schema_index_free (LodgeSchemaIndex *schema);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeSchemaIndex, lodge_schema_index_free)

/** lodge_schema_index_get_commands: Returns: (transfer container): names of all commands */
GPtrArray   *lodge_schema_index_get_commands (LodgeSchemaIndex *schema);

/**
 * lodge_schema_index_has:
 * @path: "COMMAND" or "COMMAND/arg-type/..." or "COMMAND/ret-type/...", then "name" for a member,
 *   "+case" for a variant of a union, "^value" for a value of an enumeration, "$name" for a
 *   feature (last). Arrays are passed through. "netdev_add/arg-type/+stream/reconnect"
 */
gboolean     lodge_schema_index_has      (LodgeSchemaIndex *schema, const char *path);

G_END_DECLS
