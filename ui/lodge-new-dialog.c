/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * Two pages, where an image is chosen and where the machine is reviewed. With an image that was dropped the first is not made
 * until somebody goes back to it, and the window comes with the page that is wanted, as soon as the file could be opened; a
 * file that keeps silent, on a server that is away, does not keep the window away, too. Making the window, finding the styles
 * and sizes of its parts, each by itself, and showing it are different turns of the main loop, so that the window behind goes on.
 */

#include "config.h"

#include "ui/lodge-new-dialog.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "ui/lodge-identify.h"
#include "ui/lodge-image-file.h"
#include "ui/lodge-machine-text.h"
#include "ui/lodge-new-review.h"
#include "ui/lodge-new-source.h"

#define RECENT_MAX 10u

/* Nobody notices. */
#define WAIT_MS 80u

struct _LodgeNewDialog
{
  AdwWindow parent_instance;

  LodgeLibrary *library;     /* (owned) */
  GSettings *settings;       /* (owned) */
  LodgeImageFile *image;     /* (owned) (nullable) none chosen, or without medium */
  char *image_path;          /* (owned) (nullable) of the image */
  GCancellable *cancellable; /* (owned) of this window's life */
  GCancellable *asking;      /* (owned) (nullable) which system the image holds */
  gboolean unasked;          /* the core was not there yet to be asked about the image */
  gboolean creating;
  gboolean closing;          /* the person agreed to lose what was typed */
  gboolean by_keys;          /* Create was pressed by a key */
  guint present_source;      /* the window will be shown */
  GPtrArray *parts;          /* (owned) (nullable) of GtkWidget: what has to be measured before that */

  GtkStack *stack;
  GtkWidget *back;
  GtkActionBar *actions;
  GtkButton *create;
  GtkSpinner *spinner;
  AdwBin *source_place;
  LodgeNewSource *source;    /* (nullable) until it is wanted */
  LodgeNewReview *review;
};

static guint created_signal;

G_DEFINE_FINAL_TYPE (LodgeNewDialog, lodge_new_dialog, ADW_TYPE_WINDOW)

static void chosen_cb (LodgeNewDialog *self, GFile *file);
static void demo_cb (LodgeNewDialog *self);
static void without_medium_cb (LodgeNewDialog *self);

static gboolean
in_review (LodgeNewDialog *self)
{
  return g_str_equal (gtk_stack_get_visible_child_name (self->stack), "review");
}

/* A machine with an empty disk alone has nothing to start. */
static gboolean
starts (LodgeNewDialog *self)
{
  return self->image != NULL;
}

static void
update_create (LodgeNewDialog *self)
{
  gtk_button_set_label (self->create, starts (self) ? _("Create and Start") : _("Create"));
  gtk_widget_set_sensitive (GTK_WIDGET (self->create), !self->creating && lodge_new_review_is_complete (self->review));
}

static void
show_page (LodgeNewDialog *self, const char *name)
{
  gboolean review = g_str_equal (name, "review");

  gtk_stack_set_visible_child_name (self->stack, name);
  gtk_widget_set_visible (self->back, review);
  gtk_action_bar_set_revealed (self->actions, review);
  gtk_window_set_title (GTK_WINDOW (self), review ? _("Review") : _("New Machine"));
  update_create (self);
  /* While it slides away it would still take what Enter means. */
  gtk_window_set_default_widget (GTK_WINDOW (self), review ? GTK_WIDGET (self->create) : NULL);
  if (review)
    lodge_new_review_begin (self->review);
}

/* @error: (nullable) what was wrong with the image */
static void
show_source (LodgeNewDialog *self, const char *error)
{
  if (self->source == NULL)
    {
      g_auto (GStrv) recent = g_settings_get_strv (self->settings, "recent-images");

      self->source = g_object_new (LODGE_TYPE_NEW_SOURCE, NULL);
      g_signal_connect_swapped (self->source, "chosen", G_CALLBACK (chosen_cb), self);
      g_signal_connect_swapped (self->source, "without-medium", G_CALLBACK (without_medium_cb), self);
      g_signal_connect_swapped (self->source, "demo", G_CALLBACK (demo_cb), self);
      adw_bin_set_child (self->source_place, GTK_WIDGET (self->source));
      lodge_new_source_setup (self->source, self->library, (const char *const *) recent);
    }
  lodge_new_source_show_error (self->source, error);
  show_page (self, "source");
}

