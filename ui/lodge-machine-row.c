/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * A list view of GTK 4.8 keeps some two hundred rows, of which twenty can be seen. So a row is a husk that knows its
 * item, speaks its name and takes the room of a row; the widgets of its body are made when it is shown for the first
 * time, and filled each time that it is shown with another item. How high a body is, those without one ask of a
 * row that has one.
 */

#include "config.h"

#include "ui/lodge-machine-row.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-machine-text.h"
#include "ui/lodge-screen.h"
#include "ui/lodge-setting-change.h"
#include "ui/lodge-system.h"

/* Without any row that has a body; it is corrected when one gets it. */
#define BODY_HEIGHT 54

struct _LodgeMachineRow
{
  GtkWidget parent_instance;

  LodgeMachineItem *item;   /* (owned) (nullable) */
  LodgeMachineRow *pattern; /* (weak) (nullable) has a body */
  GtkWidget *entry;         /* (nullable) while the machine is being renamed */
  GtkWidget *heading;       /* (nullable) where a group begins */
  gboolean shown;           /* the body shows the item */

  GtkWidget *body;          /* (nullable), and all of these with it */
  LodgeScreen *screen;
  GtkBox *text;
  GtkLabel *name;
  GtkImage *system;
  GtkImage *state_icon;
  GtkLabel *state;
  GtkSpinner *spinner;
};

G_DEFINE_FINAL_TYPE (LodgeMachineRow, lodge_machine_row, GTK_TYPE_WIDGET)

static GtkWidget *
add_image (GtkWidget *box, int pixel_size)
{
  GtkWidget *image = g_object_new (GTK_TYPE_IMAGE, "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION, "pixel-size",
                                   pixel_size, "valign", GTK_ALIGN_CENTER, NULL);

  gtk_box_append (GTK_BOX (box), image);
  return image;
}

static GtkWidget *
add_label (GtkWidget *box)
{
  GtkWidget *label = g_object_new (GTK_TYPE_LABEL, "xalign", 0.0, "ellipsize", PANGO_ELLIPSIZE_END, NULL);

  gtk_box_append (GTK_BOX (box), label);
  return label;
}

static void
build_body (LodgeMachineRow *self)
{
  GtkWidget *text = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *state = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  self->body = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 12);
  gtk_widget_add_css_class (self->body, "body");

  self->screen = g_object_new (LODGE_TYPE_SCREEN, "width-request", 64, "height-request", 40, "valign", GTK_ALIGN_CENTER,
                               "accessible-role", GTK_ACCESSIBLE_ROLE_PRESENTATION, NULL);
  gtk_box_append (GTK_BOX (self->body), GTK_WIDGET (self->screen));

  self->text = GTK_BOX (text);
  gtk_widget_set_valign (text, GTK_ALIGN_CENTER);
  gtk_widget_set_hexpand (text, TRUE);
  gtk_box_append (GTK_BOX (self->body), text);
  self->name = GTK_LABEL (add_label (text));

  gtk_widget_add_css_class (state, "state");
  gtk_box_append (GTK_BOX (text), state);
  self->state_icon = GTK_IMAGE (add_image (state, 16));
  self->state = GTK_LABEL (add_label (state));
  gtk_widget_add_css_class (GTK_WIDGET (self->state), "caption");

  self->spinner = g_object_new (GTK_TYPE_SPINNER, "visible", FALSE, "valign", GTK_ALIGN_CENTER, NULL);
  gtk_box_append (GTK_BOX (self->body), GTK_WIDGET (self->spinner));
  self->system = GTK_IMAGE (add_image (self->body, 24));
  gtk_widget_set_parent (self->body, GTK_WIDGET (self));
}

static void
set_css_class (GtkWidget *widget, const char *name, gboolean set)
{
  if (set)
    gtk_widget_add_css_class (widget, name);
  else
    gtk_widget_remove_css_class (widget, name);
}

