/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-engine.h"
#include "core/storage/lodge-recognise.h"

G_BEGIN_DECLS

/**
 * LodgeIdentifier: has images identified, few at a time, and remembers the last ones.
 *
 * A window asks for all images of a folder at once, and again each time it shows them.
 */
#define LODGE_TYPE_IDENTIFIER (lodge_identifier_get_type ())
G_DECLARE_FINAL_TYPE (LodgeIdentifier, lodge_identifier, LODGE, IDENTIFIER, GObject)

/** lodge_identifier_new: @engine: for the confinement; not kept alive */
LodgeIdentifier  *lodge_identifier_new        (LodgeEngine *engine);

/**
 * lodge_identifier_ask_async:
 * @fd: the image, open for reading; duplicated
 *
 * Errors: those of lodge_identify_async(), and WRONG_STATE when too many wait already
 */
void              lodge_identifier_ask_async  (LodgeIdentifier *self, int fd, const char *display_name, GCancellable *cancellable,
                                               GAsyncReadyCallback callback, gpointer data);
LodgeRecognition *lodge_identifier_ask_finish (LodgeIdentifier *self, GAsyncResult *result, GError **error);

G_END_DECLS
