/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "lodge-core1.h"

G_BEGIN_DECLS

/**
 * lodge_list_machines:
 * @manager: has the machines
 * @options: a{sv}, those of Core1.ListMachines
 *
 * Returns: (transfer floating) (nullable): a{oa{sv}}. Error: INVALID_ARGUMENT
 */
GVariant *lodge_list_machines (GDBusObjectManager *manager, GVariant *options, GError **error);

/** lodge_list_jobs: Returns: (transfer floating): a{oa{sv}}, the jobs that @manager has */
GVariant *lodge_list_jobs     (GDBusObjectManager *manager);

G_END_DECLS
