/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "display/lodge-keyboard.h"
#include "display/lodge-listener.h"
#include "display/lodge-mouse.h"

G_BEGIN_DECLS

#define LODGE_TYPE_CONSOLE (lodge_console_get_type ())
/**
 * LodgeConsole:
 *
 * One screen of the guest with its keyboard and mouse; made by #LodgeDisplaySession.
 *
 * Properties (read, notify): id, label, width, height (guest pixels), graphic.
 * Signals:
 * - closed (GError *reason): the session of this console has ended
 */
G_DECLARE_FINAL_TYPE (LodgeConsole, lodge_console, LODGE, CONSOLE, GObject)

guint          lodge_console_get_id       (LodgeConsole *self);
const char    *lodge_console_get_label    (LodgeConsole *self);
guint          lodge_console_get_width    (LodgeConsole *self);
guint          lodge_console_get_height   (LodgeConsole *self);
gboolean       lodge_console_is_graphic   (LodgeConsole *self);
gboolean       lodge_console_is_closed    (LodgeConsole *self);

/** Returns: (transfer none): never NULL; does nothing when the console has no such device */
LodgeKeyboard *lodge_console_get_keyboard (LodgeConsole *self);
LodgeMouse    *lodge_console_get_mouse    (LodgeConsole *self);

/**
 * lodge_console_attach_async:
 *
 * Registers a listener: from then on the picture flows. Every listener costs QEMU work, so attach
 * one per console and share its #LodgeListener. Errors as for lodge_display_session_new_async().
 */
void           lodge_console_attach_async (LodgeConsole        *self,
                                           GCancellable        *cancellable,
                                           GAsyncReadyCallback  callback,
                                           gpointer             user_data);
LodgeListener *lodge_console_attach_finish (LodgeConsole  *self,
                                            GAsyncResult  *result,
                                            GError       **error);

/**
 * lodge_console_set_size:
 * @width, @height: wanted guest pixels
 * @width_mm, @height_mm: physical size, 0 when unknown
 *
 * Asks the guest to change its resolution. At most one request is under way and one waits; a newer
 * wish replaces the waiting one. The same wish again is sent again only when the guest has had that
 * size and left it. A console that cannot (plain VGA) refuses the first request; then
 * lodge_console_can_resize() becomes FALSE and further wishes are dropped.
 */
void           lodge_console_set_size     (LodgeConsole *self,
                                           guint         width,
                                           guint         height,
                                           guint         width_mm,
                                           guint         height_mm);
gboolean       lodge_console_can_resize   (LodgeConsole *self);

G_END_DECLS
