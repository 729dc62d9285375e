/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ui/lodge-machine-item.h"

G_BEGIN_DECLS

/* A machine among the applications of the desktop: a .desktop file in the person's own folder. */

gboolean lodge_desktop_entry_exists (const char *id);

/* Writes the entry, in place of one that is there. */
gboolean lodge_desktop_entry_write  (LodgeMachineItem *item, GError **error);

/* That there is none is no error. */
gboolean lodge_desktop_entry_remove (const char *id, GError **error);

G_END_DECLS
