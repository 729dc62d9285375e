/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Theory of operation
 *
 * One Work is one call: the folder is opened in a thread, the call goes out with its descriptor and without a time limit, and
 * its end is told. To delete waits before that, until the toast with Undo is gone: by then its button was pressed (nothing is
 * done), its time was over, another one took its place, or its window went. So it is not kept for a later undo, as others are:
 * a backup that is said to be deleted is not to lie there for the rest of the day. */

#include "config.h"

#include "ui/lodge-backup-work.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-backup-folder.h"
#include "ui/lodge-backup-text.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-snapshot-restore.h"

typedef struct
{
  GtkWidget *from;          /* (weak) (nullable) */
  LodgeLibrary *library;    /* (owned) */
  LodgeMachineItem *item;   /* (owned) (nullable) the machine that is backed up, or restored in place */
  LodgeSnapshotList *list;  /* (owned) (nullable) in place: of that machine */
  GHashTable *before;       /* (owned) (nullable) in place: ids of its snapshots before */
  char *loss;               /* (owned) (nullable) in place: what is taken away */
  char *path;               /* (owned) */
  char *id;                 /* (owned) (nullable) of the backup */
  char *title;              /* (owned) (nullable) what it is called */
  char *name;               /* (owned) (nullable) of the new machine */
  const char *method;
  const char *heading;      /* of the error, untranslated */
  LodgeBackupEnd end;
  GApplication *application; /* (owned) (nullable) held, so that the window's end is not the end of this */
  gboolean disposable;
  gboolean undone;
} Work;

static Work *
work_new (GtkWidget *from, LodgeLibrary *library, const char *path, GVariant *facts, LodgeBackupEnd end)
{
  Work *work = g_new0 (Work, 1);

  g_set_weak_pointer (&work->from, from);
  work->library = g_object_ref (library);
  work->path = g_strdup (path);
  work->end = end;
  if (facts != NULL)
    {
      g_variant_lookup (facts, "id", "s", &work->id);
      work->title = lodge_backup_text_title (facts, FALSE, g_get_real_time () / G_USEC_PER_SEC);
    }
  return work;
}

static void
work_free (Work *work)
{
  if (work->application != NULL)
    g_application_release (work->application);
  g_clear_object (&work->application);
  g_clear_weak_pointer (&work->from);
  g_object_unref (work->library);
  g_clear_object (&work->item);
  g_clear_object (&work->list);
  g_clear_pointer (&work->before, g_hash_table_unref);
  g_free (work->loss);
  g_free (work->path);
  g_free (work->id);
  g_free (work->title);
  g_free (work->name);
  g_free (work);
}

/* @work: taken; @machine: (nullable) */
static void
finish (Work *work, const char *machine)
{
  if (work->item != NULL)
    lodge_machine_item_pop_busy (work->item);
  if (work->from != NULL)
    work->end (work->from, work->id, machine, work->disposable);
  work_free (work);
}

/* @work, @error: taken */
static void
fail (Work *work, GError *error)
{
  g_autofree char *display = g_filename_display_name (work->path);
  LodgeErrorContext about = { .file = display, .role = "backups" };

  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    lodge_error_normalize (error);
  if (work->from != NULL && !g_error_matches (error, LODGE_ERROR, LODGE_ERROR_CANCELLED))
    lodge_feedback_error_about (work->from, _(work->heading), error, &about, NULL);
  else
    g_error_free (error);
  finish (work, NULL);
}

static void
tell_made (Work *work, GVariant *reply)
{
  g_autoptr (GVariant) facts = g_variant_get_child_value (reply, 1);
  g_autofree char *size = NULL;
  g_autofree char *text = NULL;
  guint64 stored = 0;

  g_variant_lookup (facts, "stored", "t", &stored);
  size = g_format_size (stored);
  /* Translators: name of a machine, how much was written */
  text = g_strdup_printf (_("“%s” backed up, %s stored"), lodge_machine_item_get_name (work->item), size);
  lodge_feedback_toast (work->from, text);
}

