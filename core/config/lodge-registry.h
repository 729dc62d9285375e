/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/ipc/lodge-error.h"

G_BEGIN_DECLS

/**
 * LodgeRegistry: which folder had which id when this host last saw it: a small file in the state
 * folder. It decides which of two folders with one id is the machine and which the copy, and gives a
 * machine whose file broke its id back. Losing it costs only that.
 */
typedef struct _LodgeRegistry LodgeRegistry;

LodgeRegistry *lodge_registry_new    (const char *state_dir); /* reads the file */
void           lodge_registry_free   (LodgeRegistry *registry);
const char    *lodge_registry_lookup (LodgeRegistry *registry, const char *folder_name); /* (nullable): the id */
void           lodge_registry_set    (LodgeRegistry *registry, const char *folder_name, const char *id); /* id %NULL: forget */

/** lodge_registry_save: writes the file if something changed; what goes wrong is not told, see above */
void           lodge_registry_save   (LodgeRegistry *registry);

G_END_DECLS
