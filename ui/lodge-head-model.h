/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define LODGE_TYPE_HEAD_MODEL (lodge_head_model_get_type ())

/**
 * LodgeHeadModel:
 *
 * A GtkSelectionModel for a list view: another one, or, for some frames after many items came at once, its first items alone.
 * What is selected is the other one's affair.
 */
G_DECLARE_FINAL_TYPE (LodgeHeadModel, lodge_head_model, LODGE, HEAD_MODEL, GObject)

/**
 * lodge_head_model_new:
 * @row_height: in pixels; no row is lower
 */
LodgeHeadModel *lodge_head_model_new (GtkSelectionModel *model, guint row_height);

/**
 * lodge_head_model_show_in:
 *
 * Makes it the model of the list view, whose frames it grows in from then on. Without a view it grows when it is told to.
 */
void lodge_head_model_show_in (LodgeHeadModel *self, GtkListView *view);

/**
 * lodge_head_model_hold:
 *
 * The list is about to change altogether; what changes until lodge_head_model_release() is told as one change then. Nobody
 * may ask for items between the two.
 */
void lodge_head_model_hold (LodgeHeadModel *self);

/**
 * lodge_head_model_release:
 * @cut: whether the first items will do at first
 */
void lodge_head_model_release (LodgeHeadModel *self, gboolean cut);

/**
 * lodge_head_model_grow:
 * @items: how many more items the list may have; G_MAXUINT for all
 *
 * Returns: whether there are more
 */
gboolean lodge_head_model_grow (LodgeHeadModel *self, guint items);

G_END_DECLS
