/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeStatusView:
 *
 * The machines, or what stands in their place while there are none: a welcome, that the core is being connected to, or why
 * it does not answer. Those pages are made when they are wanted.
 *
 * Property: "content" (GtkWidget): what shows the machines.
 */
#define LODGE_TYPE_STATUS_VIEW (lodge_status_view_get_type ())
G_DECLARE_FINAL_TYPE (LodgeStatusView, lodge_status_view, LODGE, STATUS_VIEW, AdwBin)

/* Once. @menu: of the window, for the page that has no other place for it */
void lodge_status_view_setup  (LodgeStatusView *self, LodgeLibrary *library, GMenuModel *menu);

/* Shows what fits the library as it is. @animate: whether it is to be seen that one follows the other */
void lodge_status_view_update (LodgeStatusView *self, gboolean animate);

G_END_DECLS
