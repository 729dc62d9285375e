/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-trash-window.h"

#include <glib/gi18n-lib.h>

#include "core/ipc/lodge-error-text.h"
#include "core/ipc/lodge-error.h"
#include "ui/lodge-feedback.h"
#include "ui/lodge-snapshot-text.h"

struct _LodgeTrashWindow
{
  AdwWindow parent_instance;

  LodgeLibrary *library;     /* (owned) */
  GCancellable *cancellable; /* (owned) of the questions what there is */
  GPtrArray *rows;           /* (owned) of AdwActionRow, not owned */
  GVariant *entries;         /* (owned) (nullable) of ListTrash, as they are shown */
  gboolean asking;
  gboolean again;            /* something changed after the question under way was asked */

  GtkStack *stack;
  AdwStatusPage *status;
  AdwPreferencesGroup *group;
  GtkWidget *delete_all;
};

G_DEFINE_FINAL_TYPE (LodgeTrashWindow, lodge_trash_window, ADW_TYPE_WINDOW)

static void ask (LodgeTrashWindow *self);

/* ---- One call ---- */

typedef struct
{
  LodgeTrashWindow *self; /* (owned) */
  char *id;               /* (owned) (nullable) NULL for everything */
  char *name;             /* (owned) (nullable) with it */
  char *title;            /* (owned) what is said once it is done */
} Call;

static Call *
call_new (LodgeTrashWindow *self, const char *id, const char *name, char *title)
{
  Call *call = g_new0 (Call, 1);

  call->self = g_object_ref (self);
  call->id = g_strdup (id);
  call->name = g_strdup (name);
  call->title = title;
  return call;
}

static void
call_free (Call *call)
{
  g_object_unref (call->self);
  g_free (call->id);
  g_free (call->name);
  g_free (call->title);
  g_free (call);
}

static void
call_closure_free (gpointer data, GClosure *closure)
{
  call_free (data);
}

/* @error: (transfer full) (nullable) */
static void
call_end (Call *call, const char *heading, GError *error)
{
  if (error != NULL)
    {
      LodgeErrorContext about = { .file = call->name, .role = "trash" };

      lodge_feedback_error_about (GTK_WIDGET (call->self), heading, error, &about, NULL);
      /* The rows are made anew, with buttons that can be pressed again. */
      g_clear_pointer (&call->self->entries, g_variant_unref);
    }
  else
    lodge_feedback_toast (GTK_WIDGET (call->self->stack), call->title);
  ask (call->self);
  call_free (call);
}

static void
restored_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;

  lodge_ipc_core_call_undelete_finish (LODGE_IPC_CORE (source), NULL, result, &error);
  call_end (user_data, _("It Could Not Be Brought Back"), error);
}

static void
restore_cb (LodgeTrashWindow *self, GtkWidget *button)
{
  LodgeIpcCore *core = lodge_library_get_core (self->library);
  GVariant *entry = g_object_get_data (G_OBJECT (button), "entry");
  const char *id = "", *name = "";

  if (core == NULL)
    return;
  g_variant_lookup (entry, "id", "&s", &id);
  g_variant_lookup (entry, "name", "&s", &name);
  gtk_widget_set_sensitive (button, FALSE);
  lodge_ipc_core_call_undelete (core, id, g_variant_new ("a{sv}", NULL), NULL, restored_cb,
                                call_new (self, id, name, g_strdup_printf (_("“%s” restored"), name)));
}

static void
deleted_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GError *error = NULL;

  lodge_ipc_core_call_empty_trash_finish (LODGE_IPC_CORE (source), result, &error);
  call_end (user_data, _("It Could Not Be Deleted"), error);
}

static void
response_cb (Call *asked, const char *response)
{
  LodgeIpcCore *core = lodge_library_get_core (asked->self->library);
  const char *const ids[] = { asked->id, NULL };

  if (g_str_equal (response, "delete") && core != NULL)
    lodge_ipc_core_call_empty_trash (core, ids, g_variant_new ("a{sv}", NULL), NULL, deleted_cb,
                                     call_new (asked->self, asked->id, asked->name, g_strdup (asked->title)));
}

/* @call: taken */
static void
confirm (Call *call, const char *heading, const char *body)
{
  AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (GTK_WINDOW (call->self), heading, body));

  adw_message_dialog_add_responses (dialog, "cancel", _("_Cancel"), "delete", _("_Delete Permanently"), NULL);
  adw_message_dialog_set_response_appearance (dialog, "delete", ADW_RESPONSE_DESTRUCTIVE);
  adw_message_dialog_set_default_response (dialog, "cancel");
  adw_message_dialog_set_close_response (dialog, "cancel");
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), call, call_closure_free, G_CONNECT_SWAPPED);
  gtk_window_present (GTK_WINDOW (dialog));
}

