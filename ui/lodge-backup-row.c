/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-backup-row.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-backup-text.h"

struct _LodgeBackupRow
{
  AdwActionRow parent_instance;

  GVariant *facts; /* (owned) */
  gboolean named;
  GtkWidget *mark; /* what is wrong with it, as a symbol */
  GtkWidget *menu;
};

static guint chosen_signal;

G_DEFINE_FINAL_TYPE (LodgeBackupRow, lodge_backup_row, ADW_TYPE_ACTION_ROW)

static gboolean
is_usable (LodgeBackupRow *self)
{
  const char *fault = "";

  g_variant_lookup (self->facts, "fault", "&s", &fault);
  return *fault == '\0';
}

static void
chosen_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  g_signal_emit (widget, chosen_signal, 0, strchr (name, '.') + 1);
}

static GMenuModel *
make_menu (LodgeBackupRow *self)
{
  GMenu *menu = g_menu_new ();
  g_autoptr (GMenu) use = g_menu_new ();
  g_autoptr (GMenu) rest = g_menu_new ();

  if (is_usable (self))
    {
      g_menu_append (use, _("_Restore…"), "backup.restore");
      g_menu_append (use, _("_Open Disposable Copy"), "backup.look");
      g_menu_append (rest, _("_Verify"), "backup.verify");
    }
  g_menu_append (rest, _("_Delete"), "backup.delete");
  g_menu_append_section (menu, NULL, G_MENU_MODEL (use));
  g_menu_append_section (menu, NULL, G_MENU_MODEL (rest));
  return G_MENU_MODEL (menu);
}

static void
lodge_backup_row_finalize (GObject *object)
{
  g_clear_pointer (&LODGE_BACKUP_ROW (object)->facts, g_variant_unref);

  G_OBJECT_CLASS (lodge_backup_row_parent_class)->finalize (object);
}

static void
lodge_backup_row_class_init (LodgeBackupRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = lodge_backup_row_finalize;

  chosen_signal = g_signal_new ("chosen", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                G_TYPE_STRING);
  gtk_widget_class_install_action (widget_class, "backup.look", NULL, chosen_action);
  gtk_widget_class_install_action (widget_class, "backup.restore", NULL, chosen_action);
  gtk_widget_class_install_action (widget_class, "backup.verify", NULL, chosen_action);
  gtk_widget_class_install_action (widget_class, "backup.delete", NULL, chosen_action);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Delete, 0, "backup.delete", NULL);
}

static void
activated_cb (LodgeBackupRow *self)
{
  gtk_menu_button_popup (GTK_MENU_BUTTON (self->menu));
}

static void
lodge_backup_row_init (LodgeBackupRow *self)
{
  self->mark = gtk_image_new_from_icon_name ("dialog-warning-symbolic");
  self->menu = gtk_menu_button_new ();
  gtk_menu_button_set_icon_name (GTK_MENU_BUTTON (self->menu), "view-more-symbolic");
  gtk_widget_set_valign (self->menu, GTK_ALIGN_CENTER);
  gtk_widget_set_tooltip_text (self->menu, _("More Actions"));
  gtk_widget_add_css_class (self->menu, "flat");
  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self), FALSE);
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (self), 4);
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), self->mark);
  adw_action_row_add_suffix (ADW_ACTION_ROW (self), self->menu);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (self), TRUE);
  g_signal_connect (self, "activated", G_CALLBACK (activated_cb), NULL);
}

GtkWidget *
lodge_backup_row_new (GVariant *facts, gboolean named)
{
  LodgeBackupRow *self = g_object_new (LODGE_TYPE_BACKUP_ROW, NULL);
  g_autoptr (GMenuModel) menu = NULL;

  self->facts = g_variant_ref (facts);
  self->named = named;
  menu = make_menu (self);
  gtk_menu_button_set_menu_model (GTK_MENU_BUTTON (self->menu), menu);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "backup.look", is_usable (self));
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "backup.restore", is_usable (self));
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "backup.verify", is_usable (self));
  lodge_backup_row_update (self);
  return GTK_WIDGET (self);
}

GVariant *
lodge_backup_row_get_facts (LodgeBackupRow *self)
{
  return self->facts;
}

void
lodge_backup_row_update (LodgeBackupRow *self)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  gboolean damaged = FALSE;
  g_autofree char *title = lodge_backup_text_title (self->facts, self->named, now);
  g_autofree char *text = lodge_backup_text_facts (self->facts, now);
  /* Translators: %s is "Today, 14:05" */
  g_autofree char *spoken = g_strdup_printf (_("Actions for the backup: %s"), title);

  g_variant_lookup (self->facts, "damaged", "b", &damaged);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self), title);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self), text);
  gtk_widget_set_visible (self->mark, damaged || !is_usable (self));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->menu), GTK_ACCESSIBLE_PROPERTY_LABEL, spoken, -1);
}
