/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-pane.h"

struct _LodgePane
{
  GtkWidget parent_instance;

  GtkWidget *child;  /* (nullable) */
  int natural_width; /* 0: what the child asks for, and so the other */
  int minimum_width;
};

enum
{
  PROP_NATURAL_WIDTH = 1,
  PROP_MINIMUM_WIDTH,
  N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

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

/* What the child needs, however narrow the pane is. */
static int
get_child_width (LodgePane *self, int width)
{
  int minimum = 0;

  if (width >= 0)
    gtk_widget_measure (self->child, GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL, NULL);
  return MAX (width, minimum);
}

static void
lodge_pane_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                    int *minimum_baseline, int *natural_baseline)
{
  LodgePane *self = LODGE_PANE (widget);

  if (self->child != NULL && orientation == GTK_ORIENTATION_VERTICAL)
    gtk_widget_measure (self->child, orientation, get_child_width (self, for_size), minimum, natural, NULL, NULL);
  else if (self->child != NULL)
    gtk_widget_measure (self->child, orientation, for_size, minimum, natural, NULL, NULL);
  if (orientation == GTK_ORIENTATION_VERTICAL)
    return;
  if (self->minimum_width > 0)
    *minimum = MIN (*minimum, self->minimum_width);
  if (self->natural_width > 0)
    *natural = MAX (*minimum, self->natural_width);
}

static void
lodge_pane_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  LodgePane *self = LODGE_PANE (widget);

  if (self->child != NULL)
    gtk_widget_allocate (self->child, get_child_width (self, width), height, baseline, NULL);
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
  LodgePane *self = LODGE_PANE (object);

  g_value_set_int (value, id == PROP_NATURAL_WIDTH ? self->natural_width : self->minimum_width);
}

static void
lodge_pane_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  LodgePane *self = LODGE_PANE (object);

  *(id == PROP_NATURAL_WIDTH ? &self->natural_width : &self->minimum_width) = g_value_get_int (value);
  gtk_widget_set_overflow (GTK_WIDGET (self), self->minimum_width > 0 ? GTK_OVERFLOW_HIDDEN : GTK_OVERFLOW_VISIBLE);
  gtk_widget_queue_resize (GTK_WIDGET (object));
}

static void
lodge_pane_class_init (LodgePaneClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->dispose = lodge_pane_dispose;
  object_class->get_property = lodge_pane_get_property;
  object_class->set_property = lodge_pane_set_property;
  widget_class->get_request_mode = lodge_pane_get_request_mode;
  widget_class->measure = lodge_pane_measure;
  widget_class->size_allocate = lodge_pane_size_allocate;
  widget_class->compute_expand = lodge_pane_compute_expand;

  properties[PROP_NATURAL_WIDTH] = g_param_spec_int ("natural-width", NULL, NULL, 0, G_MAXINT, 0, flags);
  properties[PROP_MINIMUM_WIDTH] = g_param_spec_int ("minimum-width", NULL, NULL, 0, G_MAXINT, 0, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
lodge_pane_init (LodgePane *self)
{
}
