/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-automatic.h"
#include "core/machine/lodge-job.h"
#include "core/machine/lodge-machine-set.h"
#include "lodge-core1.h"

G_BEGIN_DECLS

/** LodgeJobFunc: to put a job on the bus */
typedef void (*LodgeJobFunc) (LodgeJob *job, gpointer data);

/** lodge_backup_object_connect: the methods of Core1 for backups; @func is called with @data for as long as @skeleton lives */
void lodge_backup_object_connect         (LodgeIpcCore *skeleton, LodgeEngine *engine, LodgeMachineSet *machines, LodgeJobFunc func, gpointer data);

/** lodge_backup_object_connect_machine: Backup and Automatic of Core1.Machine */
void lodge_backup_object_connect_machine (LodgeIpcMachine *skeleton, LodgeMachine *machine, LodgeAutomatic *automatic);

G_END_DECLS
