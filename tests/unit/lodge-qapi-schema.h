/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * LodgeQapiSchema: a recorded answer to query-qmp-schema (tests/unit/data/qapi-schema-VERSION.json), to
 * check the commands of a test against what QEMU takes.
 */
typedef struct _LodgeQapiSchema LodgeQapiSchema;

/** lodge_qapi_schema_load: @version: "7.2" or "10.0" */
LodgeQapiSchema *lodge_qapi_schema_load  (const char *version);
void             lodge_qapi_schema_free  (LodgeQapiSchema *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeQapiSchema, lodge_qapi_schema_free)

/**
 * lodge_qapi_schema_check:
 * @arguments: (nullable)
 *
 * Returns: (transfer full) (nullable): what is wrong, with the path of the member; NULL when the command is good. The
 * arguments of device_add are not checked: QEMU's schema does not describe them.
 */
char            *lodge_qapi_schema_check (LodgeQapiSchema *self, const char *command, JsonObject *arguments);

G_END_DECLS
