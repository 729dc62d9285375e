/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/** LodgeRedactor: takes out of text what tells who and where: names, home folders, the host's name, MAC addresses, serial numbers, the long part of UUIDs. */
typedef struct _LodgeRedactor LodgeRedactor;

/** lodge_redactor_new: all arguments nullable; a name shorter than three characters is left alone, for it would hit words */
LodgeRedactor *lodge_redactor_new   (const char *user, const char *real_name, const char *home, const char *host);
void           lodge_redactor_free  (LodgeRedactor *redactor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodgeRedactor, lodge_redactor_free)

/** lodge_redactor_apply: @text: valid UTF-8. Returns: (transfer full): */
char          *lodge_redactor_apply (LodgeRedactor *redactor, const char *text);

G_END_DECLS
