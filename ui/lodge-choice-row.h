/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * LodgeChoiceRow:
 *
 * A setting that is one of a few words: property "key" names it, "values" has the words in the order of the model.
 * Changing it applies at once and can be undone; it follows what others change and says when it takes effect.
 */
#define LODGE_TYPE_CHOICE_ROW (lodge_choice_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeChoiceRow, lodge_choice_row, LODGE, CHOICE_ROW, AdwComboRow)

void lodge_choice_row_set_item (LodgeChoiceRow *self, LodgeMachineItem *item);

G_END_DECLS
