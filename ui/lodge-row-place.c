/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-row-place.h"

/* Characters that a text asks for; it gets what is left. */
#define TEXT_CHARS 10
/* Pixels beyond which a choice is cut after all. */
#define CHOICE_MAX 200
/* For letters that reach out of their places. */
#define CHOICE_SPACE 4

/* The boxes of the toolkit's row have no names but those of their styles. */
static GtkWidget *
find_box (GtkWidget *top, const char *name)
{
  GtkWidget *found = NULL;

  if (GTK_IS_BOX (top) && gtk_widget_has_css_class (top, name))
    return top;
  for (GtkWidget *child = gtk_widget_get_first_child (top); child != NULL && found == NULL;
       child = gtk_widget_get_next_sibling (child))
    found = find_box (child, name);
  return found;
}

void
lodge_row_place (AdwActionRow *row, GtkWidget *thing, gboolean below)
{
  GtkWidget *from = find_box (GTK_WIDGET (row), below ? "suffixes" : "title");
  GtkWidget *to = find_box (GTK_WIDGET (row), below ? "title" : "suffixes");

  if (from == NULL || to == NULL || gtk_widget_get_parent (thing) != from)
    return;
  g_object_ref (thing);
  gtk_box_remove (GTK_BOX (from), thing);
  if (below)
    gtk_box_append (GTK_BOX (to), thing);
  else
    gtk_box_prepend (GTK_BOX (to), thing);
  gtk_widget_set_halign (thing, below ? GTK_ALIGN_START : GTK_ALIGN_FILL);
  g_object_unref (thing);
}

/* Returns: (nullable): what shows the choice; the list of all of them is in a popover */
static GtkWidget *
find_choice (GtkWidget *top)
{
  GtkWidget *found = NULL;

  if (GTK_IS_LIST_VIEW (top) || GTK_IS_POPOVER (top))
    return GTK_IS_LIST_VIEW (top) ? top : NULL;
  for (GtkWidget *child = gtk_widget_get_first_child (top); child != NULL && found == NULL;
       child = gtk_widget_get_next_sibling (child))
    found = find_choice (child);
  return found;
}

/* Its texts are laid out for the height that they have, and then ask for as much width as they like. */
static void
fit_choice_cb (AdwComboRow *row)
{
  GtkWidget *choice = find_choice (GTK_WIDGET (row));
  GObject *item = adw_combo_row_get_selected_item (row);
  g_autoptr (PangoLayout) layout = NULL;
  int width;

  if (choice == NULL || !GTK_IS_STRING_OBJECT (item))
    return;
  layout = gtk_widget_create_pango_layout (choice, gtk_string_object_get_string (GTK_STRING_OBJECT (item)));
  pango_layout_get_pixel_size (layout, &width, NULL);
  gtk_widget_set_size_request (choice, MIN (width + CHOICE_SPACE, CHOICE_MAX), -1);
}

/* The toolkit gives a long text what it asks for, and a choice the rest. */
void
lodge_row_show_choice (AdwComboRow *row)
{
  GtkWidget *texts = find_box (GTK_WIDGET (row), "title");

  if (texts == NULL)
    return;
  gtk_widget_set_halign (texts, GTK_ALIGN_FILL);
  for (GtkWidget *child = gtk_widget_get_first_child (texts); child != NULL; child = gtk_widget_get_next_sibling (child))
    if (GTK_IS_LABEL (child))
      {
        gtk_widget_set_halign (child, GTK_ALIGN_FILL);
        gtk_label_set_max_width_chars (GTK_LABEL (child), TEXT_CHARS);
      }
  g_signal_connect (row, "notify::selected-item", G_CALLBACK (fit_choice_cb), NULL);
  g_signal_connect (row, "map", G_CALLBACK (fit_choice_cb), NULL);
}
