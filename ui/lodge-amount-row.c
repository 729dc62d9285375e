/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-amount-row.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "core/ipc/lodge-amounts-text.h"
#include "ui/lodge-amounts.h"
#include "ui/lodge-machine-text.h"

#define COMMIT_MS 400u
#define MIB (1024.0 * 1024.0)
#define GIB (1024.0 * MIB)

struct _LodgeAmountRow
{
  AdwPreferencesRow parent_instance;

  LodgeAmountKind kind;
  GtkAdjustment *adjustment;
  GtkSpinButton *spin;
  GtkScale *scale;
  GtkLabel *hint;
  GtkLabel *when;
  guint commit_source;
  gboolean setting;
  gboolean touched;
  double recommended; /* 0: none */
};

static guint committed_signal;
static guint changed_signal;

G_DEFINE_FINAL_TYPE (LodgeAmountRow, lodge_amount_row, ADW_TYPE_PREFERENCES_ROW)

static char *
format (LodgeAmountRow *self, double value)
{
  switch (self->kind)
    {
    case LODGE_AMOUNT_MEMORY:
      return lodge_text_size ((guint64) (value * MIB));
    case LODGE_AMOUNT_DISK:
      return lodge_text_size ((guint64) (value * GIB));
    case LODGE_AMOUNT_COUNT:
    default:
      return g_strdup_printf ("%.0f", value);
    }
}

static gboolean
output_cb (LodgeAmountRow *self)
{
  g_autofree char *text = format (self, gtk_adjustment_get_value (self->adjustment));

  if (g_strcmp0 (text, gtk_editable_get_text (GTK_EDITABLE (self->spin))) != 0)
    gtk_editable_set_text (GTK_EDITABLE (self->spin), text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->scale), GTK_ACCESSIBLE_PROPERTY_VALUE_TEXT, text, -1);
  return TRUE;
}

/* A number without a unit is gigabytes where it is small enough to be meant so. */
static int
input_cb (LodgeAmountRow *self, double *value)
{
  const char *text = gtk_editable_get_text (GTK_EDITABLE (self->spin));
  char *rest;
  double number = g_strtod (text, &rest);
  char unit;

  if (rest == text || !isfinite (number))
    return GTK_INPUT_ERROR;

  while (g_ascii_isspace (*rest))
    rest++;
  unit = g_ascii_toupper (*rest);
  if (self->kind == LODGE_AMOUNT_MEMORY)
    {
      if (unit == 'G' || (unit == '\0' && number < 128))
        number *= 1024;
      else if (unit == 'T')
        number *= 1024 * 1024;
    }
  else if (self->kind == LODGE_AMOUNT_DISK && unit == 'T')
    number *= 1024;

  *value = number;
  return TRUE;
}

static gboolean
commit_cb (gpointer user_data)
{
  LodgeAmountRow *self = user_data;

  self->commit_source = 0;
  g_signal_emit (self, committed_signal, 0);
  return G_SOURCE_REMOVE;
}

static void
value_changed_cb (LodgeAmountRow *self)
{
  g_signal_emit (self, changed_signal, 0);
  if (self->setting)
    return;

  self->touched = TRUE;
  g_clear_handle_id (&self->commit_source, g_source_remove);
  self->commit_source = g_timeout_add (COMMIT_MS, commit_cb, self);
}

static void
lodge_amount_row_dispose (GObject *object)
{
  LodgeAmountRow *self = LODGE_AMOUNT_ROW (object);

  /* A window closed right after the last click must not lose it. */
  lodge_amount_row_commit (self);

  G_OBJECT_CLASS (lodge_amount_row_parent_class)->dispose (object);
}

