/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-disks.h"
#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeDiskGroup:
 *
 * The disks and CD drives of a machine, with what can be done with each, what is being done with them, and a button that
 * adds one.
 */
#define LODGE_TYPE_DISK_GROUP (lodge_disk_group_get_type ())
G_DECLARE_FINAL_TYPE (LodgeDiskGroup, lodge_disk_group, LODGE, DISK_GROUP, AdwPreferencesGroup)

/* Once. */
void lodge_disk_group_set_disks (LodgeDiskGroup *self, LodgeLibrary *library, LodgeDisks *disks);

G_END_DECLS
