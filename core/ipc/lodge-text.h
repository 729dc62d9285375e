/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * lodge_text_is_plain:
 *
 * Whether a character stands for itself wherever it is shown. The others move a terminal's cursor, change its title, or
 * change how the text around them is shown, so that a name could pass itself off as another one.
 */
gboolean lodge_text_is_plain (gunichar c);

G_END_DECLS