static void
add_parts (GPtrArray *parts, GtkWidget *widget)
{
  if (ADW_IS_PREFERENCES_ROW (widget))
    {
      g_ptr_array_add (parts, g_object_ref (widget));
      return;
    }
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL; child = gtk_widget_get_next_sibling (child))
    add_parts (parts, child);
}

static gboolean
present_cb (gpointer user_data)
{
  LodgeNewDialog *self = user_data;

  if (self->parts == NULL)
    {
      self->parts = g_ptr_array_new_with_free_func (g_object_unref);
      add_parts (self->parts, gtk_stack_get_visible_child (self->stack));
    }
  if (self->parts->len > 0)
    {
      int height;

      gtk_widget_measure (self->parts->pdata[self->parts->len - 1], GTK_ORIENTATION_VERTICAL, -1, NULL, &height, NULL, NULL);
      g_ptr_array_set_size (self->parts, (int) self->parts->len - 1);
      return G_SOURCE_CONTINUE;
    }
  self->present_source = 0;
  gtk_window_present (GTK_WINDOW (self));
  return G_SOURCE_REMOVE;
}

/* Not in this turn of the main loop; and the frames of the window behind come first. */
static void
present_later (LodgeNewDialog *self)
{
  if (gtk_widget_get_mapped (GTK_WIDGET (self)))
    return;
  g_clear_handle_id (&self->present_source, g_source_remove);
  g_clear_pointer (&self->parts, g_ptr_array_unref);
  self->present_source = g_idle_add_full (GDK_PRIORITY_REDRAW + 10, present_cb, self, NULL);
}

/* The file keeps silent. */
static gboolean
waited_cb (gpointer user_data)
{
  LodgeNewDialog *self = user_data;

  self->present_source = 0;
  if (self->source == NULL && !in_review (self))
    show_source (self, NULL);
  present_later (self);
  return G_SOURCE_REMOVE;
}

static void
identified_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeNewDialog *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) identified = lodge_identify_finish (result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  /* What could not be recognised can still be used: the person says what kind of system it is. */
  lodge_new_review_set_system (self->review, identified, FALSE);
}

static void
stop_asking (LodgeNewDialog *self)
{
  if (self->asking != NULL)
    g_cancellable_cancel (self->asking);
  g_clear_object (&self->asking);
}

static void
ask (LodgeNewDialog *self)
{
  self->unasked = lodge_library_get_core (self->library) == NULL;
  if (self->unasked)
    return;
  self->asking = g_cancellable_new ();
  lodge_identify_async (self->library, self->image->display_name, self->image->fd, self->asking, identified_cb, self);
}

/* Opened by a double click on a file, the assistant is there before the core has answered. */
static void
library_changed_cb (LodgeNewDialog *self)
{
  if (self->source != NULL)
    lodge_new_source_update (self->source);
  lodge_new_review_update (self->review);
  if (self->unasked && self->image != NULL)
    ask (self);
}

static void
review (LodgeNewDialog *self)
{
  stop_asking (self);
  lodge_new_review_set_image (self->review, self->image);
  lodge_new_review_set_system (self->review, NULL, self->image != NULL);
  show_page (self, "review");
  if (self->image != NULL)
    ask (self);
  present_later (self);
}

static void
image_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeNewDialog *self = user_data;
  g_autoptr (GError) error = NULL;
  LodgeImageFile *image = lodge_image_file_open_finish (result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (image == NULL)
    {
      show_source (self, error->message);
      present_later (self);
      return;
    }

  g_clear_pointer (&self->image, lodge_image_file_free);
  self->image = image;
  review (self);
}

static void
set_file (LodgeNewDialog *self, GFile *file)
{
  g_free (self->image_path);
  self->image_path = g_file_get_path (file);
  lodge_image_file_open_async (file, self->cancellable, image_cb, self);
}

