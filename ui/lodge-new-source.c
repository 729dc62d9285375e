/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-new-source.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-found-images.h"
#include "ui/lodge-identify.h"
#include "ui/lodge-image-chooser.h"
#include "ui/lodge-image-file.h"
#include "ui/lodge-system.h"

struct _LodgeNewSource
{
  AdwBin parent_instance;

  LodgeLibrary *library;         /* (owned) */
  GCancellable *cancellable;     /* (owned) */
  GtkFileChooserNative *chooser; /* (owned) (nullable) */
  GQueue unknown;                /* rows, not owned, whose system is still to be asked for */

  GtkWidget *error;
  GtkLabel *error_text;
  AdwPreferencesGroup *found;
  GtkWidget *demo;
};

enum
{
  CHOSEN,
  WITHOUT_MEDIUM,
  DEMO,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (LodgeNewSource, lodge_new_source, ADW_TYPE_BIN)

static void identify_next (LodgeNewSource *self);

static void
identified_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeNewSource *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) identified = lodge_identify_finish (result, &error);
  const char *name = lodge_identified_string (identified, "os-name");
  AdwActionRow *row;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  row = g_queue_pop_head (&self->unknown);
  if (*name != '\0')
    {
      LodgeFoundImage *image = g_object_get_data (G_OBJECT (row), "lodge-image");
      g_autofree char *icon = lodge_identified_icon (identified);
      /* Translators: name, size and age of a file: "debian-12.iso, 640 MB, 3 days ago" */
      g_autofree char *subtitle = g_strdup_printf (_("%s, %s, %s"), image->display_name, image->size, image->age);

      adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name);
      adw_action_row_set_subtitle (row, subtitle);
      adw_action_row_set_subtitle_lines (row, 3);
      gtk_image_set_from_icon_name (g_object_get_data (G_OBJECT (row), "lodge-icon"), icon);
    }
  identify_next (self);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeNewSource *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (LodgeImageFile) image = lodge_image_file_open_finish (result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (image == NULL)
    {
      g_queue_pop_head (&self->unknown);
      identify_next (self);
      return;
    }
  lodge_identify_async (self->library, image->display_name, image->fd, self->cancellable, identified_cb, self);
}

/* One after the other: a core that is asked for ten at once would be slow for the one that is chosen. */
static void
identify_next (LodgeNewSource *self)
{
  GObject *row = g_queue_peek_head (&self->unknown);

  if (row != NULL)
    lodge_image_file_open_async (((LodgeFoundImage *) g_object_get_data (row, "lodge-image"))->file, self->cancellable,
                                 opened_cb, self);
}

static void
found_activated_cb (LodgeNewSource *self, AdwActionRow *row)
{
  LodgeFoundImage *image = g_object_get_data (G_OBJECT (row), "lodge-image");

  g_signal_emit (self, signals[CHOSEN], 0, image->file);
}

static GtkWidget *
found_row_new (LodgeNewSource *self, LodgeFoundImage *image)
{
  GtkWidget *row = adw_action_row_new ();
  GtkWidget *image_widget;
  g_autofree char *icon = lodge_system_icon ("", "other");
  /* Translators: size and age of a file: "640 MB, 3 days ago" */
  g_autofree char *subtitle = g_strdup_printf (_("%s, %s"), image->size, image->age);

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), image->display_name);
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 1);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle);
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 2);
  image_widget = gtk_image_new_from_icon_name (icon);
  gtk_image_set_pixel_size (GTK_IMAGE (image_widget), 32);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), image_widget);
  g_object_set_data (G_OBJECT (row), "lodge-icon", image_widget);
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), gtk_image_new_from_icon_name ("go-next-symbolic"));
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
  g_object_set_data (G_OBJECT (row), "lodge-image", image);
  g_signal_connect_swapped (row, "activated", G_CALLBACK (found_activated_cb), self);
  return row;
}

