/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/**
 * LodgeDiskRow:
 *
 * A disk or CD drive of a machine, or an image that lies in its folder unused; folded out, what it occupies, what it
 * costs and what can be done with it.
 *
 * Signals: "grow", "compact", "detach", "delete", "attach": the person wants that; "convert" (format: string).
 */
#define LODGE_TYPE_DISK_ROW (lodge_disk_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeDiskRow, lodge_disk_row, LODGE, DISK_ROW, AdwExpanderRow)

GtkWidget *lodge_disk_row_new      (void);

/* @off: whether the machine is off, for what can be done only then */
void       lodge_disk_row_set_disk (LodgeDiskRow *self, GVariant *disk, gboolean off);
/* (transfer none) of ListDisks */
GVariant  *lodge_disk_row_get_disk (LodgeDiskRow *self);

G_END_DECLS
