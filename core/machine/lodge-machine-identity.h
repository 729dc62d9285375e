/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"
#include "core/machine/lodge-machine.h"

G_BEGIN_DECLS

/** lodge_machine_can_renew: whether a clone with this hardware and system can get an identity of its own through an agent */
gboolean    lodge_machine_can_renew     (const LodgeProfile *profile);

/**
 * lodge_machine_settle_in: what a guest gets through its agent when it runs, before any other command: a clone its host name and machine
 * id, an instant one its network addresses and the time, too; and the folder of the host that it has, without which no command runs.
 * For each beginning of its running: the start, an adoption, the end of a pause. Nothing happens where nothing is to be done.
 */
void        lodge_machine_settle_in     (LodgeMachine *self);

/** lodge_machine_agent_is_there: its agent has answered, or has opened its port */
void        lodge_machine_agent_is_there (LodgeMachine *self);

/** lodge_machine_get_identity: Returns: (transfer none) (nullable): NULL, "pending" or "missing": the guest has still the identity of its parent */
const char *lodge_machine_get_identity  (LodgeMachine *self);

/** lodge_machine_host_name: a host name made of a machine's name, in letters, digits and hyphens */
char       *lodge_machine_host_name     (const char *name, const char *id, gboolean disposable);

G_END_DECLS
