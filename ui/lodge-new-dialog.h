/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeNewDialog:
 *
 * The assistant: what the machine is made from, then how it will be. An image that is given or
 * dropped goes straight to the second page, from where one click creates and starts the machine.
 *
 * Signal "created" (object path, whether to start it); the window closes itself after it.
 */
#define LODGE_TYPE_NEW_DIALOG (lodge_new_dialog_get_type ())
G_DECLARE_FINAL_TYPE (LodgeNewDialog, lodge_new_dialog, LODGE, NEW_DIALOG, AdwWindow)

LodgeNewDialog *lodge_new_dialog_new     (LodgeLibrary *library, GSettings *settings);

/**
 * lodge_new_dialog_present:
 * @file: (nullable): an image that was given or dropped
 *
 * Shows the window, soon: at its second page where @file could be opened, else at the first, with the reason.
 */
void            lodge_new_dialog_present (LodgeNewDialog *self, GFile *file);

G_END_DECLS
