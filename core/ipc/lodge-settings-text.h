/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * lodge_settings_warning_text:
 * @code: of CheckSettings' "warnings"
 *
 * Returns: (transfer none): what a person should know before the change, translated; a general sentence for a code
 *   of a newer core
 */
const char *lodge_settings_warning_text  (const char *code);

/** lodge_settings_warning_codes: those that have a sentence, NULL-terminated */
const char *const *lodge_settings_warning_codes (void);

G_END_DECLS
