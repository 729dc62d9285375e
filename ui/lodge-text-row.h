/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * LodgeTextRow:
 *
 * A setting that is a text: property "key" names it. Return or the button applies what was typed, which can be undone;
 * what is not possible stays as it was typed, with the reason below. It follows what others change.
 */
#define LODGE_TYPE_TEXT_ROW (lodge_text_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeTextRow, lodge_text_row, LODGE, TEXT_ROW, AdwEntryRow)

void lodge_text_row_set_item (LodgeTextRow *self, LodgeMachineItem *item);

/* As if @text had been typed and applied. */
void lodge_text_row_apply    (LodgeTextRow *self, const char *text);

/* Whether "At Next Start" stands below the text, which needs all the room that there is. */
void lodge_text_row_set_narrow (LodgeTextRow *self, gboolean narrow);

/* Whether there is a text that was not applied yet. */
gboolean lodge_text_row_is_typing (LodgeTextRow *self);

G_END_DECLS
