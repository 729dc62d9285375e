/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * LodgeIntervalRow:
 *
 * A setting that says how often something is done by itself: property "key" names it, "unit" is how many minutes one of its
 * units has. 0 is never. What somebody set to an unusual number is offered beside the usual ones.
 */
#define LODGE_TYPE_INTERVAL_ROW (lodge_interval_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeIntervalRow, lodge_interval_row, LODGE, INTERVAL_ROW, AdwComboRow)

void  lodge_interval_row_set_item (LodgeIntervalRow *self, LodgeMachineItem *item);

/* Returns: (transfer full): "Never", "Every 30 minutes", "Every day" */
char *lodge_interval_text         (guint minutes);

G_END_DECLS
