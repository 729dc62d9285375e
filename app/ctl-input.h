/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * ctl_chord_parse:
 * @text: "ctrl-alt-delete", "ctrl+c", "f1"
 *
 * Splits a chord into QEMU's key names; the usual other names ("enter", "del", "win") are
 * accepted. Which names exist is the core's to say.
 *
 * Returns: (transfer full) (nullable): NULL when a part is empty
 */
GStrv      ctl_chord_parse (const char *text);

/**
 * ctl_text_chunks:
 *
 * Returns: (transfer full): @text in pieces of at most @max characters, whole characters each
 */
GStrv      ctl_text_chunks (const char *text, guint max);

G_END_DECLS
