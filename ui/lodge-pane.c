/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-pane.h"

struct _LodgePane
{
  GtkWidget parent_instance;

  GtkWidget *child; /* (nullable) */
  int natural_width;
};

enum
{
  PROP_NATURAL_WIDTH = 1,
  N_PROPERTIES
};

static void buildable_iface_init (GtkBuildableIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (LodgePane, lodge_pane, GTK_TYPE_WIDGET,
                               G_IMPLEMENT_INTERFACE (GTK_TYPE_BUILDABLE, buildable_iface_init))

static GtkBuildableIface *parent_buildable;

static void
set_child (LodgePane *self, GtkWidget *child)
{
  g_clear_pointer (&self->child, gtk_widget_unparent);
  self->child = child;
  if (child != NULL)
    gtk_widget_set_parent (child, GTK_WIDGET (self));
}

static void
add_child (GtkBuildable *buildable, GtkBuilder *builder, GObject *child, const char *type)
{
  if (GTK_IS_WIDGET (child))
    set_child (LODGE_PANE (buildable), GTK_WIDGET (child));
  else
    parent_buildable->add_child (buildable, builder, child, type);
}

static void
buildable_iface_init (GtkBuildableIface *iface)
{
  parent_buildable = g_type_interface_peek_parent (iface);
  iface->add_child = add_child;
}

static GtkSizeRequestMode
lodge_pane_get_request_mode (GtkWidget *widget)
{
  LodgePane *self = LODGE_PANE (widget);

  return self->child != NULL ? gtk_widget_get_request_mode (self->child) : GTK_SIZE_REQUEST_CONSTANT_SIZE;
}

static void
lodge_pane_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                    int *minimum_baseline, int *natural_baseline)
{
  LodgePane *self = LODGE_PANE (widget);

  if (self->child != NULL)
    gtk_widget_measure (self->child, orientation, for_size, minimum, natural, NULL, NULL);
  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    *natural = MAX (*minimum, self->natural_width);
}

static void
lodge_pane_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  LodgePane *self = LODGE_PANE (widget);

  if (self->child != NULL)
    gtk_widget_allocate (self->child, width, height, baseline, NULL);
}

static void
lodge_pane_compute_expand (GtkWidget *widget, gboolean *horizontal, gboolean *vertical)
{
  LodgePane *self = LODGE_PANE (widget);

  *horizontal = self->child != NULL && gtk_widget_compute_expand (self->child, GTK_ORIENTATION_HORIZONTAL);
  *vertical = self->child != NULL && gtk_widget_compute_expand (self->child, GTK_ORIENTATION_VERTICAL);
}

static void
lodge_pane_dispose (GObject *object)
{
  set_child (LODGE_PANE (object), NULL);

  G_OBJECT_CLASS (lodge_pane_parent_class)->dispose (object);
}

static void
lodge_pane_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_set_int (value, LODGE_PANE (object)->natural_width);
}

static void
lodge_pane_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  LODGE_PANE (object)->natural_width = g_value_get_int (value);
  gtk_widget_queue_resize (GTK_WIDGET (object));
}

static void
lodge_pane_class_init (LodgePaneClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = lodge_pane_dispose;
  object_class->get_property = lodge_pane_get_property;
  object_class->set_property = lodge_pane_set_property;
  widget_class->get_request_mode = lodge_pane_get_request_mode;
  widget_class->measure = lodge_pane_measure;
  widget_class->size_allocate = lodge_pane_size_allocate;
  widget_class->compute_expand = lodge_pane_compute_expand;

  g_object_class_install_property (object_class, PROP_NATURAL_WIDTH,
                                   g_param_spec_int ("natural-width", NULL, NULL, 0, G_MAXINT, 0,
                                                     G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS));
}

static void
lodge_pane_init (LodgePane *self)
{
}
