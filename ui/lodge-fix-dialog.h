/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

/**
 * lodge_fix_dialog_present:
 * @from: the dialog belongs to its window
 * @id, @reason: of a finding of Doctor
 * @details: (nullable): its facts; a floating reference is taken
 *
 * Says what is wrong with this computer and what to do; commands can be copied.
 */
void lodge_fix_dialog_present (GtkWidget *from, const char *id, const char *reason, GVariant *details);

G_END_DECLS
