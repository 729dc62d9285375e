/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/storage/lodge-os-rules.h"

G_BEGIN_DECLS

/**
 * lodge_osinfo_match:
 * @folder: "/usr/share/osinfo/os", libosinfo's database, which may be missing
 *
 * Looks a disc up by its texts. This is for systems that Lodge's own list does not have: the
 * database is large, and reading all of it takes a tenth of a second. The matching is the library's; the
 * library itself, which needs five times as long to load it, is not used.
 *
 * Returns: (transfer full) (nullable)
 */
LodgeOsMatch *lodge_osinfo_match (const char *folder, const LodgeDiscFacts *facts);

G_END_DECLS
