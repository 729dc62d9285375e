/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-new-dialog.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n-lib.h>
#include <math.h>

#include "core/ipc/lodge-error-text.h"
#include "ui/lodge-amount-row.h"
#include "ui/lodge-demo.h"
#include "ui/lodge-found-images.h"
#include "ui/lodge-image-file.h"
#include "ui/lodge-machine-text.h"

#define MIB (1024.0 * 1024.0)
#define GIB (1024.0 * MIB)
#define MEMORY_MIN_MIB 128.0
#define MEMORY_USUAL_MIB 2048.0
#define DISK_MIN_GIB 1.0
#define DISK_USUAL_GIB 20.0
#define DISK_MAX_GIB 2048.0

struct _LodgeNewDialog
{
  AdwWindow parent_instance;

  LodgeLibrary *library;          /* (owned) */
  LodgeImageFile *image;          /* (owned) (nullable) none chosen, or without medium */
  GCancellable *cancellable;      /* (owned) */
  GtkFileChooserNative *chooser;  /* (owned) (nullable) */

  GtkStack *stack;
  GtkWidget *back;
  GtkWidget *create;
  GtkSpinner *spinner;
  AdwPreferencesGroup *found_group;
  GtkWidget *found_spinner;
  GtkWidget *demo_row;
  GtkWidget *source_error;
  GtkLabel *source_error_text;
  GtkWidget *slow_note;
  GtkLabel *slow_note_text;
  GtkWidget *create_error;
  GtkLabel *create_error_text;
  AdwEntryRow *name;
  AdwActionRow *medium;
  AdwComboRow *firmware;
  LodgeAmountRow *cores;
  LodgeAmountRow *memory;
  LodgeAmountRow *disk;
  GtkSwitch *accel_3d;
  AdwActionRow *accel_3d_row;
};

static guint created_signal;

G_DEFINE_FINAL_TYPE (LodgeNewDialog, lodge_new_dialog, ADW_TYPE_WINDOW)

static gboolean
in_review (LodgeNewDialog *self)
{
  return g_str_equal (gtk_stack_get_visible_child_name (self->stack), "review");
}

static void
show_page (LodgeNewDialog *self, const char *name)
{
  gboolean review = g_str_equal (name, "review");

  gtk_stack_set_visible_child_name (self->stack, name);
  gtk_widget_set_visible (self->back, review);
  gtk_widget_set_visible (self->create, review);
  gtk_window_set_title (GTK_WINDOW (self), review ? _("Review") : _("New Machine"));
  if (review)
    {
      gtk_window_set_default_widget (GTK_WINDOW (self), self->create);
      gtk_widget_grab_focus (GTK_WIDGET (self->name));
      gtk_editable_select_region (GTK_EDITABLE (self->name), 0, -1);
    }
}

static void
show_source_error (LodgeNewDialog *self, const char *sentence)
{
  gtk_widget_set_visible (self->source_error, sentence != NULL);
  gtk_label_set_label (self->source_error_text, sentence != NULL ? sentence : "");
}

static void
show_create_error (LodgeNewDialog *self, const char *sentence)
{
  gtk_widget_set_visible (self->create_error, sentence != NULL);
  gtk_label_set_label (self->create_error_text, sentence != NULL ? sentence : "");
}

static void
update_memory_hint (LodgeNewDialog *self)
{
  guint64 total = lodge_library_host_uint (self->library, "memory", 0);
  guint64 available = lodge_library_host_uint (self->library, "memory-available", 0);
  double bytes = lodge_amount_row_get_value (self->memory) * MIB;
  g_autofree char *size = lodge_text_size ((guint64) bytes);
  g_autofree char *of = lodge_text_size (total);
  g_autofree char *free = lodge_text_size (available);
  g_autofree char *hint = NULL;

  if (total == 0)
    return;

  if (available > 0 && bytes > (double) available)
    hint = g_strdup_printf (_("%s of %s: other programs may slow down"), size, of);
  else
    hint = g_strdup_printf (_("%s of %s is free now"), free, of);
  lodge_amount_row_set_hint (self->memory, hint, available > 0 && bytes > (double) available);
}

static void
update_create (LodgeNewDialog *self)
{
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name))));
  gboolean slash = strchr (name, '/') != NULL;

  show_create_error (self, slash ? _("A name cannot contain “/”.") : NULL);
  if (*name == '\0' || slash)
    gtk_widget_add_css_class (GTK_WIDGET (self->name), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (self->name), "error");
  gtk_widget_set_sensitive (self->create, *name != '\0' && !slash && g_utf8_strlen (name, -1) <= 128);
}

