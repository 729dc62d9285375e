/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "core/config/lodge-profile.h"

G_BEGIN_DECLS

#define LODGE_MACHINE_FILE "machine.json"
#define LODGE_GENERATIONS 3

/* One machine's folder: machine.json and machine.json.1 (newest) to .3, the files it replaced. */

/** lodge_generations_read: Errors: BROKEN_PROFILE (also when there is no file), NEWER_SCHEMA, NOT_READABLE, IO */
LodgeProfile *lodge_generations_read          (const char *folder, GError **error);

/** lodge_generations_save: replaces machine.json atomically and keeps what it replaces. Nothing is done when nothing changes. */
gboolean      lodge_generations_save          (const char *folder, const LodgeProfile *profile, GError **error);

/** lodge_generations_read_previous: Returns: (nullable): the newest generation that is good */
LodgeProfile *lodge_generations_read_previous (const char *folder);

/** lodge_generations_restore: sets a broken machine.json aside as machine.json.broken and puts the newest good generation in its place. Error: NOT_FOUND */
gboolean      lodge_generations_restore       (const char *folder, GError **error);

G_END_DECLS
