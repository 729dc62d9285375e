/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

#define LODGE_KEYS_MAX_CHORD 16
#define LODGE_KEYS_MAX_TEXT 4096

/** lodge_keys_from_char: the key of a US keyboard for @character. Returns: a QKeyCode name, or NULL when there is none */
const char *lodge_keys_from_char (gunichar character, gboolean *shift);

/** lodge_keys_check_text: Errors: INVALID_ARGUMENT (too long, not UTF-8), NOT_SUPPORTED (names the first character without a key) */
gboolean    lodge_keys_check_text (const char *text, GError **error);

/** lodge_keys_check_chord: Error: INVALID_ARGUMENT */
gboolean    lodge_keys_check_chord (const char *const *keys, GError **error);

G_END_DECLS
