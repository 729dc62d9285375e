/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "display/lodge-console.h"
#include "display/lodge-scanout.h"

G_BEGIN_DECLS

#define LODGE_TYPE_DISPLAY_FEED (lodge_display_feed_get_type ())
/**
 * LodgeDisplayFeed:
 *
 * Brings what a console shows into a scanout, once a tick of a widget's frame clock; the part of #LodgeDisplayView that
 * receives.
 *
 * Signals:
 * - attached: pictures and pointer come from lodge_display_feed_get_listener () now
 * - first-frame: the first frame of the present console is in the scanout
 * - off-changed: see lodge_display_feed_is_off ()
 * - closed (GError *reason): nothing more will come; the console is still set
 */
G_DECLARE_FINAL_TYPE (LodgeDisplayFeed, lodge_display_feed, LODGE, DISPLAY_FEED, GObject)

/** @widget: (unowned): outlives it; whose ticks and visibility count */
LodgeDisplayFeed *lodge_display_feed_new          (GtkWidget *widget, LodgeScanout *scanout);

/** @console: (nullable): NULL ends what comes; the scanout keeps the last frame */
void              lodge_display_feed_set_console  (LodgeDisplayFeed *self, LodgeConsole *console);

/** Returns: (transfer none) (nullable): once attached */
LodgeListener    *lodge_display_feed_get_listener (LodgeDisplayFeed *self);

/** Whether the guest has switched its screen off. */
gboolean          lodge_display_feed_is_off       (LodgeDisplayFeed *self);

/** Asks for a tick where something waits; for a widget that has just come into sight. */
void              lodge_display_feed_schedule     (LodgeDisplayFeed *self);

/** Brings the scanout up to date at once. */
void              lodge_display_feed_take         (LodgeDisplayFeed *self);

G_END_DECLS