static void
setup_amounts (LodgeNewDialog *self)
{
  guint64 cores = lodge_library_host_uint (self->library, "cores", 4);
  double total = (double) lodge_library_host_uint (self->library, "memory", (guint64) (16 * GIB)) / MIB;
  double available = (double) lodge_library_host_uint (self->library, "memory-available", 0) / MIB;
  double usual = MIN (MEMORY_USUAL_MIB, MAX (floor (total / 4 / 256) * 256, MEMORY_MIN_MIB));

  lodge_amount_row_setup (self->cores, LODGE_AMOUNT_COUNT, 1, MAX ((double) cores, 2), MIN (2, (double) cores), 0);
  lodge_amount_row_set_value (self->cores, MIN (2, (double) cores));
  lodge_amount_row_setup (self->memory, LODGE_AMOUNT_MEMORY, MEMORY_MIN_MIB, floor (total), usual, available);
  lodge_amount_row_set_value (self->memory, usual);
  lodge_amount_row_setup (self->disk, LODGE_AMOUNT_DISK, DISK_MIN_GIB, DISK_MAX_GIB, DISK_USUAL_GIB, 0);
  lodge_amount_row_set_value (self->disk, DISK_USUAL_GIB);
  lodge_amount_row_set_hint (self->disk, _("Takes only the space that is used"), FALSE);
  update_memory_hint (self);
}

static const char *
slow_sentence (LodgeNewDialog *self)
{
  const char *reason = lodge_library_host_string (self->library, "acceleration-reason", "");

  if (g_str_equal (reason, "no-permission"))
    return _("About 10 times slower: you may not use /dev/kvm. Add yourself to the group “kvm” and log in again.");
  if (g_str_equal (reason, "no-cpu-flags"))
    return _("About 10 times slower: virtualisation is off in this computer’s firmware settings.");
  if (g_str_equal (reason, "no-device"))
    return _("About 10 times slower: this system has no /dev/kvm. Switch virtualisation on in the firmware settings "
             "and load the module “kvm”.");
  return _("About 10 times slower: hardware virtualisation does not work on this computer.");
}

static void
setup_host (LodgeNewDialog *self)
{
  gboolean slow = g_str_equal (lodge_library_host_string (self->library, "acceleration", ""), "tcg");
  const char *gl = lodge_library_host_string (self->library, "gl-reason", "ok");

  gtk_widget_set_visible (self->slow_note, slow);
  if (slow)
    gtk_label_set_label (self->slow_note_text, slow_sentence (self));
  gtk_widget_set_visible (self->demo_row, lodge_library_has_feature (self->library, "demo"));
  if (!g_str_equal (gl, "ok"))
    {
      g_autofree char *why = lodge_machine_text_3d ("none", gl);

      adw_action_row_set_subtitle (self->accel_3d_row, why);
    }
}

static void
review (LodgeNewDialog *self)
{
  const char *wish = self->image != NULL ? self->image->suggestion : _("New Machine");
  g_autofree char *name = lodge_demo_free_name (self->library, wish);
  gboolean disk = self->image != NULL && g_str_equal (self->image->role, "disk");

  if (self->image != NULL)
    {
      g_autofree char *size = g_format_size (self->image->size);
      /* Translators: name of a file, its format, its size */
      g_autofree char *line = g_strdup_printf (_("%s (%s, %s)"), self->image->display_name, self->image->format, size);

      adw_action_row_set_subtitle (self->medium, line);
    }
  else
    adw_action_row_set_subtitle (self->medium, _("None: the machine begins with an empty disk"));
  gtk_widget_set_visible (GTK_WIDGET (self->disk), !disk);
  gtk_editable_set_text (GTK_EDITABLE (self->name), name);
  show_page (self, "review");
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
      show_source_error (self, error->message);
      show_page (self, "source");
      return;
    }

  show_source_error (self, NULL);
  g_clear_pointer (&self->image, lodge_image_file_free);
  self->image = image;
  review (self);
}

static void
chosen_cb (LodgeNewDialog *self, int response)
{
  if (response == GTK_RESPONSE_ACCEPT)
    {
      g_autoptr (GFile) file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (self->chooser));

      if (file != NULL)
        lodge_new_dialog_set_file (self, file);
    }
  g_clear_object (&self->chooser);
}

