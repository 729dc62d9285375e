/* SPDX-License-Identifier: GPL-3.0-or-later */

#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/**
 * lodge_row_place:
 * @thing: (transfer none): what was added as a suffix
 * @below: whether there is no room beside the row's texts
 *
 * Has what belongs to a row stand below its texts, or before its other suffixes.
 */
void lodge_row_place   (AdwActionRow *row, GtkWidget *thing, gboolean below);

/* What is chosen in @row is not cut: its texts take the room that is left beside it, and are wrapped there. */
void lodge_row_show_choice (AdwComboRow *row);

G_END_DECLS
