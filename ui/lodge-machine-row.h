/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/* LodgeMachineRow: a machine in the sidebar: picture, name, state as symbol and word. */
#define LODGE_TYPE_MACHINE_ROW (lodge_machine_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachineRow, lodge_machine_row, LODGE, MACHINE_ROW, GtkWidget)

GtkWidget        *lodge_machine_row_new      (void);
/* @item: (nullable): rows are reused */
void              lodge_machine_row_set_item (LodgeMachineRow *self, LodgeMachineItem *item);
LodgeMachineItem *lodge_machine_row_get_item (LodgeMachineRow *self);

G_END_DECLS
