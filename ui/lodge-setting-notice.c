/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-setting-notice.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-feedback.h"

struct _LodgeSettingNotice
{
  AdwPreferencesRow parent_instance;

  GtkImage *icon;
  GtkLabel *text;
  GtkBox *box;
  GtkWidget *accept;
  GtkButton *dismiss;
};

enum
{
  ACCEPTED,
  DISMISSED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeSettingNotice, lodge_setting_notice, ADW_TYPE_PREFERENCES_ROW)

static void
accept_cb (LodgeSettingNotice *self)
{
  g_signal_emit (self, signals[ACCEPTED], 0);
}

static void
dismiss_cb (LodgeSettingNotice *self)
{
  g_signal_emit (self, signals[DISMISSED], 0);
}

static gboolean
escape_cb (GtkWidget *widget, GVariant *arguments, gpointer user_data)
{
  dismiss_cb (LODGE_SETTING_NOTICE (widget));
  return TRUE;
}

static void
lodge_setting_notice_class_init (LodgeSettingNoticeClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  signals[ACCEPTED] = g_signal_new ("accepted", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                    G_TYPE_NONE, 0);
  signals[DISMISSED] = g_signal_new ("dismissed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                     G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-setting-notice.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingNotice, icon);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingNotice, text);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingNotice, box);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingNotice, accept);
  gtk_widget_class_bind_template_child (widget_class, LodgeSettingNotice, dismiss);
  gtk_widget_class_bind_template_callback (widget_class, accept_cb);
  gtk_widget_class_bind_template_callback (widget_class, dismiss_cb);
  gtk_widget_class_add_binding (widget_class, GDK_KEY_Escape, 0, escape_cb, NULL);
}

static void
lodge_setting_notice_init (LodgeSettingNotice *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
lodge_setting_notice_new (const char *text, const GError *error)
{
  LodgeSettingNotice *self = g_object_new (LODGE_TYPE_SETTING_NOTICE, NULL);

  gtk_label_set_label (self->text, text);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
  gtk_widget_set_visible (self->accept, error == NULL);
  gtk_button_set_label (self->dismiss, error == NULL ? _("_Keep as It Is") : _("_Close"));
  gtk_image_set_from_icon_name (self->icon, error == NULL ? "dialog-warning-symbolic" : "dialog-error-symbolic");
  gtk_widget_add_css_class (GTK_WIDGET (self->icon), error == NULL ? "warning" : "error");
  if (error != NULL && *error->message != '\0')
    gtk_box_append (self->box, lodge_feedback_details_new (error));
  return GTK_WIDGET (self);
}
