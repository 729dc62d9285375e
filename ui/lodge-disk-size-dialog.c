/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "ui/lodge-disk-size-dialog.h"

#include <adwaita.h>
#include <glib/gi18n-lib.h>

#include "ui/lodge-amount-row.h"

#define GIB ((guint64) 1 << 30)
#define UPPER_GIB 2048.0

typedef struct
{
  LodgeAmountRow *row;
  LodgeDiskSizeFunc chosen;
  gpointer user_data;
  GDestroyNotify destroy;
} Context;

static void
context_free (gpointer data, GClosure *closure)
{
  Context *context = data;

  if (context->destroy != NULL)
    context->destroy (context->user_data);
  g_free (context);
}

static void
response_cb (AdwMessageDialog *dialog, const char *response, gpointer user_data)
{
  Context *context = user_data;

  if (g_str_equal (response, "accept"))
    context->chosen ((guint64) lodge_amount_row_get_value (context->row) * GIB, context->user_data);
}

void
lodge_disk_size_dialog_present (GtkWindow *parent, const char *heading, const char *body, const char *accept,
                                double lower, double value, LodgeDiskSizeFunc chosen, gpointer user_data,
                                GDestroyNotify destroy)
{
  GtkWidget *dialog = adw_message_dialog_new (parent, heading, body);
  GtkWidget *list = gtk_list_box_new ();
  Context *context = g_new0 (Context, 1);

  context->row = g_object_new (LODGE_TYPE_AMOUNT_ROW, "title", _("Size"), NULL);
  context->chosen = chosen;
  context->user_data = user_data;
  context->destroy = destroy;
  lodge_amount_row_setup (context->row, LODGE_AMOUNT_DISK, lower, MAX (UPPER_GIB, lower * 2), 0, 0);
  lodge_amount_row_set_value (context->row, value);

  gtk_list_box_set_selection_mode (GTK_LIST_BOX (list), GTK_SELECTION_NONE);
  gtk_widget_add_css_class (list, "boxed-list");
  gtk_list_box_append (GTK_LIST_BOX (list), GTK_WIDGET (context->row));
  adw_message_dialog_set_extra_child (ADW_MESSAGE_DIALOG (dialog), list);
  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "cancel", _("_Cancel"), "accept", accept, NULL);
  adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "accept", ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), "accept");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "cancel");
  g_signal_connect_data (dialog, "response", G_CALLBACK (response_cb), context, context_free, 0);
  gtk_window_present (GTK_WINDOW (dialog));
}
