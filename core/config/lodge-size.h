/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * lodge_size_parse:
 * @text: "2G", "512M", "1.5GiB", "4096" (a bare number is MiB for memory, GiB never; see @default_unit)
 * @default_unit: bytes of the unit of a bare number
 *
 * Error: INVALID_ARGUMENT with a sentence; OUT_OF_RANGE when it does not fit 63 bits
 */
gboolean lodge_size_parse    (const char *text, guint64 default_unit, guint64 *bytes, GError **error);

/** lodge_size_format: Returns: (transfer full): "16 MiB", "1.5 GiB"; exact, so that it can be typed again */
char    *lodge_size_format   (guint64 bytes);

/**
 * lodge_memory_format: for sentences, in the units that memory is sold in; never more than @bytes, so that what is said to be possible is
 *
 * Returns: (transfer full): "512 MB", "1.5 GB", "24 GB"
 */
char    *lodge_memory_format (guint64 bytes);

G_END_DECLS
