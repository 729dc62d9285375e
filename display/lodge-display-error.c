/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "display/lodge-display-error.h"

G_DEFINE_QUARK (lodge-display-error-quark, lodge_display_error)
