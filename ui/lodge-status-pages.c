/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-status-pages.h"

#include <glib/gi18n-lib.h>

static GtkWidget *
add_header (GtkWidget *box)
{
  GtkWidget *header = adw_header_bar_new ();

  gtk_widget_add_css_class (header, "flat");
  gtk_box_append (GTK_BOX (box), header);
  return header;
}

static GtkWidget *
add_button (GtkWidget *box, const char *label, const char *action, gboolean suggested)
{
  GtkWidget *button = g_object_new (GTK_TYPE_BUTTON, "label", label, "action-name", action, NULL);

  gtk_widget_add_css_class (button, "pill");
  if (suggested)
    gtk_widget_add_css_class (button, "suggested-action");
  gtk_box_append (GTK_BOX (box), button);
  return button;
}

static GtkWidget *
new_buttons (void)
{
  return g_object_new (GTK_TYPE_BOX, "orientation", GTK_ORIENTATION_VERTICAL, "spacing", 12, "halign", GTK_ALIGN_CENTER,
                       NULL);
}

GtkWidget *
lodge_status_page_connecting (void)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *spinner = g_object_new (GTK_TYPE_SPINNER, "spinning", TRUE, "vexpand", TRUE, "halign", GTK_ALIGN_CENTER,
                                     "valign", GTK_ALIGN_CENTER, "width-request", 32, "height-request", 32, NULL);

  gtk_accessible_update_property (GTK_ACCESSIBLE (spinner), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Connecting"), -1);
  add_header (box);
  gtk_box_append (GTK_BOX (box), spinner);
  return box;
}

GtkWidget *
lodge_status_page_trouble (AdwStatusPage **status, GtkButton **button)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *page = g_object_new (ADW_TYPE_STATUS_PAGE, "vexpand", TRUE, "icon-name", "network-error-symbolic", NULL);
  GtkWidget *buttons = new_buttons ();

  add_header (box);
  *status = ADW_STATUS_PAGE (page);
  *button = GTK_BUTTON (add_button (buttons, _("_Try Again"), "app.reconnect", TRUE));
  gtk_button_set_use_underline (*button, TRUE);
  adw_status_page_set_child (*status, buttons);
  gtk_box_append (GTK_BOX (box), page);
  return box;
}

void
lodge_status_page_set_remedy (GtkButton *button, LodgeLibraryStatus status)
{
  gboolean restart = status == LODGE_LIBRARY_WRONG_VERSION;

  gtk_button_set_label (button, restart ? _("_Restart Lodge") : _("_Try Again"));
  gtk_actionable_set_action_name (GTK_ACTIONABLE (button), restart ? "app.restart" : "app.reconnect");
}

GtkWidget *
lodge_status_page_welcome (GMenuModel *menu, GtkWidget **try_button)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *header = add_header (box);
  GtkWidget *menu_button = g_object_new (GTK_TYPE_MENU_BUTTON, "icon-name", "open-menu-symbolic", "tooltip-text",
                                         _("Main Menu"), "primary", TRUE, NULL);
  GtkWidget *page = g_object_new (ADW_TYPE_STATUS_PAGE, "vexpand", TRUE, "icon-name", LODGE_APP_ID, "title",
                                  _("Welcome to Lodge"), NULL);
  GtkWidget *buttons = new_buttons ();

  gtk_accessible_update_property (GTK_ACCESSIBLE (menu_button), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Main Menu"), -1);
  lodge_menu_button_set_menu (GTK_MENU_BUTTON (menu_button), menu);
  adw_header_bar_pack_end (ADW_HEADER_BAR (header), menu_button);

  adw_status_page_set_description (ADW_STATUS_PAGE (page),
                                   _("Run another operating system in a window of its own. Try a small Linux that is "
                                     "ready in seconds, or open an installer image; you can also drop one here."));
  gtk_widget_add_css_class (page, "icon-dropshadow");
  *try_button = add_button (buttons, _("Try Lodge"), "win.try", TRUE);
  add_button (buttons, _("Open Image…"), "win.new", FALSE);
  adw_status_page_set_child (ADW_STATUS_PAGE (page), buttons);
  gtk_box_append (GTK_BOX (box), page);
  return box;
}

GtkWidget *
lodge_status_page_broken (GtkWidget **restore, GtkWidget **separate)
{
  GtkWidget *page = g_object_new (ADW_TYPE_STATUS_PAGE, "icon-name", "dialog-warning-symbolic", NULL);
  GtkWidget *buttons = new_buttons ();

  *restore = add_button (buttons, _("Restore Previous"), "machine.restore-previous", TRUE);
  *separate = add_button (buttons, _("Make It a Separate Machine"), "machine.make-separate", FALSE);
  add_button (buttons, _("Show File"), "machine.show-file", FALSE);
  add_button (buttons, _("Delete"), "win.delete", FALSE);
  adw_status_page_set_child (ADW_STATUS_PAGE (page), buttons);
  return page;
}

static void
create_menu_cb (GtkMenuButton *button, gpointer menu)
{
  if (gtk_menu_button_get_popover (button) == NULL)
    gtk_menu_button_set_popover (button, gtk_popover_menu_new_from_model (menu));
}

void
lodge_menu_button_set_menu (GtkMenuButton *button, GMenuModel *menu)
{
  gtk_menu_button_set_create_popup_func (button, create_menu_cb, g_object_ref (menu), g_object_unref);
}