static void
choose_file_cb (LodgeNewDialog *self)
{
  g_autoptr (GtkFileFilter) images = gtk_file_filter_new ();
  g_autoptr (GtkFileFilter) all = gtk_file_filter_new ();
  static const char *const suffixes[] = { "iso", "img", "raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx" };

  gtk_file_filter_set_name (images, _("Disc and Disk Images"));
  for (guint i = 0; i < G_N_ELEMENTS (suffixes); i++)
    gtk_file_filter_add_suffix (images, suffixes[i]);
  gtk_file_filter_set_name (all, _("All Files"));
  gtk_file_filter_add_pattern (all, "*");

  g_clear_object (&self->chooser);
  self->chooser = gtk_file_chooser_native_new (_("Choose an Image"), GTK_WINDOW (self), GTK_FILE_CHOOSER_ACTION_OPEN,
                                               _("_Open"), _("_Cancel"));
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (self->chooser), TRUE);
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (self->chooser), images);
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (self->chooser), all);
  g_signal_connect_swapped (self->chooser, "response", G_CALLBACK (chosen_cb), self);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (self->chooser));
}

static void
without_medium_cb (LodgeNewDialog *self)
{
  g_clear_pointer (&self->image, lodge_image_file_free);
  show_source_error (self, NULL);
  review (self);
}

static void
demo_cb (LodgeNewDialog *self)
{
  GtkWindow *parent = gtk_window_get_transient_for (GTK_WINDOW (self));

  if (parent != NULL)
    gtk_widget_activate_action (GTK_WIDGET (parent), "win.try", NULL);
  gtk_window_close (GTK_WINDOW (self));
}

static void
found_activated_cb (LodgeNewDialog *self, AdwActionRow *row)
{
  GFile *file = g_object_get_data (G_OBJECT (row), "lodge-file");

  lodge_new_dialog_set_file (self, file);
}

static void
found_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeNewDialog *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = lodge_found_images_finish (result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  gtk_widget_set_visible (self->found_spinner, FALSE);
  gtk_widget_set_visible (GTK_WIDGET (self->found_group), found != NULL && found->len > 0);
  for (guint i = 0; found != NULL && i < found->len; i++)
    {
      LodgeFoundImage *image = g_ptr_array_index (found, i);
      GtkWidget *row = adw_action_row_new ();

      adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
      adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), image->display_name);
      adw_action_row_set_subtitle (ADW_ACTION_ROW (row), image->description);
      adw_action_row_set_icon_name (ADW_ACTION_ROW (row), "media-optical-symbolic");
      adw_action_row_add_suffix (ADW_ACTION_ROW (row), gtk_image_new_from_icon_name ("go-next-symbolic"));
      gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
      g_object_set_data_full (G_OBJECT (row), "lodge-file", g_object_ref (image->file), g_object_unref);
      g_signal_connect_swapped (row, "activated", G_CALLBACK (found_activated_cb), self);
      adw_preferences_group_add (self->found_group, row);
    }
}

static void
set_creating (LodgeNewDialog *self, gboolean creating)
{
  gtk_widget_set_sensitive (GTK_WIDGET (self->stack), !creating);
  gtk_widget_set_sensitive (self->back, !creating);
  gtk_widget_set_sensitive (self->create, !creating);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), creating);
  gtk_spinner_set_spinning (self->spinner, creating);
}

static void
create_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeNewDialog *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;

  if (lodge_ipc_core_call_create_machine_finish (LODGE_IPC_CORE (source), &path, NULL, result, &error))
    {
      g_signal_emit (self, created_signal, 0, path);
      gtk_window_destroy (GTK_WINDOW (self));
      return;
    }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  set_creating (self, FALSE);
  {
    LodgeErrorContext about = {
      .machine = gtk_editable_get_text (GTK_EDITABLE (self->name)),
      .file = self->image != NULL ? self->image->display_name : NULL,
      .role = self->image != NULL ? self->image->role : NULL,
    };
    g_autofree char *sentence = NULL;

    lodge_error_normalize (error);
    sentence = lodge_error_text (error, &about);
    show_create_error (self, sentence);
  }
}

