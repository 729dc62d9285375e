/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-disks.h"

G_BEGIN_DECLS

/**
 * LodgeBootOrder:
 *
 * What a machine starts from, in the order in which it is tried: its disks, its CD drives and its network card. Each can be
 * moved and left out.
 */
#define LODGE_TYPE_BOOT_ORDER (lodge_boot_order_get_type ())
G_DECLARE_FINAL_TYPE (LodgeBootOrder, lodge_boot_order, LODGE, BOOT_ORDER, AdwPreferencesGroup)

/* Once. */
void lodge_boot_order_set_disks (LodgeBootOrder *self, LodgeDisks *disks);

G_END_DECLS
