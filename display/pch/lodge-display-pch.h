/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parsed once for all of display/; see ui/pch. */
#include <gio/gio.h>
#include <gtk/gtk.h>
