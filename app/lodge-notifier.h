/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeNotifier:
 *
 * Tells the desktop when a machine stopped by itself, or was paused by trouble, while no window of
 * Lodge is looked at. A click on the notification is the application's action "show-machine" with the machine's id.
 */
#define LODGE_TYPE_NOTIFIER (lodge_notifier_get_type ())
G_DECLARE_FINAL_TYPE (LodgeNotifier, lodge_notifier, LODGE, NOTIFIER, GObject)

/* @application: (not owned): must outlive the object */
LodgeNotifier *lodge_notifier_new (GtkApplication *application, LodgeLibrary *library);

G_END_DECLS
