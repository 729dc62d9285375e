/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-disk-group.h"

#include <glib/gi18n-lib.h>
#include <math.h>

#include "ui/lodge-disk-row.h"
#include "ui/lodge-disk-size-dialog.h"
#include "ui/lodge-disk-work.h"
#include "ui/lodge-image-chooser.h"
#include "ui/lodge-job-row.h"

#define GIB 1073741824.0
#define NEW_GIB 20.0

struct _LodgeDiskGroup
{
  AdwPreferencesGroup parent_instance;

  LodgeLibrary *library;         /* (owned) (nullable) until set */
  LodgeDisks *disks;             /* (owned) (nullable) until set */
  GPtrArray *rows;               /* of LodgeDiskRow, in their order */
  GPtrArray *job_rows;           /* of LodgeJobRow */
  GtkFileChooserNative *chooser; /* (owned) (nullable) */
};

G_DEFINE_FINAL_TYPE (LodgeDiskGroup, lodge_disk_group, ADW_TYPE_PREFERENCES_GROUP)

static LodgeMachineItem *
get_item (LodgeDiskGroup *self)
{
  return lodge_disks_get_item (self->disks);
}

/* ---- What is wanted ---- */

typedef struct
{
  LodgeDiskGroup *self; /* (owned) */
  GVariant *disk;       /* (owned) (nullable) */
  GFile *file;          /* (owned) (nullable) */
} Wish;

static Wish *
wish_new (LodgeDiskGroup *self, GVariant *disk, GFile *file)
{
  Wish *wish = g_new0 (Wish, 1);

  wish->self = g_object_ref (self);
  wish->disk = disk != NULL ? g_variant_ref (disk) : NULL;
  wish->file = file != NULL ? g_object_ref (file) : NULL;
  return wish;
}

static void
wish_free (gpointer data)
{
  Wish *wish = data;

  g_object_unref (wish->self);
  g_clear_pointer (&wish->disk, g_variant_unref);
  g_clear_object (&wish->file);
  g_free (wish);
}

static void
wish_free_closure (gpointer data, GClosure *closure)
{
  wish_free (data);
}

static void
grow_chosen (guint64 bytes, gpointer user_data)
{
  Wish *wish = user_data;

  lodge_disk_work_grow (GTK_WIDGET (wish->self), wish->self->library, get_item (wish->self), wish->disk, bytes);
}

static void
grow_cb (LodgeDiskGroup *self, LodgeDiskRow *row)
{
  GVariant *disk = lodge_disk_row_get_disk (row);
  double present = (double) lodge_disk_uint (disk, "size") / GIB;
  double lower = floor (present) + 1;

  lodge_disk_size_dialog_present (GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))), _("Make the Disk Larger"),
                                  _("A disk cannot be made smaller again. The system in the machine has to extend its "
                                    "partition afterwards."),
                                  _("_Grow"), lower, MAX (ceil (present * 1.5), lower), grow_chosen,
                                  wish_new (self, disk, NULL), wish_free);
}

static void
compact_cb (LodgeDiskGroup *self, LodgeDiskRow *row)
{
  lodge_disk_work_compact (GTK_WIDGET (self), self->library, get_item (self), lodge_disk_row_get_disk (row));
}

static void
convert_cb (LodgeDiskGroup *self, const char *format, LodgeDiskRow *row)
{
  lodge_disk_work_convert (GTK_WIDGET (self), self->library, get_item (self), lodge_disk_row_get_disk (row), format);
}

static void
detach_cb (LodgeDiskGroup *self, LodgeDiskRow *row)
{
  lodge_disk_work_detach (GTK_WIDGET (self), self->library, get_item (self), lodge_disk_row_get_disk (row), FALSE);
}

static void
delete_cb (LodgeDiskGroup *self, LodgeDiskRow *row)
{
  lodge_disk_work_detach (GTK_WIDGET (self), self->library, get_item (self), lodge_disk_row_get_disk (row), TRUE);
}

static void
attach_cb (LodgeDiskGroup *self, LodgeDiskRow *row)
{
  lodge_disk_work_attach (GTK_WIDGET (self), self->library, get_item (self), lodge_disk_row_get_disk (row));
}

static void
new_chosen (guint64 bytes, gpointer user_data)
{
  Wish *wish = user_data;

  lodge_disk_work_create (GTK_WIDGET (wish->self), wish->self->library, get_item (wish->self), bytes);
}

static void
new_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  lodge_disk_size_dialog_present (GTK_WINDOW (gtk_widget_get_root (widget)), _("New Disk"),
                                  _("Its file grows with what the machine writes."), _("_Add"), 1, NEW_GIB, new_chosen,
                                  wish_new (LODGE_DISK_GROUP (widget), NULL, NULL), wish_free);
}

