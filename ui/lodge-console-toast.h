/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * lodge_console_toast:
 * @from: any widget of the window that stays, the main window
 *
 * Says that @item runs on though its console was closed, and offers to shut it down, or to save it where the core
 * can.
 */
void lodge_console_toast (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item);

G_END_DECLS
