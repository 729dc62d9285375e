/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Operating systems as the windows show them: a symbol of Lodge's own, and a word for the family. */

/**
 * lodge_system_icon:
 * @os: a short id as libosinfo has it ("debian12"), or ""
 * @family: a family word of the contract ("linux"), or "" where it is not known
 *
 * Returns: (transfer full): the name of an icon in colour
 */
char       *lodge_system_icon        (const char *os, const char *family);

/**
 * lodge_system_family:
 *
 * The family of a system by its id, for machines that do not say it.
 *
 * Returns: (transfer none): a family word; "other" where nothing is known
 */
const char *lodge_system_family      (const char *os);

/* What a machine of a family usually needs, for one whose system is not known: a{sv} of settings, floating. */
GVariant   *lodge_system_family_settings (const char *family);

/* Returns: (transfer none): "Linux", "Windows", ...: translated */
const char *lodge_system_family_name (const char *family);

G_END_DECLS