static void
drive_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeDiskGroup *self = LODGE_DISK_GROUP (widget);

  lodge_disk_work_add_drive (widget, self->library, get_item (self));
}

static void
copy_response_cb (AdwMessageDialog *dialog, const char *response, gpointer user_data)
{
  Wish *wish = user_data;

  if (!g_str_equal (response, "cancel"))
    lodge_disk_work_add_image (GTK_WIDGET (wish->self), wish->self->library, get_item (wish->self), wish->file,
                               g_str_equal (response, "copy"));
}

static void
ask_copy (LodgeDiskGroup *self, GFile *file)
{
  GtkWidget *dialog = adw_message_dialog_new (GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))), _("Import a Copy?"),
                                              _("The machine writes to the image. Used where it lies, it is in no copy "
                                                "and no snapshot of the machine."));

  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "cancel", _("_Cancel"), "use", _("_Use Where It Lies"),
                                    "copy", _("_Import Copy"), NULL);
  adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "copy", ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "copy");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "cancel");
  g_signal_connect_data (dialog, "response", G_CALLBACK (copy_response_cb), wish_new (self, NULL, file),
                         wish_free_closure, 0);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
image_chosen_cb (LodgeDiskGroup *self, int response)
{
  g_autoptr (GFile) file = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    file = gtk_file_chooser_get_file (GTK_FILE_CHOOSER (self->chooser));
  g_clear_object (&self->chooser);
  if (file != NULL)
    ask_copy (self, file);
}

static void
image_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeDiskGroup *self = LODGE_DISK_GROUP (widget);

  g_clear_object (&self->chooser);
  self->chooser = lodge_image_chooser_new (GTK_WINDOW (gtk_widget_get_root (widget)));
  g_signal_connect_swapped (self->chooser, "response", G_CALLBACK (image_chosen_cb), self);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (self->chooser));
}

/* ---- What is shown ---- */

static GtkWidget *
make_row (LodgeDiskGroup *self)
{
  GtkWidget *row = lodge_disk_row_new ();

  g_signal_connect_swapped (row, "grow", G_CALLBACK (grow_cb), self);
  g_signal_connect_swapped (row, "compact", G_CALLBACK (compact_cb), self);
  g_signal_connect_swapped (row, "convert", G_CALLBACK (convert_cb), self);
  g_signal_connect_swapped (row, "detach", G_CALLBACK (detach_cb), self);
  g_signal_connect_swapped (row, "delete", G_CALLBACK (delete_cb), self);
  g_signal_connect_swapped (row, "attach", G_CALLBACK (attach_cb), self);
  return row;
}

static gboolean
is_of (LodgeDiskRow *row, GVariant *disk)
{
  GVariant *shown = lodge_disk_row_get_disk (row);
  const char *id = lodge_disk_string (disk, "id");

  return g_str_equal (lodge_disk_string (shown, "id"), id)
         && (*id != '\0' || g_str_equal (lodge_disk_string (shown, "file"), lodge_disk_string (disk, "file")));
}

/* The rows whose disks are still there stay where and as they are; one that was folded out stays so. */
static void
disks_changed_cb (LodgeDiskGroup *self)
{
  GVariant *disks = lodge_disks_get (self->disks);
  gboolean off = lodge_machine_item_get_state (get_item (self)) == LODGE_MACHINE_OFF;
  guint n = disks != NULL ? (guint) g_variant_n_children (disks) : 0;
  guint at = 0;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GVariant) disk = g_variant_get_child_value (disks, i);

      while (at < self->rows->len && !is_of (self->rows->pdata[at], disk))
        {
          adw_preferences_group_remove (ADW_PREFERENCES_GROUP (self), self->rows->pdata[at]);
          g_ptr_array_remove_index (self->rows, at);
        }
      if (at == self->rows->len)
        {
          GtkWidget *row = make_row (self);

          lodge_disk_row_set_disk (LODGE_DISK_ROW (row), disk, off);
          adw_preferences_group_add (ADW_PREFERENCES_GROUP (self), row);
          g_ptr_array_add (self->rows, row);
        }
      else
        lodge_disk_row_set_disk (self->rows->pdata[at], disk, off);
      at++;
    }
  while (self->rows->len > at)
    {
      adw_preferences_group_remove (ADW_PREFERENCES_GROUP (self), self->rows->pdata[at]);
      g_ptr_array_remove_index (self->rows, at);
    }
}

static gboolean
is_ours (LodgeDiskGroup *self, LodgeIpcJob *job)
{
  static const char *const kinds[] = { "disk", "compact", "convert", NULL };
  const char *kind = lodge_ipc_job_get_kind (job);

  return kind != NULL && g_strv_contains (kinds, kind)
         && g_strcmp0 (lodge_ipc_job_get_machine (job), lodge_machine_item_get_object_path (get_item (self))) == 0;
}