static void
lodge_amount_row_class_init (LodgeAmountRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_amount_row_dispose;

  committed_signal = g_signal_new ("committed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
  changed_signal = g_signal_new ("value-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-amount-row.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeAmountRow, adjustment);
  gtk_widget_class_bind_template_child (widget_class, LodgeAmountRow, spin);
  gtk_widget_class_bind_template_child (widget_class, LodgeAmountRow, scale);
  gtk_widget_class_bind_template_child (widget_class, LodgeAmountRow, hint);
  gtk_widget_class_bind_template_child (widget_class, LodgeAmountRow, when);
  gtk_widget_class_bind_template_callback (widget_class, output_cb);
  gtk_widget_class_bind_template_callback (widget_class, input_cb);
  gtk_widget_class_bind_template_callback (widget_class, value_changed_cb);
}

static void
lodge_amount_row_init (LodgeAmountRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

/* What is near another mark has no room for its number; the hint below says it all the same. */
static void
add_mark (LodgeAmountRow *self, double value, double lower, double upper, double other)
{
  gboolean room = other <= lower || fabs (value - other) > (upper - lower) / 4;
  g_autofree char *text = room ? format (self, value) : NULL;

  if (value > lower && value <= upper)
    gtk_scale_add_mark (self->scale, value, GTK_POS_BOTTOM, text);
}

void
lodge_amount_row_setup (LodgeAmountRow *self, LodgeAmountKind kind, double lower, double upper, double recommended,
                        double free)
{
  static const double steps[] = { 1, 256, 1 };
  static const double pages[] = { 2, 1024, 10 };
  const char *title = adw_preferences_row_get_title (ADW_PREFERENCES_ROW (self));

  self->kind = kind;
  self->recommended = recommended;
  self->setting = TRUE;
  gtk_adjustment_configure (self->adjustment, gtk_adjustment_get_value (self->adjustment), lower, upper, steps[kind],
                            pages[kind], 0);
  self->setting = FALSE;
  gtk_scale_clear_marks (self->scale);
  add_mark (self, recommended, lower, upper, 0);
  if (free > 0 && fabs (free - recommended) > (upper - lower) / 20)
    add_mark (self, free, lower, upper, recommended);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->scale), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->spin), GTK_ACCESSIBLE_PROPERTY_LABEL, title, -1);
  output_cb (self);
}

void
lodge_amount_row_commit (LodgeAmountRow *self)
{
  if (self->commit_source == 0)
    return;
  g_clear_handle_id (&self->commit_source, g_source_remove);
  g_signal_emit (self, committed_signal, 0);
}

void
lodge_amount_row_set_value (LodgeAmountRow *self, double value)
{
  /* Not under the person's fingers: what they do counts, not what arrives meanwhile. */
  if (self->commit_source != 0)
    return;

  self->setting = TRUE;
  gtk_adjustment_set_value (self->adjustment, value);
  self->setting = FALSE;
}

double
lodge_amount_row_get_value (LodgeAmountRow *self)
{
  return gtk_adjustment_get_value (self->adjustment);
}

void
lodge_amount_row_set_hint (LodgeAmountRow *self, const char *hint, gboolean warning)
{
  gtk_widget_set_visible (GTK_WIDGET (self->hint), hint != NULL);
  gtk_label_set_label (self->hint, hint != NULL ? hint : "");
  if (warning)
    {
      gtk_widget_add_css_class (GTK_WIDGET (self->hint), "warning");
      gtk_widget_remove_css_class (GTK_WIDGET (self->hint), "dim-label");
    }
  else
    {
      gtk_widget_remove_css_class (GTK_WIDGET (self->hint), "warning");
      gtk_widget_add_css_class (GTK_WIDGET (self->hint), "dim-label");
    }
}

GtkLabel *
lodge_amount_row_get_mark (LodgeAmountRow *self)
{
  return self->when;
}

gboolean
lodge_amount_row_is_touched (LodgeAmountRow *self)
{
  return self->touched;
}

static void
tell (LodgeAmountRow *self, const char *judgement, const char *marks)
{
  lodge_amount_row_set_hint (self, judgement != NULL ? judgement : marks, judgement != NULL);
}

void
lodge_amount_row_tell_memory (LodgeAmountRow *self, GVariant *amounts)
{
  g_autofree char *judgement = lodge_amounts_judge_memory (amounts, (guint64) (lodge_amount_row_get_value (self) * MIB));
  g_autofree char *marks = lodge_memory_marks_text (amounts, (guint64) (self->recommended * MIB));

  tell (self, judgement, marks);
}

void
lodge_amount_row_tell_cores (LodgeAmountRow *self, GVariant *amounts)
{
  g_autofree char *judgement = lodge_amounts_judge_cores (amounts, (guint) lodge_amount_row_get_value (self));
  g_autofree char *marks = lodge_cores_marks_text (amounts, (guint) self->recommended);

  tell (self, judgement, marks);
}