static void
chosen_cb (LodgeNewDialog *self, GFile *file)
{
  lodge_new_source_show_error (self->source, NULL);
  set_file (self, file);
}

static void
without_medium_cb (LodgeNewDialog *self)
{
  g_clear_pointer (&self->image, lodge_image_file_free);
  g_clear_pointer (&self->image_path, g_free);
  review (self);
}

static void
demo_cb (LodgeNewDialog *self)
{
  GtkWindow *parent = gtk_window_get_transient_for (GTK_WINDOW (self));

  if (parent != NULL)
    gtk_widget_activate_action (GTK_WIDGET (parent), "win.try", NULL);
  self->closing = TRUE;
  gtk_window_close (GTK_WINDOW (self));
}

static void
set_creating (LodgeNewDialog *self, gboolean creating)
{
  self->creating = creating;
  gtk_widget_set_sensitive (GTK_WIDGET (self->stack), !creating);
  gtk_widget_set_sensitive (self->back, !creating);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), creating);
  gtk_spinner_set_spinning (self->spinner, creating);
  update_create (self);
}

static void
remember_image (LodgeNewDialog *self)
{
  g_auto (GStrv) before = g_settings_get_strv (self->settings, "recent-images");
  g_autoptr (GPtrArray) after = g_ptr_array_new ();

  if (self->image_path == NULL || !g_utf8_validate (self->image_path, -1, NULL))
    return;
  g_ptr_array_add (after, self->image_path);
  for (guint i = 0; before[i] != NULL && after->len < RECENT_MAX; i++)
    if (!g_str_equal (before[i], self->image_path))
      g_ptr_array_add (after, before[i]);
  g_ptr_array_add (after, NULL);
  g_settings_set_strv (self->settings, "recent-images", (const char *const *) after->pdata);
}

/* What is wrong with the image is told where the image is chosen, all else where the machine is described. */
static void
show_failure (LodgeNewDialog *self, GError *error)
{
  g_autofree char *name = lodge_new_review_get_name (self->review);
  LodgeErrorContext about = {
    .machine = name,
    .file = self->image != NULL ? self->image->display_name : NULL,
    .role = self->image != NULL ? self->image->role : NULL,
    .title = lodge_text_setting,
  };
  g_autofree char *sentence = NULL;

  lodge_error_normalize (error);
  sentence = lodge_error_text (error, &about);
  if (self->image != NULL && (g_error_matches (error, LODGE_ERROR, LODGE_ERROR_WRONG_FORMAT) ||
                              g_error_matches (error, LODGE_ERROR, LODGE_ERROR_NOT_READABLE) ||
                              g_error_matches (error, LODGE_ERROR, LODGE_ERROR_IN_USE)))
    {
      show_source (self, sentence);
    }
  else
    lodge_new_review_show_error (self->review, error, sentence);
}

static void
create_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeNewDialog *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  if (lodge_ipc_core_call_create_machine_finish (LODGE_IPC_CORE (source), &path, NULL, result, &error))
    {
      GtkWindow *parent = gtk_window_get_transient_for (GTK_WINDOW (self));

      remember_image (self);
      /* Who made it by keys goes on by keys. */
      if (parent != NULL)
        gtk_window_set_focus_visible (parent, self->by_keys);
      g_signal_emit (self, created_signal, 0, path, starts (self));
      gtk_window_destroy (GTK_WINDOW (self));
      return;
    }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  set_creating (self, FALSE);
  show_failure (self, error);
}

