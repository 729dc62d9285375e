/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-backup-group.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error.h"
#include "ui/lodge-backup-folder.h"
#include "ui/lodge-backup-restore.h"
#include "ui/lodge-backup-row.h"
#include "ui/lodge-backup-text.h"
#include "ui/lodge-backup-work.h"
#include "ui/lodge-feedback.h"

/* A core that says more is not believed. */
#define MAX_BACKUPS 10000u
/* Rows at first; more when asked for. */
#define PAGE_ROWS 50u

struct _LodgeBackupGroup
{
  AdwPreferencesGroup parent_instance;

  LodgeLibrary *library;     /* (owned) (nullable) */
  LodgeSnapshotList *list;   /* (owned) (nullable) of the machine */
  char *path;                /* (owned) (nullable) */
  GPtrArray *backups;        /* (owned) of GVariant, newest first */
  GHashTable *going;         /* (owned) set of ids: deleted, as far as the person is concerned */
  GPtrArray *rows;           /* (owned) of GtkWidget, not owned */
  guint n_shown;             /* at most so many rows */
  GCancellable *cancellable; /* (owned) (nullable) of the look into the folder */
  GtkWidget *again;
};

static guint restored_signal;

G_DEFINE_FINAL_TYPE (LodgeBackupGroup, lodge_backup_group, ADW_TYPE_PREFERENCES_GROUP)

static void show (LodgeBackupGroup *self);

static const char *
get_string (GVariant *facts, const char *key)
{
  const char *value = "";

  g_variant_lookup (facts, key, "&s", &value);
  return value;
}

static LodgeMachineItem *
get_machine (LodgeBackupGroup *self)
{
  return self->list != NULL ? lodge_snapshot_list_get_machine (self->list) : NULL;
}

static void
ended_cb (GtkWidget *from, const char *id, const char *machine, gboolean disposable)
{
  LodgeBackupGroup *self = LODGE_BACKUP_GROUP (from);

  if (id != NULL)
    g_hash_table_remove (self->going, id);
  lodge_backup_group_reload (self);
  if (machine != NULL)
    g_signal_emit (self, restored_signal, 0, machine, disposable);
}

static void
chosen_cb (LodgeBackupRow *row, const char *verb, LodgeBackupGroup *self)
{
  g_autoptr (GVariant) facts = g_variant_ref (lodge_backup_row_get_facts (row));
  GtkWidget *from = GTK_WIDGET (self);

  if (lodge_library_get_core (self->library) == NULL)
    lodge_feedback_toast (from, _("Reconnecting; your machines keep running"));
  else if (g_str_equal (verb, "look"))
    lodge_backup_look (from, self->library, self->path, facts, ended_cb);
  else if (g_str_equal (verb, "verify"))
    lodge_backup_verify (from, self->library, self->path, facts, ended_cb);
  else if (g_str_equal (verb, "restore"))
    lodge_backup_restore_ask (from, self->library, self->list, self->path, facts, ended_cb);
  else
    {
      g_hash_table_add (self->going, g_strdup (get_string (facts, "id")));
      lodge_backup_delete (from, self->library, self->path, facts, ended_cb);
      show (self);
      gtk_widget_child_focus (from, GTK_DIR_TAB_FORWARD);
    }
}

static void
add_row (LodgeBackupGroup *self, GtkWidget *row)
{
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (self), row);
  g_ptr_array_add (self->rows, row);
}

static void
drop_rows (LodgeBackupGroup *self)
{
  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (ADW_PREFERENCES_GROUP (self), self->rows->pdata[i]);
  g_ptr_array_set_size (self->rows, 0);
}

/* A row that only says something. */
static void
tell (LodgeBackupGroup *self, const char *text, const char *icon)
{
  GtkWidget *row = adw_action_row_new ();

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), text);
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 0);
  if (icon != NULL)
    adw_action_row_add_prefix (ADW_ACTION_ROW (row), gtk_image_new_from_icon_name (icon));
  add_row (self, row);
}

static void
more_cb (LodgeBackupGroup *self)
{
  self->n_shown += PAGE_ROWS;
  show (self);
}

