/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * LodgeSwitchRow:
 *
 * A setting that is on or off: property "key" names it. Changing it applies at once and can be undone; it follows
 * what others change and says when it takes effect.
 */
#define LODGE_TYPE_SWITCH_ROW (lodge_switch_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSwitchRow, lodge_switch_row, LODGE, SWITCH_ROW, AdwActionRow)

void lodge_switch_row_set_item     (LodgeSwitchRow *self, LodgeMachineItem *item);

/* @why: (nullable): why it cannot be switched on, and what would make it work; shown instead of the subtitle */
void lodge_switch_row_set_obstacle (LodgeSwitchRow *self, const char *why);

G_END_DECLS
