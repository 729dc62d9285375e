/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/* The CD drive of a machine, as a person uses it. What comes of it is told in the window of @from, which may go
 * meanwhile. */

/* Inserts @file when it is a disc image, else says in words what it is. */
void  lodge_console_medium_insert (GtkWidget *from, LodgeMachineItem *item, GFile *file);

/* Lets the person choose a file first. */
void  lodge_console_medium_choose (GtkWidget *from, LodgeMachineItem *item);
void  lodge_console_medium_eject  (GtkWidget *from, LodgeMachineItem *item);

/* Returns: (transfer full) (nullable): the name of what is in the drive, for people; NULL when it is empty */
char *lodge_console_medium_name   (LodgeMachineItem *item);

G_END_DECLS
