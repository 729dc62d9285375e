/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeFamilyPage:
 *
 * What a machine is built on and what is built on it, with what it costs to make one independent. A row goes to the machine
 * it names, by the window's action "win.await".
 */
#define LODGE_TYPE_FAMILY_PAGE (lodge_family_page_get_type ())
G_DECLARE_FINAL_TYPE (LodgeFamilyPage, lodge_family_page, LODGE, FAMILY_PAGE, AdwBin)

/* @item: (nullable): none */
void lodge_family_page_set_machine (LodgeFamilyPage *self, LodgeLibrary *library, LodgeMachineItem *item);

/* In a narrow window the buttons stand below what they are about. */
void lodge_family_page_set_narrow  (LodgeFamilyPage *self, gboolean narrow);

void lodge_family_page_focus       (LodgeFamilyPage *self);

G_END_DECLS
