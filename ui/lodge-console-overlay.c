/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-overlay.h"

struct _LodgeConsoleOverlay
{
  AdwBin parent_instance;

  GtkWidget *content;
  GtkImage *icon;
  GtkSpinner *spinner;
  GtkLabel *title;
  GtkLabel *text;
  GtkButton *action;
  GtkButton *second;
};

G_DEFINE_FINAL_TYPE (LodgeConsoleOverlay, lodge_console_overlay, ADW_TYPE_BIN)

static void
lodge_console_overlay_class_init (LodgeConsoleOverlayClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-console-overlay.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleOverlay, content);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleOverlay, icon);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleOverlay, spinner);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleOverlay, title);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleOverlay, text);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleOverlay, action);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleOverlay, second);
}

static void
lodge_console_overlay_init (LodgeConsoleOverlay *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

static void
show_button (GtkButton *button, const char *label, const char *action)
{
  gtk_widget_set_visible (GTK_WIDGET (button), label != NULL);
  if (label != NULL)
    gtk_button_set_label (button, label);
  gtk_actionable_set_action_name (GTK_ACTIONABLE (button), action);
}

void
lodge_console_overlay_show_cause (LodgeConsoleOverlay *self, const LodgeConsoleCause *cause)
{
  gtk_widget_set_visible (GTK_WIDGET (self), TRUE);
  gtk_widget_set_visible (self->content, TRUE);
  gtk_widget_set_visible (GTK_WIDGET (self->icon), cause->icon != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), cause->icon == NULL);
  gtk_spinner_set_spinning (self->spinner, cause->icon == NULL);
  if (cause->icon != NULL)
    gtk_image_set_from_icon_name (self->icon, cause->icon);
  gtk_label_set_label (self->title, cause->title);
  gtk_label_set_label (self->text, cause->text != NULL ? cause->text : "");
  gtk_widget_set_visible (GTK_WIDGET (self->text), cause->text != NULL);
  show_button (self->action, cause->label, cause->action);
  show_button (self->second, cause->second_label, cause->second_action);
}

void
lodge_console_overlay_dim (LodgeConsoleOverlay *self)
{
  gtk_spinner_set_spinning (self->spinner, FALSE);
  gtk_widget_set_visible (self->content, FALSE);
  gtk_widget_set_visible (GTK_WIDGET (self), TRUE);
}

void
lodge_console_overlay_hide (LodgeConsoleOverlay *self)
{
  gtk_spinner_set_spinning (self->spinner, FALSE);
  gtk_widget_set_visible (GTK_WIDGET (self), FALSE);
}
