/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "ui/lodge-machine-item.h"
#include "ui/lodge-undo.h"

G_BEGIN_DECLS

/**
 * lodge_setting_change:
 * @from: (nullable): the widget whose toast overlay offers Undo; an AdwPreferencesWindow has one of its own
 * @undo: (nullable): keeps it once @from is no more; that of the window of @from where there is none given
 * @value: floating; of the key's type
 * @done: what was done, for the toast: "Memory is 4 GB"
 *
 * Changes one setting of @item at once and offers to take it back. When the core refuses, the
 * person is told and "changed" of @item is emitted, so that rows show the old value again.
 */
void lodge_setting_change (GtkWidget *from, LodgeUndo *undo, LodgeMachineItem *item, const char *key,
                           GVariant *value, const char *done);

/**
 * lodge_setting_when:
 *
 * Lets @label, which becomes visible, say when a change of @key takes effect, "Now" or "At Next Start"; emphasised while
 * one waits.
 */
void lodge_setting_when   (GtkLabel *label, LodgeMachineItem *item, const char *key);

G_END_DECLS
