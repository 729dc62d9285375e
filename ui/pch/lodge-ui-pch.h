/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parsed once for all of ui/: GTK's headers are most of what there is to compile. No file may need it: it includes
 * nothing of ours, and each source still includes what it uses. */
#include <adwaita.h>
