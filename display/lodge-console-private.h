/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "display/lodge-console.h"

G_BEGIN_DECLS

/* For LodgeDisplaySession alone. */
LodgeConsole *lodge_console_new    (LodgePeer *peer, guint id);
const char   *lodge_console_get_path (LodgeConsole *self);

/** @properties: a{sv} of @interface, from GetAll or PropertiesChanged; unknown ones are ignored */
void          lodge_console_update (LodgeConsole *self, const char *interface, GVariant *properties);

/** Ends it and its listeners; "closed" is emitted with @reason unless that is NULL. */
void          lodge_console_shut   (LodgeConsole *self, const GError *reason);

#define LODGE_CONSOLE_INTERFACE "org.qemu.Display1.Console"
#define LODGE_KEYBOARD_INTERFACE "org.qemu.Display1.Keyboard"
#define LODGE_MOUSE_INTERFACE "org.qemu.Display1.Mouse"

/* How long each step of opening a session or a picture may take. */
#define LODGE_DISPLAY_OPEN_TIMEOUT_MS 10000

G_END_DECLS
