/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-backup-page.h"

#include <glib/gi18n-lib.h>

#include "ui/lodge-backup-group.h"
#include "ui/lodge-backup-text.h"
#include "ui/lodge-backup-work.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-interval-row.h"
#include "ui/lodge-job-list.h"
#include "ui/lodge-setting-change.h"
#include "ui/lodge-snapshot-text.h"

struct _LodgeBackupPage
{
  AdwBin parent_instance;

  LodgeLibrary *library;         /* (owned) (nullable) with list */
  LodgeSnapshotList *list;       /* (owned) (nullable) */
  GtkFileChooserNative *chooser; /* (owned) (nullable) */
  gboolean then_make;            /* a backup is to be made once a folder was chosen */

  LodgeJobList *jobs;
  AdwActionRow *folder;
  LodgeIntervalRow *every;
  AdwActionRow *now;
  GtkWidget *trouble;
  GtkLabel *trouble_text;
  LodgeBackupGroup *backups;
};

G_DEFINE_FINAL_TYPE (LodgeBackupPage, lodge_backup_page, ADW_TYPE_BIN)

/* Of the jobs that work for no machine, those with backups. */
static const char *const kinds[] = { "verify", "restore", NULL };

static LodgeMachineItem *
get_machine (LodgeBackupPage *self)
{
  return lodge_snapshot_list_get_machine (self->list);
}

static const char *
get_path (LodgeBackupPage *self)
{
  const char *path = lodge_machine_item_setting_string (get_machine (self), "backup-folder", "");

  return *path != '\0' ? path : NULL;
}

static char *
describe_now (LodgeBackupPage *self)
{
  gint64 now = g_get_real_time () / G_USEC_PER_SEC, next = 0;
  LodgeMachineState state = lodge_machine_item_get_state (get_machine (self));
  g_autofree char *when = NULL;

  if (lodge_machine_item_is_busy (get_machine (self)))
    return g_strdup (_("Something else is being done with the machine"));
  g_variant_lookup (lodge_machine_item_get_automatic (get_machine (self)), "next-backup", "x", &next);
  if (next > now)
    {
      when = lodge_snapshot_text_when (next, now);
      /* Translators: %s is "Today, 14:05" */
      return g_strdup_printf (_("The next one by itself: %s"), when);
    }
  if (state == LODGE_MACHINE_RUNNING)
    return g_strdup (_("The machine runs on meanwhile; its memory is not in a backup"));
  return g_strdup (_("Only what changed since the last one is written"));
}

static gboolean
allows (LodgeMachineState state)
{
  return state == LODGE_MACHINE_OFF || state == LODGE_MACHINE_RUNNING || state == LODGE_MACHINE_PAUSED ||
         state == LODGE_MACHINE_SAVED;
}

static void
update (LodgeBackupPage *self)
{
  LodgeMachineItem *item = get_machine (self);
  const char *path = get_path (self);
  g_autofree char *display = path != NULL ? g_filename_display_name (path) : g_strdup (_("None chosen yet; best on another disk"));
  g_autofree char *now = describe_now (self);
  g_autofree char *trouble = lodge_backup_text_trouble (item, "backup", g_get_real_time () / G_USEC_PER_SEC);

  adw_action_row_set_subtitle (self->folder, display);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (self->every), path == NULL ? _("Choose a folder first") : NULL);
  adw_action_row_set_subtitle (self->now, now);
  gtk_label_set_label (self->trouble_text, trouble != NULL ? trouble : "");
  gtk_widget_set_visible (self->trouble, trouble != NULL);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "backups.make", lodge_machine_item_is_connected (item) && !lodge_machine_item_is_busy (item) &&
                                                                      allows (lodge_machine_item_get_state (item)));
  lodge_backup_group_set (self->backups, self->library, self->list, path);
}

static void
made_cb (GtkWidget *from, const char *id, const char *machine, gboolean disposable)
{
  lodge_backup_group_reload (LODGE_BACKUP_PAGE (from)->backups);
}

static void
make (LodgeBackupPage *self, const char *path)
{
  lodge_backup_make (GTK_WIDGET (self), self->library, get_machine (self), path, made_cb);
}

static void
chosen_cb (LodgeBackupPage *self, int response)
{
  g_autoptr (GFile) file = response == GTK_RESPONSE_ACCEPT ? gtk_file_chooser_get_file (GTK_FILE_CHOOSER (self->chooser)) : NULL;
  g_autofree char *path = file != NULL ? g_file_get_path (file) : NULL;
  gboolean then_make = self->then_make;

  g_clear_object (&self->chooser);
  self->then_make = FALSE;
  if (file == NULL || self->list == NULL)
    return;
  if (path == NULL || !g_utf8_validate (path, -1, NULL))
    {
      lodge_feedback_toast (GTK_WIDGET (self), _("Only folders on this computer can be used"));
      return;
    }
  if (g_strcmp0 (path, get_path (self)) != 0)
    {
      g_autofree char *done = g_strdup_printf (_("%s: %s"), _("Folder"), path);

      lodge_setting_change (GTK_WIDGET (self), NULL, get_machine (self), "backup-folder", g_variant_new_string (path), done);
    }
  if (then_make)
    make (self, path);
}

