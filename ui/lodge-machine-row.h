/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * LodgeMachineRow: a machine in the sidebar: its live picture, name, state and the symbol of its system. The first
 * of a group carries the group's heading above itself, because GtkListView of GTK 4.8 has no sections.
 */
#define LODGE_TYPE_MACHINE_ROW (lodge_machine_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachineRow, lodge_machine_row, LODGE, MACHINE_ROW, GtkWidget)

/* @pattern: (nullable): a row that shows how large one is; not kept alive */
GtkWidget        *lodge_machine_row_new         (LodgeMachineRow *pattern);

/* @item: (nullable): shown from the next lodge_machine_row_show() on */
void              lodge_machine_row_set_item    (LodgeMachineRow *self, LodgeMachineItem *item);
LodgeMachineItem *lodge_machine_row_get_item    (LodgeMachineRow *self);

/* The row can be seen. */
gboolean          lodge_machine_row_is_shown    (LodgeMachineRow *self);
void              lodge_machine_row_show        (LodgeMachineRow *self);

/* @heading: (nullable): of the group that begins with this row */
void              lodge_machine_row_set_heading (LodgeMachineRow *self, const char *heading);

/* The name becomes an entry; Return or leaving it renames, Escape does not. */
void              lodge_machine_row_rename      (LodgeMachineRow *self);

G_END_DECLS
