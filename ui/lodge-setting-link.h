/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/**
 * LodgeSettingLink:
 *
 * What the rows of the settings have in common, whatever they look like: the key, the mark that says when a change takes
 * effect, and the way of a change. It is asked about first (CheckSettings): what is refused says why below the row, what
 * has consequences names them there and waits for a yes; all else applies at once and can be undone.
 *
 * Signals: "changed": the value of the machine is to be shown; "refused": the value that was given is not possible.
 */
#define LODGE_TYPE_SETTING_LINK (lodge_setting_link_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSettingLink, lodge_setting_link, LODGE, SETTING_LINK, GObject)

/**
 * lodge_setting_link_new:
 * @row: (not owned): the row, which owns the link
 * @mark: (nullable): a label of the row for the mark; a new one else, which the row puts somewhere
 */
LodgeSettingLink *lodge_setting_link_new      (GtkWidget *row, GtkLabel *mark, const char *key);

/* (transfer none) */
GtkWidget        *lodge_setting_link_get_mark (LodgeSettingLink *self);
const char       *lodge_setting_link_get_key  (LodgeSettingLink *self);

/* What is said about a change stands below @row, for a setting that is shown in several. */
void              lodge_setting_link_set_row  (LodgeSettingLink *self, GtkWidget *row);

/* Emits "changed" now and with each change of the machine. */
void              lodge_setting_link_set_item (LodgeSettingLink *self, LodgeMachineItem *item);
/* (nullable) (transfer none) */
LodgeMachineItem *lodge_setting_link_get_item (LodgeSettingLink *self);

/**
 * lodge_setting_link_change:
 * @value: floating; of the key's type
 * @done: what will have been done, for the toast with Undo
 */
void              lodge_setting_link_change   (LodgeSettingLink *self, GVariant *value, const char *done);

G_END_DECLS