static void
delete_cb (LodgeTrashWindow *self, GtkWidget *button)
{
  GVariant *entry = g_object_get_data (G_OBJECT (button), "entry");
  const char *id = "", *name = "";
  g_autofree char *heading = NULL;
  g_autofree char *body = NULL;
  g_autofree char *bytes = NULL;
  guint64 size = 0;

  g_variant_lookup (entry, "id", "&s", &id);
  g_variant_lookup (entry, "name", "&s", &name);
  g_variant_lookup (entry, "size", "t", &size);
  bytes = g_format_size (size);
  heading = g_strdup_printf (_("Delete “%s” Permanently?"), name);
  /* Translators: %s is a size */
  body = g_strdup_printf (_("%s come free on this computer. It cannot be brought back afterwards."), bytes);
  confirm (call_new (self, id, name, g_strdup_printf (_("“%s” deleted permanently"), name)), heading, body);
}

static guint64
get_total (LodgeTrashWindow *self)
{
  guint64 total = 0, size;

  for (gsize i = 0; i < g_variant_n_children (self->entries); i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (self->entries, i);

      if (g_variant_lookup (entry, "size", "t", &size))
        total += MIN (size, G_MAXUINT64 - total);
    }
  return total;
}

static void
delete_all_cb (LodgeTrashWindow *self)
{
  g_autofree char *bytes = NULL;
  g_autofree char *body = NULL;

  if (self->entries == NULL)
    return;
  bytes = g_format_size (get_total (self));
  body = g_strdup_printf (_("%s come free on this computer. Nothing of it can be brought back afterwards."), bytes);
  confirm (call_new (self, NULL, NULL, g_strdup (_("Lodge’s trash is empty"))), _("Delete All Permanently?"), body);
}

/* ---- What is shown ---- */

static GtkWidget *
make_button (LodgeTrashWindow *self, GVariant *entry, const char *label, const char *name, GCallback clicked)
{
  GtkWidget *button = label != NULL ? gtk_button_new_with_label (label) : gtk_button_new_from_icon_name ("user-trash-symbolic");

  gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
  g_object_set_data_full (G_OBJECT (button), "entry", g_variant_ref (entry), (GDestroyNotify) g_variant_unref);
  g_signal_connect_swapped (button, "clicked", clicked, self);
  return button;
}

static void
add_row (LodgeTrashWindow *self, GVariant *entry)
{
  GtkWidget *row = adw_action_row_new ();
  const char *name = "", *kind = "";
  gint64 deleted = 0;
  guint64 size = 0;
  g_autofree char *bytes = NULL;
  g_autofree char *when = NULL;
  g_autofree char *facts = NULL;
  g_autofree char *restore_name = NULL;
  g_autofree char *delete_name = NULL;
  GtkWidget *button;

  g_variant_lookup (entry, "name", "&s", &name);
  g_variant_lookup (entry, "kind", "&s", &kind);
  g_variant_lookup (entry, "deleted", "x", &deleted);
  g_variant_lookup (entry, "size", "t", &size);
  bytes = g_format_size (size);
  when = lodge_snapshot_text_when (deleted, g_get_real_time () / G_USEC_PER_SEC);
  /* Translators: size of something, and when it was deleted: "12 GB · Today, 14:05" */
  facts = g_strdup_printf (_("%s · %s"), bytes, when);
  restore_name = g_strdup_printf (_("Restore “%s”"), name);
  /* Translators: name of something, its size: "Delete “Debian” Permanently, 12 GB" */
  delete_name = g_strdup_printf (_("Delete “%s” Permanently, %s"), name, bytes);

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (row), FALSE);
  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), name);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), facts);
  adw_action_row_set_subtitle_lines (ADW_ACTION_ROW (row), 2);
  adw_action_row_set_icon_name (ADW_ACTION_ROW (row),
                                g_str_equal (kind, "disk") ? "drive-harddisk-symbolic" : "computer-symbolic");
  button = make_button (self, entry, _("Restore"), restore_name, G_CALLBACK (restore_cb));
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  button = make_button (self, entry, NULL, delete_name, G_CALLBACK (delete_cb));
  gtk_widget_set_tooltip_text (button, delete_name);
  gtk_widget_add_css_class (button, "flat");
  adw_action_row_add_suffix (ADW_ACTION_ROW (row), button);
  adw_preferences_group_add (self->group, row);
  g_ptr_array_add (self->rows, row);
}

