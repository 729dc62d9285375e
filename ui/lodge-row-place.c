/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-row-place.h"

/* Characters that a text asks for; it gets what is left. */
#define TEXT_CHARS 10

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
}
