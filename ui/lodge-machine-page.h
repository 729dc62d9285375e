/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"
#include "ui/lodge-snapshot-list.h"

G_BEGIN_DECLS

/**
 * LodgeMachinePage:
 *
 * One machine: its picture with the one action that fits its state, and a card for each part.
 *
 * Signals: "show-console" and "show-settings" (name of the settings page).
 */
#define LODGE_TYPE_MACHINE_PAGE (lodge_machine_page_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachinePage, lodge_machine_page, LODGE, MACHINE_PAGE, AdwBin)

/* @item: (nullable) */
void              lodge_machine_page_set_item (LodgeMachinePage *self, LodgeLibrary *library, LodgeMachineItem *item);
LodgeMachineItem *lodge_machine_page_get_item (LodgeMachinePage *self);

/* What can be done with the machine; its actions are the group of lodge_machine_page_get_actions(). (transfer none) */
GMenuModel       *lodge_machine_page_get_menu    (LodgeMachinePage *self);

/* (nullable) (transfer none): the group "machine" of the present machine */
GActionGroup     *lodge_machine_page_get_actions (LodgeMachinePage *self);

/* (nullable) (transfer none): those of the present machine */
LodgeSnapshotList *lodge_machine_page_get_snapshots (LodgeMachinePage *self);

/* Whether the page is all that the window has room for. */
void              lodge_machine_page_set_narrow (LodgeMachinePage *self, gboolean narrow);

/* Lets the person type a new name in place. */
void              lodge_machine_page_rename   (LodgeMachinePage *self);

G_END_DECLS