static void
create_clicked_cb (LodgeNewDialog *self)
{
  LodgeIpcCore *core = lodge_library_get_core (self->library);
  g_autofree char *name = lodge_new_review_get_name (self->review);
  g_autoptr (GUnixFDList) files = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  GVariantBuilder media;

  if (!in_review (self) || !gtk_widget_get_sensitive (GTK_WIDGET (self->create)))
    return;
  if (core == NULL)
    {
      lodge_new_review_show_error (self->review, NULL, _("Lodge is reconnecting. Try again in a moment."));
      return;
    }

  g_variant_builder_init (&media, G_VARIANT_TYPE ("a(ssh)"));
  if (self->image != NULL)
    {
      int handle = g_unix_fd_list_append (files, self->image->fd, &error);

      if (handle < 0)
        {
          g_variant_builder_clear (&media);
          lodge_new_review_show_error (self->review, error, error->message);
          return;
        }
      g_variant_builder_add (&media, "(ssh)", self->image->role, self->image->display_name, handle);
    }

  /* The toolkit forgets it after some seconds. */
  self->by_keys = gtk_window_get_focus_visible (GTK_WINDOW (self));
  set_creating (self, TRUE);
  lodge_ipc_core_call_create_machine (core, name, lodge_new_review_collect (self->review),
                                      g_variant_builder_end (&media), g_variant_new ("a{sv}", NULL), files,
                                      self->cancellable, create_cb, self);
}

static void
back_clicked_cb (LodgeNewDialog *self)
{
  show_source (self, NULL);
}

static void
discard_cb (AdwMessageDialog *dialog, const char *response, LodgeNewDialog *self)
{
  if (!g_str_equal (response, "discard"))
    return;
  self->closing = TRUE;
  /* The key that answered may keep the question for longer than its parent lives; GTK 4.8 does not forget the parent then. */
  gtk_window_set_transient_for (GTK_WINDOW (dialog), NULL);
  gtk_window_close (GTK_WINDOW (self));
}

static gboolean
close_request_cb (LodgeNewDialog *self)
{
  GtkWidget *dialog;

  if (self->closing || !lodge_new_review_is_touched (self->review))
    return FALSE;

  dialog = adw_message_dialog_new (GTK_WINDOW (self), _("Discard the New Machine?"),
                                   _("What you typed and chose will be lost."));
  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "keep", _("_Keep Editing"), "discard", _("_Discard"),
                                    NULL);
  adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "discard", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "keep");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "keep");
  g_signal_connect_object (dialog, "response", G_CALLBACK (discard_cb), self, 0);
  gtk_window_present (GTK_WINDOW (dialog));
  return TRUE;
}

static void
lodge_new_dialog_dispose (GObject *object)
{
  LodgeNewDialog *self = LODGE_NEW_DIALOG (object);

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  stop_asking (self);
  g_clear_handle_id (&self->present_source, g_source_remove);
  g_clear_pointer (&self->parts, g_ptr_array_unref);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->library);
  g_clear_object (&self->settings);
  g_clear_pointer (&self->image_path, g_free);
  g_clear_pointer (&self->image, lodge_image_file_free);

  G_OBJECT_CLASS (lodge_new_dialog_parent_class)->dispose (object);
}

static void
lodge_new_dialog_class_init (LodgeNewDialogClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_new_dialog_dispose;

  created_signal = g_signal_new ("created", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-new-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, back);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, actions);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, create);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, spinner);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, source_place);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, review);
  gtk_widget_class_bind_template_callback (widget_class, create_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, back_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, update_create);
  gtk_widget_class_bind_template_callback (widget_class, close_request_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
lodge_new_dialog_init (LodgeNewDialog *self)
{
  g_type_ensure (LODGE_TYPE_NEW_REVIEW);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->cancellable = g_cancellable_new ();
}

LodgeNewDialog *
lodge_new_dialog_new (LodgeLibrary *library, GSettings *settings)
{
  LodgeNewDialog *self = g_object_new (LODGE_TYPE_NEW_DIALOG, NULL);

  self->library = g_object_ref (library);
  self->settings = g_object_ref (settings);
  lodge_new_review_setup (self->review, library);
  g_signal_connect_object (library, "changed", G_CALLBACK (library_changed_cb), self, G_CONNECT_SWAPPED);
  return self;
}

void
lodge_new_dialog_present (LodgeNewDialog *self, GFile *file)
{
  if (file != NULL)
    set_file (self, file);
  else
    show_source (self, NULL);
  if (file != NULL)
    self->present_source = g_timeout_add (WAIT_MS, waited_cb, self);
  else
    present_later (self);
}
