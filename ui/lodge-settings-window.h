/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeSettingsWindow:
 *
 * A machine's settings. Each change applies at once and can be undone; changes made elsewhere
 * appear here. While the machine runs, each row says when it takes effect.
 */
#define LODGE_TYPE_SETTINGS_WINDOW (lodge_settings_window_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSettingsWindow, lodge_settings_window, LODGE, SETTINGS_WINDOW, AdwPreferencesWindow)

/* @page: (nullable): "system", "display", "storage" or "network" */
GtkWidget *lodge_settings_window_new (LodgeLibrary *library, LodgeMachineItem *item, const char *page);

G_END_DECLS
