/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-set.h"

G_BEGIN_DECLS

/**
 * LodgeService: org.lodgevm.Core1 on one connection: exports the core, its machines and jobs, owns
 * the name, and says when there is nothing left to do.
 *
 * Signal: "ended" (int exit_status), exactly once: the name is gone and the process may end.
 */
#define LODGE_TYPE_SERVICE (lodge_service_get_type ())
G_DECLARE_FINAL_TYPE (LodgeService, lodge_service, LODGE, SERVICE, GObject)

/** lodge_service_new: @idle_timeout: seconds without client and guest until it ends, 0: never */
LodgeService *lodge_service_new   (GDBusConnection *connection, LodgeEngine *engine, guint idle_timeout);

/** lodge_service_begin: loads the machines, adopts guests, then takes the name */
void          lodge_service_begin (LodgeService *self);

/** lodge_service_end: gives the name back and ends; guests run on */
void          lodge_service_end   (LodgeService *self, int exit_status);

G_END_DECLS
