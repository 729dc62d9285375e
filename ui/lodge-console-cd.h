/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * LodgeConsoleCd:
 *
 * The popover of a console's CD button: what is in the drive, eject, insert, discs used lately or found in
 * Downloads.
 */
#define LODGE_TYPE_CONSOLE_CD (lodge_console_cd_get_type ())
G_DECLARE_FINAL_TYPE (LodgeConsoleCd, lodge_console_cd, LODGE, CONSOLE_CD, GtkPopover)

/* Once, before it is shown. */
void lodge_console_cd_set_item (LodgeConsoleCd *self, LodgeMachineItem *item);

G_END_DECLS