/* Returns: (nullable): the one for @job, which is no longer in @rows */
static GtkWidget *
take_job_row (GPtrArray *rows, LodgeIpcJob *job)
{
  for (guint i = 0; i < rows->len; i++)
    if (lodge_job_row_get_job (rows->pdata[i]) == job)
      return g_ptr_array_steal_index (rows, i);
  return NULL;
}

/* The row of a job that is still there stays: somebody may be about to cancel it. */
static void
jobs_changed_cb (LodgeDiskGroup *self)
{
  GListModel *jobs = lodge_library_get_jobs (self->library);
  g_autoptr (GPtrArray) before = g_steal_pointer (&self->job_rows);

  self->job_rows = g_ptr_array_new ();
  for (guint i = 0; i < g_list_model_get_n_items (jobs); i++)
    {
      g_autoptr (LodgeIpcJob) job = g_list_model_get_item (jobs, i);
      GtkWidget *row;

      if (!is_ours (self, job))
        continue;
      row = take_job_row (before, job);
      if (row == NULL)
        {
          row = lodge_job_row_new (job);
          adw_preferences_group_add (ADW_PREFERENCES_GROUP (self), row);
        }
      g_ptr_array_add (self->job_rows, row);
    }
  for (guint i = 0; i < before->len; i++)
    adw_preferences_group_remove (ADW_PREFERENCES_GROUP (self), before->pdata[i]);
}

static void
lodge_disk_group_dispose (GObject *object)
{
  LodgeDiskGroup *self = LODGE_DISK_GROUP (object);

  g_clear_object (&self->chooser);
  if (self->library != NULL)
    g_signal_handlers_disconnect_by_data (lodge_library_get_jobs (self->library), self);
  if (self->disks != NULL)
    g_signal_handlers_disconnect_by_data (self->disks, self);
  g_clear_object (&self->disks);
  g_clear_object (&self->library);

  G_OBJECT_CLASS (lodge_disk_group_parent_class)->dispose (object);
}

static void
lodge_disk_group_finalize (GObject *object)
{
  LodgeDiskGroup *self = LODGE_DISK_GROUP (object);

  g_ptr_array_unref (self->rows);
  g_ptr_array_unref (self->job_rows);

  G_OBJECT_CLASS (lodge_disk_group_parent_class)->finalize (object);
}

static void
lodge_disk_group_class_init (LodgeDiskGroupClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_disk_group_dispose;
  G_OBJECT_CLASS (klass)->finalize = lodge_disk_group_finalize;
  gtk_widget_class_install_action (widget_class, "disks.new", NULL, new_action);
  gtk_widget_class_install_action (widget_class, "disks.image", NULL, image_action);
  gtk_widget_class_install_action (widget_class, "disks.drive", NULL, drive_action);
}

static GtkWidget *
make_add_button (void)
{
  GtkWidget *button = gtk_menu_button_new ();
  GtkWidget *content = adw_button_content_new ();
  g_autoptr (GMenu) menu = g_menu_new ();

  g_menu_append (menu, _("_New Disk…"), "disks.new");
  g_menu_append (menu, _("Disk _Image…"), "disks.image");
  g_menu_append (menu, _("CD _Drive"), "disks.drive");
  gtk_menu_button_set_menu_model (GTK_MENU_BUTTON (button), G_MENU_MODEL (menu));
  adw_button_content_set_icon_name (ADW_BUTTON_CONTENT (content), "list-add-symbolic");
  adw_button_content_set_label (ADW_BUTTON_CONTENT (content), _("Add"));
  gtk_menu_button_set_child (GTK_MENU_BUTTON (button), content);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Add Disk"), -1);
  gtk_widget_add_css_class (button, "flat");
  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  return button;
}

static void
lodge_disk_group_init (LodgeDiskGroup *self)
{
  self->rows = g_ptr_array_new ();
  self->job_rows = g_ptr_array_new ();
  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (self), _("Disks and Drives"));
  adw_preferences_group_set_header_suffix (ADW_PREFERENCES_GROUP (self), make_add_button ());
}

void
lodge_disk_group_set_disks (LodgeDiskGroup *self, LodgeLibrary *library, LodgeDisks *disks)
{
  g_return_if_fail (self->disks == NULL);

  self->library = g_object_ref (library);
  self->disks = g_object_ref (disks);
  g_signal_connect_swapped (disks, "changed", G_CALLBACK (disks_changed_cb), self);
  g_signal_connect_swapped (lodge_library_get_jobs (library), "items-changed", G_CALLBACK (jobs_changed_cb), self);
  disks_changed_cb (self);
  jobs_changed_cb (self);
}