static void
tell_restored (Work *work)
{
  g_autofree char *text = NULL;

  if (work->list != NULL)
    lodge_snapshot_restore_tell (work->from, work->list, work->before, work->title, work->loss);
  else if (!work->disposable)
    {
      text = g_strdup_printf (_("Backup restored: %s"), work->title);
      lodge_feedback_toast (work->from, text);
    }
}

static void
called_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Work *work = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_with_unix_fd_list_finish (G_DBUS_PROXY (source), NULL, result, &error);
  const char *machine = NULL;

  if (reply == NULL)
    {
      fail (work, error);
      return;
    }
  if (g_str_equal (work->method, "RestoreBackup"))
    g_variant_get (reply, "(&o)", &machine);
  if (work->from != NULL)
    {
      if (g_str_equal (work->method, "Backup"))
        tell_made (work, reply);
      else if (machine != NULL)
        tell_restored (work);
      else if (g_str_equal (work->method, "VerifyBackup"))
        lodge_feedback_toast (work->from, _("The backup is whole: all of it was read and compared"));
    }
  finish (work, machine);
}

static GVariant *
make_options (Work *work)
{
  GVariantBuilder options;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (work->name != NULL)
    g_variant_builder_add (&options, "{sv}", "name", g_variant_new_string (work->name));
  if (work->disposable)
    g_variant_builder_add (&options, "{sv}", "disposable", g_variant_new_boolean (TRUE));
  if (work->list != NULL)
    g_variant_builder_add (&options, "{sv}", "machine", g_variant_new_string (lodge_machine_item_get_id (work->item)));
  return g_variant_builder_end (&options);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Work *work = user_data;
  GError *error = NULL;
  g_autoptr (GUnixFDList) folder = lodge_backup_folder_open_finish (result, &error);
  GDBusProxy *proxy = work->id != NULL          ? (GDBusProxy *) lodge_library_get_core (work->library)
                      : work->item != NULL      ? (GDBusProxy *) lodge_machine_item_get_proxy (work->item)
                                                : NULL;
  GVariant *options;

  if (folder != NULL && proxy == NULL)
    g_set_error_literal (&error, LODGE_ERROR, LODGE_ERROR_CORE_GONE, "the core is gone");
  if (error != NULL)
    {
      fail (work, error);
      return;
    }
  options = make_options (work);
  g_dbus_proxy_call_with_unix_fd_list (proxy, work->method,
                                       work->id != NULL ? g_variant_new ("(hs@a{sv})", 0, work->id, options)
                                                        : g_variant_new ("(h@a{sv})", 0, options),
                                       G_DBUS_CALL_FLAGS_NONE, G_MAXINT, folder, NULL, called_cb, work);
}

/* @work: taken */
static void
run (Work *work, const char *method, const char *heading)
{
  work->method = method;
  work->heading = heading;
  if (work->item != NULL)
    lodge_machine_item_push_busy (work->item);
  lodge_backup_folder_open_async (work->path, NULL, opened_cb, work);
}

void
lodge_backup_make (GtkWidget *from, LodgeLibrary *library, LodgeMachineItem *item, const char *path, LodgeBackupEnd end)
{
  Work *work = work_new (from, library, path, NULL, end);

  work->item = g_object_ref (item);
  run (work, "Backup", N_("The Backup Could Not Be Made"));
}

void
lodge_backup_verify (GtkWidget *from, LodgeLibrary *library, const char *path, GVariant *facts, LodgeBackupEnd end)
{
  run (work_new (from, library, path, facts, end), "VerifyBackup", N_("The Backup Is Not Proven to Be Whole"));
}

