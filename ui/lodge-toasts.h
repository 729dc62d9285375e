/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

/**
 * lodge_toasts_show:
 * @toast: (transfer full): a note, or what offers to take something back
 * @offer: which of the two
 *
 * Shows @toast in @overlay as soon as what stands there is gone. There is one note and one offer at most: an older one of the
 * same kind goes, and with an offer the note as well.
 */
void lodge_toasts_show (AdwToastOverlay *overlay, AdwToast *toast, gboolean offer);

G_END_DECLS
