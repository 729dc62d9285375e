/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/* What machines are to one another: templates, and clones that go on from another's disks. */

/* Makes @item a template, or a machine again; told by a toast with Undo. */
void              lodge_family_set_template (GtkWidget *from, LodgeMachineItem *item, gboolean template);

/* Copies what @item reads from another's disks, so that it stands alone; told by a toast. */
void              lodge_family_flatten      (GtkWidget *from, LodgeMachineItem *item);

/* Returns: (transfer none) (nullable): the machine that @item goes on from */
LodgeMachineItem *lodge_family_get_parent   (LodgeLibrary *library, LodgeMachineItem *item);

/* How many machines go on from @item's disks. */
guint             lodge_family_count        (LodgeLibrary *library, LodgeMachineItem *item);

/* Returns: (transfer full) (nullable): one line for the card: "Linked clone of “Web server”"; %NULL for a machine without
 * relations */
char             *lodge_family_summary      (LodgeLibrary *library, LodgeMachineItem *item);

/* Returns: (transfer none) (nullable) */
LodgeMachineItem *lodge_family_find         (LodgeLibrary *library, const char *id);

G_END_DECLS
