/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-shortcuts.h"

#include "display/lodge-display-input.h"

/* The toolkit's window takes some 500 pixels for a column, and the more the larger the text is. */
#define NARROW 720
#define SEARCH_CHARS 8

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

/* The lines of a narrow window go on below, instead of beyond its edge. */
static void
make_narrow (GtkWidget *top)
{
  if (GTK_IS_SEARCH_ENTRY (top))
    gtk_editable_set_width_chars (GTK_EDITABLE (top), SEARCH_CHARS);
  else if (GTK_IS_LABEL (top) && gtk_widget_get_ancestor (top, GTK_TYPE_SHORTCUT_LABEL) == NULL)
    {
      gtk_label_set_wrap (GTK_LABEL (top), TRUE);
      gtk_label_set_wrap_mode (GTK_LABEL (top), PANGO_WRAP_WORD_CHAR);
    }
  for (GtkWidget *child = gtk_widget_get_first_child (top); child != NULL; child = gtk_widget_get_next_sibling (child))
    make_narrow (child);
}

/* The toolkit's window is as large as what is in it, whatever room there is. */
static void
fit (GtkWindow *window, GtkWindow *parent)
{
  int width = gtk_widget_get_width (GTK_WIDGET (parent)), height = gtk_widget_get_height (GTK_WIDGET (parent));
  GtkWidget *scroller = gtk_scrolled_window_new ();
  GtkWidget *content = g_object_ref (gtk_window_get_child (window));

  make_narrow (GTK_WIDGET (window));
  gtk_window_set_child (window, NULL);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroller), content);
  g_object_unref (content);
  gtk_window_set_child (window, scroller);
  gtk_window_set_resizable (window, TRUE);
  gtk_window_set_default_size (window, width, height);
}

/* Made when it is asked for: as the overlay of every window it would be made at each start. */
void
lodge_shortcuts_present (GtkWindow *parent, GSettings *settings)
{
  g_autoptr (GtkBuilder) builder = gtk_builder_new_from_resource ("/org/lodgevm/Lodge/ui/lodge-shortcuts.ui");
  GtkWindow *window = GTK_WINDOW (gtk_builder_get_object (builder, "shortcuts"));
  gboolean narrow = gtk_widget_get_width (GTK_WIDGET (parent)) < NARROW;

  g_object_set (gtk_builder_get_object (builder, "release"), "accelerator",
                release_accelerator ((LodgeReleaseKeys) g_settings_get_enum (settings, "release-keys")), NULL);
  if (narrow)
    {
      /* All in one column. */
      g_object_set (gtk_builder_get_object (builder, "section"), "max-height", G_MAXINT, NULL);
      fit (window, parent);
    }
  gtk_window_set_transient_for (window, parent);
  gtk_window_present (window);
}
