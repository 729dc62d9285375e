/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/**
 * LodgeApplication:
 *
 * The window program: command line, actions, windows. One process serves all windows of a
 * session; a second `lodge` hands its command line to the first.
 */
#define LODGE_TYPE_APPLICATION (lodge_application_get_type ())
G_DECLARE_FINAL_TYPE (LodgeApplication, lodge_application, LODGE, APPLICATION, AdwApplication)

LodgeApplication *lodge_application_new (void);

/* Whether, after its end, the program is to be started anew: the one that is installed by then. */
gboolean          lodge_application_wants_restart (LodgeApplication *self);

/* Whether it found another one, and that did not take the command line: it is just ending, so try again. */
gboolean          lodge_application_was_missed    (LodgeApplication *self);

G_END_DECLS
