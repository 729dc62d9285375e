/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/* LodgeLogWindow: the end of a machine's log, to read and to copy. */
#define LODGE_TYPE_LOG_WINDOW (lodge_log_window_get_type ())
G_DECLARE_FINAL_TYPE (LodgeLogWindow, lodge_log_window, LODGE, LOG_WINDOW, AdwWindow)

GtkWidget *lodge_log_window_new (LodgeMachineItem *item);

G_END_DECLS
