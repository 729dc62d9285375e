/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * LodgeQmpPeer: QEMU's end of a QMP connection, played from a script, in the main context of the test.
 *
 * Each command that arrives is checked against the recorded QAPI schema and against the next expectation of the
 * script; what does not fit ends the test. A command that lodge_qmp_peer_allow() named is answered at any time.
 */
typedef struct _LodgeQmpPeer LodgeQmpPeer;

/**
 * lodge_qmp_peer_new:
 * @version: the schema: "7.2" or "10.0"; NULL: no schema
 * @client: (out): the other end, for lodge_qmp_client_new()
 *
 * Greets and takes qmp_capabilities by itself.
 */
LodgeQmpPeer *lodge_qmp_peer_new        (const char *version, GSocket **client);

/** lodge_qmp_peer_new_silent: the same, without greeting: what the second client of a QMP socket sees */
LodgeQmpPeer *lodge_qmp_peer_new_silent (const char *version, GSocket **client);

/** lodge_qmp_peer_new_for_socket: on a connected socket that the test made; greets */
LodgeQmpPeer *lodge_qmp_peer_new_for_socket (const char *version, GSocket *socket);

/** lodge_qmp_peer_free: fails the test when expectations are left */
void          lodge_qmp_peer_free       (LodgeQmpPeer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeQmpPeer, lodge_qmp_peer_free)

/**
 * lodge_qmp_peer_expect:
 * @arguments: (nullable): JSON that the arguments must equal; NULL: only the schema is asked
 * @reply: (nullable): a member of the answer, "\"return\": {}" or "\"error\": {…}"; NULL: no answer
 */
void          lodge_qmp_peer_expect     (LodgeQmpPeer *self, const char *command, const char *arguments, const char *reply);

/** lodge_qmp_peer_expect_ok: expects it and returns an empty object */
void          lodge_qmp_peer_expect_ok  (LodgeQmpPeer *self, const char *command, const char *arguments);

/** lodge_qmp_peer_expect_error: expects it and fails it with GenericError and @desc */
void          lodge_qmp_peer_expect_error (LodgeQmpPeer *self, const char *command, const char *arguments, const char *desc);

/** lodge_qmp_peer_allow: answers @command with @reply whenever it comes and nothing else is expected of it */
void          lodge_qmp_peer_allow      (LodgeQmpPeer *self, const char *command, const char *reply);

/** lodge_qmp_peer_event: sends an event; @data: (nullable): JSON */
void          lodge_qmp_peer_event      (LodgeQmpPeer *self, const char *event, const char *data);

/** lodge_qmp_peer_raw: sends bytes as they are; @length -1: a string */
void          lodge_qmp_peer_raw        (LodgeQmpPeer *self, const char *bytes, gssize length);

/** lodge_qmp_peer_hold: stops reading (TRUE) or goes on, so that the client's socket fills up */
void          lodge_qmp_peer_hold       (LodgeQmpPeer *self, gboolean hold);

/** lodge_qmp_peer_close: QEMU ends */
void          lodge_qmp_peer_close      (LodgeQmpPeer *self);

/** lodge_qmp_peer_get_left: how many expectations have not been met */
guint         lodge_qmp_peer_get_left   (LodgeQmpPeer *self);

/** lodge_qmp_peer_answer_last: answers the last expectation that was met, when it had no reply */
void          lodge_qmp_peer_answer_last (LodgeQmpPeer *self, const char *reply);

/** lodge_qmp_peer_add_seen: adds the name of each command that came so far to @set, a set of strings that are its own */
void          lodge_qmp_peer_add_seen   (LodgeQmpPeer *self, GHashTable *set);

/** lodge_qmp_peer_take_fd: the oldest descriptor that came and was not taken yet, or -1 */
int           lodge_qmp_peer_take_fd    (LodgeQmpPeer *self);

/** lodge_qmp_peer_run: turns the main context until the script is done; fails the test after 20 s */
void          lodge_qmp_peer_run        (LodgeQmpPeer *self);

G_END_DECLS
