/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

#define LODGE_JSON_MAX_DEPTH 32
#define LODGE_JSON_MAX_VALUES 65536

/**
 * lodge_json_parse:
 * @data: untrusted bytes, need not end with NUL
 *
 * A strict reader of RFC 8259. It refuses what json-glib's own lets pass: nesting deeper than
 * LODGE_JSON_MAX_DEPTH, a key twice in one object, comments, numbers that do not fit, and NUL.
 * Error: WRONG_FORMAT; the message begins with line and column.
 *
 * Returns: (transfer full): never %NULL without @error
 */
JsonNode *lodge_json_parse (const char *data, gsize length, GError **error);

/**
 * lodge_json_print:
 *
 * Returns: (transfer full): @object, indented by two, with a final newline
 */
char     *lodge_json_print (JsonObject *object, gsize *length);

G_END_DECLS
