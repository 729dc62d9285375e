/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * lodge_disk_reason_text:
 * @code: of ListDisks' "reasons"
 *
 * Returns: (transfer none) (nullable): what it costs, and what helps, translated; NULL for a code of a newer core
 */
const char *lodge_disk_reason_text  (const char *code);

/** lodge_disk_reason_codes: those that have a sentence, NULL-terminated */
const char *const *lodge_disk_reason_codes (void);

/** lodge_disk_format_text: Returns: (transfer none): a format's name as people know it: "VHD" for "vpc" */
const char *lodge_disk_format_text  (const char *format);

/** lodge_disk_format_parse: Returns: (transfer none) (nullable): QEMU's name for what a person typed: "vpc" for "VHD" */
const char *lodge_disk_format_parse (const char *text);

G_END_DECLS
