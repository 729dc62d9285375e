/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/storage/lodge-image.h"

G_BEGIN_DECLS

/**
 * lodge_partitions_describe:
 *
 * What kind of system the partition table of a raw disk image speaks of: "linux", "windows", "bsd", "dos", or "unknown"
 * when there is none that does. Reads the tables alone, a few sectors.
 *
 * Returns: (transfer none)
 */
const char *lodge_partitions_describe (LodgeImageReader reader, gpointer data, guint64 size);

G_END_DECLS
