/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-lines.h"

#define LANE_WIDTH 18
#define MARGIN 6
#define LINE_WIDTH 2.0
#define DOT_RADIUS 5.0
#define PRESENT_RADIUS 7.0

struct _LodgeSnapshotLines
{
  GtkWidget parent_instance;

  LodgeSnapshotPlace place;
  guint n_lanes;
  gboolean present;
};

G_DEFINE_FINAL_TYPE (LodgeSnapshotLines, lodge_snapshot_lines, GTK_TYPE_WIDGET)

static void
lodge_snapshot_lines_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                              int *minimum_baseline, int *natural_baseline)
{
  LodgeSnapshotLines *self = LODGE_SNAPSHOT_LINES (widget);
  int size = 0;

  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    size = 2 * MARGIN + (int) CLAMP (self->n_lanes, 1, LODGE_SNAPSHOT_LANES) * LANE_WIDTH;
  *minimum = *natural = size;
  *minimum_baseline = *natural_baseline = -1;
}

static double
lane_x (guint lane)
{
  return MARGIN + LANE_WIDTH * (lane + 0.5);
}

static void
draw_lines (LodgeSnapshotLines *self, cairo_t *cr, double middle, double height)
{
  const LodgeSnapshotPlace *place = &self->place;
  double x = lane_x (place->lane);

  for (guint lane = 0; lane < LODGE_SNAPSHOT_LANES; lane++)
    {
      double from = lane_x (lane);

      if (place->passing & 1u << lane)
        {
          cairo_move_to (cr, from, 0);
          cairo_line_to (cr, from, height);
        }
      if (place->joining & 1u << lane)
        {
          cairo_move_to (cr, from, 0);
          cairo_curve_to (cr, from, middle * 0.75, from, middle, x, middle);
        }
    }
  if (place->above)
    {
      cairo_move_to (cr, x, 0);
      cairo_line_to (cr, x, middle);
    }
  if (place->below)
    {
      cairo_move_to (cr, x, middle);
      cairo_line_to (cr, x, height);
    }
  cairo_stroke (cr);
}

static void
lodge_snapshot_lines_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  LodgeSnapshotLines *self = LODGE_SNAPSHOT_LINES (widget);
  int width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  GtkStyleContext *style = gtk_widget_get_style_context (widget);
  GdkRGBA colour, accent;
  cairo_t *cr;

  if (width < 1 || height < 1)
    return;
  gtk_style_context_get_color (style, &colour);
  if (!gtk_style_context_lookup_color (style, "accent_color", &accent))
    accent = colour;

  cr = gtk_snapshot_append_cairo (snapshot, &GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height));
  if (gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL)
    {
      cairo_translate (cr, width, 0);
      cairo_scale (cr, -1, 1);
    }
  cairo_set_line_width (cr, LINE_WIDTH);
  cairo_set_source_rgba (cr, colour.red, colour.green, colour.blue, colour.alpha * 0.35);
  draw_lines (self, cr, height / 2.0, height);

  if (self->present)
    gdk_cairo_set_source_rgba (cr, &accent);
  else
    cairo_set_source_rgba (cr, colour.red, colour.green, colour.blue, colour.alpha);
  cairo_arc (cr, lane_x (self->place.lane), height / 2.0, self->present ? PRESENT_RADIUS : DOT_RADIUS, 0, 2 * G_PI);
  cairo_fill (cr);
  cairo_destroy (cr);
}

static void
lodge_snapshot_lines_class_init (LodgeSnapshotLinesClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  widget_class->measure = lodge_snapshot_lines_measure;
  widget_class->snapshot = lodge_snapshot_lines_snapshot;
  gtk_widget_class_set_css_name (widget_class, "snapshot-lines");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_PRESENTATION);
}

static void
lodge_snapshot_lines_init (LodgeSnapshotLines *self)
{
  self->n_lanes = 1;
}

void
lodge_snapshot_lines_set_place (LodgeSnapshotLines *self, const LodgeSnapshotPlace *place, guint n_lanes)
{
  if (n_lanes != self->n_lanes)
    gtk_widget_queue_resize (GTK_WIDGET (self));
  self->place = *place;
  self->n_lanes = n_lanes;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
lodge_snapshot_lines_set_present (LodgeSnapshotLines *self, gboolean present)
{
  self->present = present;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
