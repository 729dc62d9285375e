/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * lodge_graphics_has_card:
 * @devices: the folder of device files, "/dev"
 *
 * Returns: whether there is anything that could draw by itself
 */
gboolean lodge_graphics_has_card (const char *devices);

/**
 * lodge_graphics_choose:
 *
 * Has the toolkit leave GL alone where the processor would have to play the graphics card, unless the environment says what
 * it is to do. Before the toolkit is initialised and before there is a second thread.
 */
void     lodge_graphics_choose   (const char *devices);

G_END_DECLS