static void
update_body (LodgeMachineRow *self)
{
  LodgeMachineState state = lodge_machine_item_get_state (self->item);
  gboolean busy = lodge_machine_item_is_busy (self->item) || state == LODGE_MACHINE_STARTING;
  const char *os = lodge_machine_item_setting_string (self->item, "os", "");
  const char *family = lodge_machine_item_setting_string (self->item, "family", "");
  g_autofree char *icon = lodge_system_icon (os, family);

  gtk_label_set_label (self->name, lodge_machine_item_get_name (self->item));
  gtk_image_set_from_icon_name (self->system, icon);
  gtk_label_set_label (self->state, lodge_machine_text_state (self->item));
  gtk_image_set_from_icon_name (self->state_icon, lodge_machine_text_state_icon (self->item));
  lodge_screen_set_picture (self->screen, lodge_machine_item_get_picture (self->item));
  lodge_screen_set_dimmed (self->screen, state == LODGE_MACHINE_PAUSED || state == LODGE_MACHINE_SAVED);
  lodge_screen_set_icon (self->screen,
                         state == LODGE_MACHINE_BROKEN ? "dialog-warning-symbolic" : "computer-symbolic", 16);
  set_css_class (GTK_WIDGET (self), "running", state == LODGE_MACHINE_RUNNING);
  set_css_class (GTK_WIDGET (self), "broken", state == LODGE_MACHINE_BROKEN);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), busy);
  gtk_spinner_set_spinning (self->spinner, busy);
}

static void
update (LodgeMachineRow *self)
{
  GtkWidget *parent = gtk_widget_get_parent (GTK_WIDGET (self));
  /* Translators: how a screen reader reads a row: name, state */
  g_autofree char *spoken = g_strdup_printf (_("%s, %s"), lodge_machine_item_get_name (self->item),
                                             lodge_machine_text_state (self->item));

  if (parent != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (parent), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
  if (self->shown)
    update_body (self);
}

static void
end_rename (LodgeMachineRow *self)
{
  GtkWidget *entry = g_steal_pointer (&self->entry);

  if (entry == NULL)
    return;
  gtk_box_remove (self->text, entry);
  gtk_widget_set_visible (GTK_WIDGET (self->name), TRUE);
}

static void
rename_cb (LodgeMachineRow *self)
{
  g_autofree char *name = NULL;
  g_autofree char *done = NULL;

  if (self->entry == NULL || self->item == NULL)
    return;

  name = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->entry))));
  end_rename (self);
  if (*name == '\0' || g_str_equal (name, lodge_machine_item_get_name (self->item)))
    return;
  done = g_strdup_printf (_("Renamed to “%s”"), name);
  lodge_setting_change (GTK_WIDGET (self), NULL, self->item, "name", g_variant_new_string (name), done);
}

static void
rename_done_cb (LodgeMachineRow *self)
{
  GtkWidget *parent = gtk_widget_get_parent (GTK_WIDGET (self));

  rename_cb (self);
  if (parent != NULL)
    gtk_widget_grab_focus (parent);
}

static gboolean
rename_key_cb (LodgeMachineRow *self, guint keyval)
{
  GtkWidget *parent = gtk_widget_get_parent (GTK_WIDGET (self));

  if (keyval != GDK_KEY_Escape)
    return FALSE;
  end_rename (self);
  if (parent != NULL)
    gtk_widget_grab_focus (parent);
  return TRUE;
}

static void
drop_item (LodgeMachineRow *self)
{
  end_rename (self);
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  g_clear_object (&self->item);
}

static void
lodge_machine_row_dispose (GObject *object)
{
  LodgeMachineRow *self = LODGE_MACHINE_ROW (object);
  GtkWidget *child;

  drop_item (self);
  g_clear_weak_pointer (&self->pattern);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL)
    gtk_widget_unparent (child);

  G_OBJECT_CLASS (lodge_machine_row_parent_class)->dispose (object);
}

/* One line each, so no width makes it higher. */
static GtkSizeRequestMode
lodge_machine_row_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_CONSTANT_SIZE;
}

static void
lodge_machine_row_measure (GtkWidget *widget, GtkOrientation orientation, int for_size, int *minimum, int *natural,
                           int *minimum_baseline, int *natural_baseline)
{
  LodgeMachineRow *self = LODGE_MACHINE_ROW (widget);
  GtkWidget *body = self->body == NULL && self->pattern != NULL ? self->pattern->body : self->body;
  int heading_minimum = 0, heading_natural = 0;

  *minimum = *natural = orientation == GTK_ORIENTATION_VERTICAL ? BODY_HEIGHT : 0;
  *minimum_baseline = *natural_baseline = -1;
  if (body != NULL)
    gtk_widget_measure (body, orientation, -1, minimum, natural, NULL, NULL);
  if (self->heading != NULL)
    gtk_widget_measure (self->heading, orientation, -1, &heading_minimum, &heading_natural, NULL, NULL);
  if (orientation == GTK_ORIENTATION_VERTICAL)
    {
      *minimum += heading_minimum;
      *natural += heading_natural;
    }
  else
    {
      *minimum = MAX (*minimum, heading_minimum);
      *natural = MAX (*natural, heading_natural);
    }
}

