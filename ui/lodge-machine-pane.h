/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-machine-page.h"

G_BEGIN_DECLS

/**
 * LodgeMachinePane:
 *
 * The selected machine below its header bar: its own page, or one of those that lie over it, which are made when they are
 * wanted.
 *
 * Property: "folded" (gboolean): whether it is all that the window shows.
 */
#define LODGE_TYPE_MACHINE_PANE (lodge_machine_pane_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachinePane, lodge_machine_pane, LODGE, MACHINE_PANE, GtkBox)

/* Once. */
void              lodge_machine_pane_setup    (LodgeMachinePane *self, LodgeLibrary *library);

/* @item: (nullable): for another one its own page is shown; also when @item has changed */
void              lodge_machine_pane_set_item (LodgeMachinePane *self, LodgeMachineItem *item);

/* The machine's own page. (transfer none) */
LodgeMachinePage *lodge_machine_pane_get_page (LodgeMachinePane *self);

/* @name: of a page over the machine's own: "snapshots", "family", "backups" */
void              lodge_machine_pane_show     (LodgeMachinePane *self, const char *name);

/* Gives the keys to what is shown. */
void              lodge_machine_pane_focus    (LodgeMachinePane *self);

/* Returns: whether there was a page over the machine's own, which is shown again then */
gboolean          lodge_machine_pane_go_back  (LodgeMachinePane *self);

G_END_DECLS
