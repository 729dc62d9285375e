/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine.h"
#include "lodge-core1.h"

G_BEGIN_DECLS

/**
 * LodgeMachineObject: org.lodgevm.Core1.Machine on the bus: turns calls into calls of the machine
 * and its changes into properties. No decision is taken here.
 */
#define LODGE_TYPE_MACHINE_OBJECT (lodge_machine_object_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachineObject, lodge_machine_object, LODGE, MACHINE_OBJECT, LodgeIpcObjectSkeleton)

LodgeMachineObject *lodge_machine_object_new  (LodgeMachine *machine);

/** lodge_machine_object_path: Returns: (transfer full): the object path of machine @id */
char               *lodge_machine_object_path (const char *id);

/** lodge_return_error: the one place where an error becomes a reply. @error: (transfer full) */
void                lodge_return_error        (GDBusMethodInvocation *invocation, GError *error);

/** lodge_take_fd: Returns: the descriptor at @handle, the caller's and close-on-exec, or -1. Error: INVALID_ARGUMENT */
int                 lodge_take_fd             (GUnixFDList *list, gint32 handle, GError **error);

G_END_DECLS
