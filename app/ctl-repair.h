/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "app/ctl-context.h"

G_BEGIN_DECLS

/**
 * ctl_fault_code:
 * @properties: of a machine
 *
 * Returns: (transfer none): what lodge_fault_text() takes: the code of Fault, "" when there is none, and "broken-alone" for a
 *   broken machine.json without an older one
 */
const char *ctl_fault_code   (GVariant *properties);

/**
 * ctl_report_fault:
 * @machine: what was typed for it
 *
 * Says why the machine at @path, which has a fault, can do nothing, and which command mends that.
 *
 * Returns: the exit code
 */
CtlExit     ctl_report_fault (CtlContext *ctx, GVariant *properties, const char *path, const char *machine);

G_END_DECLS
