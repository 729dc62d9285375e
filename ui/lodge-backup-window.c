/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-backup-window.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-backup-group.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-job-list.h"

struct _LodgeBackupWindow
{
  AdwWindow parent_instance;

  LodgeJobList *jobs;
  LodgeBackupGroup *backups;
};

G_DEFINE_FINAL_TYPE (LodgeBackupWindow, lodge_backup_window, ADW_TYPE_WINDOW)

static const char *const kinds[] = { "verify", "restore", NULL };

static void
restored_cb (LodgeBackupWindow *self, const char *machine, gboolean disposable)
{
  GtkWindow *parent = gtk_window_get_transient_for (GTK_WINDOW (self));

  if (parent != NULL)
    gtk_widget_activate_action (GTK_WIDGET (parent), "win.await", "(sb)", machine, disposable);
  if (!disposable)
    gtk_window_close (GTK_WINDOW (self));
}

static void
lodge_backup_window_dispose (GObject *object)
{
  gtk_widget_dispose_template (GTK_WIDGET (object), LODGE_TYPE_BACKUP_WINDOW);

  G_OBJECT_CLASS (lodge_backup_window_parent_class)->dispose (object);
}

static void
lodge_backup_window_class_init (LodgeBackupWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_backup_window_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-backup-window.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeBackupWindow, jobs);
  gtk_widget_class_bind_template_child (widget_class, LodgeBackupWindow, backups);
  gtk_widget_class_bind_template_callback (widget_class, restored_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
lodge_backup_window_init (LodgeBackupWindow *self)
{
  g_type_ensure (LODGE_TYPE_JOB_LIST);
  g_type_ensure (LODGE_TYPE_BACKUP_GROUP);
  gtk_widget_init_template (GTK_WIDGET (self));
  lodge_job_list_set_kinds (self->jobs, kinds);
}

GtkWidget *
lodge_backup_window_new (GtkWindow *parent, LodgeLibrary *library, const char *path)
{
  LodgeBackupWindow *self = g_object_new (LODGE_TYPE_BACKUP_WINDOW, "transient-for", parent, NULL);
  g_autofree char *display = g_filename_display_name (path);
  g_autofree char *escaped = g_markup_escape_text (display, -1);

  lodge_job_list_set_machine (self->jobs, library, NULL);
  adw_preferences_group_set_description (ADW_PREFERENCES_GROUP (self->backups), escaped);
  lodge_backup_group_set (self->backups, library, NULL, path);
  return GTK_WIDGET (self);
}

static void
chosen_cb (GtkFileChooserNative *chooser, int response, LodgeLibrary *library)
{
  g_autoptr (GFile) file = response == GTK_RESPONSE_ACCEPT ? gtk_file_chooser_get_file (GTK_FILE_CHOOSER (chooser)) : NULL;
  g_autofree char *path = file != NULL ? g_file_get_path (file) : NULL;
  GtkWindow *parent = gtk_native_dialog_get_transient_for (GTK_NATIVE_DIALOG (chooser));

  if (path != NULL && parent != NULL)
    gtk_window_present (GTK_WINDOW (lodge_backup_window_new (parent, library, path)));
  else if (file != NULL && parent != NULL)
    lodge_feedback_toast (GTK_WIDGET (parent), _("Only folders on this computer can be used"));
  g_object_unref (chooser);
}

static void
library_free (gpointer library, GClosure *closure)
{
  g_object_unref (library);
}

void
lodge_backup_window_choose (GtkWindow *parent, LodgeLibrary *library)
{
  GtkFileChooserNative *chooser = gtk_file_chooser_native_new (_("Folder with Backups"), parent, GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER,
                                                               _("_Choose"), _("_Cancel"));

  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (chooser), TRUE);
  g_signal_connect_data (chooser, "response", G_CALLBACK (chosen_cb), g_object_ref (library), library_free, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (chooser));
}
