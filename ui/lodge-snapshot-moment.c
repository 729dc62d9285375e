/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-moment.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-screen.h"
#include "ui/lodge-snapshot-text.h"

/* Of the picture. */
#define WIDTH 112
#define HEIGHT 70

struct _LodgeSnapshotMoment
{
  AdwBin parent_instance;

  LodgeSnapshotItem *item; /* (owned) (nullable) */
  LodgeScreen *screen;
  GtkLabel *time;
};

G_DEFINE_FINAL_TYPE (LodgeSnapshotMoment, lodge_snapshot_moment, ADW_TYPE_BIN)

static void
update (LodgeSnapshotMoment *self)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *when = lodge_snapshot_text_when (lodge_snapshot_item_get_created (self->item), now);
  /* Translators: %s is "Today, 14:05" */
  g_autofree char *spoken = g_strdup_printf (_("Open a disposable copy of %s"), when);
  GtkWidget *parent = gtk_widget_get_parent (GTK_WIDGET (self));

  gtk_label_set_label (self->time, when);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self), spoken);
  lodge_screen_set_picture (self->screen, lodge_snapshot_item_get_picture (self->item));
  if (parent != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (parent), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
}

static void
drop_item (LodgeSnapshotMoment *self)
{
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  g_clear_object (&self->item);
}

static void
lodge_snapshot_moment_dispose (GObject *object)
{
  drop_item (LODGE_SNAPSHOT_MOMENT (object));

  G_OBJECT_CLASS (lodge_snapshot_moment_parent_class)->dispose (object);
}

static void
lodge_snapshot_moment_class_init (LodgeSnapshotMomentClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = lodge_snapshot_moment_dispose;

  gtk_widget_class_set_css_name (GTK_WIDGET_CLASS (klass), "snapshot-moment");
}

/* The line goes on from one moment to the next, because there is no room between them. */
static GtkWidget *
make_line (void)
{
  GtkWidget *overlay = gtk_overlay_new ();
  GtkWidget *line = gtk_separator_new (GTK_ORIENTATION_HORIZONTAL);
  GtkWidget *dot = adw_bin_new ();

  gtk_widget_set_valign (line, GTK_ALIGN_CENTER);
  gtk_widget_set_halign (dot, GTK_ALIGN_CENTER);
  gtk_widget_set_valign (dot, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (dot, "dot");
  gtk_overlay_set_child (GTK_OVERLAY (overlay), line);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), dot);
  gtk_overlay_set_measure_overlay (GTK_OVERLAY (overlay), dot, TRUE);
  return overlay;
}

static void
lodge_snapshot_moment_init (LodgeSnapshotMoment *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *time = gtk_label_new (NULL);
  GtkWidget *clamp;

  self->screen = g_object_new (LODGE_TYPE_SCREEN, "width-request", WIDTH, "height-request", HEIGHT, "halign",
                               GTK_ALIGN_CENTER, "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION, NULL);
  /* A list asks how high its rows are when there is no end to their width, and a screen would be as high as that is wide. */
  clamp = g_object_new (ADW_TYPE_CLAMP, "maximum-size", WIDTH, "tightening-threshold", WIDTH, "child", self->screen, NULL);
  lodge_screen_set_icon (self->screen, "document-open-recent-symbolic", 16);
  self->time = GTK_LABEL (time);
  gtk_label_set_wrap (self->time, TRUE);
  gtk_label_set_justify (self->time, GTK_JUSTIFY_CENTER);
  gtk_label_set_width_chars (self->time, 14);
  gtk_label_set_max_width_chars (self->time, 14);
  gtk_widget_set_valign (time, GTK_ALIGN_START);
  gtk_widget_set_margin_start (time, 6);
  gtk_widget_set_margin_end (time, 6);
  gtk_widget_add_css_class (time, "caption");
  gtk_box_append (GTK_BOX (box), clamp);
  gtk_box_append (GTK_BOX (box), make_line ());
  gtk_box_append (GTK_BOX (box), time);
  adw_bin_set_child (ADW_BIN (self), box);
}

GtkWidget *
lodge_snapshot_moment_new (void)
{
  return g_object_new (LODGE_TYPE_SNAPSHOT_MOMENT, NULL);
}

void
lodge_snapshot_moment_set_item (LodgeSnapshotMoment *self, LodgeSnapshotItem *item)
{
  drop_item (self);
  if (item == NULL)
    return;
  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
}
