/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/**
 * LodgeSettingNotice:
 *
 * A row below the row of a setting: why a value is not possible, or what it entails before it is applied.
 *
 * Signals: "accepted": the change is wanted all the same; "dismissed": it is not, or the refusal was read.
 */
#define LODGE_TYPE_SETTING_NOTICE (lodge_setting_notice_get_type ())
G_DECLARE_FINAL_TYPE (LodgeSettingNotice, lodge_setting_notice, LODGE, SETTING_NOTICE, AdwPreferencesRow)

/**
 * lodge_setting_notice_new:
 * @text: one sentence or several
 * @error: (nullable): of a refusal, for the technical details; %NULL where the change is possible
 */
GtkWidget *lodge_setting_notice_new (const char *text, const GError *error);

G_END_DECLS
