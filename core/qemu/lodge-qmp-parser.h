/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * LodgeQmpParser: bytes in, messages out. Pure: no socket, no main loop.
 *
 * Serves every protocol of JSON objects on lines: QMP and the guest agent. A line is bounded here, what is in it
 * by lodge_json_parse(). A message that breaks a limit or is no JSON object is an error, after which the parser
 * gives nothing more.
 */
typedef struct _LodgeQmpParser LodgeQmpParser;

/** lodge_qmp_parser_new: @max_line: bytes of a line without its end */
LodgeQmpParser *lodge_qmp_parser_new  (gsize max_line);
void            lodge_qmp_parser_free (LodgeQmpParser *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeQmpParser, lodge_qmp_parser_free)

/** lodge_qmp_parser_feed: appends what was read */
void            lodge_qmp_parser_feed (LodgeQmpParser *self, const char *data, gsize length);

/**
 * lodge_qmp_parser_next:
 *
 * Returns: (transfer full) (nullable): the next complete message; NULL without @error when more bytes are needed.
 * Error: NOT_RESPONDING, and again at each later call
 */
JsonObject     *lodge_qmp_parser_next (LodgeQmpParser *self, GError **error);

/** lodge_qmp_parser_get_pending: bytes of a message that is not complete yet */
gsize           lodge_qmp_parser_get_pending (LodgeQmpParser *self);

G_END_DECLS
