/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef void (*LodgeDiskSizeFunc) (guint64 bytes, gpointer user_data);

/**
 * lodge_disk_size_dialog_present:
 * @body: (nullable): what to know before
 * @accept: the button's label, with a mnemonic
 * @lower: in GiB, the smallest that can be chosen
 * @chosen: called once where a size was chosen, never else
 * @destroy: (nullable): for @user_data, in any case
 */
void lodge_disk_size_dialog_present (GtkWindow *parent, const char *heading, const char *body, const char *accept,
                                     double lower, double value, LodgeDiskSizeFunc chosen, gpointer user_data,
                                     GDestroyNotify destroy);

G_END_DECLS
