/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeTemplatePopover:
 *
 * "New from Template": the templates there are, of which a click makes as many running clones as a number says.
 */
#define LODGE_TYPE_TEMPLATE_POPOVER (lodge_template_popover_get_type ())
G_DECLARE_FINAL_TYPE (LodgeTemplatePopover, lodge_template_popover, LODGE, TEMPLATE_POPOVER, GtkPopover)

void lodge_template_popover_set_library (LodgeTemplatePopover *self, LodgeLibrary *library);

G_END_DECLS
