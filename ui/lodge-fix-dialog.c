/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-fix-dialog.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#include "core/ipc/lodge-doctor-text.h"

/* The commands of an advice stand in lines of their own, indented. (nullable) (transfer full) */
static char *
find_command (const char *advice)
{
  g_auto (GStrv) lines = g_strsplit (advice != NULL ? advice : "", "\n", -1);

  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], "  "))
      return g_strdup (g_strstrip (lines[i]));

  return NULL;
}

static void
response_cb (AdwMessageDialog *dialog, const char *response, gpointer user_data)
{
  const char *command = user_data;

  if (g_str_equal (response, "copy"))
    gdk_clipboard_set_text (gtk_widget_get_clipboard (GTK_WIDGET (dialog)), command);
}

static void
free_command (gpointer data, GClosure *closure)
{
  g_free (data);
}

void
lodge_fix_dialog_present (GtkWidget *from, const char *id, const char *reason, GVariant *details)
{
  g_autoptr (GVariant) facts = details != NULL ? g_variant_ref_sink (details) : NULL;
  g_autofree char *title = NULL;
  g_autofree char *sentence = NULL;
  g_autofree char *advice = NULL;
  g_autofree char *body = NULL;
  char *command;
  GtkRoot *root = gtk_widget_get_root (from);
  GtkWidget *dialog;

  lodge_doctor_text (id, reason, facts, &title, &sentence, &advice);
  command = find_command (advice);
  body = advice != NULL ? g_strconcat (sentence, "\n\n", advice, NULL) : g_strdup (sentence);
  dialog = adw_message_dialog_new (GTK_WINDOW (root), title, body);
  adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "close", _("_Close"));
  if (command != NULL)
    adw_message_dialog_add_response (ADW_MESSAGE_DIALOG (dialog), "copy", _("Copy _Command"));
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "close");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "close");
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), command, free_command, 0);
  gtk_window_present (GTK_WINDOW (dialog));
}
