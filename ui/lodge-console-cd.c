/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-console-cd.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "ui/lodge-console-medium.h"
#include "ui/lodge-found-images.h"

#define MAX_RECENT 5
#define NAME_CHARS 36

struct _LodgeConsoleCd
{
  GtkPopover parent_instance;

  LodgeMachineItem *item;    /* (owned) (nullable) until set */
  GCancellable *cancellable; /* (owned): of the search for images */
  GHashTable *listed;        /* (owned): URIs of the discs in the list */

  GtkLabel *name;
  GtkWidget *eject;
  GtkWidget *recent;
  GtkBox *recent_list;
};

G_DEFINE_FINAL_TYPE (LodgeConsoleCd, lodge_console_cd, GTK_TYPE_POPOVER)

static void
update (LodgeConsoleCd *self)
{
  g_autofree char *name = lodge_console_medium_name (self->item);

  gtk_label_set_label (self->name, name != NULL ? name : _("No disc in the drive"));
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->name), name);
  gtk_widget_set_visible (self->eject, name != NULL);
  gtk_widget_set_sensitive (self->eject, lodge_machine_item_is_connected (self->item));
}

/* The popover goes with the click, so answers are told from what it hangs on. */
static GtkWidget *
get_place (LodgeConsoleCd *self)
{
  return gtk_widget_get_parent (GTK_WIDGET (self));
}

static void
eject_cb (LodgeConsoleCd *self)
{
  gtk_popover_popdown (GTK_POPOVER (self));
  lodge_console_medium_eject (get_place (self), self->item);
}

static void
insert_cb (LodgeConsoleCd *self)
{
  gtk_popover_popdown (GTK_POPOVER (self));
  lodge_console_medium_choose (get_place (self), self->item);
}

static void
recent_cb (LodgeConsoleCd *self, GtkButton *button)
{
  gtk_popover_popdown (GTK_POPOVER (self));
  lodge_console_medium_insert (get_place (self), self->item, g_object_get_data (G_OBJECT (button), "file"));
}

static gboolean
is_disc (const char *name)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);

  return g_str_has_suffix (lower, ".iso");
}

static void
add_recent (LodgeConsoleCd *self, GFile *file, const char *display_name)
{
  g_autofree char *uri = g_file_get_uri (file);
  g_autofree char *path = g_file_get_path (file);
  GtkWidget *button, *label;

  if (g_hash_table_size (self->listed) >= MAX_RECENT
      || g_strcmp0 (path, lodge_machine_item_setting_string (self->item, "cd", "")) == 0
      || !g_hash_table_add (self->listed, g_steal_pointer (&uri)))
    return;

  label = gtk_label_new (display_name);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_MIDDLE);
  gtk_label_set_max_width_chars (GTK_LABEL (label), NAME_CHARS);
  button = gtk_button_new ();
  gtk_button_set_child (GTK_BUTTON (button), label);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_tooltip_text (button, path);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, display_name, -1);
  g_object_set_data_full (G_OBJECT (button), "file", g_object_ref (file), g_object_unref);
  g_signal_connect_swapped (button, "clicked", G_CALLBACK (recent_cb), self);
  gtk_box_append (self->recent_list, button);
  gtk_widget_set_visible (self->recent, TRUE);
}

static void
found_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeConsoleCd *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = lodge_found_images_finish (result, &error);

  if (found == NULL)
    return;
  for (guint i = 0; i < found->len; i++)
    {
      LodgeFoundImage *image = found->pdata[i];

      if (is_disc (image->display_name))
        add_recent (self, image->file, image->display_name);
    }
}

static int
compare_visited (gconstpointer a, gconstpointer b)
{
  return g_date_time_compare (gtk_recent_info_get_modified ((GtkRecentInfo *) b),
                              gtk_recent_info_get_modified ((GtkRecentInfo *) a));
}

static void
fill (LodgeConsoleCd *self)
{
  GList *items = g_list_sort (gtk_recent_manager_get_items (gtk_recent_manager_get_default ()), compare_visited);
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->recent_list))) != NULL)
    gtk_box_remove (self->recent_list, child);
  g_hash_table_remove_all (self->listed);
  gtk_widget_set_visible (self->recent, FALSE);

  for (GList *l = items; l != NULL; l = l->next)
    {
      g_autoptr (GFile) file = g_file_new_for_uri (gtk_recent_info_get_uri (l->data));
      g_autofree char *path = g_file_get_path (file);

      /* Asked only of local files, which answer at once. */
      if (path != NULL && is_disc (path) && gtk_recent_info_is_local (l->data) && gtk_recent_info_exists (l->data))
        add_recent (self, file, gtk_recent_info_get_display_name (l->data));
    }
  g_list_free_full (items, (GDestroyNotify) gtk_recent_info_unref);

  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  self->cancellable = g_cancellable_new ();
  lodge_found_images_async (g_get_user_special_dir (G_USER_DIRECTORY_DOWNLOAD), NULL, self->cancellable, found_cb,
                            self);
}

static void
lodge_console_cd_map (GtkWidget *widget)
{
  LodgeConsoleCd *self = LODGE_CONSOLE_CD (widget);

  update (self);
  fill (self);
  GTK_WIDGET_CLASS (lodge_console_cd_parent_class)->map (widget);
}

static void
lodge_console_cd_dispose (GObject *object)
{
  LodgeConsoleCd *self = LODGE_CONSOLE_CD (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->listed, g_hash_table_unref);
  if (self->item != NULL)
    g_signal_handlers_disconnect_by_data (self->item, self);
  g_clear_object (&self->item);

  G_OBJECT_CLASS (lodge_console_cd_parent_class)->dispose (object);
}

static void
lodge_console_cd_class_init (LodgeConsoleCdClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_console_cd_dispose;
  widget_class->map = lodge_console_cd_map;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-console-cd.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleCd, name);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleCd, eject);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleCd, recent);
  gtk_widget_class_bind_template_child (widget_class, LodgeConsoleCd, recent_list);
  gtk_widget_class_bind_template_callback (widget_class, eject_cb);
  gtk_widget_class_bind_template_callback (widget_class, insert_cb);
}

static void
lodge_console_cd_init (LodgeConsoleCd *self)
{
  self->listed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gtk_widget_init_template (GTK_WIDGET (self));
}

void
lodge_console_cd_set_item (LodgeConsoleCd *self, LodgeMachineItem *item)
{
  g_return_if_fail (self->item == NULL);

  self->item = g_object_ref (item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  update (self);
}
