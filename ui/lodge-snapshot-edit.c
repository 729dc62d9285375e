/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-snapshot-edit.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "ui/lodge-feedback.h"

typedef struct
{
  GtkWidget *from;           /* (weak) (nullable) */
  LodgeMachineItem *machine; /* (owned) */
  char *id;                  /* (owned) */
  char *name;                /* (owned) what it becomes */
  char *note;                /* (owned) */
  char *old_name;            /* (owned) "": cannot be undone */
  char *old_note;            /* (owned) */
  GtkEditable *name_row;     /* while the dialog is open */
  GtkEditable *note_row;
} Edit;

static Edit *
edit_new (GtkWidget *from, LodgeMachineItem *machine, const char *id, const char *old_name, const char *old_note)
{
  Edit *self = g_new0 (Edit, 1);

  g_set_weak_pointer (&self->from, from);
  self->machine = g_object_ref (machine);
  self->id = g_strdup (id);
  self->old_name = g_strdup (old_name);
  self->old_note = g_strdup (old_note);
  return self;
}

static void
edit_free (gpointer data)
{
  Edit *self = data;

  g_clear_weak_pointer (&self->from);
  g_object_unref (self->machine);
  g_free (self->id);
  g_free (self->name);
  g_free (self->note);
  g_free (self->old_name);
  g_free (self->old_note);
  g_free (self);
}

static void
closure_free (gpointer data, GClosure *closure)
{
  edit_free (data);
}

static void apply (Edit *edit);

static void
undo_cb (Edit *self)
{
  Edit *back = edit_new (self->from, self->machine, self->id, "", "");

  back->name = g_strdup (self->old_name);
  back->note = g_strdup (self->old_note);
  apply (back);
}

static void
edited_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Edit *self = user_data;
  g_autofree char *title = NULL;
  GError *error = NULL;

  lodge_ipc_machine_call_edit_snapshot_finish (LODGE_IPC_MACHINE (source), result, &error);
  if (self->from == NULL)
    g_clear_error (&error);
  else if (error != NULL)
    lodge_feedback_error (self->from, _("The Snapshot Could Not Be Renamed"), error, NULL);
  else if (*self->old_name != '\0')
    {
      title = g_str_equal (self->name, self->old_name) ? g_strdup (_("Note changed"))
                                                       : g_strdup_printf (_("Renamed to “%s”"), self->name);
      lodge_feedback_undo_toast (self->from, title, G_CALLBACK (undo_cb), self, closure_free);
      return;
    }
  edit_free (self);
}

/* @edit: taken */
static void
apply (Edit *edit)
{
  LodgeIpcMachine *proxy = lodge_machine_item_get_proxy (edit->machine);
  GVariantBuilder options;

  if (proxy == NULL)
    {
      edit_free (edit);
      return;
    }
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (*edit->name != '\0')
    g_variant_builder_add (&options, "{sv}", "name", g_variant_new_string (edit->name));
  g_variant_builder_add (&options, "{sv}", "note", g_variant_new_string (edit->note));
  lodge_ipc_machine_call_edit_snapshot (proxy, edit->id, g_variant_builder_end (&options), NULL, edited_cb, edit);
}

static void
response_cb (AdwMessageDialog *dialog, const char *response, gpointer user_data)
{
  Edit *self = user_data;
  Edit *edit;

  if (!g_str_equal (response, "save"))
    return;
  edit = edit_new (self->from, self->machine, self->id, self->old_name, self->old_note);
  edit->name = g_strstrip (g_strdup (gtk_editable_get_text (self->name_row)));
  edit->note = g_strstrip (g_strdup (gtk_editable_get_text (self->note_row)));
  if (g_str_equal (edit->name, edit->old_name) && g_str_equal (edit->note, edit->old_note))
    edit_free (edit);
  else
    apply (edit);
}

static GtkWidget *
add_row (GtkListBox *list, const char *title, const char *text)
{
  GtkWidget *row = adw_entry_row_new ();

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title);
  gtk_editable_set_text (GTK_EDITABLE (row), text);
  adw_entry_row_set_activates_default (ADW_ENTRY_ROW (row), TRUE);
  gtk_list_box_append (list, row);
  return row;
}

void
lodge_snapshot_edit (GtkWidget *from, LodgeMachineItem *machine, const char *id, const char *name, const char *note)
{
  GtkRoot *root = gtk_widget_get_root (from);
  Edit *self = edit_new (from, machine, id, name, note);
  AdwMessageDialog *dialog;
  GtkWidget *list = gtk_list_box_new ();

  dialog = ADW_MESSAGE_DIALOG (adw_message_dialog_new (GTK_WINDOW (root), _("Rename Snapshot"), NULL));
  gtk_list_box_set_selection_mode (GTK_LIST_BOX (list), GTK_SELECTION_NONE);
  gtk_widget_add_css_class (list, "boxed-list");
  gtk_widget_set_size_request (list, 300, -1);
  self->name_row = GTK_EDITABLE (add_row (GTK_LIST_BOX (list), _("Name"), name));
  self->note_row = GTK_EDITABLE (add_row (GTK_LIST_BOX (list), _("Note"), note));
  adw_message_dialog_set_extra_child (dialog, list);
  adw_message_dialog_add_responses (dialog, "cancel", _("_Cancel"), "save", _("_Rename"), NULL);
  adw_message_dialog_set_close_response (dialog, "cancel");
  adw_message_dialog_set_default_response (dialog, "save");
  adw_message_dialog_set_response_appearance (dialog, "save", ADW_RESPONSE_SUGGESTED);
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), self, closure_free, 0);
  gtk_window_present (GTK_WINDOW (dialog));
  gtk_widget_grab_focus (GTK_WIDGET (self->name_row));
}
