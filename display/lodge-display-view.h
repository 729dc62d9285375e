/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

#include "display/lodge-console.h"
#include "display/lodge-display-fit.h"
#include "display/lodge-display-input.h"
#include "display/lodge-scanout.h"

G_BEGIN_DECLS

#define LODGE_TYPE_DISPLAY_VIEW (lodge_display_view_get_type ())
/**
 * LodgeDisplayView:
 *
 * The console widget: shows a #LodgeConsole and sends it keys and pointer. Keeps the last frame
 * when the console ends or is taken away, so the window can dim it.
 *
 * Properties: console (LodgeConsole, nullable), scaling (LodgeDisplayScaling), resize-guest
 * (gboolean: the guest follows the size of the view, 150 ms after it settles), input-enabled
 * (gboolean, default TRUE), release-keys (LodgeReleaseKeys), grabbed (gboolean, read), has-frame
 * (gboolean, read), display-off (gboolean, read: the guest has switched its screen off), guest-width,
 * guest-height (guint, read).
 *
 * Signals:
 * - first-frame: the first frame of the present console is on the way to the screen
 * - grab-changed (gboolean grabbed)
 * - closed (GError *reason): the console's session ended; the view drops the console by itself
 * - shortcut (guint keyval, GdkModifierType state) -> gboolean: a key before it goes to the guest;
 *   return TRUE for those the window keeps (F11)
 * - leave: Ctrl+Alt+Tab was pressed; the default moves the focus on within the window
 *
 * A click grabs; the release keys pressed and let go alone end the grab.
 */
G_DECLARE_FINAL_TYPE (LodgeDisplayView, lodge_display_view, LODGE, DISPLAY_VIEW, GtkWidget)

GtkWidget    *lodge_display_view_new          (void);

/** @console: (nullable) */
void          lodge_display_view_set_console  (LodgeDisplayView *self, LodgeConsole *console);
LodgeConsole *lodge_display_view_get_console  (LodgeDisplayView *self);
void          lodge_display_view_set_scaling  (LodgeDisplayView *self, LodgeDisplayScaling scaling);
LodgeDisplayScaling
              lodge_display_view_get_scaling  (LodgeDisplayView *self);
gboolean      lodge_display_view_has_frame    (LodgeDisplayView *self);
gboolean      lodge_display_view_is_off       (LodgeDisplayView *self);
gboolean      lodge_display_view_get_grabbed  (LodgeDisplayView *self);

/** Sends shortcuts of the desktop to the guest too, until released or the focus leaves. */
void          lodge_display_view_grab         (LodgeDisplayView *self);
void          lodge_display_view_release_grab (LodgeDisplayView *self);

/** Whether the grab holds the host's pointer where it is, for a guest with a plain mouse. */
gboolean      lodge_display_view_holds_pointer (LodgeDisplayView *self);

/** Sends a chord such as Ctrl+Alt+Delete by QKeyCode names, NULL-terminated: "ctrl", "alt", "delete" */
void          lodge_display_view_send_keys    (LodgeDisplayView *self, const char * const *qcodes);

/** Returns: (transfer full) (nullable): the newest frame in guest pixels; NULL before the first */
GdkTexture   *lodge_display_view_screenshot   (LodgeDisplayView *self);

/** As above, scaled down to @width; NULL also when nothing has changed since the last one. */
GdkTexture   *lodge_display_view_thumbnail    (LodgeDisplayView *self, guint width);

/** Returns: (transfer none): the picture, to show it elsewhere as well */
LodgeScanout *lodge_display_view_get_scanout  (LodgeDisplayView *self);

/** Whether pictures come through shared memory at present; a session may change between the two. */
gboolean      lodge_display_view_is_shared    (LodgeDisplayView *self);

G_END_DECLS