static void
show_entries (LodgeTrashWindow *self)
{
  gsize n = g_variant_n_children (self->entries);
  gboolean focused = gtk_widget_get_focus_child (GTK_WIDGET (self->group)) != NULL;

  for (guint i = 0; i < self->rows->len; i++)
    adw_preferences_group_remove (self->group, self->rows->pdata[i]);
  g_ptr_array_set_size (self->rows, 0);
  for (gsize i = 0; i < n; i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (self->entries, i);

      add_row (self, entry);
    }
  gtk_widget_set_visible (self->delete_all, n > 0);
  if (n == 0)
    {
      adw_status_page_set_title (self->status, _("Nothing Deleted"));
      adw_status_page_set_description (self->status, _("Machines and disks that you delete can be restored here."));
    }
  gtk_stack_set_visible_child_name (self->stack, n > 0 ? "entries" : "status");
  if (focused && n > 0)
    gtk_widget_child_focus (GTK_WIDGET (self->group), GTK_DIR_TAB_FORWARD);
}

static void
listed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  LodgeTrashWindow *self = user_data;
  g_autoptr (GVariant) entries = NULL;
  g_autoptr (GError) error = NULL;

  if (!lodge_ipc_core_call_list_trash_finish (LODGE_IPC_CORE (source), &entries, result, &error)
      && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  self->asking = FALSE;
  if (entries == NULL)
    {
      g_autofree char *sentence = NULL;
      g_autofree char *escaped = NULL;

      lodge_error_normalize (error);
      sentence = lodge_error_text (error, NULL);
      escaped = g_markup_escape_text (sentence, -1);
      adw_status_page_set_title (self->status, _("What Was Deleted Cannot Be Shown"));
      adw_status_page_set_description (self->status, escaped);
      gtk_stack_set_visible_child_name (self->stack, "status");
    }
  else if (self->entries == NULL || !g_variant_equal (self->entries, entries))
    {
      g_clear_pointer (&self->entries, g_variant_unref);
      self->entries = g_steal_pointer (&entries);
      show_entries (self);
    }
  if (self->again)
    ask (self);
}

static void
ask (LodgeTrashWindow *self)
{
  LodgeIpcCore *core = lodge_library_get_core (self->library);

  self->again = self->asking;
  if (self->asking || core == NULL)
    return;
  self->asking = TRUE;
  lodge_ipc_core_call_list_trash (core, g_variant_new ("a{sv}", NULL), self->cancellable, listed_cb, self);
}

static void
lodge_trash_window_dispose (GObject *object)
{
  LodgeTrashWindow *self = LODGE_TRASH_WINDOW (object);

  g_cancellable_cancel (self->cancellable);

  G_OBJECT_CLASS (lodge_trash_window_parent_class)->dispose (object);
}

static void
lodge_trash_window_finalize (GObject *object)
{
  LodgeTrashWindow *self = LODGE_TRASH_WINDOW (object);

  g_clear_object (&self->cancellable);
  g_clear_object (&self->library);
  g_clear_pointer (&self->entries, g_variant_unref);
  g_ptr_array_unref (self->rows);

  G_OBJECT_CLASS (lodge_trash_window_parent_class)->finalize (object);
}

static void
lodge_trash_window_class_init (LodgeTrashWindowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = lodge_trash_window_dispose;
  G_OBJECT_CLASS (klass)->finalize = lodge_trash_window_finalize;

  gtk_widget_class_set_template_from_resource (widget_class, "/org/lodgevm/Lodge/ui/lodge-trash-window.ui");
  gtk_widget_class_bind_template_child (widget_class, LodgeTrashWindow, stack);
  gtk_widget_class_bind_template_child (widget_class, LodgeTrashWindow, status);
  gtk_widget_class_bind_template_child (widget_class, LodgeTrashWindow, group);
  gtk_widget_class_bind_template_child (widget_class, LodgeTrashWindow, delete_all);
  gtk_widget_class_bind_template_callback (widget_class, delete_all_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
lodge_trash_window_init (LodgeTrashWindow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  self->cancellable = g_cancellable_new ();
  self->rows = g_ptr_array_new ();
}

GtkWidget *
lodge_trash_window_new (LodgeLibrary *library)
{
  LodgeTrashWindow *self = g_object_new (LODGE_TYPE_TRASH_WINDOW, NULL);

  self->library = g_object_ref (library);
  /* A machine that goes or comes may have gone to the trash, or come from it. */
  g_signal_connect_object (lodge_library_get_machines (library), "items-changed", G_CALLBACK (ask), self,
                           G_CONNECT_SWAPPED);
  ask (self);
  return GTK_WIDGET (self);
}
