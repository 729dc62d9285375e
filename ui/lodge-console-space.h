/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * lodge_console_space_present:
 *
 * The dialog "Free Space" for a guest that waits for room on the host's disk: what it needs, what Lodge's own trash
 * would give back, and the folder to look at.
 */
void lodge_console_space_present (GtkWindow *parent, LodgeLibrary *library, LodgeMachineItem *item);

G_END_DECLS
