/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeTrashWindow:
 *
 * What was deleted lately, machines and disks: each can be restored, or deleted permanently, which names what comes free
 * and asks before.
 */
#define LODGE_TYPE_TRASH_WINDOW (lodge_trash_window_get_type ())
G_DECLARE_FINAL_TYPE (LodgeTrashWindow, lodge_trash_window, LODGE, TRASH_WINDOW, AdwWindow)

GtkWidget *lodge_trash_window_new (LodgeLibrary *library);

G_END_DECLS
