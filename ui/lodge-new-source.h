/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeNewSource: page one of the assistant: what the machine is made from.
 *
 * Signals: "chosen" (GFile): an image; "without-medium"; "demo".
 */
#define LODGE_TYPE_NEW_SOURCE (lodge_new_source_get_type ())
G_DECLARE_FINAL_TYPE (LodgeNewSource, lodge_new_source, LODGE, NEW_SOURCE, AdwBin)

/* Begins to look for images in the downloads and among @recent, paths of those used lately (nullable). */
void lodge_new_source_setup      (LodgeNewSource *self, LodgeLibrary *library, const char *const *recent);

/* What the core can do may have changed. */
void lodge_new_source_update     (LodgeNewSource *self);

/* @sentence: (nullable): why the chosen file cannot be used, shown in its place */
void lodge_new_source_show_error (LodgeNewSource *self, const char *sentence);

G_END_DECLS
