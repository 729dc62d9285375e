/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <adwaita.h>

G_BEGIN_DECLS

typedef enum
{
  LODGE_AMOUNT_COUNT,  /* whole numbers */
  LODGE_AMOUNT_MEMORY, /* MiB inside, shown as MB and GB; the scale is linear */
  LODGE_AMOUNT_DISK,   /* GiB inside, shown as GB and TB */
} LodgeAmountKind;

/**
 * LodgeAmountRow:
 *
 * A row with an amount as a number and a scale, with marks for what is recommended and what the
 * host has, and a line for what the amount means.
 *
 * Signal "committed": the person settled on a value: a moment after the last change of many, so
 * that dragging does not flood whoever applies it.
 */
#define LODGE_TYPE_AMOUNT_ROW (lodge_amount_row_get_type ())
G_DECLARE_FINAL_TYPE (LodgeAmountRow, lodge_amount_row, LODGE, AMOUNT_ROW, AdwPreferencesRow)

/* Sets the range; @recommended and @free are marked on the scale where they are in it, 0 for none. */
void   lodge_amount_row_setup     (LodgeAmountRow *self, LodgeAmountKind kind, double lower, double upper,
                                   double recommended, double free);
/* Sets the value without "committed". */
void   lodge_amount_row_set_value (LodgeAmountRow *self, double value);
double lodge_amount_row_get_value (LodgeAmountRow *self);

/* "committed" at once, where it is still to come. */
void   lodge_amount_row_commit    (LodgeAmountRow *self);

/* Whether the person changed the value. */
gboolean lodge_amount_row_is_touched (LodgeAmountRow *self);

/* What the value means on this computer, as the hint; @amounts: a{sv} as Core1.Amounts says */
void   lodge_amount_row_tell_memory (LodgeAmountRow *self, GVariant *amounts);
void   lodge_amount_row_tell_cores  (LodgeAmountRow *self, GVariant *amounts);

/* @hint: (nullable): a line under the scale */
void   lodge_amount_row_set_hint  (LodgeAmountRow *self, const char *hint, gboolean warning);

/* (transfer none): a label of the row, invisible, for what is to be said about when a change takes effect */
GtkLabel *lodge_amount_row_get_mark (LodgeAmountRow *self);

G_END_DECLS
