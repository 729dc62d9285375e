/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "app/ctl-context.h"

G_BEGIN_DECLS

/**
 * ctl_get_amounts:
 * @path: of a machine
 *
 * Returns: (transfer full) (nullable): a{sv}, what this host has and can spare for it; NULL when the core cannot answer
 */
GVariant *ctl_get_amounts (CtlContext *ctx, const char *path);

/**
 * ctl_warn_of_amounts:
 * @path: of a machine
 *
 * Says on stderr when the machine has more memory or cores than this host can well give, or less than its system
 * needs. Only a hint: when the core cannot answer, nothing is said.
 */
void ctl_warn_of_amounts (CtlContext *ctx, const char *path);

G_END_DECLS
