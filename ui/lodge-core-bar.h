/* SPDX-License-Identifier: GPL-3.0-or-later */

#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

#define LODGE_TYPE_CORE_BAR (lodge_core_bar_get_type ())
G_DECLARE_FINAL_TYPE (LodgeCoreBar, lodge_core_bar, LODGE, CORE_BAR, AdwBin)

/**
 * LodgeCoreBar:
 *
 * Says above what is shown of machines that the core is gone, or of another version, and offers what helps.
 * Nothing while all is well; what is hidden otherwise is the bar inside, so "visible" is free for the parent.
 */
void lodge_core_bar_set_status (LodgeCoreBar *self, LodgeLibraryStatus status);

G_END_DECLS
