/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-machine-list.h"

G_BEGIN_DECLS

/**
 * LodgeSidebar:
 *
 * The machines of the library with what is above and below their list: buttons, what is wrong with the core, and a hint for
 * whoever has few machines.
 *
 * Property: "folded" (gboolean): whether it is all that the window shows.
 */
#define LODGE_TYPE_SIDEBAR (lodge_sidebar_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSidebar, lodge_sidebar, LODGE, SIDEBAR, GtkBox)

/**
 * lodge_sidebar_setup:
 * @settings: which remember that the hint was seen
 * @menu: of the window
 *
 * Once; the list is set up by whoever knows what its rows offer.
 */
void              lodge_sidebar_setup          (LodgeSidebar *self, LodgeLibrary *library, GSettings *settings,
                                                GMenuModel *menu);

/* (transfer none) */
LodgeMachineList *lodge_sidebar_get_list       (LodgeSidebar *self);

/* Shows how it is with the core. */
void              lodge_sidebar_update         (LodgeSidebar *self);

/* Opens "New from Template". */
void              lodge_sidebar_show_templates (LodgeSidebar *self);

/* The hint goes for good. */
void              lodge_sidebar_hide_hint      (LodgeSidebar *self);

G_END_DECLS
