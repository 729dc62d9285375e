/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/machine/lodge-machine-private.h"

G_BEGIN_DECLS

/**
 * What goes on by itself in the background, the merging of layers and a scheduled backup, gives way to what a person asks for: it
 * is interrupted, and the method is called as soon as that has ended.
 */

/**
 * lodge_machine_put_off: whether that is so; else FALSE, and the caller goes on. @method: one of those that it knows, which is called
 * with the same arguments then. @text: (nullable); @fd: duplicated, or -1
 */
gboolean lodge_machine_put_off          (LodgeMachine *self, LodgeMethod method, const char *text, GVariant *options, int fd,
                                         GAsyncReadyCallback callback, gpointer data);

/** lodge_machine_take_up: something of the background has ended: calls what was put off, unless something else is still there */
void     lodge_machine_take_up          (LodgeMachine *self);

/** lodge_machine_has_waiting: whether something was put off, so that nothing new is to begin */
gboolean lodge_machine_has_waiting      (LodgeMachine *self);

/** lodge_machine_put_off_free: of one of self->waiting */
void     lodge_machine_put_off_free     (gpointer data);

G_END_DECLS
