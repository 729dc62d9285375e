/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-set.h"
#include "lodge-core1.h"

G_BEGIN_DECLS

/** lodge_family_object_connect: lets @skeleton serve what Core1.Machine has of templates, clones and disposable machines, and keeps those properties */
void lodge_family_object_connect (LodgeIpcMachine *skeleton, LodgeMachine *machine, LodgeMachineSet *machines);

G_END_DECLS
