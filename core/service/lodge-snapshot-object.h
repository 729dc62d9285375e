/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"
#include "lodge-core1.h"

G_BEGIN_DECLS

/** lodge_snapshot_object_connect: lets @skeleton serve what Core1.Machine has of snapshots; both live as long as the object on the bus */
void lodge_snapshot_object_connect (LodgeIpcMachine *skeleton, LodgeMachine *machine);

G_END_DECLS
