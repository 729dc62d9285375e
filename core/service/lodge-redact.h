/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * LodgeRedactor: takes out of text what tells who and where: names, what lies in home folders and on what is plugged in, the
 * host's name, MAC and IP addresses, serial numbers, the long part of UUIDs, and whatever it is told of.
 */
typedef struct _LodgeRedactor LodgeRedactor;

/** lodge_redactor_new: all arguments nullable; names are replaced where they stand as whole words, but not those that anybody may have ("root", "Unknown") */
LodgeRedactor *lodge_redactor_new   (const char *user, const char *real_name, const char *home, const char *host);
void           lodge_redactor_free  (LodgeRedactor *redactor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeRedactor, lodge_redactor_free)

/**
 * lodge_redactor_add: @text (a name, a path) becomes @placeholder, in whatever way it is quoted. One of less than three
 * characters, or of digits alone, only where it stands between quotation marks. The first placeholder for a text counts.
 */
void           lodge_redactor_add   (LodgeRedactor *redactor, const char *text, const char *placeholder);

/**
 * lodge_redactor_apply:
 * @text: valid UTF-8
 * @texts: also what was added; FALSE for text that is known to be about no machine
 *
 * Returns: (transfer full) (nullable): NULL when it could not be searched through, so that nothing of it may be shown
 */
char          *lodge_redactor_apply (LodgeRedactor *redactor, const char *text, gboolean texts);

G_END_DECLS
