/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-screen.h"

#define RATIO_WIDTH 16
#define RATIO_HEIGHT 10

struct _LodgeScreen
{
  GtkWidget parent_instance;

  GdkPaintable *picture; /* (owned) (nullable) */
  GtkWidget *icon;
  gboolean dimmed;
};

G_DEFINE_FINAL_TYPE (LodgeScreen, lodge_screen, GTK_TYPE_WIDGET)

static GtkSizeRequestMode
lodge_screen_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
lodge_screen_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                      int *minimum_baseline, int *natural_baseline)
{
  int size = 0;

  if (orientation == GTK_ORIENTATION_VERTICAL && for_size > 0)
    size = for_size * RATIO_HEIGHT / RATIO_WIDTH;
  *minimum = *natural = size;
  *minimum_baseline = *natural_baseline = -1;
}

static void
lodge_screen_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  LodgeScreen *self = LODGE_SCREEN (widget);

  gtk_widget_size_allocate (self->icon, &(GtkAllocation) { 0, 0, width, height }, -1);
}

static void
lodge_screen_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  LodgeScreen *self = LODGE_SCREEN (widget);
  double width = gtk_widget_get_width (widget);
  double height = gtk_widget_get_height (widget);
  double ratio, w = width, h = height;

  if (self->picture == NULL)
    {
      gtk_widget_snapshot_child (widget, self->icon, snapshot);
      return;
    }

  ratio = gdk_paintable_get_intrinsic_aspect_ratio (self->picture);
  if (ratio > 0)
    {
      if (width / height > ratio)
        w = height * ratio;
      else
        h = width / ratio;
    }

  if (self->dimmed)
    gtk_snapshot_push_opacity (snapshot, 0.5);
  gtk_snapshot_save (snapshot);
  gtk_snapshot_translate (snapshot, &GRAPHENE_POINT_INIT ((float) ((width - w) / 2), (float) ((height - h) / 2)));
  gdk_paintable_snapshot (self->picture, GDK_SNAPSHOT (snapshot), w, h);
  gtk_snapshot_restore (snapshot);
  if (self->dimmed)
    gtk_snapshot_pop (snapshot);
}

static void
drop_picture (LodgeScreen *self)
{
  if (self->picture != NULL)
    g_signal_handlers_disconnect_by_data (self->picture, self);
  g_clear_object (&self->picture);
}

static void
lodge_screen_dispose (GObject *object)
{
  LodgeScreen *self = LODGE_SCREEN (object);

  drop_picture (self);
  g_clear_pointer (&self->icon, gtk_widget_unparent);

  G_OBJECT_CLASS (lodge_screen_parent_class)->dispose (object);
}

static void
lodge_screen_class_init (LodgeScreenClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_screen_dispose;
  widget_class->get_request_mode = lodge_screen_get_request_mode;
  widget_class->measure = lodge_screen_measure;
  widget_class->size_allocate = lodge_screen_size_allocate;
  widget_class->snapshot = lodge_screen_snapshot;

  gtk_widget_class_set_css_name (widget_class, "screen");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
lodge_screen_init (LodgeScreen *self)
{
  self->icon = gtk_image_new ();
  gtk_image_set_pixel_size (GTK_IMAGE (self->icon), 16);
  gtk_accessible_update_state (GTK_ACCESSIBLE (self->icon), GTK_ACCESSIBLE_STATE_HIDDEN, TRUE, -1);
  gtk_widget_set_parent (self->icon, GTK_WIDGET (self));
}

void
lodge_screen_set_picture (LodgeScreen *self, GdkPaintable *picture)
{
  if (self->picture == picture)
    return;

  drop_picture (self);
  if (picture != NULL)
    {
      self->picture = g_object_ref (picture);
      g_signal_connect_swapped (picture, "invalidate-contents", G_CALLBACK (gtk_widget_queue_draw), self);
      g_signal_connect_swapped (picture, "invalidate-size", G_CALLBACK (gtk_widget_queue_draw), self);
    }
  /* Round corners cost a frame much, and an icon has nothing that they would cut off. */
  gtk_widget_set_overflow (GTK_WIDGET (self), picture != NULL ? GTK_OVERFLOW_HIDDEN : GTK_OVERFLOW_VISIBLE);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
lodge_screen_set_icon (LodgeScreen *self, const char *icon_name, int pixel_size)
{
  gtk_image_set_from_icon_name (GTK_IMAGE (self->icon), icon_name);
  gtk_image_set_pixel_size (GTK_IMAGE (self->icon), pixel_size);
}

void
lodge_screen_set_dimmed (LodgeScreen *self, gboolean dimmed)
{
  if (self->dimmed == dimmed)
    return;

  self->dimmed = dimmed;
  gtk_widget_queue_draw (GTK_WIDGET (self));
}
