/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-shortcuts.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "display/lodge-display-input.h"
#include "ui/lodge-row-place.h"

/* The toolkit's window takes some 500 pixels for a column, and the more the larger the text is. */
#define NARROW 720

static const char *
release_accelerator (LodgeReleaseKeys keys)
{
  switch (keys)
    {
    case LODGE_RELEASE_KEYS_CTRL_ALT_SHIFT:
      return "Control_L&Alt_L&Shift_L";
    case LODGE_RELEASE_KEYS_RIGHT_CTRL:
      return "Control_R";
    case LODGE_RELEASE_KEYS_CTRL_ALT:
    default:
      return "Control_L&Alt_L";
    }
}

static void add_rows (AdwPreferencesPage *page, AdwPreferencesGroup *group, GtkWidget *top);

static void
add_row (AdwPreferencesGroup *group, GtkWidget *shortcut)
{
  g_autofree char *title = NULL;
  g_autofree char *accelerator = NULL;
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *keys;

  g_object_get (shortcut, "title", &title, "accelerator", &accelerator, NULL);
  keys = gtk_shortcut_label_new (accelerator);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), keys);
  lodge_row_place (ADW_ACTION_ROW (row), keys, TRUE);
  /* Keys themselves are written from left to right everywhere. */
  gtk_widget_set_halign (keys, gtk_widget_get_direction (row) == GTK_TEXT_DIR_RTL ? GTK_ALIGN_END : GTK_ALIGN_START);
  adw_preferences_group_add (group, row);
}

static void
add_group (AdwPreferencesPage *page, GtkWidget *from)
{
  AdwPreferencesGroup *group = ADW_PREFERENCES_GROUP (adw_preferences_group_new ());
  g_autofree char *title = NULL;

  g_object_get (from, "title", &title, NULL);
  adw_preferences_group_set_title (group, title);
  adw_preferences_page_add (page, group);
  add_rows (page, group, gtk_widget_get_first_child (from));
}

/* What is in @top and what follows it: groups for @page, or shortcuts for @group. */
static void
add_rows (AdwPreferencesPage *page, AdwPreferencesGroup *group, GtkWidget *top)
{
  for (GtkWidget *child = top; child != NULL; child = gtk_widget_get_next_sibling (child))
    if (GTK_IS_SHORTCUTS_GROUP (child))
      add_group (page, child);
    else if (GTK_IS_SHORTCUTS_SHORTCUT (child) && group != NULL)
      add_row (group, child);
    else
      add_rows (page, group, gtk_widget_get_first_child (child));
}

/* The toolkit's window puts groups side by side, whatever room there is; so the same stand in a window of ours. */
static GtkWindow *
make_narrow (GtkWindow *parent, GtkWidget *section)
{
  GtkWidget *window = g_object_new (ADW_TYPE_PREFERENCES_WINDOW, "title", _("Shortcuts"), "modal", TRUE,
                                    "default-width", gtk_widget_get_width (GTK_WIDGET (parent)),
                                    "default-height", gtk_widget_get_height (GTK_WIDGET (parent)), NULL);
  AdwPreferencesPage *page = ADW_PREFERENCES_PAGE (adw_preferences_page_new ());

  add_rows (page, NULL, section);
  adw_preferences_window_add (ADW_PREFERENCES_WINDOW (window), page);
  return GTK_WINDOW (window);
}

/* Made when it is asked for: as the overlay of every window it would be made at each start. */
void
lodge_shortcuts_present (GtkWindow *parent, GSettings *settings)
{
  g_autoptr (GtkBuilder) builder = gtk_builder_new_from_resource ("/org/lodgevm/Lodge/ui/lodge-shortcuts.ui");
  GtkWindow *window = GTK_WINDOW (gtk_builder_get_object (builder, "shortcuts"));

  g_object_set (gtk_builder_get_object (builder, "release"), "accelerator",
                release_accelerator ((LodgeReleaseKeys) g_settings_get_enum (settings, "release-keys")), NULL);
  if (gtk_widget_get_width (GTK_WIDGET (parent)) < NARROW)
    {
      GtkWindow *whole = window;

      window = make_narrow (parent, GTK_WIDGET (gtk_builder_get_object (builder, "section")));
      gtk_window_destroy (whole);
    }
  gtk_window_set_transient_for (window, parent);
  gtk_window_present (window);
}
