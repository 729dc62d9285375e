/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/*
 * Reading members of JSON that another process sent (QEMU, qemu-img, a guest). json-glib's own getters
 * treat a member of the wrong type as a programmer's error; here it is the same as an absent one. @object
 * may be NULL. What is returned belongs to @object.
 */

const char *lodge_qmp_string  (JsonObject *object, const char *member);                  /* (nullable) */
gint64      lodge_qmp_integer (JsonObject *object, const char *member, gint64 fallback);
gboolean    lodge_qmp_boolean (JsonObject *object, const char *member, gboolean fallback);
JsonObject *lodge_qmp_object  (JsonObject *object, const char *member);                  /* (nullable) */
JsonArray  *lodge_qmp_array   (JsonObject *object, const char *member);                  /* (nullable) */

/** lodge_qmp_node_object: (nullable): the object that @node holds, e.g. the value of "return" */
JsonObject *lodge_qmp_node_object (JsonNode *node);

/** lodge_qmp_node_array: (nullable): the array that @node holds */
JsonArray  *lodge_qmp_node_array  (JsonNode *node);

/** lodge_qmp_element: (nullable): the object at @index of @array */
JsonObject *lodge_qmp_element     (JsonArray *array, guint index);

/**
 * lodge_qmp_args_new:
 * @format: a dictionary in GVariant's text format, with its % directives
 *
 * Builds the arguments of a command as they look on the wire:
 * |[
 * lodge_qmp_args_new ("{'node-name': <%s>, 'file': <{'driver': <'file'>, 'filename': <%s>}>}", node, path)
 * ]|
 * %s is a string (valid UTF-8), %b a gboolean, %i a gint32, %x a gint64, %t a guint64.
 * A malformed @format is a programmer's error and aborts.
 *
 * Returns: (transfer full):
 */
JsonObject *lodge_qmp_args_new    (const char *format, ...);

G_END_DECLS
