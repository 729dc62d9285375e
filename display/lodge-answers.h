/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * LodgeAnswers:
 *
 * The answers to a peer's calls on one connection. They are the one thing that a peer can make us queue, by not reading
 * them, so they are counted against flushes. May be used from any thread.
 */
typedef struct _LodgeAnswers LodgeAnswers;

LodgeAnswers *lodge_answers_new   (void);
LodgeAnswers *lodge_answers_ref   (LodgeAnswers *self);
void          lodge_answers_unref (LodgeAnswers *self);

/** Returns: FALSE when so many lie unread that this one was not sent; @error is LODGE_DISPLAY_ERROR_PROTOCOL */
gboolean      lodge_answers_send  (LodgeAnswers *self, GDBusConnection *connection, GDBusMessage *answer, GError **error);

G_END_DECLS