static GVariant *
collect_settings (LodgeNewDialog *self)
{
  static const char *const firmwares[] = { "uefi", "bios" };
  GVariantBuilder settings;

  g_variant_builder_init (&settings, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&settings, "{sv}", "cores",
                         g_variant_new_uint32 ((guint32) lodge_amount_row_get_value (self->cores)));
  g_variant_builder_add (&settings, "{sv}", "memory",
                         g_variant_new_uint64 ((guint64) lodge_amount_row_get_value (self->memory) * 1024 * 1024));
  g_variant_builder_add (&settings, "{sv}", "firmware",
                         g_variant_new_string (firmwares[MIN (adw_combo_row_get_selected (self->firmware), 1)]));
  g_variant_builder_add (&settings, "{sv}", "3d", g_variant_new_boolean (gtk_switch_get_active (self->accel_3d)));
  if (gtk_widget_get_visible (GTK_WIDGET (self->disk)))
    g_variant_builder_add (&settings, "{sv}", "disk-size",
                           g_variant_new_uint64 ((guint64) lodge_amount_row_get_value (self->disk) << 30));
  return g_variant_builder_end (&settings);
}

static void
create_clicked_cb (LodgeNewDialog *self)
{
  LodgeIpcCore *core = lodge_library_get_core (self->library);
  g_autofree char *name = g_strstrip (g_strdup (gtk_editable_get_text (GTK_EDITABLE (self->name))));
  g_autoptr (GUnixFDList) files = g_unix_fd_list_new ();
  g_autoptr (GError) error = NULL;
  GVariantBuilder media;

  if (!in_review (self) || !gtk_widget_get_sensitive (self->create))
    return;
  if (core == NULL)
    {
      show_create_error (self, _("Lodge is reconnecting. Try again in a moment."));
      return;
    }

  g_variant_builder_init (&media, G_VARIANT_TYPE ("a(ssh)"));
  if (self->image != NULL)
    {
      int handle = g_unix_fd_list_append (files, self->image->fd, &error);

      if (handle < 0)
        {
          g_variant_builder_clear (&media);
          show_create_error (self, error->message);
          return;
        }
      g_variant_builder_add (&media, "(ssh)", self->image->role, self->image->display_name, handle);
    }

  show_create_error (self, NULL);
  set_creating (self, TRUE);
  lodge_ipc_core_call_create_machine (core, name, collect_settings (self), g_variant_builder_end (&media),
                                      g_variant_new ("a{sv}", NULL), files, self->cancellable, create_cb, self);
}

static void
back_clicked_cb (LodgeNewDialog *self)
{
  show_page (self, "source");
}

static void
lodge_new_dialog_dispose (GObject *object)
{
  LodgeNewDialog *self = LODGE_NEW_DIALOG (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->library);
  g_clear_object (&self->chooser);
  g_clear_pointer (&self->image, lodge_image_file_free);

  G_OBJECT_CLASS (lodge_new_dialog_parent_class)->dispose (object);
}

static void
lodge_new_dialog_class_init (LodgeNewDialogClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_new_dialog_dispose;

  created_signal = g_signal_new ("created", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                 G_TYPE_NONE, 1, G_TYPE_STRING);

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-new-dialog.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, back);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, create);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, spinner);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, found_group);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, found_spinner);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, demo_row);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, source_error);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, source_error_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, slow_note);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, slow_note_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, create_error);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, create_error_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, name);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, medium);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, firmware);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, cores);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, memory);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, disk);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, accel_3d);
  gtk_widget_class_bind_template_child (widget_class, LodgeNewDialog, accel_3d_row);
  gtk_widget_class_bind_template_callback (widget_class, choose_file_cb);
  gtk_widget_class_bind_template_callback (widget_class, without_medium_cb);
  gtk_widget_class_bind_template_callback (widget_class, demo_cb);
  gtk_widget_class_bind_template_callback (widget_class, create_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, back_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, update_create);
  gtk_widget_class_bind_template_callback (widget_class, update_memory_hint);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
lodge_new_dialog_init (LodgeNewDialog *self)
{
  g_type_ensure (LODGE_TYPE_AMOUNT_ROW);
  gtk_widget_init_template (GTK_WIDGET (self));
  self->cancellable = g_cancellable_new ();
}

GtkWidget *
lodge_new_dialog_new (LodgeLibrary *library)
{
  LodgeNewDialog *self = g_object_new (LODGE_TYPE_NEW_DIALOG, NULL);

  self->library = g_object_ref (library);
  setup_amounts (self);
  setup_host (self);
  lodge_found_images_async (g_get_user_special_dir (G_USER_DIRECTORY_DOWNLOAD), self->cancellable, found_cb, self);
  return GTK_WIDGET (self);
}

void
lodge_new_dialog_set_file (LodgeNewDialog *self, GFile *file)
{
  show_source_error (self, NULL);
  lodge_image_file_open_async (file, self->cancellable, image_cb, self);
}
