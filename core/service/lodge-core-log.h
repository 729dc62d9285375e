/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** lodge_core_log_open: messages go to stderr (as structured fields to the journal where that is it) and, info and above, to STATE_DIR/core.log, of which two generations of 512 KiB are kept */
void lodge_core_log_open (const char *state_dir);

G_END_DECLS
