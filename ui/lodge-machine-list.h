/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeMachineList:
 *
 * The machines of a library in their groups (Running, Machines, Templates), by name, with a search
 * that begins when somebody types. Thousands cost no more than what is seen.
 *
 * Signals: "selected": another machine, or none, is selected; "opened" (machine): Return or a
 * double click; "pressed": a click chose a row, which opens the page where there is room for one thing only.
 */
#define LODGE_TYPE_MACHINE_LIST (lodge_machine_list_get_type ())
G_DECLARE_FINAL_TYPE (LodgeMachineList, lodge_machine_list, LODGE, MACHINE_LIST, AdwBin)

/**
 * lodge_machine_list_setup:
 * @keys: (not owned): typing anywhere in this widget begins a search
 * @menu: of the second mouse button, Shift+F10 and the menu key
 */
void              lodge_machine_list_setup        (LodgeMachineList *self, LodgeLibrary *library, GtkWidget *keys,
                                                   GMenuModel *menu);

/* (nullable) (transfer none) */
LodgeMachineItem *lodge_machine_list_get_selected (LodgeMachineList *self);

/* Selects @item, taking the search away where it hides it; %NULL for the first. */
void              lodge_machine_list_select       (LodgeMachineList *self, LodgeMachineItem *item);

/* @text: (nullable): what to search for; what stands there stays when %NULL */
void              lodge_machine_list_search       (LodgeMachineList *self, const char *text);

/* For a toggle button. (transfer none) */
GtkSearchBar     *lodge_machine_list_get_search_bar (LodgeMachineList *self);

/* The menu of the selected machine, at its row. */
void              lodge_machine_list_show_menu    (LodgeMachineList *self);

/* The selected machine's name becomes an entry. */
void              lodge_machine_list_rename       (LodgeMachineList *self);

/* Whether the row of @item is on screen, so that its picture is worth asking for. */
gboolean          lodge_machine_list_shows        (LodgeMachineList *self, LodgeMachineItem *item);

G_END_DECLS