static void
add_more (LodgeBackupGroup *self, guint n)
{
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *text = g_strdup_printf (g_dngettext (GETTEXT_PACKAGE, "Show %u More", "Show %u More", n), n);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), text);
  gtk_list_box_row_set_activatable (GTK_LIST_BOX_ROW (row), TRUE);
  g_signal_connect_swapped (row, "activated", G_CALLBACK (more_cb), self);
  add_row (self, row);
}

static void
show (LodgeBackupGroup *self)
{
  guint n = 0;

  drop_rows (self);
  for (guint i = 0; i < self->backups->len; i++)
    {
      GVariant *facts = self->backups->pdata[i];

      if (g_hash_table_contains (self->going, get_string (facts, "id")))
        continue;
      if (n < self->n_shown)
        {
          GtkWidget *row = lodge_backup_row_new (facts, self->list == NULL);

          g_signal_connect_object (row, "chosen", G_CALLBACK (chosen_cb), self, 0);
          add_row (self, row);
        }
      n++;
    }
  if (n > self->n_shown)
    add_more (self, MIN (n - self->n_shown, PAGE_ROWS));
  if (n == 0)
    tell (self, self->list != NULL ? _("There is no backup of this machine in the folder yet.")
                                   : _("There is no backup in this folder."), NULL);
}

static int
compare_backups (gconstpointer a, gconstpointer b)
{
  gint64 first = 0, second = 0;

  g_variant_lookup (*(GVariant *const *) a, "created", "x", &first);
  g_variant_lookup (*(GVariant *const *) b, "created", "x", &second);
  /* Of one second, the one whose id is later: as the core lists them. */
  return first != second ? (first < second ? 1 : -1)
                         : g_strcmp0 (get_string (*(GVariant *const *) b, "id"), get_string (*(GVariant *const *) a, "id"));
}

/* Whether what is shown is all the same: rows that have the focus, or an open menu, stay. */
static gboolean
same_backups (GPtrArray *a, GPtrArray *b)
{
  if (a->len != b->len)
    return FALSE;
  for (guint i = 0; i < a->len; i++)
    if (!g_variant_equal (a->pdata[i], b->pdata[i]))
      return FALSE;
  return TRUE;
}

/* Returns: whether the rows are those of what is there: none is missing that was to be deleted and is not, after all */
static gboolean
update_rows (LodgeBackupGroup *self)
{
  guint wanted = 0, n = 0;

  for (guint i = 0; i < self->backups->len; i++)
    wanted += !g_hash_table_contains (self->going, get_string (self->backups->pdata[i], "id"));
  for (guint i = 0; i < self->rows->len; i++)
    if (LODGE_IS_BACKUP_ROW (self->rows->pdata[i]))
      {
        lodge_backup_row_update (self->rows->pdata[i]);
        n++;
      }
  return n > 0 && n == MIN (wanted, self->n_shown);
}

static void
fail (LodgeBackupGroup *self, GError *error)
{
  g_autofree char *text = NULL;

  lodge_error_normalize (error);
  text = lodge_backup_text_error (error, self->path);
  g_ptr_array_set_size (self->backups, 0);
  drop_rows (self);
  tell (self, text, "dialog-warning-symbolic");
  gtk_widget_set_visible (self->again, TRUE);
}

static void
listed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeBackupGroup) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_proxy_call_with_unix_fd_list_finish (G_DBUS_PROXY (source), NULL, result, &error);
  g_autoptr (GVariant) list = NULL;
  g_autoptr (GPtrArray) backups = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  gsize n;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply == NULL)
    {
      fail (self, error);
      return;
    }
  list = g_variant_get_child_value (reply, 0);
  n = MIN (g_variant_n_children (list), MAX_BACKUPS);
  for (gsize i = 0; i < n; i++)
    g_ptr_array_add (backups, g_variant_get_child_value (list, i));
  g_ptr_array_sort (backups, compare_backups);
  gtk_widget_set_visible (self->again, FALSE);
  if (same_backups (backups, self->backups) && update_rows (self))
    return;
  g_ptr_array_unref (self->backups);
  self->backups = g_steal_pointer (&backups);
  show (self);
}

