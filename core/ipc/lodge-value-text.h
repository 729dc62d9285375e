/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Returns: (transfer none): a title, or @key where there is none; of "disks[0].size" @key is "size" */
typedef const char *(*LodgeSettingTitle) (const char *key);

/**
 * lodge_value_text:
 * @message: of an OutOfRange or InvalidArgument error
 * @title: (nullable): what the client calls a setting of that key; %NULL where people know the keys, as in lodgectl
 *
 * The sentence about a value of a setting or option that the core refused: which one, and what it may be. It is made
 * from the first line of @message, whose forms docs/DBUS.md gives ("Refused values").
 *
 * Returns: (transfer full) (nullable): translated; NULL where @message has none of the forms
 */
char *lodge_value_text (const char *message, LodgeSettingTitle title);

G_END_DECLS
