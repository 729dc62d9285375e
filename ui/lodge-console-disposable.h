/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/* The console of a disposable machine. */

/* Whether closing its console has to ask: its guest is there, and is gone with it. */
gboolean lodge_console_disposable_asks (LodgeMachineItem *item);

/**
 * lodge_console_disposable_ask:
 * @closing: the window was to be closed; it is when it was answered
 *
 * Asks what becomes of the machine: kept by a name, or discarded, and says how much was written in it.
 */
void     lodge_console_disposable_ask  (GtkWindow *window, LodgeLibrary *library, LodgeMachineItem *item,
                                        gboolean closing);

G_END_DECLS
