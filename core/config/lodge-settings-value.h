/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-faults.h"
#include "core/config/lodge-settings.h"

G_BEGIN_DECLS

/* What a person or a client wrote, turned into a setting's own type. */

/**
 * lodge_setting_parse:
 * @value: of the setting's type, of any integer type for a number, or a string in lodgectl's form
 *
 * Whether it is possible is not checked here but by the profile's own rules.
 *
 * Returns: (transfer full) (nullable): never floating; %NULL with a fault
 */
GVariant *lodge_setting_parse (const LodgeSetting *setting, GVariant *value, LodgeFaults *faults);

/** lodge_text_distance: how many letters differ between two short words (Levenshtein) */
guint     lodge_text_distance (const char *a, const char *b);

G_END_DECLS
