/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-row.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-machine-text.h"
#include "ui/lodge-screen.h"
#include "ui/lodge-snapshot-lines.h"
#include "ui/lodge-snapshot-text.h"

/* Of the picture. */
#define WIDTH LODGE_SNAPSHOT_ROW_PICTURE
#define HEIGHT 100
#define NARROW_WIDTH 96
#define NARROW_HEIGHT 60

struct _LodgeSnapshotRow
{
  GtkWidget parent_instance;

  LodgeSnapshotList *list; /* (owned) (nullable) */
  LodgeSnapshotItem *item; /* (owned) (nullable) */
  guint n_lanes;
  gboolean narrow;

  LodgeSnapshotLines *lines;
  LodgeScreen *screen;
  GtkLabel *name;
  GtkLabel *automatic;
  GtkLabel *note;
  GtkLabel *facts;
};

G_DEFINE_FINAL_TYPE (LodgeSnapshotRow, lodge_snapshot_row, GTK_TYPE_WIDGET)

static void
update_picture (LodgeSnapshotRow *self)
{
  LodgeMachineItem *machine = lodge_snapshot_list_get_machine (self->list);
  gboolean present = lodge_snapshot_item_is_present (self->item);

  lodge_screen_set_picture (self->screen, present ? lodge_machine_item_get_picture (machine)
                                                  : lodge_snapshot_item_get_picture (self->item));
  lodge_screen_set_icon (self->screen,
                         present ? lodge_machine_text_state_icon (machine) : "media-playback-stop-symbolic", 24);
}

static void
update (LodgeSnapshotRow *self)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  gboolean present = lodge_snapshot_item_is_present (self->item);
  const char *note = lodge_snapshot_item_get_note (self->item);
  g_autofree char *title = lodge_snapshot_text_title (self->item, now);
  g_autofree char *facts = lodge_snapshot_text_facts (self->item, self->list, now);
  gboolean automatic = lodge_snapshot_item_is_automatic (self->item);
  g_autofree char *spoken = lodge_snapshot_text_spoken (self->item, self->list, now);
  GtkWidget *parent = gtk_widget_get_parent (GTK_WIDGET (self));

  lodge_snapshot_lines_set_place (self->lines, lodge_snapshot_item_get_place (self->item), self->n_lanes);
  lodge_snapshot_lines_set_present (self->lines, present);
  gtk_label_set_label (self->name, title);
  if (automatic && self->narrow)
    {
      /* Translators: one more fact about a snapshot, before the others */
      g_autofree char *all = g_strdup_printf (_("Automatic · %s"), facts);

      gtk_label_set_label (self->facts, all);
    }
  else
    gtk_label_set_label (self->facts, facts);
  gtk_label_set_label (self->note, note);
  gtk_widget_set_visible (GTK_WIDGET (self->note), *note != '\0');
  gtk_widget_set_visible (GTK_WIDGET (self->automatic), automatic && !self->narrow);
  if (present)
    gtk_widget_add_css_class (GTK_WIDGET (self), "present");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self), "present");
  if (parent != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (parent), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
  update_picture (self);
}

static void
drop_item (LodgeSnapshotRow *self)
{
  if (self->item != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->item, self);
      g_signal_handlers_disconnect_by_data (lodge_snapshot_list_get_machine (self->list), self);
    }
  g_clear_object (&self->item);
  g_clear_object (&self->list);
}

static void
lodge_snapshot_row_dispose (GObject *object)
{
  GtkWidget *child;

  drop_item (LODGE_SNAPSHOT_ROW (object));
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (object))) != NULL)
    gtk_widget_unparent (child);

  G_OBJECT_CLASS (lodge_snapshot_row_parent_class)->dispose (object);
}

static void
lodge_snapshot_row_class_init (LodgeSnapshotRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_snapshot_row_dispose;

  gtk_widget_class_set_css_name (widget_class, "snapshot-row");
  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-snapshot-row.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotRow, lines);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotRow, screen);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotRow, name);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotRow, automatic);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotRow, note);
  gtk_widget_class_bind_template_child (widget_class, LodgeSnapshotRow, facts);
}

static void
lodge_snapshot_row_init (LodgeSnapshotRow *self)
{
  self->n_lanes = 1;
  g_type_ensure (LODGE_TYPE_SCREEN);
  g_type_ensure (LODGE_TYPE_SNAPSHOT_LINES);
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
lodge_snapshot_row_new (void)
{
  return g_object_new (LODGE_TYPE_SNAPSHOT_ROW, NULL);
}

void
lodge_snapshot_row_set_item (LodgeSnapshotRow *self, LodgeSnapshotList *list, LodgeSnapshotItem *item)
{
  drop_item (self);
  if (item == NULL)
    return;

  self->list = g_object_ref (list);
  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  if (lodge_snapshot_item_is_present (item))
    g_signal_connect_swapped (lodge_snapshot_list_get_machine (list), "notify::picture", G_CALLBACK (update_picture),
                              self);
  update (self);
}

LodgeSnapshotItem *
lodge_snapshot_row_get_item (LodgeSnapshotRow *self)
{
  return self->item;
}

void
lodge_snapshot_row_set_lanes (LodgeSnapshotRow *self, guint n_lanes)
{
  self->n_lanes = n_lanes;
  if (self->item != NULL)
    lodge_snapshot_lines_set_place (self->lines, lodge_snapshot_item_get_place (self->item), n_lanes);
}

void
lodge_snapshot_row_set_narrow (LodgeSnapshotRow *self, gboolean narrow)
{
  if (narrow == self->narrow)
    return;
  self->narrow = narrow;
  gtk_widget_set_size_request (GTK_WIDGET (self->screen), narrow ? NARROW_WIDTH : WIDTH,
                               narrow ? NARROW_HEIGHT : HEIGHT);
  if (self->item != NULL)
    update (self);
}
