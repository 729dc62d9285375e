/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

#include "ui/lodge-image-file.h"
#include "ui/lodge-library.h"

G_BEGIN_DECLS

/**
 * LodgeNewReview: page two of the assistant: the machine as it will be made. What the person
 * changed stays when they go back for another image; the rest follows the system that is recognised.
 *
 * Signals: "submit": Return in the name; "changed": whether it can be made may have changed.
 */
#define LODGE_TYPE_NEW_REVIEW (lodge_new_review_get_type ())
G_DECLARE_FINAL_TYPE (LodgeNewReview, lodge_new_review, LODGE, NEW_REVIEW, AdwBin)

void        lodge_new_review_setup      (LodgeNewReview *self, LodgeLibrary *library);

/* What is known of this computer may have changed. */
void        lodge_new_review_update     (LodgeNewReview *self);

/* @image: (nullable) (transfer none): without medium */
void        lodge_new_review_set_image  (LodgeNewReview *self, const LodgeImageFile *image);

/* @identified: (nullable): as Core1.Identify says; %NULL when it is being asked for, or could not be recognised */
void        lodge_new_review_set_system (LodgeNewReview *self, GVariant *identified, gboolean asking);

/* The name without spaces around it. (transfer full) */
char       *lodge_new_review_get_name   (LodgeNewReview *self);

/* What CreateMachine takes: a{sv}, floating */
GVariant   *lodge_new_review_collect    (LodgeNewReview *self);

gboolean    lodge_new_review_is_complete (LodgeNewReview *self);

/* Whether the person typed or changed something that would be lost. */
gboolean    lodge_new_review_is_touched (LodgeNewReview *self);

/* The name has the focus and is selected. */
void        lodge_new_review_begin      (LodgeNewReview *self);

/* Tells why the machine could not be made, and puts the focus where that can be changed. */
void        lodge_new_review_show_error (LodgeNewReview *self, const GError *error, const char *sentence);

G_END_DECLS