static void
choose (LodgeBackupPage *self, gboolean then_make)
{
  const char *path = get_path (self);
  g_autoptr (GFile) file = path != NULL ? g_file_new_for_path (path) : NULL;

  g_clear_object (&self->chooser);
  self->then_make = then_make;
  self->chooser = gtk_file_chooser_native_new (_("Folder for Backups"), GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))),
                                               GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER, _("_Choose"), _("_Cancel"));
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (self->chooser), TRUE);
  if (file != NULL)
    gtk_file_chooser_set_file (GTK_FILE_CHOOSER (self->chooser), file, NULL);
  g_signal_connect_swapped (self->chooser, "response", G_CALLBACK (chosen_cb), self);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (self->chooser));
}

static void
choose_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  if (LODGE_BACKUP_PAGE (widget)->list != NULL)
    choose (LODGE_BACKUP_PAGE (widget), FALSE);
}

static void
make_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  LodgeBackupPage *self = LODGE_BACKUP_PAGE (widget);

  if (self->list == NULL)
    return;
  if (get_path (self) == NULL)
    choose (self, TRUE);
  else
    make (self, get_path (self));
}

static void
restored_cb (LodgeBackupPage *self, const char *machine, gboolean disposable)
{
  /* One that was restored in place is shown already. */
  if (self->list == NULL || g_strcmp0 (machine, lodge_machine_item_get_object_path (get_machine (self))) != 0)
    gtk_widget_activate_action (GTK_WIDGET (self), "win.await", "(sb)", machine, disposable);
}

static void
drop_list (LodgeBackupPage *self)
{
  if (self->list != NULL)
    g_signal_handlers_disconnect_by_data (get_machine (self), self);
  g_clear_object (&self->chooser);
  g_clear_object (&self->list);
  g_clear_object (&self->library);
}

static void
lodge_backup_page_dispose (GObject *object)
{
  drop_list (LODGE_BACKUP_PAGE (object));
  gtk_widget_dispose_template (GTK_WIDGET (object), LODGE_TYPE_BACKUP_PAGE);

  G_OBJECT_CLASS (lodge_backup_page_parent_class)->dispose (object);
}

static void
lodge_backup_page_class_init (LodgeBackupPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_backup_page_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-backup-page.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeBackupPage, jobs);
  gtk_widget_class_bind_template_child (widget_class, LodgeBackupPage, folder);
  gtk_widget_class_bind_template_child (widget_class, LodgeBackupPage, every);
  gtk_widget_class_bind_template_child (widget_class, LodgeBackupPage, now);
  gtk_widget_class_bind_template_child (widget_class, LodgeBackupPage, trouble);
  gtk_widget_class_bind_template_child (widget_class, LodgeBackupPage, trouble_text);
  gtk_widget_class_bind_template_child (widget_class, LodgeBackupPage, backups);
  gtk_widget_class_bind_template_callback (widget_class, restored_cb);
  gtk_widget_class_install_action (widget_class, "backups.choose", NULL, choose_action);
  gtk_widget_class_install_action (widget_class, "backups.make", NULL, make_action);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "win.back", NULL);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Left, GDK_ALT_MASK, "win.back", NULL);
}

static void
lodge_backup_page_init (LodgeBackupPage *self)
{
  g_type_ensure (LODGE_TYPE_JOB_LIST);
  g_type_ensure (LODGE_TYPE_BACKUP_GROUP);
  g_type_ensure (LODGE_TYPE_INTERVAL_ROW);
  gtk_widget_init_template (GTK_WIDGET (self));
  lodge_job_list_set_kinds (self->jobs, kinds);
}

void
lodge_backup_page_set_list (LodgeBackupPage *self, LodgeLibrary *library, LodgeSnapshotList *list)
{
  LodgeMachineItem *item = list != NULL ? lodge_snapshot_list_get_machine (list) : NULL;

  if (list == self->list)
    return;
  drop_list (self);
  lodge_job_list_set_machine (self->jobs, list != NULL ? library : NULL, item);
  if (list == NULL)
    {
      lodge_backup_group_set (self->backups, NULL, NULL, NULL);
      return;
    }

  self->library = g_object_ref (library);
  self->list = g_object_ref (list);
  lodge_interval_row_set_item (self->every, item);
  g_signal_connect_swapped (item, "changed", G_CALLBACK (update), self);
  g_signal_connect_swapped (item, "notify::busy", G_CALLBACK (update), self);
  update (self);
}

void
lodge_backup_page_focus (LodgeBackupPage *self)
{
  gtk_widget_child_focus (GTK_WIDGET (self), GTK_DIR_TAB_FORWARD);
}
