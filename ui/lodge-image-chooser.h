/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/* A modal dialog that asks for a disc or disk image, not shown yet. (transfer full) */
GtkFileChooserNative *lodge_image_chooser_new (GtkWindow *parent);

G_END_DECLS