static void
found_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeNewSource *self = user_data;
  g_autoptr (GError) error = NULL;
  GPtrArray *found = lodge_found_images_finish (result, &error);

  if (found == NULL)
    return;

  /* The rows refer to the images. */
  g_object_set_data_full (G_OBJECT (self), "lodge-images", found, (GDestroyNotify) g_ptr_array_unref);
  gtk_widget_set_visible (GTK_WIDGET (self->found), found->len > 0);
  for (guint i = 0; i < found->len; i++)
    {
      GtkWidget *row = found_row_new (self, g_ptr_array_index (found, i));

      adw_preferences_group_add (self->found, row);
      g_queue_push_tail (&self->unknown, row);
      /* The likely choice is one key away. */
      if (i == 0)
        gtk_widget_grab_focus (row);
    }
  identify_next (self);
}

static void
file_chosen_cb (LodgeNewSource *self, int response)
{
  if (response == GTK_RESPONSE_ACCEPT)
    {
      g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (self->chooser));

      if (file != NULL)
        g_signal_emit (self, signals[CHOSEN], 0, file);
    }
  g_clear_object (&self->chooser);
}

static void
choose_file_cb (LodgeNewSource *self)
{
  g_clear_object (&self->chooser);
  self->chooser = lodge_image_chooser_new (GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))));
  g_signal_connect_swapped (self->chooser, "response", G_CALLBACK (file_chosen_cb), self);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (self->chooser));
}

static void
without_medium_cb (LodgeNewSource *self)
{
  g_signal_emit (self, signals[WITHOUT_MEDIUM], 0);
}

static void
demo_cb (LodgeNewSource *self)
{
  g_signal_emit (self, signals[DEMO], 0);
}

static void
lodge_new_source_dispose (GObject *object)
{
  LodgeNewSource *self = LODGE_NEW_SOURCE (object);

  g_cancellable_cancel (self->cancellable);
  g_queue_clear (&self->unknown);
  g_clear_object (&self->chooser);
  g_clear_object (&self->library);

  G_OBJECT_CLASS (lodge_new_source_parent_class)->dispose (object);
}

static void
lodge_new_source_finalize (GObject *object)
{
  g_clear_object (&LODGE_NEW_SOURCE (object)->cancellable);

  G_OBJECT_CLASS (lodge_new_source_parent_class)->finalize (object);
}

static void
lodge_new_source_class_init (LodgeNewSourceClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_new_source_dispose;
  G_OBJECT_CLASS (klass)->finalize = lodge_new_source_finalize;

  signals[CHOSEN] = g_signal_new ("chosen", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_FILE);
  signals[WITHOUT_MEDIUM] = g_signal_new ("without-medium", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                          NULL, NULL, G_TYPE_NONE, 0);
  signals[DEMO] = g_signal_new ("demo", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-new-source.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeNewSource, error);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewSource, error_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewSource, found);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewSource, demo);
  gtk_widget_class_bind_template_callback (widget_class, choose_file_cb);
  gtk_widget_class_bind_template_callback (widget_class, without_medium_cb);
  gtk_widget_class_bind_template_callback (widget_class, demo_cb);
}

static void
lodge_new_source_init (LodgeNewSource *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->cancellable = g_cancellable_new ();
}

void
lodge_new_source_setup (LodgeNewSource *self, LodgeLibrary *library, const char *const *recent)
{
  self->library = g_object_ref (library);
  lodge_new_source_update (self);
  lodge_found_images_async (g_get_user_special_dir (G_USER_DIRECTORY_DOWNLOAD), recent, self->cancellable, found_cb,
                            self);
}

void
lodge_new_source_update (LodgeNewSource *self)
{
  gtk_widget_set_visible (self->demo, lodge_library_has_feature (self->library, "demo"));
}

void
lodge_new_source_show_error (LodgeNewSource *self, const char *sentence)
{
  gtk_widget_set_visible (self->error, sentence != NULL);
  gtk_label_set_label (self->error_text, sentence != NULL ? sentence : "");
}