static void
lodge_machine_row_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  LodgeMachineRow *self = LODGE_MACHINE_ROW (widget);
  int top = 0;

  if (self->heading != NULL)
    {
      gtk_widget_measure (self->heading, GTK_ORIENTATION_VERTICAL, -1, NULL, &top, NULL, NULL);
      gtk_widget_size_allocate (self->heading, &(GtkAllocation) { 0, 0, width, top }, -1);
    }
  if (self->body != NULL)
    gtk_widget_size_allocate (self->body, &(GtkAllocation) { 0, top, width, height - top }, -1);
}

static void
lodge_machine_row_class_init (LodgeMachineRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_machine_row_dispose;
  widget_class->get_request_mode = lodge_machine_row_get_request_mode;
  widget_class->measure = lodge_machine_row_measure;
  widget_class->size_allocate = lodge_machine_row_size_allocate;

  gtk_widget_class_set_css_name (widget_class, "machine-row");
}

static void
lodge_machine_row_init (LodgeMachineRow *self)
{
}

GtkWidget *
lodge_machine_row_new (LodgeMachineRow *pattern)
{
  LodgeMachineRow *self = g_object_new (LODGE_TYPE_MACHINE_ROW, NULL);

  if (pattern != NULL)
    g_set_weak_pointer (&self->pattern, pattern);
  else
    build_body (self);
  return GTK_WIDGET (self);
}

void
lodge_machine_row_set_item (LodgeMachineRow *self, LodgeMachineItem *item)
{
  drop_item (self);
  self->shown = FALSE;
  if (self->body != NULL)
    gtk_widget_set_child_visible (self->body, FALSE);
  if (item == NULL)
    return;

  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
}

LodgeMachineItem *
lodge_machine_row_get_item (LodgeMachineRow *self)
{
  return self->item;
}

gboolean
lodge_machine_row_is_shown (LodgeMachineRow *self)
{
  return self->shown;
}

void
lodge_machine_row_show (LodgeMachineRow *self)
{
  if (self->shown || self->item == NULL)
    return;
  if (self->body == NULL)
    build_body (self);
  self->shown = TRUE;
  g_signal_connect_swapped (self->item, "notify::picture", G_CALLBACK (update_body), self);
  g_signal_connect_swapped (self->item, "notify::busy", G_CALLBACK (update_body), self);
  update_body (self);
  gtk_widget_set_child_visible (self->body, TRUE);
}

void
lodge_machine_row_set_heading (LodgeMachineRow *self, const char *heading)
{
  if (heading == NULL)
    {
      g_clear_pointer (&self->heading, gtk_widget_unparent);
      return;
    }
  if (self->heading == NULL)
    {
      self->heading = g_object_new (GTK_TYPE_LABEL, "xalign", 0.0, "ellipsize", PANGO_ELLIPSIZE_END, NULL);
      gtk_widget_add_css_class (self->heading, "heading");
      gtk_widget_add_css_class (self->heading, "dim-label");
      gtk_widget_insert_after (self->heading, GTK_WIDGET (self), NULL);
    }
  gtk_label_set_label (GTK_LABEL (self->heading), heading);
}

void
lodge_machine_row_rename (LodgeMachineRow *self)
{
  GtkEventController *keys, *focus;

  if (self->item == NULL || self->entry != NULL)
    return;

  lodge_machine_row_show (self);
  self->entry = gtk_entry_new ();
  gtk_entry_set_max_length (GTK_ENTRY (self->entry), 128);
  gtk_editable_set_width_chars (GTK_EDITABLE (self->entry), 8);
  gtk_editable_set_text (GTK_EDITABLE (self->entry), lodge_machine_item_get_name (self->item));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->entry), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _("Name of the machine"), -1);
  g_signal_connect_swapped (self->entry, "activate", G_CALLBACK (rename_done_cb), self);
  keys = gtk_event_controller_key_new ();
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (rename_key_cb), self);
  gtk_widget_add_controller (self->entry, keys);
  focus = gtk_event_controller_focus_new ();
  g_signal_connect_swapped (focus, "leave", G_CALLBACK (rename_cb), self);
  gtk_widget_add_controller (self->entry, focus);

  gtk_widget_set_visible (GTK_WIDGET (self->name), FALSE);
  gtk_box_prepend (self->text, self->entry);
  gtk_widget_grab_focus (self->entry);
}