static void
opened_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (LodgeBackupGroup) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GUnixFDList) folder = lodge_backup_folder_open_finish (result, &error);
  LodgeMachineItem *machine = get_machine (self);
  LodgeIpcCore *core = self->library != NULL ? lodge_library_get_core (self->library) : NULL;
  GVariantBuilder options;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (folder == NULL)
    {
      fail (self, error);
      return;
    }
  if (core == NULL)
    return;
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (machine != NULL)
    g_variant_builder_add (&options, "{sv}", "machine", g_variant_new_string (lodge_machine_item_get_id (machine)));
  g_dbus_proxy_call_with_unix_fd_list (G_DBUS_PROXY (core), "ListBackups", g_variant_new ("(ha{sv})", 0, &options),
                                       G_DBUS_CALL_FLAGS_NONE, G_MAXINT, folder, self->cancellable, listed_cb,
                                       g_object_ref (self));
}

static void
stop (LodgeBackupGroup *self)
{
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
}

void
lodge_backup_group_reload (LodgeBackupGroup *self)
{
  stop (self);
  if (self->library == NULL || self->path == NULL)
    return;
  self->cancellable = g_cancellable_new ();
  lodge_backup_folder_open_async (self->path, self->cancellable, opened_cb, g_object_ref (self));
}

static void
drop (LodgeBackupGroup *self)
{
  stop (self);
  if (self->library != NULL)
    g_signal_handlers_disconnect_by_data (lodge_library_get_jobs (self->library), self);
  g_clear_object (&self->library);
  g_clear_object (&self->list);
  g_clear_pointer (&self->path, g_free);
}

static void
lodge_backup_group_dispose (GObject *object)
{
  drop (LODGE_BACKUP_GROUP (object));

  G_OBJECT_CLASS (lodge_backup_group_parent_class)->dispose (object);
}

static void
lodge_backup_group_finalize (GObject *object)
{
  LodgeBackupGroup *self = LODGE_BACKUP_GROUP (object);

  g_ptr_array_unref (self->backups);
  g_ptr_array_unref (self->rows);
  g_hash_table_unref (self->going);

  G_OBJECT_CLASS (lodge_backup_group_parent_class)->finalize (object);
}

static void
lodge_backup_group_class_init (LodgeBackupGroupClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = lodge_backup_group_dispose;
  object_class->finalize = lodge_backup_group_finalize;

  restored_signal = g_signal_new ("restored", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);
}

static void
lodge_backup_group_init (LodgeBackupGroup *self)
{
  self->backups = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
  self->rows = g_ptr_array_new ();
  self->going = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->again = gtk_button_new_with_mnemonic (_("_Try Again"));
  gtk_widget_set_valign (self->again, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (self->again, "flat");
  gtk_widget_set_visible (self->again, FALSE);
  g_signal_connect_swapped (self->again, "clicked", G_CALLBACK (lodge_backup_group_reload), self);
  adw_preferences_group_set_header_suffix (ADW_PREFERENCES_GROUP (self), self->again);
}

void
lodge_backup_group_set (LodgeBackupGroup *self, LodgeLibrary *library, LodgeSnapshotList *list, const char *path)
{
  if (library == self->library && list == self->list && g_strcmp0 (path, self->path) == 0)
    return;
  drop (self);
  drop_rows (self);
  g_ptr_array_set_size (self->backups, 0);
  self->n_shown = PAGE_ROWS;
  gtk_widget_set_visible (self->again, FALSE);
  gtk_widget_set_visible (GTK_WIDGET (self), library != NULL && path != NULL);
  if (library == NULL || path == NULL)
    return;

  self->library = g_object_ref (library);
  self->list = list != NULL ? g_object_ref (list) : NULL;
  self->path = g_strdup (path);
  /* A backup that is made by itself is seen when its job comes or goes. */
  g_signal_connect_swapped (lodge_library_get_jobs (library), "items-changed", G_CALLBACK (lodge_backup_group_reload), self);
  lodge_backup_group_reload (self);
}
