/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/* What is done with a machine's disks. Each ends with a toast at @from, which offers Undo where that is possible, or
 * with a dialog that says why not; a job that the core makes of it can be seen in the library. @disk: of ListDisks. */

/* A new disk of @size bytes. */
void lodge_disk_work_create    (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, guint64 size);

/* An image of the person's, as a disk: a copy in the machine's folder, or used where it lies. */
void lodge_disk_work_add_image (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GFile *file,
                                gboolean copy);
void lodge_disk_work_add_drive (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item);
/* An image that lies in the machine's folder unused. */
void lodge_disk_work_attach    (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk);
void lodge_disk_work_detach    (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk,
                                gboolean delete_file);
void lodge_disk_work_grow      (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk,
                                guint64 size);
void lodge_disk_work_compact   (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk);
void lodge_disk_work_convert   (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, GVariant *disk,
                                const char *format);

G_END_DECLS
