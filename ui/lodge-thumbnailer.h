/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-machine-list.h"

G_BEGIN_DECLS

/**
 * LodgeThumbnailer:
 *
 * Keeps the pictures of running machines fresh while they are seen: the favourite one (the
 * selected) every two seconds, those whose rows are on screen in turn, never more than one request at a time.
 * Machines whose console is open give their picture themselves and are left alone.
 */
#define LODGE_TYPE_THUMBNAILER (lodge_thumbnailer_get_type ())
G_DECLARE_FINAL_TYPE (LodgeThumbnailer, lodge_thumbnailer, LODGE, THUMBNAILER, GObject)

/* @window, @list: (not owned): must outlive the object */
LodgeThumbnailer *lodge_thumbnailer_new           (LodgeLibrary *library, GtkWidget *window, LodgeMachineList *list);

/* @item: (nullable) */
void              lodge_thumbnailer_set_favourite (LodgeThumbnailer *self, LodgeMachineItem *item);

G_END_DECLS
