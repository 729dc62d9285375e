/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-machine-row.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-machine-text.h"
#include "ui/lodge-screen.h"
#include "ui/lodge-setting-change.h"
#include "ui/lodge-system.h"

struct _LodgeMachineRow
{
  GtkWidget parent_instance;

  LodgeMachineItem *item; /* (owned) (nullable) */
  GtkWidget *entry;       /* (nullable) while the machine is being renamed */
  GtkLabel *heading;
  LodgeScreen *screen;
  GtkBox *text;
  GtkLabel *name;
  GtkImage *system;
  GtkImage *state_icon;
  GtkLabel *state;
  GtkSpinner *spinner;
};

G_DEFINE_FINAL_TYPE (LodgeMachineRow, lodge_machine_row, GTK_TYPE_WIDGET)

static void
update (LodgeMachineRow *self)
{
  LodgeMachineState state = lodge_machine_item_get_state (self->item);
  const char *name = lodge_machine_item_get_name (self->item);
  const char *word = lodge_machine_text_state (self->item);
  gboolean busy = lodge_machine_item_is_busy (self->item) || state == LODGE_MACHINE_STARTING;
  GtkWidget *parent = gtk_widget_get_parent (GTK_WIDGET (self));
  const char *os = lodge_machine_item_setting_string (self->item, "os", "");
  const char *family = lodge_machine_item_setting_string (self->item, "family", "");

  g_autofree char *icon = lodge_system_icon (os, family);
  /* Translators: how a screen reader reads a row: name, state */
  g_autofree char *spoken = g_strdup_printf (_("%s, %s"), name, word);

  gtk_label_set_label (self->name, name);
  gtk_image_set_from_icon_name (self->system, icon);
  gtk_label_set_label (self->state, word);
  gtk_image_set_from_icon_name (self->state_icon, lodge_machine_text_state_icon (self->item));
  lodge_screen_set_picture (self->screen, lodge_machine_item_get_picture (self->item));
  lodge_screen_set_dimmed (self->screen, state == LODGE_MACHINE_PAUSED || state == LODGE_MACHINE_SAVED);
  lodge_screen_set_icon (self->screen,
                         state == LODGE_MACHINE_BROKEN ? "dialog-warning-symbolic" : "computer-symbolic", 16);

  gtk_widget_remove_css_class (GTK_WIDGET (self), "running");
  gtk_widget_remove_css_class (GTK_WIDGET (self), "broken");
  if (state == LODGE_MACHINE_RUNNING)
    gtk_widget_add_css_class (GTK_WIDGET (self), "running");
  if (state == LODGE_MACHINE_BROKEN)
    gtk_widget_add_css_class (GTK_WIDGET (self), "broken");

  gtk_widget_set_visible (GTK_WIDGET (self->spinner), busy);
  gtk_spinner_set_spinning (self->spinner, busy);
  if (parent != NULL)
    gtk_accessible_update_property (GTK_ACCESSIBLE (parent), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
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
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL)
    gtk_widget_unparent (child);

  G_OBJECT_CLASS (lodge_machine_row_parent_class)->dispose (object);
}

static void
lodge_machine_row_class_init (LodgeMachineRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_machine_row_dispose;

  gtk_widget_class_set_css_name (widget_class, "machine-row");
  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-machine-row.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineRow, screen);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineRow, heading);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineRow, text);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineRow, system);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineRow, name);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineRow, state_icon);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineRow, state);
  gtk_widget_class_bind_template_child (widget_class, LodgeMachineRow, spinner);
}

static void
lodge_machine_row_init (LodgeMachineRow *self)
{
  g_type_ensure (LODGE_TYPE_SCREEN);
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
lodge_machine_row_new (void)
{
  return g_object_new (LODGE_TYPE_MACHINE_ROW, NULL);
}

void
lodge_machine_row_set_item (LodgeMachineRow *self, LodgeMachineItem *item)
{
  drop_item (self);
  if (item == NULL)
    return;

  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (item, "notify::picture", G_CALLBACK (update), self);
  g_signal_connect_swapped (item, "notify::busy", G_CALLBACK (update), self);
  update (self);
}

LodgeMachineItem *
lodge_machine_row_get_item (LodgeMachineRow *self)
{
  return self->item;
}

void
lodge_machine_row_set_heading (LodgeMachineRow *self, const char *heading)
{
  gtk_widget_set_visible (GTK_WIDGET (self->heading), heading != NULL);
  gtk_label_set_label (self->heading, heading != NULL ? heading : "");
}

void
lodge_machine_row_rename (LodgeMachineRow *self)
{
  GtkEventController *keys, *focus;

  if (self->item == NULL || self->entry != NULL)
    return;

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
