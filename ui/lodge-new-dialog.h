/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeNewDialog:
 *
 * The assistant: choose an image, or none; look over what Lodge proposes; create.
 *
 * Signal "created" (object path): the machine was made; the dialog closes itself.
 */
#define LODGE_TYPE_NEW_DIALOG (lodge_new_dialog_get_type ())
G_DECLARE_FINAL_TYPE (LodgeNewDialog, lodge_new_dialog, LODGE, NEW_DIALOG, AdwWindow)

GtkWidget *lodge_new_dialog_new      (LodgeLibrary *library);

/* Begins with @file: goes to the review at once when it is an image. */
void       lodge_new_dialog_set_file (LodgeNewDialog *self, GFile *file);

G_END_DECLS