void
lodge_backup_look (GtkWidget *from, LodgeLibrary *library, const char *path, GVariant *facts, LodgeBackupEnd end)
{
  Work *work = work_new (from, library, path, facts, end);

  work->disposable = TRUE;
  run (work, "RestoreBackup", N_("The Backup Could Not Be Opened"));
}

static gboolean
is_taken (LodgeLibrary *library, const char *name)
{
  GListModel *machines = lodge_library_get_machines (library);
  guint n = g_list_model_get_n_items (machines);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (LodgeMachineItem) item = g_list_model_get_item (machines, i);

      if (g_str_equal (lodge_machine_item_get_name (item), name))
        return TRUE;
    }
  return FALSE;
}

/* Returns: (transfer full) (nullable): NULL when it can have its own name again */
static char *
find_name (LodgeLibrary *library, GVariant *facts)
{
  const char *name = "";

  g_variant_lookup (facts, "name", "&s", &name);
  if (!is_taken (library, name))
    return NULL;
  for (guint i = 1;; i++)
    {
      /* Translators: names of machines made from a backup of one that is still there: "Debian Restored", "Debian Restored 2" */
      g_autofree char *candidate = i == 1 ? g_strdup_printf (_("%s Restored"), name)
                                          : g_strdup_printf (_("%s Restored %u"), name, i);

      if (!is_taken (library, candidate))
        return g_steal_pointer (&candidate);
    }
}

void
lodge_backup_restore (GtkWidget *from, LodgeLibrary *library, const char *path, GVariant *facts, LodgeSnapshotList *list,
                      LodgeBackupEnd end)
{
  Work *work = work_new (from, library, path, facts, end);

  if (list != NULL)
    {
      work->list = g_object_ref (list);
      work->item = g_object_ref (lodge_snapshot_list_get_machine (list));
      work->before = lodge_snapshot_restore_remember (list);
      work->loss = lodge_backup_text_loss (facts, work->item, g_get_real_time () / G_USEC_PER_SEC);
    }
  else
    work->name = find_name (library, facts);
  run (work, "RestoreBackup", N_("The Backup Could Not Be Restored"));
}

/* Deleting */

typedef struct
{
  Work *work; /* (owned) (nullable) NULL once it was decided */
} Offer;

static void
decide (Offer *offer)
{
  Work *work = g_steal_pointer (&offer->work);

  if (work != NULL && work->undone)
    finish (work, NULL);
  else if (work != NULL)
    run (work, "DeleteBackup", N_("The Backup Could Not Be Deleted"));
}

static void
undo_cb (Offer *offer)
{
  if (offer->work != NULL)
    offer->work->undone = TRUE;
  decide (offer);
}

static void
offer_free (gpointer data, GClosure *closure)
{
  decide (data);
  g_free (data);
}

void
lodge_backup_delete (GtkWidget *from, LodgeLibrary *library, const char *path, GVariant *facts, LodgeBackupEnd end)
{
  Work *work = work_new (from, library, path, facts, end);
  GtkRoot *root = gtk_widget_get_root (from);
  GtkApplication *application = GTK_IS_WINDOW (root) ? gtk_window_get_application (GTK_WINDOW (root)) : NULL;
  g_autofree char *text = g_strdup_printf (_("Backup deleted: %s"), work->title);
  AdwToast *toast = lodge_feedback_toast_button (from, text, _("_Undo"));
  Offer *offer = g_new0 (Offer, 1);

  if (application != NULL)
    {
      work->application = G_APPLICATION (g_object_ref (application));
      g_application_hold (work->application);
    }
  offer->work = work;
  adw_toast_set_timeout (toast, MAX (adw_toast_get_timeout (toast), LODGE_FEEDBACK_UNDO_SECONDS));
  g_signal_connect_swapped (toast, "button-clicked", G_CALLBACK (undo_cb), offer);
  g_signal_connect_data (toast, "dismissed", G_CALLBACK (decide), offer, offer_free, G_CONNECT_SWAPPED);
}
